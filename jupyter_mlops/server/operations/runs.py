"""REST: experiments and runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Annotated, Final

from msgspec import Meta

from jupyter_mlops.core.curve import Axis, Curve, Sparkline
from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.record import MetricValue, Record
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.core.search import RunPage
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations import limits
from jupyter_mlops.server.operations.limits import Most
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Body, Download
from jupyter_mlops.training.finding import find_runs, known_values, read_curve, read_curves, read_sparklines
from jupyter_mlops.training.following import PART_BYTES, LogHits, LogPart, Stream, read_part, search_log
from jupyter_mlops.training.parameters import Parameter, file_parameters
from jupyter_mlops.training.reproduce import RTOL, examine, reproduce_run
from jupyter_mlops.training.restorable import Choice, Restorable
from jupyter_mlops.training.runs import log_metrics as flow_log_metrics
from jupyter_mlops.training.runs import run_artifact
from jupyter_mlops.training.submit import submit_file
from jupyter_mlops.training.upkeep import delete_run, delete_runs, restore_runs, tag_run, tag_runs

MOST_SPARKLINES: Final = 200
Buckets = Annotated[int, Meta(ge=2, le=10_000)]
MOST_CURVES = 100


class TooManyCurves(BadInput):
    """More metrics were asked for than a page of charts has."""

    code = "too-many-curves"

    def __init__(self, n: int) -> None:
        super().__init__(f"{n} metrics are too many at once.", hint=f"Ask for {MOST_CURVES} at a time.")


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
    autolog: bool = False


class LogMetrics(Body, frozen=True, kw_only=True):
    """Metrics for a run, which may execute anywhere, or have ended."""

    values: dict[str, MetricValue]
    step: int | None = None


class Reproduce(Body, frozen=True, kw_only=True):
    """How a run is executed again."""

    rtol: Annotated[float, Meta(ge=0, lt=1)] = RTOL
    """The relative tolerance within which its metrics count as the same."""
    environment: Choice = "recorded"
    """The packages that the run recorded, or those that are here."""


class ChangeRun(Body, frozen=True, kw_only=True):
    """Tags to set, or to remove where the value is null, and the note, in Markdown."""

    tags: dict[str, str | None] = {}
    note: str | None = None


class ChangeRuns(Body, frozen=True, kw_only=True):
    """Runs to change together: their tags (null removes one), and whether they are in the trash."""

    runs: Annotated[list[str], Meta(min_length=1, max_length=10_000)]
    tags: dict[str, str | None] = {}
    deleted: bool | None = None
    """``True`` puts them in the trash, all or none; ``False`` takes them out of it, all or none."""


class ArtifactIsFolder(BadInput):
    """A folder cannot be downloaded."""

    code = "artifact-is-folder"


class TooManyRuns(BadInput):
    """More runs were named than one answer tells of."""

    code = "too-many-runs"


class FieldValues(Record, frozen=True, kw_only=True):
    """What runs have in a field."""

    values: list[str]


def list_runs(
    world: World,
    *,
    where: str | None = None,
    words: str = "",
    order: str | None = None,
    experiment: str | None = None,
    status: RunStatus | None = None,
    project: str | None = None,
    limit: Most = 100,
    after: str = "",
    skip: Annotated[int, Meta(ge=0, le=10**15)] = 0,
    deleted: bool = False,
    count: bool = False,
    columns: str | None = None,
    roots: bool = False,
    children: bool = False,
) -> RunPage:
    """List runs, newest first or by ``order`` (``metrics.auc desc``); ``where`` as in `mlops runs list --where`, ``words`` anywhere.

    ``skip`` leaps into the middle; ``columns`` (``metrics.auc, params.C``) are all that is wanted of metrics, parameters
    and tags; ``roots`` folds child runs under their parents, and ``children`` counts them in ``n_children``.
    """
    return find_runs(
        world,
        where=where,
        words=words,
        order=order,
        experiment=experiment,
        status=status,
        project=project,
        limit=limit,
        after=after,
        skip=skip,
        deleted=deleted,
        count=count,
        wanted=columns,
        roots=roots,
        children=children,
    )


def show_curve(world: World, ref: str, *, key: str, buckets: Buckets = 1000, axis: Axis = "step") -> Curve:
    """Show a metric at the resolution of a chart: the smallest, the largest and the last value of each bucket."""
    return read_curve(world, ref, key, n_buckets=buckets, axis=axis)


def show_values(
    world: World, field: str, *, start: str = "", limit: Annotated[int, Meta(ge=1, le=1000)] = 50
) -> FieldValues:
    """Show what runs have in a field (``params.model``, ``status``) that begins with ``start``, most frequent first."""
    return FieldValues(values=known_values(world, field, start=start, limit=limit))


def list_sparklines(world: World, *, runs: str, key: str) -> list[Sparkline]:
    """List the shape of a metric of some runs, whose ids have commas between them; those without it are left out."""
    ids = [one for one in runs.split(",") if one]
    if len(ids) > MOST_SPARKLINES:
        raise TooManyRuns(f"{len(ids)} runs were asked for.", hint=f"Ask for at most {MOST_SPARKLINES} at a time.")
    return read_sparklines(world, ids, key)


def list_curves(
    world: World,
    ref: str,
    *,
    keys: str,
    buckets: Buckets = 1000,
    axis: Axis = "step",
    first: limits.Place | None = None,
    last: limits.Place | None = None,
) -> list[Curve]:
    """List several metrics, named with commas between them, as ``metrics`` does one; those that the run has not are left out.

    A name that is too long for an address, or has a comma in it, is given as ``sha256:`` and the digest of its UTF-8.
    ``first`` and ``last`` are the places of the axis between which their points are wanted, a part shown more finely.
    """
    named = [key for key in keys.split(",") if key]
    if len(named) > MOST_CURVES:
        raise TooManyCurves(len(named))
    return read_curves(world, ref, named, n_buckets=buckets, axis=axis, within=limits.span(first, last))


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
        autolog=body.autolog,
    )


def log_metrics(world: World, ref: str, body: LogMetrics) -> Run:
    """Log metrics to a run."""
    return flow_log_metrics(world, ref, body.values, step=body.step)


def change_run(world: World, ref: str, body: ChangeRun) -> Run:
    """Set or remove tags of a run, and its note."""
    return tag_run(world, ref, body.tags, note=body.note)


def change_runs(world: World, body: ChangeRuns) -> Sequence[Run]:
    """Set or remove tags of several runs, or put them in the trash, or take them out."""
    if bool(body.tags) == (body.deleted is not None):
        raise BadInput("Both or neither of `tags` and `deleted` are given.", hint="Give one of the two.")
    if body.tags:
        return tag_runs(world, body.runs, body.tags)
    return delete_runs(world, body.runs) if body.deleted else restore_runs(world, body.runs)


def show_parameters(place: Place, *, file: str) -> Sequence[Parameter]:
    """Show the parameters that a script or notebook of the server's folder declares; nothing is executed."""
    return file_parameters(place.below(file))


