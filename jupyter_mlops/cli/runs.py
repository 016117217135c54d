"""``mlops runs``: executions, their parameters, metrics, logs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.compare import compare
from jupyter_mlops.cli.complete import experiment_names, run_names
from jupyter_mlops.cli.logs import logs
from jupyter_mlops.cli.options import json_option, limit_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.upkeep import delete, restore, tag
from jupyter_mlops.cli.view import Facts, Listing, Note, Table, View, lists, shows
from jupyter_mlops.cli.words import age, count, duration, number, pairs, size, status, when
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.training.runs import RunDetail, cancel_run, list_runs, show_run


@click.group(cls=Group)
def runs() -> None:
    """Executions: parameters, metrics, logs, outputs.

    A run is named by its id, the first 6 or more digits of it, or its name, which means the newest of that name.

    Example:
      mlops runs list -e churn
      mlops runs show 3f6c0a52
    """


@runs.command("list")
@click.option("-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="Only this experiment's.")
@click.option("--status", "state", type=click.Choice(get_args(RunStatus)), help="Only those that are in this state.")
@click.option("--project", metavar="NAME", help="Only those of this project: a git root or folder, by name.")
@limit_option()
@json_option
@pass_session
def list_(
    session: Session, *, experiment: str | None, state: RunStatus | None, project: str | None, limit: int
) -> Listing:
    """List runs, newest first.

    Example:
      mlops runs list --status FAILED --limit 10
    """
    found = list_runs(session.world, experiment=experiment, status=state, project=project, limit=limit)
    narrowed = experiment or state or project
    return Listing(
        found,
        of=Run,
        empty="No runs match."
        if narrowed
        else "No runs yet. Begin one: `mlops run train.py`, or a cell with `%%ml run`.",
    )


@runs.command()
@click.argument("run", shell_complete=run_names)
@json_option
@pass_session
def show(session: Session, run: str) -> RunDetail:
    """Show one run: what it was given, what it measured, what it stored, where it came from.

    Example:
      mlops runs show baseline
    """
    return show_run(session.world, run)


@runs.command()
@click.argument("run", shell_complete=run_names)
@json_option
@pass_session
def cancel(session: Session, run: str) -> Run:
    """Stop a run. It ends KILLED.

    Example:
      mlops runs cancel 3f6c0a52
    """
    return cancel_run(session.world, run)


for _verb in (logs, compare, tag, delete, restore):
    runs.add_command(_verb)


@lists(Run, "=RUN", "NAME", "EXPERIMENT", "STATUS", ">TOOK", "METRICS", "STARTED")
def _row(run: Run) -> Sequence[str]:
    return (
        run.id[:8],
        run.name,
        run.experiment,
        status(run.status),
        duration(run.duration_s),
        metrics_of(run, most=3),
        age(run.started_at),
    )


def metrics_of(run: Run, most: int = 0) -> str:
    """Return a run's last metric values on one line."""
    return pairs({key: number(value) for key, value in run.metrics.items()}, most=most)


@shows(Run)
def _view(run: Run) -> View:
    view: View = [Facts(pairs=_facts(run))]
    if run.params:
        view.append(Table(title="Parameters", headers=("NAME", "VALUE"), rows=list(run.params.items())))
    if run.metrics:
        rows = [(key, number(value)) for key, value in run.metrics.items()]
        view.append(Table(title="Metrics", headers=("NAME", ">LAST"), rows=rows))
    if run.deleted:
        view.append(Note(text=f"It is deleted. To have it back: `mlops runs restore {run.id[:8]}`.", tone="bad"))
    if run.reason:
        view.append(Note(text=run.reason, tone="bad" if run.status == "FAILED" else "plain"))
    return view


@shows(RunDetail)
def _detail(detail: RunDetail) -> View:
    first, *rest = _view(detail.run)
    assert isinstance(first, Facts)
    view: View = [Facts(pairs=[*first.pairs, *_origin(detail)]), *rest]
    if detail.artifacts:
        rows = [(artifact.path, size(artifact.n_bytes)) for artifact in detail.artifacts]
        view.append(Table(title="Outputs", headers=("PATH", ">SIZE"), rows=rows))
    return [*view, *(Note(text=warning) for warning in detail.warnings)]


def _facts(run: Run) -> list[tuple[str, str]]:
    tags = {key: value for key, value in run.tags.items() if not key.startswith(("mlops.", "mlflow."))}
    return [
        ("run", run.id),
        ("name", run.name),
        ("experiment", run.experiment),
        ("status", status(run.status)),
        ("started", f"{when(run.started_at)} by {run.actor}" if run.actor else when(run.started_at)),
        ("took", duration(run.duration_s)),
        ("project", run.project),
        ("tags", pairs(tags)),
        ("child of", run.parent or ""),
    ]


def _origin(detail: RunDetail) -> list[tuple[str, str]]:
    """Say where the run came from: file, snapshot, commit, packages."""
    git, environment = detail.git, detail.environment
    commit = ""
    if git is not None:
        commit = " ".join(filter(None, [git.commit[:12], git.branch, "with changes" if git.dirty else ""]))
    packages = ""
    if environment is not None:
        packages = f"Python {environment.python}, {count(len(environment.packages), 'package')}"
    return [("notebook", detail.notebook), ("snapshot", detail.snapshot), ("git", commit), ("environment", packages)]
