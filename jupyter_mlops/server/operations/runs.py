"""REST: experiments and runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Literal

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.record import MetricValue, Record
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Most
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Body, Download
from jupyter_mlops.training.runs import list_runs as flow_list_runs
from jupyter_mlops.training.runs import log_metrics as flow_log_metrics
from jupyter_mlops.training.runs import read_log, run_artifact
from jupyter_mlops.training.submit import submit_file


class SubmitRun(Body, frozen=True, kw_only=True):
    """A script or notebook to run, in its own process, from a snapshot of its folder."""

    file: str
    """As the file browser names it: relative to the server's folder. So is ``source``, the folder that travels."""
    source: str | None = None
    params: dict[str, str] = {}
    experiment: str | None = None
    name: str | None = None
    tags: dict[str, str] = {}
    snapshot: bool = True
    include: list[str] = []


class LogMetrics(Body, frozen=True, kw_only=True):
    """Metrics for a run, which may execute anywhere, or have ended."""

    values: dict[str, MetricValue]
    step: int = 0


class LogText(Record, frozen=True, kw_only=True):
    """What a run wrote."""

    text: str


class ArtifactIsFolder(BadInput):
    """A folder cannot be downloaded."""

    code = "artifact-is-folder"


def list_runs(
    world: World,
    *,
    experiment: str | None = None,
    status: RunStatus | None = None,
    project: str | None = None,
    limit: Most = 100,
) -> Sequence[Run]:
    """List runs, newest first."""
    return flow_list_runs(world, experiment=experiment, status=status, project=project, limit=limit)


def submit_run(world: World, place: Place, body: SubmitRun) -> Run:
    """Start a script or notebook of the server's folder as a run."""
    return submit_file(
        world,
        place.below(body.file),
        source=place.below(body.source) if body.source is not None else None,
        params=body.params,
        experiment=body.experiment,
        name=body.name,
        tags=body.tags,
        snapshot=body.snapshot,
        include=body.include,
    )


def log_metrics(world: World, ref: str, body: LogMetrics) -> Run:
    """Log metrics to a run."""
    return flow_log_metrics(world, ref, body.values, step=body.step)


def show_log(world: World, ref: str, stream: Literal["stdout", "stderr"]) -> LogText:
    """Show what a run wrote on ``stdout`` or ``stderr`` so far."""
    return LogText(text=read_log(world, ref, stream))


def download_artifact(world: World, ref: str, path: str) -> Download:
    """Download a file that a run stored."""
    if PurePosixPath(path).is_absolute() or ".." in path.split("/"):
        raise UnknownThing("artifact", path, plural="runs")
    file = run_artifact(world, ref, path)
    if file.is_dir():
        raise ArtifactIsFolder(f"The artifact {path!r} is a folder.", hint="Download the files in it one by one.")
    return Download(path=file)
