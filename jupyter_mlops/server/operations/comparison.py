"""REST: runs side by side, whole for programs and in parts for a page."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from jupyter_mlops.core.curve import Axis
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Place, span
from jupyter_mlops.training.compare import CodeDiff, Comparison, compare_runs
from jupyter_mlops.training.compared import (
    CodeVersion,
    ComparedRuns,
    Packages,
    RunCurve,
    UsedData,
    code_diff,
    code_versions,
    compared_curves,
    compared_data,
    compared_packages,
    compared_runs,
)


def compare(world: World, *, runs: str) -> Comparison:
    """Compare runs, named with commas between them; code is compared with that of the first one."""
    return compare_runs(world, _named(runs))


def show_runs(world: World, *, runs: str) -> ComparedRuns:
    """Show runs, named with commas between them, and say of those that are not there why."""
    return compared_runs(world, _named(runs))


def show_curves(
    world: World,
    *,
    runs: str,
    key: str,
    buckets: Annotated[int, Meta(ge=2, le=10_000)] = 1000,
    axis: Axis = "step",
    first: Place | None = None,
    last: Place | None = None,
) -> list[RunCurve]:
    """Show a metric of each run that has logged it, or what of it is from ``first`` to ``last``, at the resolution of a chart."""
    return compared_curves(world, _named(runs), key, n_buckets=buckets, axis=axis, within=span(first, last))


def show_code(world: World, *, runs: str) -> list[CodeVersion]:
    """Show which runs executed the same source."""
    return code_versions(world, _named(runs))


def show_code_diff(world: World, *, base: str, run: str) -> CodeDiff:
    """Show how the source of a run differs from that of another one."""
    return code_diff(world, base, run)


def show_packages(world: World, *, runs: str) -> list[Packages]:
    """Show which runs saw the same packages, and which those are."""
    return compared_packages(world, _named(runs))


def show_data(world: World, *, runs: str) -> list[UsedData]:
    """Show which runs used the same data, and which those are."""
    return compared_data(world, _named(runs))


def _named(runs: str) -> list[str]:
    return [ref for ref in runs.split(",") if ref]
