"""Runs, metrics, artifacts and models in MLflow's own format: ``ports.Tracking``."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import BadInput, Forbidden, UnknownThing
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.run import Artifact, MetricPoint, Run, RunDataset, RunStatus
from jupyter_mlops.store.artifacts import is_inside, list_folder, store_file, write_file
from jupyter_mlops.store.bulk import log_points
from jupyter_mlops.store.details import read_children, read_datasets, read_last_steps
from jupyter_mlops.store.entities import run_of
from jupyter_mlops.store.importing import import_mlflow
from jupyter_mlops.store.making import finish_run, log_facts, make_run
from jupyter_mlops.store.media import MlflowMedia
from jupyter_mlops.store.mlflow_client import calls, check_inside, copy_into, local_file, local_path
from jupyter_mlops.store.search import RUN_ID, RUN_PREFIX, MlflowSearch
from jupyter_mlops.store.tags import tag_values
from jupyter_mlops.store.writing import WRITERS

_BATCH: Final = 1000  # MLflow's own limit of metrics in one log_batch
_PARAMS: Final = 100


class MlflowTracking(MlflowMedia, MlflowSearch):
    """``ports.Tracking`` on any MLflow tracking URI. Safe to use from several threads."""

    def __init__(self, uri: str, registry_uri: str, artifact_root: str) -> None:
        super().__init__(uri, registry_uri, artifact_root)
        self._places: dict[RunId, Path | None] = {}
        """Where the artifacts of runs are, as far as that is a folder of this store on this machine."""

    def close(self) -> None:
        """Close pooled connections to a database; a later call opens new ones."""
        super().close()
        if (path := local_file(self.uri)) is not None:
            WRITERS.forget(path)

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
        marks = dict(tags)
        if parent is not None:
            marks["mlflow.parentRunId"] = parent
        path = local_file(self.uri)
        if path is not None and (quickly := make_run(path, experiment, name, marks, params)) is not None:
            if (place := local_path(quickly.artifact_uri)) is not None:
                self._places[quickly.id] = place
            return quickly
        group = self.experiment(experiment, create=True)
        with calls(self.uri):
            made = self.client.create_run(group.id, tags=marks, run_name=name)
        run_id = RunId(made.info.run_id)
        place = local_path(made.info.artifact_uri or "")
        if place is not None:
            self._places[run_id] = place
        if params:
            self._begin(run_id, params)
        return run_of(made, group.name, params)

    def _begin(self, run_id: RunId, params: Mapping[str, str]) -> None:
        """Log the parameters of a new run; where they are refused, no run is left that seems to go on."""
        try:
            self.log(run_id, params=params)
        except BadInput as refused:
            self.end_run(run_id, "FAILED", reason=str(refused))
            self.delete_run(run_id)
            raise

    def end_run(self, run_id: RunId, status: RunStatus, *, reason: str = "", ended_at: float | None = None) -> None:
        """Set the status and the end (seconds since the epoch, now by default)."""
        path = local_file(self.uri)
        ended_ms = int((time.time() if ended_at is None else ended_at) * 1000)
        if path is not None and finish_run(path, run_id, status, reason, ended_ms):
            return
        with calls(self.uri, "run", run_id):
            if reason:
                self.client.set_tag(run_id, "mlops.reason", reason)
            self.client.set_terminated(run_id, status, ended_ms)

    def log(
        self,
        run_id: RunId,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log metrics, parameters and tags, in batches that MLflow takes."""
        path = local_file(self.uri)
        if metrics and path is not None and log_points(path, run_id, metrics):
            metrics = ()
            if not params and not tags:
                return
        if not metrics and path is not None and log_facts(path, run_id, params or {}, tags or {}):
            return
        import_mlflow()
        from mlflow.entities import Metric, Param, RunTag

        points = [Metric(m.key, float(m.value), m.at_ms, m.step) for m in metrics]
        named = [Param(key, str(value)) for key, value in (params or {}).items()]
        marks = [RunTag(key, str(value)) for key, value in (tags or {}).items()]
        with calls(self.uri, "run", run_id):
            _log_batches(self.client, run_id, points, named, marks)

    def untag(self, run_id: RunId, key: str) -> None:
        """Remove a tag; one that is not there stays so."""
        from mlflow.exceptions import MlflowException

        with calls(self.uri, "run", run_id):
            try:
                self.client.delete_tag(run_id, key)
            except MlflowException as error:
                if key in self.client.get_run(run_id).data.tags:
                    raise
                del error

    def delete_run(self, run_id: RunId) -> None:
        """Put a run in the trash; its files stay until MLflow's own garbage collection."""
        with calls(self.uri, "run", run_id):
            self.client.delete_run(run_id)

    def restore_run(self, run_id: RunId) -> None:
        """Take a run out of the trash."""
        with calls(self.uri, "run", run_id):
            self.client.restore_run(run_id)

    def deleted_run(self, ref: str) -> Run:
        """Return a run in the trash by id, the beginning of its id, or name (the newest)."""
        by = "id" if RUN_ID.fullmatch(ref) else "prefix" if RUN_PREFIX.fullmatch(ref) else "name"
        for how in dict.fromkeys([by, "name"]):
            if found := self._runs_by(how, ref, deleted=True):
                return found[0]
        raise UnknownThing("deleted run", ref, plural="runs")

    def datasets(self, run_id: RunId) -> list[RunDataset]:
        """Return the datasets that a run logged as its inputs."""
        with self.reader.open() as rows:
            if rows is not None:
                return read_datasets(rows, run_id)
        with calls(self.uri, "run", run_id):
            inputs = self.client.get_run(run_id).inputs
        return [_dataset(one) for one in inputs.dataset_inputs] if inputs else []

    def children(self, run_id: RunId) -> list[Run]:
        """Return the runs whose parent this one is, oldest first; children are in their parent's experiment."""
        with self.reader.open() as rows:
            if rows is not None:
                return read_children(rows, run_id)
        parent = self.run(run_id)
        group = self.experiment(parent.experiment)
        with calls(self.uri, "run", run_id):
            found = self._pages(
                self.client.search_runs,
                experiment_ids=[group.id],
                filter_string=f"tags.`mlflow.parentRunId` = '{parent.id}'",
                order_by=["attributes.start_time ASC"],
            )
        return [run_of(one, group.name) for one in found]

    def last_steps(self, run_id: RunId) -> dict[str, int]:
        """Return the last step of each metric of a run."""
        with self.reader.open() as rows:
            if rows is not None:
                return read_last_steps(rows, run_id)
        with calls(self.uri, "run", run_id):
            latest = self.client.get_run(run_id).data._metric_objs  # noqa: SLF001  # the public view has values only
        return {one.key: one.step for one in latest}

    def tag_values(self, key: str) -> set[str]:
        """Return the values that a tag has in any run that MLflow has, also in those in the trash."""
        return tag_values(self.client, self.uri, key)

    def artifacts(self, run_id: RunId, path: str = "") -> list[Artifact]:
        """Return the files and folders right below ``path``."""
        with calls(self.uri, "run", run_id):
            place = self._place(run_id)
            if place is not None and is_inside(path):
                return list_folder(place, path)
            found = self.client.list_artifacts(run_id, path or None)
        return [Artifact(path=one.path, n_bytes=one.file_size or 0, is_folder=one.is_dir) for one in found]

    def store(self, run_id: RunId, file: Path, folder: str = "", *, name: str | None = None) -> None:
        """Store a local file or folder among the run's artifacts, below ``folder``, as ``name``."""
        with calls(self.uri, "run", run_id):
            place = self._place(run_id)
            if place is not None and is_inside(folder) and not file.is_dir():
                store_file(place, file, folder, name or file.name)
                return
        with calls(self.uri, "run", run_id), tempfile.TemporaryDirectory() as scratch:
            if file.is_dir():
                self.client.log_artifacts(run_id, str(file), "/".join(filter(None, [folder, name or file.name])))
                return
            if name is not None and name != file.name:
                file = Path(shutil.copyfile(file, Path(scratch) / name))
            self.client.log_artifact(run_id, str(file), folder or None)

    def write(self, run_id: RunId, data: bytes, path: str) -> None:
        """Store bytes as the artifact ``path``."""
        with calls(self.uri, "run", run_id):
            place = self._place(run_id)
            if place is not None and is_inside(path):
                write_file(place, data, path)
                return
        folder, _, name = path.rpartition("/")
        with calls(self.uri, "run", run_id), tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / name).write_bytes(data)
            self.store(run_id, Path(scratch) / name, folder)

    def fetch(self, run_id: RunId, path: str, into: Path) -> Path:
        """Download an artifact (file or folder) into the folder ``into``; return where it is."""
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise BadInput(f"{path!r} is not the path of an artifact.", hint="See `mlops runs show RUN`.")
        into.mkdir(parents=True, exist_ok=True)
        with calls(self.uri, "run", run_id):
            return self._fetch(run_id, path, into)

    def read(self, run_id: RunId, path: str, offset: int = 0, n_bytes: int | None = None) -> bytes:
        """Return a file among a run's artifacts from byte ``offset`` on; empty where there is no such file (yet).

        Where the artifacts are local only the bytes asked for are read; a remote store sends the whole file.
        """
        with calls(self.uri, "run", run_id):
            place = self._place(run_id)
        try:
            if place is None:
                with tempfile.TemporaryDirectory() as scratch:
                    return self.fetch(run_id, path, Path(scratch)).read_bytes()[offset:][:n_bytes]
            check_inside(str(place / path), [str(place)])
            with (place / path).open("rb") as file:
                file.seek(offset)
                return file.read(-1 if n_bytes is None else n_bytes)
        except (UnknownThing, FileNotFoundError, NotADirectoryError):
            return b""

    def _place(self, run_id: RunId) -> Path | None:
        """Return the folder with a run's artifacts; ``None`` where it is not one of this store on this machine."""
        if run_id not in self._places:
            uri = self._uri(run_id)
            place = local_path(uri) if uri else None
            try:
                check_inside(uri, self._roots())
            except Forbidden:
                place = None  # MLflow may look after it
            self._places[run_id] = place
        return self._places[run_id]

    def _fetch(self, run_id: RunId, path: str, into: Path) -> Path:
        place = self._place(run_id)
        if place is not None:
            check_inside(str(place / path), [str(place)])
            try:
                return copy_into(place / path, into)
            except OSError as error:
                raise UnknownThing("artifact", path, plural="runs") from error
        check_inside(self._uri(run_id), self._roots())
        from mlflow.exceptions import MlflowException

        try:
            return Path(self.client.download_artifacts(run_id, path, str(into)))
        except (MlflowException, OSError) as error:
            raise UnknownThing("artifact", path, plural="runs") from error

    def logged_models(self, run_id: RunId) -> list[tuple[str, str]]:
        """Return ``(name, artifact URI)`` of the models that the run logged to the end, newest first."""
        with calls(self.uri, "run", run_id):
            run = self.client.get_run(run_id)
            ids = [one.model_id for one in run.outputs.model_outputs] if run.outputs else []
            models = [self.client.get_logged_model(one) for one in ids]
        whole = [one for one in models if str(one.status) == "READY"]
        newest = sorted(whole, key=lambda one: one.creation_timestamp, reverse=True)
        return [(one.name, one.artifact_location) for one in newest]


def _log_batches(client: Any, run_id: str, points: list[Any], params: list[Any], tags: list[Any]) -> None:
    while points or params or tags:
        client.log_batch(run_id, points[: _BATCH - 2 * _PARAMS], params[:_PARAMS], tags[:_PARAMS])
        points, params, tags = points[_BATCH - 2 * _PARAMS :], params[_PARAMS:], tags[_PARAMS:]


def _dataset(found: Any) -> RunDataset:
    context = next((tag.value for tag in found.tags if tag.key == "mlflow.data.context"), "")
    one = found.dataset
    return RunDataset(
        name=one.name,
        digest=one.digest,
        context=context,
        source_type=one.source_type or "",
        source=one.source or "",
        profile=one.profile or "",
    )
