"""Finding runs by what they were given and what they measured."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any, Final, get_args

import msgspec

from jupyter_mlops.core.curve import BY_DIGEST, Axis, Curve, Span, Sparkline, full_name
from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.core.search import (
    NEWEST,
    RUNS,
    RunFields,
    RunPage,
    RunQuery,
    found_in,
    named,
    read_columns,
    read_order,
    with_terms,
)
from jupyter_mlops.core.where import And, Field, Node, fields_of, holds
from jupyter_mlops.ports import World
from jupyter_mlops.training.reaper import settle

_LONGEST_AFTER: Final = 18
_SAMPLE: Final = 200
"""Runs of a server that are looked at for names."""


class BadAfter(BadInput):
    """What was sent as ``after`` is not the ``next`` of a page."""

    code = "bad-after"

    def __init__(self, after: str) -> None:
        super().__init__(f"{after[:40]!r} is not the `next` of a page.", hint="Leave `after` out for the first page.")


def find_runs(
    world: World,
    *,
    where: str | None = None,
    words: str = "",
    order: str | None = None,
    experiment: str | None = None,
    status: RunStatus | None = None,
    project: str | None = None,
    limit: int = 100,
    after: str = "",
    skip: int = 0,
    deleted: bool = False,
    count: bool = False,
    wanted: str | None = None,
    roots: bool = False,
    children: bool = False,
) -> RunPage:
    """Return a page of runs, newest first unless ordered otherwise.

    ``where`` is a filter such as ``metrics.auc > 0.9 and started > -7d``, ``words`` are looked for in names and values, ``order`` a
    field with an optional ``asc`` or ``desc``, ``after`` the ``next`` of the page before, ``skip`` how many to leap over
    from there; ``deleted`` asks for those in the trash, ``count`` for how many match in all; ``wanted`` narrows metrics,
    parameters and tags to some (``metrics.auc, params.C``); ``roots`` leaves out children, of which ``children`` tells
    how many there are. Raises ``BadWhere`` with the column, ``UnknownKey`` for a metric or parameter that no run has,
    ``UnknownThing`` for an experiment, ``BadAfter``.
    """
    if after and not (after.isdecimal() and len(after) <= _LONGEST_AFTER):
        raise BadAfter(after)
    node = with_terms(filter_of(where, words), status=status, project=project)
    columns = None if wanted is None else read_columns(wanted)
    page = world.tracking.page(
        RunQuery(
            where=node,
            order=NEWEST if order is None else read_order(order),
            experiment=experiment,
            limit=limit,
            skip=int(after or 0) + skip,
            deleted=deleted,
            count=count,
            columns=columns,
            roots=roots,
            children=children,
        )
    )
    # A run that turns out to be dead has another status now, which the filter may be about.
    items = [
        run
        for run in (page.items if deleted else settle(world, page.items))
        if holds(node, functools.partial(found_in, run))
    ]
    if columns is not None:
        items = [_narrowed(run, columns) for run in items]
    return msgspec.structs.replace(page, items=items)


def _narrowed(run: Run, columns: Sequence[Field]) -> Run:
    """Return a run with these of its metrics, parameters and tags alone."""
    of: dict[str, dict[str, Any]] = {"metrics": {}, "params": {}, "tags": {}}
    for field in columns:
        values = getattr(run, field.group) if field.group else {}
        if field.key in values:
            of[field.group][field.key] = values[field.key]
    return msgspec.structs.replace(run, **of)


def filter_of(where: str | None, words: str) -> Node:
    """Read a filter and words to be found anywhere; all must hold. Raises ``BadWhere`` with the column."""
    parts = [] if where is None else [RUNS.parse(where)]
    if words.strip():
        parts.append(named(words))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def known_fields(world: World) -> RunFields:
    """Return what runs can be filtered by. Of a tracking server, what its newest runs have logged."""
    metrics, params, tags = (world.tracking.keys(group) for group in ("metrics", "params", "tags"))
    if not metrics and not params and not tags:
        newest = world.tracking.page(RunQuery(limit=_SAMPLE)).items
        metrics = sorted({key for run in newest for key in run.metrics})
        params = sorted({key for run in newest for key in run.params})
        tags = sorted({key for run in newest for key in run.tags})
    return RunFields(fields=RUNS.fields, metrics=metrics, params=params, tags=tags)


def known_values(world: World, field: str, *, start: str = "", limit: int = 50) -> list[str]:
    """Return what runs have in a field and begins with ``start``, most frequent first; nothing of numbers and times.

    Raises ``BadWhere`` for what is no field.
    """
    asked = RUNS.field(field, option="The field")[0]
    if asked.kind == "status":
        return [one for one in get_args(RunStatus) if one.startswith(start.upper())]
    return world.tracking.values(asked, start, limit)


def read_sparklines(world: World, runs: Sequence[str], key: str, *, n_points: int = 40) -> list[Sparkline]:
    """Return a metric of these runs, named by their ids, each in a few points; those that have no such metric left out."""
    name = full_name(key, world.tracking.keys("metrics")) if key.startswith(BY_DIGEST) else key
    return world.tracking.sparklines([RunId(run) for run in runs], name, n_points)


def columns(where: str | None, order: str | None) -> list[Field]:
    """Return the metrics, parameters and tags that a search is about, in the order in which it names them."""
    named = [] if order is None else [read_order(order).field]
    if where is not None:
        named += fields_of(RUNS.parse(where))
    return list(dict.fromkeys(field for field in named if field.group))


def read_curve(world: World, ref: str, key: str, *, n_buckets: int = 1000, axis: Axis = "step") -> Curve:
    """Return a run's metric at the resolution of a chart. Raises ``UnknownThing`` for the run and for the metric."""
    run = world.tracking.run(ref)
    curve = world.tracking.curve(run.id, full_name(key, run.metrics), n_buckets, axis=axis)
    if not curve.n_points:
        raise UnknownThing("metric", key, plural="runs")
    return curve


def read_curves(
    world: World,
    ref: str,
    keys: Iterable[str],
    *,
    n_buckets: int = 1000,
    axis: Axis = "step",
    within: Span | None = None,
) -> list[Curve]:
    """Return several of a run's metrics, as ``read_curve`` does one, or what of them is ``within``; those without points left out."""
    run = world.tracking.run(ref)
    names = dict.fromkeys(full_name(key, run.metrics) for key in keys)
    curves = (world.tracking.curve(run.id, name, n_buckets, axis=axis, within=within) for name in names)
    return [curve for curve in curves if curve.n_points]
