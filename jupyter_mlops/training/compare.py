"""Comparing runs: what they were given, measured, executed and saw, side by side."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import BadInput, MlopsError
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
ENVIRONMENT: Final = "mlops/environment.json"


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
    notes: list[str] = []
    """What could not be compared, and why."""


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
    params = lines([run.params for run in runs])
    code = [diff_code(world, runs[0], run) for run in runs[1:]]
    environments = [read_environment(world, run) for run in runs]
    without = [run.name for run, packages in zip(runs, environments, strict=True) if not packages]
    return Comparison(
        runs=runs,
        params=sorted(params, key=lambda line: not line.differs),
        metrics=metric_lines([run.results for run in runs]),
        code=code,
        environment=[line for line in lines(environments) if line.differs],
        data=lines([_data(world, run) for run in runs]),
        notes=[*(note for one in code for note in one.notes), *(f"{name} recorded no packages." for name in without)],
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
        lower = is_lower_better(name)
        rows.append(MetricLine(name=name, values=values, best=_best(values, lower=lower), lower_is_better=lower))
    return rows


def is_lower_better(name: str) -> bool:
    """Tell whether less of a metric is better, by its name."""
    return LOWER_IS_BETTER.search(name) is not None


def _best(values: Sequence[MetricValue | None], *, lower: bool) -> int | None:
    numbers = {i: float(value) for i, value in enumerate(values) if value is not None}
    numbers = {i: number for i, number in numbers.items() if not math.isnan(number)}
    if len(numbers) < LEAST or len(set(numbers.values())) == 1:
        return None
    return (min if lower else max)(numbers, key=numbers.__getitem__)


def _names(columns: Iterable[Mapping[str, object]]) -> list[str]:
    return sorted({name for column in columns for name in column})


def diff_code(world: World, first: Run, other: Run) -> CodeDiff:
    """Return how the cell and the files of a run differ from those of the first one."""
    changes: list[FileChange] = []
    notes: list[str] = []
    cells = read_cell(world, first), read_cell(world, other)
    if cells[0] != cells[1]:
        changes.append(_text_change("the cell", *cells))
    a, b = (run.tags.get("mlops.snapshot", "") for run in (first, other))
    without = [run.name for run, snapshot in ((first, a), (other, b)) if not snapshot]
    if without:
        verb = "has" if len(without) == 1 else "have"
        notes.append(f"{' and '.join(without)} {verb} no snapshot, so the files are not compared.")
    elif a != b:
        try:
            changes += diff_snapshots(world, a, b)
        except MlopsError as error:
            notes.append(f"The files of {first.name} and {other.name} are not compared: {error.message}")
    return CodeDiff(run=other.name, changes=changes, notes=notes)


def _text_change(path: str, before: str, after: str) -> FileChange:
    change = "changed" if before and after else "added" if after else "removed"
    diff = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{path}", f"b/{path}", lineterm="")
    return FileChange(path=path, change=change, diff="\n".join(diff))  # type: ignore[arg-type]  # one of the three


def read_cell(world: World, run: Run) -> str:
    """Return the source of the tracked cell; empty for a run of a file."""
    return "" if "mlops.file" in run.tags else world.tracking.read(run.id, CELL).decode("utf-8", "replace")


def read_environment(world: World, run: Run) -> dict[str, str]:
    """Return the packages that a run saw, by name, and ``python``; nothing where it recorded none that can be read."""
    data = world.tracking.read(run.id, ENVIRONMENT)
    if not data:
        return {}
    try:
        found = decode(data, Environment)
    except msgspec.MsgspecError:
        return {}  # whoever can store files among the run's can store this one
    return {"python": found.python, **found.packages}


def _data(world: World, run: Run) -> dict[str, str]:
    return {one.name: one.digest for one in world.tracking.datasets(run.id)}
