"""Many runs side by side, in the parts that a page asks for as it shows them: runs, curves, code, data, packages."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from jupyter_mlops.core.curve import Axis, Curve, Span, full_name
from jupyter_mlops.core.errors import BadInput, NotFound
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Run, RunDataset
from jupyter_mlops.ports import World
from jupyter_mlops.training.compare import (
    CodeDiff,
    diff_code,
    is_lower_better,
    read_cell,
    read_environment,
)
from jupyter_mlops.training.reaper import settle

MOST: Final = 200
"""Runs that one question may be about: their ids have to fit into an address. A page asks for more in parts."""
_AT_ONCE: Final = 8
"""Questions to a store at a time. One behind a network would answer hundreds, one after another, for many seconds."""
T = TypeVar("T")


class TooManyRuns(BadInput):
    """More runs are named than one question may be about."""

    code = "too-many-runs"

    def __init__(self, n_runs: int) -> None:
        super().__init__(
            f"{n_runs:,} runs are more than can be asked for at once.", hint=f"Ask for them in parts of {MOST} or less."
        )


class AbsentRun(Record, frozen=True, kw_only=True):
    """A run that was asked for and cannot be shown."""

    ref: str
    message: str
    """Why, in one sentence."""
    hint: str = ""


class ComparedRuns(Record, frozen=True, kw_only=True):
    """The runs that are there, in the order in which they were named, and those that are not."""

    runs: list[Run] = []
    """Deleted ones too, if their whole id was given: ``deleted`` tells."""
    absent: list[AbsentRun] = []
    lower_is_better: list[str] = []
    """Names of those metrics of which less is better, as far as a name tells."""


class RunCurve(Record, frozen=True, kw_only=True):
    """One run's curve of a metric."""

    run: RunId
    curve: Curve


class CodeVersion(Record, frozen=True, kw_only=True):
    """Runs that executed the same source: the same snapshot of files, and the same cell where they began in one."""

    id: str
    """Of the source: the same in every answer."""
    runs: list[RunId]
    snapshot: str = ""
    has_cell: bool = False


class Packages(Record, frozen=True, kw_only=True):
    """Runs that saw the same packages."""

    id: str
    """Of the packages: the same in every answer."""
    runs: list[RunId]
    packages: dict[str, str] = {}
    """Name to version, with ``python``; empty where the runs recorded none."""


class UsedData(Record, frozen=True, kw_only=True):
    """Runs that used the same data for the same."""

    id: str
    """Of the data: the same in every answer."""
    runs: list[RunId]
    datasets: list[RunDataset] = []
    """Ordered by what for, then by name; empty where the runs named none."""


def compared_runs(world: World, refs: Sequence[str]) -> ComparedRuns:
    """Return the runs of ids, beginnings of ids or names; what is not there is said, and hides none of the others."""
    found: dict[str, Run] = {}
    absent: list[AbsentRun] = []
    for one in _of_each(refs, lambda ref: _find(world, ref)):
        if isinstance(one, Run):
            found[one.id] = one
        else:
            absent.append(one)
    runs = settle(world, list(found.values()))
    names = sorted({name for run in runs for name in run.metrics})
    return ComparedRuns(runs=runs, absent=absent, lower_is_better=[name for name in names if is_lower_better(name)])


def compared_curves(
    world: World,
    refs: Sequence[str],
    key: str,
    *,
    n_buckets: int = 1000,
    axis: Axis = "step",
    within: Span | None = None,
) -> list[RunCurve]:
    """Return a metric's curve, or what of it is ``within``, of each run that has logged it, at the resolution of a chart."""
    runs = _runs(world, refs)
    name = full_name(key, (name for run in runs for name in run.metrics))
    curves = _of_each(runs, lambda run: world.tracking.curve(run.id, name, n_buckets, axis=axis, within=within))
    return [RunCurve(run=run.id, curve=curve) for run, curve in zip(runs, curves, strict=True) if curve.n_points]


def code_versions(world: World, refs: Sequence[str]) -> list[CodeVersion]:
    """Return which runs executed the same source, in the order of the first run of each."""
    runs = _runs(world, refs)
    found: dict[str, CodeVersion] = {}
    for run, cell in zip(runs, _of_each(runs, lambda run: read_cell(world, run)), strict=True):
        snapshot = run.tags.get("mlops.snapshot", "")
        name = _digest(snapshot, cell)
        if name in found:
            found[name].runs.append(run.id)
        else:
            found[name] = CodeVersion(id=name, runs=[run.id], snapshot=snapshot, has_cell=bool(cell))
    return list(found.values())


def code_diff(world: World, base: str, other: str) -> CodeDiff:
    """Return how the source of ``other`` differs from that of ``base``. Raises ``UnknownThing``."""
    return diff_code(world, world.tracking.run(base), world.tracking.run(other))


def compared_packages(world: World, refs: Sequence[str]) -> list[Packages]:
    """Return which runs saw the same packages, in the order of the first run of each."""
    runs = _runs(world, refs)
    found: dict[str, Packages] = {}
    for run, packages in zip(runs, _of_each(runs, lambda run: read_environment(world, run)), strict=True):
        name = _digest(*(f"{package}=={packages[package]}" for package in sorted(packages)))
        if name in found:
            found[name].runs.append(run.id)
        else:
            found[name] = Packages(id=name, runs=[run.id], packages=packages)
    return list(found.values())


def compared_data(world: World, refs: Sequence[str]) -> list[UsedData]:
    """Return which runs used the same data, in the order of the first run of each."""
    runs = _runs(world, refs)
    found: dict[str, UsedData] = {}
    for run, unordered in zip(runs, _of_each(runs, lambda run: world.tracking.datasets(run.id)), strict=True):
        datasets = sorted(unordered, key=lambda one: (one.context, one.name, one.digest))
        name = _digest(*(part for one in datasets for part in (one.context, one.name, one.digest)))
        if name in found:
            found[name].runs.append(run.id)
        else:
            found[name] = UsedData(id=name, runs=[run.id], datasets=datasets)
    return list(found.values())


def _find(world: World, ref: str) -> Run | AbsentRun:
    try:
        return world.tracking.run(ref)
    except (NotFound, BadInput) as error:
        return AbsentRun(ref=ref, message=error.message, hint=error.hint)


def _runs(world: World, refs: Sequence[str]) -> list[Run]:
    """Return the runs that are there, each once."""
    found = _of_each(refs, lambda ref: _find(world, ref))
    return list({run.id: run for run in found if isinstance(run, Run)}.values())


S = TypeVar("S")


def _of_each(things: Sequence[S], read: Callable[[S], T]) -> list[T]:
    """Return what ``read`` finds for each, some at a time. Raises ``TooManyRuns``."""
    if len(things) > MOST:
        raise TooManyRuns(len(things))
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="mlops-compare") as pool:
        return list(pool.map(read, things))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
