"""``mlops runs compare``: runs side by side."""

from __future__ import annotations

from collections.abc import Sequence

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import run_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Note, Table, Text, View, Word, shows
from jupyter_mlops.cli.words import duration, number, status
from jupyter_mlops.core.record import MetricValue
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.compare import Comparison, Line, MetricLine, compare_runs


@click.command(cls=Command)
@click.argument("runs", nargs=-1, metavar="RUN RUN [RUN]...", shell_complete=run_names)
@json_option
@pass_session
def compare(session: Session, runs: Sequence[str]) -> Comparison:
    """Compare runs: parameters, metrics, code, packages, data.

    The best value of each metric is marked: the largest, or the smallest of a loss or an error. Code is compared with
    that of the first run.

    Example:
      mlops runs compare baseline 3f6c0a52
    """
    return compare_runs(session.world, runs)


@shows(Comparison)
def _view(comparison: Comparison) -> View:
    runs = comparison.runs
    headers = ("", *_headings(runs))
    view: View = [Table(headers=headers, rows=_about(runs))]
    if comparison.params:
        view.append(Table(title="Parameters", headers=headers, rows=[_line(line) for line in comparison.params]))
    if comparison.metrics:
        rows = [_metric(line) for line in comparison.metrics]
        view.append(Table(title="Metrics", headers=("", *(f">{one}" for one in headers[1:])), rows=rows))
    if comparison.data:
        view.append(Table(title="Data", headers=headers, rows=[_line(line) for line in comparison.data]))
    if comparison.environment:
        view.append(
            Table(title="Packages that differ", headers=headers, rows=[_line(line) for line in comparison.environment])
        )
    for code in comparison.code:
        shown = "\n".join(
            change.diff or " ".join(filter(None, [f"{change.change}: {change.path}", change.note]))
            for change in code.changes
        )
        if shown:
            view.append(Text(title=f"Code, from {runs[0].name} to {code.run}", body=shown, is_diff=True))
    if not comparison.environment and not any(code.changes for code in comparison.code) and not comparison.notes:
        view.append(Note(text="Code and packages are the same.", tone="quiet"))
    return [*view, *(Note(text=note) for note in comparison.notes)]


def _headings(runs: Sequence[Run]) -> list[str]:
    """Return the runs' names; with the beginning of the id where two have the same."""
    names = [run.name for run in runs]
    return [f"{run.name} {run.id[:6]}" if names.count(run.name) > 1 else run.name for run in runs]


def _about(runs: Sequence[Run]) -> list[Sequence[str]]:
    return [
        (Word("run", "quiet"), *(run.id[:8] for run in runs)),
        (Word("experiment", "quiet"), *(run.experiment for run in runs)),
        (Word("status", "quiet"), *(status(run.status) for run in runs)),
        (Word("took", "quiet"), *(duration(run.duration_s) for run in runs)),
    ]


def _line(line: Line) -> Sequence[str]:
    values = ["" if value is None else value for value in line.values]
    return (line.name, *(value if line.differs else Word(value, "quiet") for value in values))


def _metric(line: MetricLine) -> Sequence[str]:
    return (line.name, *(_value(value, best=i == line.best) for i, value in enumerate(line.values)))


def _value(value: MetricValue | None, *, best: bool) -> str:
    if value is None:
        return ""
    return Word(f"{number(value)} *", "good") if best else number(value)