def remove_run(world: World, ref: str) -> None:
    """Put a run in the trash."""
    delete_run(world, ref)


def show_restorable(world: World, ref: str, *, environment: Choice = "recorded") -> Restorable:
    """Show what of a run can be restored, and what cannot; nothing is executed."""
    return examine(world, ref, environment=environment)


def reproduce(world: World, ref: str, body: Reproduce) -> Run:
    """Execute a run again as a new run, which is compared with it by ``GET runs/{new}/reproduction``."""
    return reproduce_run(world, examine(world, ref, environment=body.environment), rtol=body.rtol)


def show_log(
    world: World,
    ref: str,
    stream: Stream,
    *,
    offset: int = 0,
    limit: Annotated[int, Meta(ge=1, le=10_000_000)] = PART_BYTES,
) -> LogPart:
    """Show what a run wrote on ``stdout`` or ``stderr`` so far, from byte ``offset`` on, or as many bytes from the end if negative."""
    return read_part(world, ref, stream, offset, limit=limit)


def find_in_log(world: World, ref: str, stream: Stream, *, text: Annotated[str, Meta(min_length=1)]) -> LogHits:
    """Find the lines of what a run wrote that have a text in them, in any case."""
    return search_log(world, ref, stream, text)


def download_artifact(world: World, ref: str, path: str) -> Download:
    """Download a file that a run stored."""
    if PurePosixPath(path).is_absolute() or ".." in path.split("/"):
        raise UnknownThing("artifact", path, plural="runs")
    file = run_artifact(world, ref, path)
    if file.is_dir():
        raise ArtifactIsFolder(f"The artifact {path!r} is a folder.", hint="Download the files in it one by one.")
    return Download(path=file)
