"""Capture: a run around code that is about to execute, from its snapshot to its end."""

from __future__ import annotations

import functools
import getpass
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.environment import GitState
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.ids import RunId, check_title
from jupyter_mlops.core.origin import UNKNOWN_NOTEBOOK
from jupyter_mlops.core.process import process_id
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs.environments import installed_packages
from jupyter_mlops.inputs.git import GitLook, git_state, project_of
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.ports import RunJournal, Say, World
from jupyter_mlops.training.heartbeat import TAG, Heartbeat, is_shared
from jupyter_mlops.training.metrics import Counter
from jupyter_mlops.training.reaper import tidy, untidy
from jupyter_mlops.training.system import OFF, SystemMonitor

log = logging.getLogger(__name__)

GIT_WAIT_S: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is known before a run begins."""

    experiment: str | None = None
    """``None``: the one in use, see `mlops experiments use`."""
    name: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path.cwd)
    """The folder that is snapshotted and whose ``outputs/`` is collected."""
    snapshot: bool = True
    include: Sequence[str] = ()
    notebook: str = ""
    """Path of the notebook or script; ``unknown`` where nothing tells."""
    kernel: str = ""
    parent: RunId | None = None


class Capture:
    """A run that is being captured in this process. ``end`` must be called once."""

    def __init__(self, world: World, plan: Plan, run: Run, snapshot: Snapshot | None) -> None:
        self._world = world
        self._plan = plan
        self.run = run
        self.snapshot = snapshot
        self.counter = Counter()
        self.journal: RunJournal = world.journals.open(run.id, run.artifact_uri)
        self.heartbeat = Heartbeat(world, run.id)
        self.scopes = ExitStack()
        """What else ends with the run."""
        self._n_displays = 0

    @property
    def world(self) -> World:
        """The workspace that the run belongs to."""
        return self._world

    @property
    def run_id(self) -> RunId:
        """The run's id."""
        return self.run.id

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Log metrics; ``step`` counts up by itself, for each key, when it is not given."""
        self.journal.log(self.counter.points(values, step))

    def write(self, stream: str, text: str) -> None:
        """Store a piece of ``stdout`` or ``stderr``."""
        self.journal.write(stream, text)

    def store(self, file: Path, folder: str = "", *, name: str | None = None) -> None:
        """Store a file or folder among the run's artifacts."""
        self._world.tracking.store(self.run.id, file, folder, name=name)

    def store_text(self, text: str | bytes, folder: str, name: str) -> None:
        """Store text or bytes as an artifact."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        self._world.tracking.write(self.run.id, data, f"{folder}/{name}" if folder else name)

    def display(self, suffix: str, data: bytes) -> None:
        """Store a figure or another rich output, numbered as they come."""
        self._n_displays += 1
        picture = suffix in {"png", "svg", "jpg", "gif"}
        folder, stem = ("figures", "figure") if picture else ("displays", "display")
        self.store_text(data, folder, f"{stem}-{self._n_displays}.{suffix}")

    def end(self, status: RunStatus, *, reason: str = "", traceback: str = "", ended_at: float | None = None) -> None:
        """End the run. Where MLflow does not answer, the journal keeps everything for later and the error is raised."""
        ended_at = time.time() if ended_at is None else ended_at
        trouble: MlopsError | None = None
        try:
            if traceback:
                self.store_text(traceback, "", "traceback.txt")
            collect_outputs(self._world, self.run, self._plan.folder)
        except MlopsError as error:
            trouble = error
        self.scopes.close()
        self.heartbeat.stop()
        try:
            self.journal.close(status, reason, ended_at)
        except MlopsError as error:
            trouble = error
            untidy(self._world)
        if trouble is not None:
            with suppress(MlopsError):  # the first trouble says more
                self._record(status)
            raise trouble
        self._record(status)

    def _record(self, status: RunStatus) -> None:
        self._world.catalog.record("run", self.run.id, "end", {"status": status, "name": self.run.name})


def begin(world: World, plan: Plan, say: Say | None = None) -> Capture:
    """Take the snapshot, create the run and open its journal. Raises, and leaves nothing, if one of them fails."""
    look = GitLook(plan.folder, with_diff=True)
    try:
        run, snapshot = create(world, plan, say, look)
        tidy(world)
        capture = attach(world, plan, run, snapshot)
    except BaseException:
        look.close()
        raise
    look.has_diff(GIT_WAIT_S)  # as the folder was before any code ran, unless the repository is large
    capture.scopes.callback(look.wait)  # whose tags are part of the run
    capture.scopes.callback(keep_diff, world, run.id, look)
    return capture


def keep_diff(world: World, run_id: RunId, look: GitLook) -> None:
    """Store what differed from the commit."""
    dirty = look.dirty()
    if dirty is None:
        return
    with suppress(MlopsError):  # where nothing can be stored, the run's end says so
        if dirty.patch:
            world.tracking.write(run_id, dirty.patch, "source/dirty.diff")
        if dirty.untracked:
            world.tracking.write(
                run_id,
                "".join(f"{path}\n" for path in dirty.untracked).encode("utf-8", "surrogateescape"),
                "source/untracked.txt",
            )


def attach(world: World, plan: Plan, run: Run, snapshot: Snapshot | None) -> Capture:
    """Capture, in this process, a run that exists."""
    try:
        capture = Capture(world, plan, run, snapshot)
        mine = process_tags(world)
        if not mine.items() <= run.tags.items():
            world.tracking.log(run.id, tags=mine)
        capture.store_text(encode(installed_packages()), "mlops", "environment.json")
        if world.system_every_s and run.tags.get(OFF) != "off":
            capture.scopes.callback(SystemMonitor(capture.log, world.system_every_s).stop)
    except BaseException as error:
        could_not_begin(world, run, error)
        raise
    return capture


def could_not_begin(world: World, run: Run, error: BaseException) -> None:
    """End a run that something kept from beginning."""
    if isinstance(error, KeyboardInterrupt):
        world.tracking.end_run(run.id, "KILLED", reason="Interrupted before it began.")
    else:
        world.tracking.end_run(run.id, "FAILED", reason="The run could not begin.")


@uses_store  # until the run refers to the snapshot, no gc may take it for one that nobody needs
def create(
    world: World, plan: Plan, say: Say | None = None, look: GitLook | None = None
) -> tuple[Run, Snapshot | None]:
    """Take the snapshot and create the run.

    With ``look``, what git says is waited for a moment only, so that it is of the folder as it was before any code ran
    unless the repository is large; where git takes longer it is added when it comes.
    """
    experiment = check_title("experiment", world.experiment_in_use() if plan.experiment is None else plan.experiment)
    if plan.name is not None:
        check_title("run", plan.name)
    world.tracking.experiment(experiment, create=True)
    snapshot = None
    if plan.snapshot:
        snapshot = take_snapshot(
            world, plan.folder, include=plan.include, say=say, large_file_bytes=world.large_file_bytes
        )
    git = git_state(plan.folder) if look is None else look.state(GIT_WAIT_S)
    tags = {**facts(world, plan, snapshot, git), **plan.tags}
    run = world.tracking.create_run(experiment, plan.name, tags=tags, params=plan.params, parent=plan.parent)
    if look is not None and git is None:
        look.then(lambda state: _add_git(world, run.id, state))
    world.catalog.record("run", run.id, "start", {"experiment": experiment, "name": run.name})
    if snapshot is not None:
        world.catalog.link(f"run:{run.id}", "started-from", f"snapshot:{snapshot.name}")
    return run, snapshot


def facts(world: World, plan: Plan, snapshot: Snapshot | None, git: GitState | None) -> dict[str, str]:
    """Return the tags that say where a run comes from."""
    tags = {
        "mlflow.user": world.actor,
        "mlflow.source.name": plan.notebook or UNKNOWN_NOTEBOOK,
        "mlflow.source.type": "NOTEBOOK" if plan.notebook.endswith(".ipynb") or plan.kernel else "LOCAL",
        "mlops.project": project_of(plan.folder),
        "mlops.folder": str(plan.folder),
        "mlops.notebook": plan.notebook or UNKNOWN_NOTEBOOK,
        "mlops.python": ".".join(map(str, sys.version_info[:3])),
        "mlops.os_user": _os_user(),
        **process_tags(world),
    }
    if plan.kernel:
        tags["mlops.kernel"] = plan.kernel
    if is_shared(world):
        tags[TAG] = str(int(time.time()))
    if snapshot is not None:
        tags["mlops.snapshot"] = snapshot.name
        if snapshot.warnings:
            tags["mlops.snapshot.warnings"] = "\n".join(snapshot.warnings)[:5000]
    if git is not None:
        tags |= git_tags(git)
    return {key: value for key, value in tags.items() if value}


def git_tags(git: GitState) -> dict[str, str]:
    """Return the tags that name commit, branch and remote."""
    tags = {
        "mlflow.source.git.commit": git.commit,
        "mlops.git.commit": git.commit,
        "mlops.git.branch": git.branch,
        "mlops.git.remote": git.remote,
        "mlops.git.dirty": str(git.dirty).lower(),
    }
    return {key: value for key, value in tags.items() if value}


def _add_git(world: World, run_id: RunId, git: GitState) -> None:
    try:
        world.tracking.log(run_id, tags=git_tags(git))
    except MlopsError as error:
        log.warning("The commit of the run %s is not in MLflow: %s", run_id, error)


def process_tags(world: World) -> dict[str, str]:
    """Return the tags that name this process, so that a run whose process is gone can be told."""
    return {"mlops.node": world.node, **_tags_of(os.getpid())}


@functools.lru_cache(maxsize=1)
def _tags_of(pid: int) -> dict[str, str]:
    mine = process_id(pid)
    assert mine is not None
    return {"mlops.pid": str(pid), "mlops.pid_started": str(mine.started), "mlops.boot_id": mine.boot_id}


def collect_outputs(world: World, run: Run, folder: Path) -> None:
    """Store the files under ``outputs/`` that were written since the run began."""
    outputs = folder / "outputs"
    if not outputs.is_dir() or outputs.is_symlink():
        return
    for path in sorted(outputs.rglob("*")):
        # A file system may keep times to two seconds only (FAT) or to its own clock's tick.
        if path.is_file() and not path.is_symlink() and path.stat().st_mtime >= run.started_at - 0.05:
            below = path.parent.relative_to(outputs).as_posix()
            world.tracking.store(run.id, path, "outputs" if below == "." else f"outputs/{below}")


def _os_user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())
