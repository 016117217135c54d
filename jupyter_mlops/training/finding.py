"""Finding runs by what they were given and what they measured."""

from __future__ import annotations

import functools

import msgspec

from jupyter_mlops.core.curve import Axis, Curve
from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.run import RunStatus
from jupyter_mlops.core.search import EVERY, NEWEST, RUNS, RunPage, RunQuery, found_in, read_order, with_terms
from jupyter_mlops.core.where import Field, fields_of, holds
from jupyter_mlops.ports import World
from jupyter_mlops.training.reaper import settle

_LONGEST_AFTER = 18


class BadAfter(BadInput):
    """What was sent as ``after`` is not the ``next`` of a page."""

    code = "bad-after"

    def __init__(self, after: str) -> None:
        super().__init__(f"{after[:40]!r} is not the `next` of a page.", hint="Leave `after` out for the first page.")


def find_runs(
    world: World,
    *,
    where: str | None = None,
    order: str | None = None,
    experiment: str | None = None,
    status: RunStatus | None = None,
    project: str | None = None,
    limit: int = 100,
    after: str = "",
    deleted: bool = False,
    count: bool = False,
) -> RunPage:
    """Return a page of runs, newest first unless ordered otherwise.

    ``where`` is a filter such as ``metrics.auc > 0.9 and started > -7d``, ``order`` a field with an optional ``asc`` or
    ``desc``, ``after`` the ``next`` of the page before; ``deleted`` asks for those in the trash, ``count`` for how many
    match in all. Raises ``BadWhere`` with the column, ``UnknownKey`` for a metric or parameter that no run has,
    ``UnknownThing`` for an experiment, ``BadAfter``.
    """
    if after and not (after.isdecimal() and len(after) <= _LONGEST_AFTER):
        raise BadAfter(after)
    node = with_terms(EVERY if where is None else RUNS.parse(where), status=status, project=project)
    page = world.tracking.page(
        RunQuery(
            where=node,
            order=NEWEST if order is None else read_order(order),
            experiment=experiment,
            limit=limit,
            skip=int(after or 0),
            deleted=deleted,
            count=count,
        )
    )
    # A run that turns out to be dead has another status now, which the filter may be about.
    items = [
        run
        for run in (page.items if deleted else settle(world, page.items))
        if holds(node, functools.partial(found_in, run))
    ]
    return msgspec.structs.replace(page, items=items)


def columns(where: str | None, order: str | None) -> list[Field]:
    """Return the metrics, parameters and tags that a search is about, in the order in which it names them."""
    named = [] if order is None else [read_order(order).field]
    if where is not None:
        named += fields_of(RUNS.parse(where))
    return list(dict.fromkeys(field for field in named if field.group))


def read_curve(world: World, ref: str, key: str, *, n_buckets: int = 1000, axis: Axis = "step") -> Curve:
    """Return a run's metric at the resolution of a chart. Raises ``UnknownThing`` for the run and for the metric."""
    run = world.tracking.run(ref)
    curve = world.tracking.curve(run.id, key, n_buckets, axis=axis)
    if not curve.n_points:
        raise UnknownThing("metric", key, plural="runs")
    return curve
