"""Comparing runs: what they were given, measured, executed and saw, side by side."""

from __future__ import annotations

import difflib
import math
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import BadInput, MlopsError, UnknownThing
from jupyter_mlops.core.record import MetricValue, Record, decode
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.snapshot import FileChange
from jupyter_mlops.inputs.snapshots import diff_snapshots
from jupyter_mlops.ports import World

LEAST: Final = 2
LOWER_IS_BETTER: Final = re.compile(
    r"(^|[_./ -])(loss|nll|error|err|mae|mse|rmse|rmsle|mape|smape|logloss|perplexity|wer|cer|regret|brier)([_./ -]|\d|$)",
    re.IGNORECASE,
)
"""Names of metrics of which less is better; of all others more is."""
CELL: Final = "source/cell.py"


class TooFewRuns(BadInput):
    """Fewer than two runs were to be compared."""

    code = "too-few-runs"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(
            f"There is nothing to compare {names[0]} with." if names else "No run is named.",
            hint="Name two runs or more: `mlops runs compare A B`; `mlops runs list` shows them.",
        )


class Line(Record, frozen=True, kw_only=True):
    """One thing that each run has its own value of, ``None`` where it has none; in the order of the runs."""

    name: str
    values: list[str | None]
    differs: bool


class MetricLine(Record, frozen=True, kw_only=True):
    """One metric: the last value of each run, and which run's is best."""

    name: str
    values: list[MetricValue | None]
    best: int | None = None
    """Index of the run; ``None`` where they are equal or only one run has it."""
    lower_is_better: bool = False


class CodeDiff(Record, frozen=True, kw_only=True):
    """How the source of a run differs from that of the first one."""

    run: str
    changes: list[FileChange]


class Comparison(Record, frozen=True, kw_only=True):
    """Two runs or more, side by side."""

    runs: list[Run]
    params: list[Line]
    """Those that differ first."""
    metrics: list[MetricLine]
    code: list[CodeDiff]
    """One for each run after the first."""
    environment: list[Line]
    """Python and packages, only those that differ."""
    data: list[Line]
    """Digests of the datasets that the runs logged."""
    notes: list[str] = []
    """What could not be compared, and why."""


def compare_runs(world: World, refs: Sequence[str]) -> Comparison:
    """Compare runs; code is compared with that of the first one.

    Raises ``TooFewRuns``, and ``UnknownThing`` for a run that does not exist.
    """
    found = {run.id: run for run in map(world.tracking.run, refs)}
    runs = list(found.values())
    if len(runs) < LEAST:
        raise TooFewRuns([run.name for run in runs])
    notes: list[str] = []
    params = lines([run.params for run in runs])
    return Comparison(
        runs=runs,
        params=sorted(params, key=lambda line: not line.differs),
        metrics=metric_lines([run.results for run in runs]),
        code=[_code(world, runs[0], run, notes) for run in runs[1:]],
        environment=[line for line in lines([_environment(world, run, notes) for run in runs]) if line.differs],
        data=lines([_data(world, run) for run in runs]),
        notes=notes,
    )


def lines(columns: Sequence[Mapping[str, str]]) -> list[Line]:
    """Return the names of all columns, sorted, with the value of each column."""
    rows = []
    for name in _names(columns):
        values = [column.get(name) for column in columns]
        rows.append(Line(name=name, values=values, differs=len(set(values)) > 1))
    return rows


def metric_lines(columns: Sequence[Mapping[str, MetricValue]]) -> list[MetricLine]:
    """Return every metric with each run's last value and the best of them."""
    rows = []
    for name in _names(columns):
        values = [column.get(name) for column in columns]
        lower = LOWER_IS_BETTER.search(name) is not None
        rows.append(MetricLine(name=name, values=values, best=_best(values, lower=lower), lower_is_better=lower))
    return rows


def _best(values: Sequence[MetricValue | None], *, lower: bool) -> int | None:
    numbers = {i: float(value) for i, value in enumerate(values) if value is not None}
    numbers = {i: number for i, number in numbers.items() if not math.isnan(number)}
    if len(numbers) < LEAST or len(set(numbers.values())) == 1:
        return None
    return (min if lower else max)(numbers, key=numbers.__getitem__)


def _names(columns: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({name for column in columns for name in column})


def _code(world: World, first: Run, other: Run, notes: list[str]) -> CodeDiff:
    changes: list[FileChange] = []
    cell = _cell(world, first), _cell(world, other)
    if cell[0] != cell[1] and any(cell):
        changes.append(_text_change("the cell", *cell))
    a, b = (run.tags.get("mlops.snapshot", "") for run in (first, other))
    without = [run.name for run, snapshot in ((first, a), (other, b)) if not snapshot]
    if without:
        notes.append(f"{' and '.join(without)} has no snapshot, so the files are not compared.")
    elif a != b:
        try:
            changes += diff_snapshots(world, a, b)
        except MlopsError as error:
            notes.append(f"The files of {first.name} and {other.name} are not compared: {error.message}")
    return CodeDiff(run=other.name, changes=changes)


def _text_change(path: str, before: str, after: str) -> FileChange:
    change = "changed" if before and after else "added" if after else "removed"
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return FileChange(path=path, change=change, diff="\n".join(diff))  # type: ignore[arg-type]  # one of the three


def _cell(world: World, run: Run) -> str:
    """Return the source of the tracked cell; empty for a run of a file."""
    return "" if "mlops.file" in run.tags else _read(world, run, CELL).decode("utf-8", "replace")


def _environment(world: World, run: Run, notes: list[str]) -> dict[str, str]:
    data = _read(world, run, "mlops/environment.json")
    if not data:
        notes.append(f"{run.name} recorded no packages.")
        return {}
    found = decode(data, Environment)
    return {"python": found.python, **found.packages}


def _data(world: World, run: Run) -> dict[str, str]:
    return {one.name: one.digest for one in world.tracking.datasets(run.id)}


def _read(world: World, run: Run, path: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        try:
            return world.tracking.fetch(run.id, path, Path(scratch)).read_bytes()
        except UnknownThing:
            return b""
