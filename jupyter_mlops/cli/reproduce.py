"""``mlops runs reproduce``: a run executed again, and whether it measures the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import run_names
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.runfollow import follow_run
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import Tone
from jupyter_mlops.cli.view import Facts, Note, Table, View, Word, shows
from jupyter_mlops.cli.words import count, number, status
from jupyter_mlops.core.record import MetricValue
from jupyter_mlops.training.reproduce import (
    RTOL,
    MetricVerdict,
    Reproduction,
    Verdict,
    examine,
    reproduce_run,
    show_reproduction,
)
from jupyter_mlops.training.restorable import Choice, Restorable, check_rtol

_TONES: Final[dict[Verdict, Tone]] = {
    "equal": "good",
    "within": "good",
    "different": "bad",
    "missing": "bad",
    "new": "bad",
}
_WAYS: Final = {
    "script": "the script",
    "notebook": "the notebook",
    "session": "the cells of its session, in their order",
}


@click.command(cls=Command)
@click.argument("run", shell_complete=run_names)
@click.option(
    "--rtol",
    type=float,
    default=RTOL,
    show_default=True,
    metavar="X",
    help="Relative tolerance within which metrics count as the same.",
)
@click.option(
    "--environment",
    type=click.Choice(["recorded", "current"]),
    default="recorded",
    show_default=True,
    help="The packages that the run recorded, or those of this interpreter.",
)
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Restore the files into this new folder, and keep it.",
)
@click.option("--dry-run", is_flag=True, help="Only say what can be restored, and what cannot.")
@json_option
@pass_session
def reproduce(
    session: Session, run: str, *, rtol: float, environment: Choice, into: Path | None, dry_run: bool
) -> Reproduction | Restorable:
    """Execute a run again from its snapshot, packages and data, and compare the metrics.

    What cannot be restored is said before anything executes. A cell is executed after all that its kernel had executed
    before it, with commands left out that would change the workspace. Ctrl-C cancels the new run. The exit code is 1 when
    a metric differs or the run fails.

    Example:
      mlops runs reproduce 3f6c0a52 --dry-run
      mlops runs reproduce baseline --rtol 1e-3
    """
    check_rtol(rtol)
    line = LiveLine(sys.stderr)
    try:
        found = examine(session.world, run, environment=environment, into=into, say=line.live)
        line.clear()
        if dry_run:
            session.exit_code = 0 if found.possible else 1
            return found
        for note in found.notes:
            if not note.fatal:
                session.tell(f"Note: {note.text}")
        begun = reproduce_run(session.world, found, rtol=rtol, into=into)
    finally:
        line.clear()
    follow_run(session, begun)
    report = show_reproduction(session.world, begun.id)
    session.exit_code = 0 if report.same else 1
    return report


@shows(Restorable)
def _restorable(found: Restorable) -> View:
    view: View = [
        Facts(
            pairs=[
                ("run", f"{found.run.name} ({found.run.id[:8]})"),
                ("executes", found.file or _WAYS[found.way]),
                ("snapshot", f"{found.snapshot}, {count(found.n_files, 'file')}"),
                ("linked", ", ".join(found.linked)),
                ("environment", _environment(found)),
            ]
        )
    ]
    view += [Note(text=note.text, tone="bad" if note.fatal else "plain") for note in found.notes]
    if found.possible:
        return [*view, Note(text="It can be reproduced.", tone="good")]
    hints = dict.fromkeys(note.hint for note in found.notes if note.fatal and note.hint)
    return [*view, Note(text="It cannot be reproduced as it is.", tone="bad"), *(Note(text=hint) for hint in hints)]


def _environment(found: Restorable) -> str:
    if found.environment == "current":
        return "this interpreter, as it is"
    if found.fit is None:
        return ""
    how = {
        "this": "this interpreter, which has every recorded package",
        "kept": "one made before from the recorded packages",
        "new": "to be made from the recorded packages",
    }[found.fit.how]
    more = f"; {count(found.fit.n_more, 'package')} more than recorded" if found.fit.n_more else ""
    return f"Python {found.fit.version}, {how}{more}"


@shows(Reproduction)
def _reproduction(report: Reproduction) -> View:
    again = report.run
    view: View = [
        Facts(
            pairs=[
                ("original", f"{report.original.name} ({report.original.id[:8]})"),
                ("reproduced", f"{again.name} ({again.id[:8]})"),
                ("status", status(again.status)),
                ("tolerance", f"{report.rtol:g} relative"),
            ]
        )
    ]
    if report.metrics:
        rows = [_row(one) for one in report.metrics]
        view.append(Table(title="Metrics", headers=("NAME", ">ORIGINAL", ">REPRODUCED", "VERDICT"), rows=rows))
    view += [Note(text=note) for note in report.notes]
    if again.status != "FINISHED":
        return [*view, Note(text=f"The run did not finish: {again.reason or again.status}", tone="bad")]
    if not report.metrics:
        return [*view, Note(text="Neither run has a metric, so there is nothing to compare.")]
    if report.same:
        return [*view, Note(text="Every metric is the same.", tone="good")]
    n_other = sum(one.verdict not in {"equal", "within"} for one in report.metrics)
    return [*view, Note(text=f"{count(n_other, 'metric')} of {len(report.metrics)} not the same.", tone="bad")]


def _row(one: MetricVerdict) -> list[str]:
    said = "within tolerance" if one.verdict == "within" else str(one.verdict)
    if one.original is not None and one.reproduced is not None and one.n_original != one.n_reproduced:
        said = f"{said}: {one.n_original} and {one.n_reproduced} points"
    return [one.metric, *_values(one.original, one.reproduced), Word(said, _TONES[one.verdict])]


def _values(original: MetricValue | None, reproduced: MetricValue | None) -> list[str]:
    """Return two values, with all their digits where fewer would make them look equal."""
    short = ["" if value is None else number(value) for value in (original, reproduced)]
    full = ["" if value is None else str(value) for value in (original, reproduced)]
    return full if short[0] == short[1] and original != reproduced else short
