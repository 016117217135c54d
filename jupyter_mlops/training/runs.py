"""Runs: looking at them, reading what they stored, and stopping them."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jupyter_mlops.core.environment import Environment, GitState
from jupyter_mlops.core.errors import Conflict, UnknownThing
from jupyter_mlops.core.origin import CellOrigin, HiddenName
from jupyter_mlops.core.process import is_alive
from jupyter_mlops.core.record import MetricValue, Record, decode
from jupyter_mlops.core.run import Artifact, MetricPoint, Run, RunDataset, RunStatus
from jupyter_mlops.ports import Handle, World
from jupyter_mlops.training.gone import process_of
from jupyter_mlops.training.metrics import check_metric_name, whole_step
from jupyter_mlops.training.origin import cell_of, hidden_of
from jupyter_mlops.training.reaper import settle

CANCEL_WAIT_S: Final = 15.0


class RunDetail(Record, frozen=True, kw_only=True):
    """A run with all that it stored."""

    run: Run
    artifacts: list[Artifact] = []
    """Files only, by path."""
    environment: Environment | None = None
    git: GitState | None = None
    snapshot: str = ""
    """The snapshot's name, empty when none was taken."""
    notebook: str = ""
    """Path of the notebook or script, ``unknown`` where nothing told it."""
    cell: CellOrigin | None = None
    """``None`` for a script, or a notebook as a whole."""
    hidden_state: list[HiddenName] = []
    """What the run used and its notebook, executed from top to bottom, would not give again."""
    warnings: list[str] = []
    """What the snapshot left out, and why."""
    datasets: list[RunDataset] = []
    """The data that it says it has used."""
    children: list[Run] = []
    """The runs right below it, oldest first."""


def list_runs(
    world: World,
    *,
    experiment: str | None = None,
    status: RunStatus | None = None,
    project: str | None = None,
    limit: int = 100,
) -> list[Run]:
    """Return runs, newest first. Raises ``UnknownThing`` for an experiment that does not exist."""
    runs = settle(world, world.tracking.runs(experiment=experiment, status=status, project=project, limit=limit))
    return [run for run in runs if status in {None, run.status}]


def show_run(world: World, ref: str) -> RunDetail:
    """Return a run by id, the beginning of its id, or name. Raises ``UnknownThing``."""
    (run,) = settle(world, [world.tracking.run(ref)])
    artifacts = _walk(world, run, "")
    environment = None
    if any(one.path == "mlops/environment.json" for one in artifacts):
        environment = decode(_read(world, run, "mlops/environment.json"), Environment)
    warnings = run.tags.get("mlops.snapshot.warnings", "")
    return RunDetail(
        run=run,
        artifacts=artifacts,
        environment=environment,
        git=_git(run),
        snapshot=run.tags.get("mlops.snapshot", ""),
        notebook=run.tags.get("mlops.notebook", ""),
        cell=cell_of(run.tags),
        hidden_state=hidden_of(run.tags),
        warnings=warnings.splitlines(),
        datasets=world.tracking.datasets(run.id),
        children=settle(world, world.tracking.children(run.id)),
    )


def log_metrics(world: World, ref: str, values: Mapping[str, MetricValue], *, step: int | None = None) -> Run:
    """Log metrics to a run from outside of it, also to one that has ended; return it.

    Without ``step``, each goes to the step after the last of its name. Raises ``UnknownThing``, and ``BadInput`` for
    what is not a metric's name.
    """
    for key in values:
        check_metric_name(key)
    run = world.tracking.run(ref)
    last = world.tracking.last_steps(run.id) if step is None else {}
    at_ms = time.time_ns() // 1_000_000
    points = [
        MetricPoint(key=key, value=value, step=last.get(key, -1) + 1 if step is None else whole_step(step), at_ms=at_ms)
        for key, value in values.items()
    ]
    world.tracking.log(run.id, metrics=points)
    return world.tracking.run(run.id)


def read_log(world: World, ref: str, stream: str = "stdout") -> str:
    """Return what a run wrote to ``stdout`` or ``stderr`` so far, also while it runs."""
    run = world.tracking.run(ref)
    spool = world.root / "journal" / run.id / f"{stream}.txt"
    try:
        data = spool.read_bytes() if spool.is_file() else _read(world, run, f"logs/{stream}.txt")
    except (UnknownThing, FileNotFoundError):
        return ""
    return data.decode("utf-8", "replace")


def run_artifact(world: World, ref: str, path: str) -> Path:
    """Fetch one artifact of a run into the workspace's cache; return where it is. Raises ``UnknownThing``."""
    run = world.tracking.run(ref)
    into = world.root / "cache" / "artifacts" / run.id / Path(path).parent
    return world.tracking.fetch(run.id, path, into)


def cancel_run(world: World, ref: str) -> Run:
    """Stop a run: interrupt its process, and end it as KILLED when there is none any more.

    Raises ``Conflict`` when it has ended, or when its process is on another machine.
    """
    run = world.tracking.run(ref)
    if run.status not in {"RUNNING", "SCHEDULED"}:
        raise Conflict(f"The run {run.name} is {run.status} already.", hint="See `mlops runs list`.")
    node = run.tags.get("mlops.node", world.node)
    if node != world.node:
        raise Conflict(
            f"The run {run.name} executes on {node}.", hint=f"Cancel it there: `mlops runs cancel {run.id}`."
        )
    world.catalog.record("run", run.id, "cancel")
    process = process_of(run)
    handle = run.tags.get("mlops.handle")
    if handle is not None:
        world.targets[run.tags["mlops.target"]].cancel(decode(handle, Handle))
    elif process is not None and is_alive(process) and process.pid != os.getpid():
        os.kill(process.pid, signal.SIGINT)  # a kernel turns it into KeyboardInterrupt, which ends the run KILLED
    deadline = time.monotonic() + CANCEL_WAIT_S
    while time.monotonic() < deadline:
        now = world.tracking.run(run.id)
        if now.status not in {"RUNNING", "SCHEDULED"}:
            return now
        if process is None or not is_alive(process):
            world.tracking.end_run(run.id, "KILLED", reason=f"Cancelled by {world.actor}.")
        time.sleep(0.1)
    return world.tracking.run(run.id)


def _git(run: Run) -> GitState | None:
    tags = run.tags
    if "mlops.git.commit" not in tags:
        return None
    return GitState(
        root=tags.get("mlops.folder", ""),
        commit=tags["mlops.git.commit"],
        branch=tags.get("mlops.git.branch", ""),
        remote=tags.get("mlops.git.remote", ""),
        dirty=tags.get("mlops.git.dirty") == "true",
    )


def _walk(world: World, run: Run, path: str) -> list[Artifact]:
    found = []
    for one in world.tracking.artifacts(run.id, path):
        found += _walk(world, run, one.path) if one.is_folder else [one]
    return sorted(found, key=lambda one: one.path)


def _read(world: World, run: Run, path: str) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        return world.tracking.fetch(run.id, path, Path(scratch)).read_bytes()
