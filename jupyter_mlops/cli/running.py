"""``mlops run`` and ``mlops log``: begin a run from a file, log to a run."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from jupyter_mlops.cli import runs as _run_views  # noqa: F401  # how a run is shown
from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import run_names
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.options import NotKeyValue, json_option, key_values, run_options, tag_values
from jupyter_mlops.cli.runfollow import follow_run
from jupyter_mlops.cli.session import BadUsage, Session, pass_session
from jupyter_mlops.cli.view import Done
from jupyter_mlops.cli.words import pairs
from jupyter_mlops.core.record import wire
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.active import NoActiveRun
from jupyter_mlops.training.runs import log_metrics
from jupyter_mlops.training.submit import submit_file


@click.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@run_options
@click.option(
    "--source",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder that travels; the file's own otherwise.",
)
@click.option(
    "--include", multiple=True, metavar="PATTERN", help="Large files to keep in the snapshot; repeat for more."
)
@click.option("--no-wait", is_flag=True, help="Return the run at once; do not follow its output.")
@json_option
@pass_session
def run(
    session: Session,
    file: Path,
    *,
    experiment: str | None,
    name: str | None,
    params: tuple[str, ...],
    tags: tuple[str, ...],
    snapshot: bool,
    system: bool,
    autolog: bool,
    source: Path | None,
    include: tuple[str, ...],
    no_wait: bool,
) -> Run:
    """Run a script or notebook as a tracked run, in its own process.

    It runs from a restored snapshot of its folder and its output is shown here. Ctrl-C cancels it. The exit code is 1
    when the run fails.

    Example:
      mlops run train.py -p C=0.5 -e churn
      mlops run report.ipynb -p month=2026-11 --tag team=risk
    """
    line = LiveLine(sys.stderr)
    begun = submit_file(
        session.world_or_new(),
        file,
        source=source,
        params=key_values(params),
        experiment=experiment,
        name=name,
        tags=tag_values(tags, system=system),
        snapshot=snapshot,
        include=include,
        autolog=autolog,
        say=line.live,
    )
    line.clear()
    ended = begun if no_wait else follow_run(session, begun)
    session.exit_code = 1 if ended.status in {"FAILED", "KILLED"} else 0
    return ended


@click.command(cls=Command)
@click.argument("values", metavar="KEY=VALUE...", nargs=-1, required=True)
@click.option("--step", type=int, metavar="N", help="The step the values belong to; the next one by default.")
@click.option(
    "--run",
    "run_ref",
    metavar="RUN",
    shell_complete=run_names,
    help="The run, by id or name; in a cell the active one.",
)
@pass_session
def log(session: Session, values: tuple[str, ...], *, step: int | None, run_ref: str | None) -> Done | None:
    """Log metrics to a run.

    Example:
      mlops log acc=0.97 --run 3f6c0a52
      mlops log loss=0.31 --step 4 --run baseline
    """
    metrics = _metrics(values)
    if run_ref is None:
        _log_active(session, metrics, step)
        return None
    given = {key: wire(value) for key, value in metrics.items()}
    found = log_metrics(session.world, run_ref, given, step=step)
    return Done(message=f"Logged {pairs(metrics)} to run {found.name}.", facts={"run": found.id, "metrics": metrics})


def _log_active(session: Session, metrics: dict[str, float], step: int | None) -> None:
    """Log to the run of the cell, or of the script that started this process."""
    from jupyter_mlops import api

    try:
        api.log(metrics, step=step)
    except NoActiveRun as error:
        if session.face == "notebook":
            raise
        raise BadUsage(
            "No run is named.", hint="Name one: `mlops log acc=0.97 --run RUN`; `mlops runs list` shows them."
        ) from error


def _metrics(texts: tuple[str, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, text in key_values(texts, what="a metric", example="acc=0.97").items():
        try:
            found[key] = float(text)
        except ValueError as error:
            raise NotKeyValue(f"{key}={text}", what="a metric, whose value is a number,", example="acc=0.97") from error
    return found
