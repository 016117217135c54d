"""Runs and what they log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from jupyter_mlops.core.curve import Axis, Curve, Span, Sparkline
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.core.run import Artifact, Experiment, MetricPoint, Run, RunDataset, RunStatus
from jupyter_mlops.core.search import RunPage, RunQuery
from jupyter_mlops.core.table import FieldUse, Sampled
from jupyter_mlops.core.where import Field, Node


class Tracking(Protocol):
    """Runs, metrics, artifacts and the model registry, in MLflow's own format.

    Every method raises ``Unavailable`` when the store does not answer and ``UnknownThing`` for what is not there.
    """

    uri: str
    registry_uri: str

    def experiments(self, *, archived: bool = False) -> list[Experiment]:
        """Return the experiments that are not archived, or those that are, newest first."""

    def experiment(self, name: str, *, create: bool = False) -> Experiment:
        """Return an experiment that is not archived; ``create`` makes it, or takes it back from the archive."""

    def archive_experiment(self, name: str) -> Experiment:
        """Put an experiment away with its runs, which are kept."""

    def archived_experiment(self, name: str) -> Experiment: ...
    def restore_experiment(self, name: str) -> Experiment: ...

    def create_run(
        self,
        experiment: str,
        name: str | None,
        *,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        parent: RunId | None = None,
    ) -> Run:
        """Create a RUNNING run; the experiment is made if it does not exist."""

    def end_run(self, run_id: RunId, status: RunStatus, *, reason: str = "", ended_at: float | None = None) -> None: ...
    def log(
        self,
        run_id: RunId,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None: ...
    def untag(self, run_id: RunId, key: str) -> None:
        """Remove a tag; one that is not there stays so."""

    def delete_run(self, run_id: RunId) -> None:
        """Put a run in the trash: no list shows it any more."""

    def restore_run(self, run_id: RunId) -> None: ...
    def deleted_run(self, ref: str) -> Run:
        """Return a run in the trash, named as for ``run``."""

    def run(self, ref: str) -> Run:
        """Return a run by id, by an unambiguous beginning of its id (6 digits or more), or by name (the newest)."""

    def runs(
        self,
        *,
        experiment: str | None = None,
        status: RunStatus | None = None,
        project: str | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Return runs, newest first."""

    def page(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match. Raises ``UnknownKey`` for a metric or parameter that no run has."""

    def keys(self, group: str) -> list[str]:
        """Return the names of all ``metrics``, ``params`` or ``tags`` where that takes no server; else none."""

    def values(self, field: Field, start: str, most: int) -> list[str]:
        """Return texts that runs have in a field and that begin with ``start``, those of most runs first; as for ``keys``."""

    def counts(self, where: Node) -> dict[str, int] | None:
        """Return how many runs match in each experiment that has any; ``None`` where that takes a server too long.

        Raises ``UnknownKey`` as ``page`` does.
        """

    def root_counts(self) -> dict[str, int] | None:
        """Return how many runs that are no child of another one each experiment has; ``None`` where nobody can count them."""

    def sparklines(self, runs: Sequence[RunId], key: str, n_points: int) -> list[Sparkline]:
        """Return the runs that have the metric, each with up to ``n_points`` of its points, evenly over its steps."""

    def columns(self, experiment: str | None) -> list[FieldUse]:
        """Return the metrics, parameters and tags that runs have. Raises ``UnknownThing`` for an experiment."""

    def samples(self, query: RunQuery, by: Field, metrics: Sequence[str]) -> Sampled:
        """Return what the runs that match have measured, by their text in a field."""

    def curve(
        self, run_id: RunId, key: str, n_buckets: int = 1000, *, axis: Axis = "step", within: Span | None = None
    ) -> Curve:
        """Return a metric, or what of it is ``within``, at the resolution of a chart; without points where there are none."""

    def tag_values(self, key: str) -> set[str]:
        """Return the values that a tag has in any run that is not gone for good: those in the trash count."""

    def history(self, run_id: RunId, key: str) -> list[MetricPoint]: ...
    def last_steps(self, run_id: RunId) -> dict[str, int]:
        """Return the last step of each metric of a run."""

    def datasets(self, run_id: RunId) -> list[RunDataset]: ...
    def children(self, run_id: RunId) -> list[Run]:
        """Return the runs whose parent this one is, oldest first."""

    def log_table(self, run_id: RunId, table: Any, path: str) -> None:
        """Store a DataFrame or columns as a table; rows of a second call with the same ``path`` are appended."""

    def log_image(self, run_id: RunId, image: Any, key: str, step: int) -> None:
        """Store an array or a PIL image as one of a series."""

    def log_dataset(self, run_id: RunId, data: Any, name: str, context: str) -> None:
        """Record data (a DataFrame, array, dict of arrays, ``Path`` or URL) as an input of the run."""

    def artifacts(self, run_id: RunId, path: str = "") -> list[Artifact]: ...
    def store(self, run_id: RunId, file: Path, folder: str = "", *, name: str | None = None) -> None:
        """Store a local file among the run's artifacts, below ``folder``, as ``name``."""

    def write(self, run_id: RunId, data: bytes, path: str) -> None:
        """Store bytes as the artifact ``path``."""

    def fetch(self, run_id: RunId, path: str, into: Path) -> Path:
        """Download an artifact (file or folder) into the folder ``into``; return where it is."""

    def read(self, run_id: RunId, path: str, offset: int = 0, n_bytes: int | None = None) -> bytes:
        """Return a file among a run's artifacts from byte ``offset`` on, ``n_bytes`` of it at most; empty where there is no such file (yet)."""

    def logged_models(self, run_id: RunId) -> list[tuple[str, str]]:
        """Return ``(name, artifact URI)`` of the models that the run logged, newest first."""

    def models(self) -> list[Model]:
        """Return all models by name, each with its versions, newest first."""

    def model(self, name: str) -> Model: ...
    def split_model(self, ref: str) -> tuple[str, str | None]:
        """Split ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS`` into the name and ``None``, ``"3"`` or ``"@alias"``.

        Where a model has the whole for its name, with the ``@``, it is that one.
        """

    def model_version(self, ref: str) -> ModelVersion:
        """Return ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``."""

    def models_of(self, run_id: RunId) -> list[ModelVersion]:
        """Return the model versions that were registered from a run, oldest first."""

    def register(
        self, name: str, source: str, *, run_id: RunId | None, tags: Mapping[str, str], flavor: str
    ) -> ModelVersion: ...
    def tag_model(self, name: str, version: int | None, tags: Mapping[str, str | None]) -> None:
        """Set tags of a version, or of the model itself; ``None`` removes one."""

    def describe_model(self, name: str, version: int | None, description: str) -> None:
        """Set the description of a version, or of the model itself."""

    def alias_model(self, name: str, alias: str, version: int | None) -> None: ...
    def delete_model(self, name: str, version: int | None = None) -> None: ...
    def fetch_model(self, version: ModelVersion, into: Path) -> Path:
        """Download a model version's files into the folder ``into``; return the model's folder."""

    def find_model(self, version: ModelVersion) -> Path | None:
        """Return where a version's files lie on this machine; ``None`` where they have to be fetched.

        Raises ``NoModelFiles``.
        """

    def check(self) -> str:
        """Return what answers (``MLflow 3.17.2, SQLite``). Raises ``Unavailable``."""


class Points(Protocol):
    """Where metrics of one run go: safe in a file at once, in MLflow a moment later."""

    def log(self, points: Sequence[MetricPoint]) -> None: ...
    def flush(self) -> bool:
        """Wait until MLflow has what this process logged, some seconds at most; tell whether it has."""


class RunJournal(Points, Protocol):
    """What one run logs in this process."""

    trouble: MlopsError | None

    def write(self, stream: str, text: str) -> None:
        """Append to ``stdout`` or ``stderr``."""

    def close(self, status: RunStatus, reason: str, ended_at: float) -> None:
        """Ship what is left and end the run. Raises ``Unavailable``, and keeps all for later, if MLflow does not answer."""


class Journals(Protocol):
    """The journals of a workspace."""

    def open(self, run_id: RunId, artifact_uri: str) -> RunJournal: ...
    def append(self, run_id: RunId) -> Points:
        """Return what appends metrics to a journal that another process has open and ships."""

    def ship_leftovers(self) -> list[RunId]:
        """Ship what dead processes left behind; return their runs."""
