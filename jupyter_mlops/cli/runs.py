"""``mlops runs``: executions, their parameters, metrics, logs and outputs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

import click
import msgspec

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.compare import compare
from jupyter_mlops.cli.complete import run_names
from jupyter_mlops.cli.logs import logs
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.reproduce import reproduce
from jupyter_mlops.cli.runlist import list_, metrics_of
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import can_show, is_terminal
from jupyter_mlops.cli.upkeep import delete, restore, tag
from jupyter_mlops.cli.view import Facts, Note, Table, View, shows
from jupyter_mlops.cli.watch import watch
from jupyter_mlops.cli.words import BLOCKS, count, duration, in_blocks, number, pairs, size, status, when
from jupyter_mlops.core.run import SYSTEM, Run
from jupyter_mlops.training.runs import RunDetail, cancel_run, show_run

MOST_CURVES: Final = 30
CURVE_WIDTH: Final = 20


class DrawnRun(RunDetail, frozen=True, kw_only=True):
    """A run for a terminal that can draw: ``curves`` are its metrics' as block characters."""

    curves: dict[str, str] = {}


@click.group(cls=Group)
def runs() -> None:
    """Executions: parameters, metrics, logs, outputs.

    A run is named by its id, the first 6 or more digits of it, or its name, which means the newest of that name.

    Example:
      mlops runs list -e churn
      mlops runs show 3f6c0a52
    """


@runs.command()
@click.argument("run", shell_complete=run_names)
@json_option
@pass_session
def show(session: Session, run: str) -> RunDetail:
    """Show one run: what it was given, what it measured, what it stored, where it came from.

    Example:
      mlops runs show baseline
    """
    detail = show_run(session.world, run)
    if session.as_json or not is_terminal(sys.stdout) or not can_show(BLOCKS):
        return detail
    names = list(detail.run.results)[:MOST_CURVES]
    curves = {name: session.world.tracking.curve(detail.run.id, name, CURVE_WIDTH) for name in names}
    drawn = {name: in_blocks([one for one in curve.last if not isinstance(one, str)]) for name, curve in curves.items()}
    return DrawnRun(**msgspec.structs.asdict(detail), curves={name: blocks for name, blocks in drawn.items() if blocks})


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


for _verb in (list_, logs, watch, compare, reproduce, tag, delete, restore):
    runs.add_command(_verb)


@shows(Run)
def _view(run: Run) -> View:
    return _whole(run, {})


def _whole(run: Run, curves: Mapping[str, str]) -> View:
    view: View = [Facts(pairs=_facts(run))]
    if run.params:
        view.append(Table(title="Parameters", headers=("NAME", "VALUE"), rows=list(run.params.items())))
    if run.results:
        rows = [(key, number(value), *([curves.get(key, "")] if curves else [])) for key, value in run.results.items()]
        view.append(Table(title="Metrics", headers=("NAME", ">LAST", *(["CURVE"] if curves else [])), rows=rows))
    if run.deleted:
        view.append(Note(text=f"It is deleted. To have it back: `mlops runs restore {run.id[:8]}`.", tone="bad"))
    if run.reason:
        view.append(Note(text=run.reason, tone="bad" if run.status == "FAILED" else "plain"))
    return view


@shows(RunDetail)
def _detail(detail: RunDetail) -> View:
    first, *rest = _whole(detail.run, detail.curves if isinstance(detail, DrawnRun) else {})
    assert isinstance(first, Facts)
    view: View = [Facts(pairs=[*first.pairs, *_origin(detail)]), *rest]
    if note := detail.run.tags.get("mlflow.note.content"):
        view.insert(1, Note(text=note))
    if detail.children:
        headers = ("=RUN", "NAME", "STATUS", ">TOOK", "METRICS")
        below = [
            (
                one.id[:8],
                one.name,
                status(one.status),
                duration(one.duration_s),
                metrics_of(one, most=3),
            )
            for one in detail.children
        ]
        view.append(Table(title="Children", headers=headers, rows=below))
    if detail.datasets:
        data = [(one.name, one.context, one.digest, _extent(one.profile)) for one in detail.datasets]
        view.append(Table(title="Data", headers=("NAME", "FOR", "DIGEST", "EXTENT"), rows=data))
    if detail.artifacts:
        files = [(artifact.path, size(artifact.n_bytes)) for artifact in detail.artifacts]
        view.append(Table(title="Outputs", headers=("PATH", ">SIZE"), rows=files))
    hidden = [Note(text=f"Not reproducible from top to bottom: {one.text}", tone="bad") for one in detail.hidden_state]
    return [*view, *hidden, *(Note(text=warning) for warning in detail.warnings)]


def _extent(profile: str) -> str:
    """Return how large a dataset is, from MLflow's profile of it: ``num_rows 150, num_elements 750``."""
    try:
        found = msgspec.json.decode(profile)
    except msgspec.DecodeError:
        return ""
    return pairs({key: str(value) for key, value in found.items()}, most=3) if isinstance(found, dict) else ""


def _facts(run: Run) -> list[tuple[str, str]]:
    tags = {key: value for key, value in run.tags.items() if not key.startswith(("mlops.", "mlflow."))}
    return [
        ("run", run.id),
        ("name", run.name),
        ("experiment", run.experiment),
        ("status", status(run.status)),
        ("started", f"{when(run.started_at)} by {run.actor}" if run.actor else when(run.started_at)),
        ("took", duration(run.duration_s)),
        ("machine", machine_of(run)),
        ("project", run.project),
        ("tags", pairs(tags)),
        ("child of", run.parent or ""),
        ("reproduces", run.tags.get("mlops.reproduces", "")),
    ]


def machine_of(run: Run) -> str:
    """Say what the run took of its machine when it was last looked at."""
    cpu = run.metrics.get(f"{SYSTEM}process_cpu_utilization_percentage")
    memory = run.metrics.get(f"{SYSTEM}process_memory_usage_megabytes")
    return ", ".join(
        f"{number(value)} {unit}" for value, unit in ((cpu, "% CPU"), (memory, "MB of memory")) if value is not None
    )


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
