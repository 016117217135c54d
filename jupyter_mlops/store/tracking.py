"""Runs, metrics, artifacts and models in MLflow's own format: ``ports.Tracking``."""

from __future__ import annotations

import math
import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.ids import ExperimentId, RunId
from jupyter_mlops.core.record import MetricValue, wire
from jupyter_mlops.core.run import Artifact, Experiment, MetricPoint, Run, RunStatus
from jupyter_mlops.store.mlflow_client import calls, check_inside, copy_into, local_file, local_path
from jupyter_mlops.store.registry import MlflowRegistry

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

RUN_ID: Final = re.compile(r"[0-9a-f]{32}")
RUN_PREFIX: Final = re.compile(r"[0-9a-f]{6,31}")
_BATCH: Final = 1000  # MLflow's own limit of metrics in one log_batch
_PARAMS: Final = 100
_NEWEST_FIRST: Final = ["attributes.start_time DESC"]


class MlflowTracking(MlflowRegistry):
    """``ports.Tracking`` on any MLflow tracking URI. Safe to use from several threads."""

    def experiments(self) -> list[Experiment]:
        """Return the experiments that are not deleted, newest first."""
        with calls(self.uri):
            found = self.client.search_experiments()
        counts = self._counts()
        return [_experiment(one, counts) for one in found]

    def experiment(self, name: str, *, create: bool = False) -> Experiment:
        """Return an experiment by name. Raises ``UnknownThing`` unless ``create``."""
        from mlflow.exceptions import MlflowException

        with calls(self.uri):
            found = self.client.get_experiment_by_name(name)
            if found is None and create:
                try:
                    self.client.create_experiment(name)
                except MlflowException as error:
                    if error.error_code != "RESOURCE_ALREADY_EXISTS":
                        raise
                found = self.client.get_experiment_by_name(name)
        if found is None:
            raise UnknownThing("experiment", name)
        if found.lifecycle_stage == "deleted":
            if not create:
                raise UnknownThing("experiment", name)
            with calls(self.uri):
                self.client.restore_experiment(found.experiment_id)
        return _experiment(found, self._counts())

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
        group = self.experiment(experiment, create=True)
        marks = dict(tags)
        if parent is not None:
            marks["mlflow.parentRunId"] = parent
        with calls(self.uri):
            made = self.client.create_run(group.id, tags=marks, run_name=name)
        run_id = RunId(made.info.run_id)
        if params:
            self.log(run_id, params=params)
        return _run(made, group.name, params)

    def end_run(self, run_id: RunId, status: RunStatus, *, reason: str = "", ended_at: float | None = None) -> None:
        """Set the status and the end (seconds since the epoch, now by default)."""
        with calls(self.uri, "run", run_id):
            if reason:
                self.client.set_tag(run_id, "mlops.reason", reason)
            self.client.set_terminated(run_id, status, None if ended_at is None else int(ended_at * 1000))

    def log(
        self,
        run_id: RunId,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Log metrics, parameters and tags, in batches that MLflow takes."""
        from mlflow.entities import Metric, Param, RunTag

        points = [Metric(m.key, float(m.value), m.at_ms, m.step) for m in metrics]
        named = [Param(key, str(value)) for key, value in (params or {}).items()]
        marks = [RunTag(key, str(value)) for key, value in (tags or {}).items()]
        with calls(self.uri, "run", run_id):
            _log_batches(self.client, run_id, points, named, marks)

    def run(self, ref: str) -> Run:
        """Return a run by id, by an unambiguous beginning of its id (6 digits or more), or by name (the newest)."""
        if RUN_ID.fullmatch(ref):
            with calls(self.uri, "run", ref):
                found = self.client.get_run(ref)
            return _run(found, self._experiment_name(found.info.experiment_id))
        names: dict[str, str] = {one.id: one.name for one in self.experiments()}
        if RUN_PREFIX.fullmatch(ref):
            matches = self._search(list(names), f"attributes.run_id LIKE '{ref}%'", 2)
            if len(matches) > 1:
                raise BadInput(f"{ref!r} begins the id of more than one run.", hint="Give more digits of the id.")
            if matches:
                return _run(matches[0], names[matches[0].info.experiment_id])
        if ref and not set(ref) & set("'\"`\\"):
            matches = self._search(list(names), f"attributes.run_name = '{ref}'", 1)
            if matches:
                return _run(matches[0], names[matches[0].info.experiment_id])
        raise UnknownThing("run", ref)

    def runs(
        self,
        *,
        experiment: str | None = None,
        status: RunStatus | None = None,
        project: str | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Return runs, newest first."""
        groups = [self.experiment(experiment)] if experiment is not None else self.experiments()
        names: dict[str, str] = {one.id: one.name for one in groups}
        terms = []
        if status is not None:
            terms.append(f"attributes.status = '{status}'")
        if project is not None:
            if set(project) & set("'\"`\\"):
                return []
            terms.append(f"tags.`mlops.project` = '{project}'")
        return [
            _run(one, names[one.info.experiment_id]) for one in self._search(list(names), " AND ".join(terms), limit)
        ]

    def history(self, run_id: RunId, key: str) -> list[MetricPoint]:
        """Return every logged value of a metric, in the order of its steps."""
        with calls(self.uri, "run", run_id):
            points = self.client.get_metric_history(run_id, key)
        ordered = sorted(points, key=lambda point: (point.step, point.timestamp))
        return [MetricPoint(key=p.key, value=_value(p.value), step=p.step, at_ms=p.timestamp) for p in ordered]

    def artifacts(self, run_id: RunId, path: str = "") -> list[Artifact]:
        """Return the files and folders right below ``path``."""
        with calls(self.uri, "run", run_id):
            found = self.client.list_artifacts(run_id, path or None)
        return [Artifact(path=one.path, n_bytes=one.file_size or 0, is_folder=one.is_dir) for one in found]

    def store(self, run_id: RunId, file: Path, folder: str = "", *, name: str | None = None) -> None:
        """Store a local file or folder among the run's artifacts, below ``folder``, as ``name``."""
        with calls(self.uri, "run", run_id), tempfile.TemporaryDirectory() as scratch:
            if file.is_dir():
                self.client.log_artifacts(run_id, str(file), "/".join(filter(None, [folder, name or file.name])))
                return
            if name is not None and name != file.name:
                file = Path(shutil.copyfile(file, Path(scratch) / name))
            self.client.log_artifact(run_id, str(file), folder or None)

    def fetch(self, run_id: RunId, path: str, into: Path) -> Path:
        """Download an artifact (file or folder) into the folder ``into``; return where it is."""
        if ".." in Path(path).parts or Path(path).is_absolute():
            raise BadInput(f"{path!r} is not the path of an artifact.", hint="See `mlops runs show RUN`.")
        into.mkdir(parents=True, exist_ok=True)
        with calls(self.uri, "run", run_id):
            return self._fetch(run_id, path, into)

    def _fetch(self, run_id: RunId, path: str, into: Path) -> Path:
        from mlflow.exceptions import MlflowException

        uri = self.client.get_run(run_id).info.artifact_uri or ""
        check_inside(uri, self._roots())
        local = local_path(uri)
        try:
            if local is not None:
                check_inside(str(local / path), [uri])
                return copy_into(local / path, into)
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

    def _search(self, experiment_ids: Sequence[str], where: str, limit: int) -> list[MlflowRun]:
        found: list[MlflowRun] = []
        token = None
        with calls(self.uri):
            while experiment_ids and len(found) < limit:
                page: Any = self.client.search_runs(
                    list(experiment_ids),
                    where,
                    max_results=min(limit - len(found), 1000),
                    order_by=_NEWEST_FIRST,
                    page_token=token,
                )
                found += page
                token = page.token
                if not token:
                    break
        return found

    def _counts(self) -> dict[str, int] | None:
        """Return how many runs each experiment has: MLflow's own client can only fetch them all."""
        path = local_file(self.uri)
        if path is None:
            return None
        count = "SELECT experiment_id, COUNT(*) FROM runs WHERE lifecycle_stage = 'active' GROUP BY experiment_id"
        try:
            with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
                return {str(row[0]): int(row[1]) for row in connection.execute(count)}
        except sqlite3.Error:
            return None  # a schema that we do not know

    def _experiment_name(self, experiment_id: str) -> str:
        with calls(self.uri):
            return str(self.client.get_experiment(experiment_id).name)


def _log_batches(client: Any, run_id: str, points: list[Any], params: list[Any], tags: list[Any]) -> None:
    while points or params or tags:
        client.log_batch(run_id, points[: _BATCH - 2 * _PARAMS], params[:_PARAMS], tags[:_PARAMS])
        points, params, tags = points[_BATCH - 2 * _PARAMS :], params[_PARAMS:], tags[_PARAMS:]


def _value(stored: float) -> MetricValue:
    """Return a metric as it travels. MLflow's SQL stores keep an infinity as the largest double."""
    return wire(math.copysign(math.inf, stored) if abs(stored) == sys.float_info.max else stored)


def _experiment(found: Any, counts: Mapping[str, int] | None) -> Experiment:
    return Experiment(
        id=ExperimentId(found.experiment_id),
        name=found.name,
        n_runs=None if counts is None else counts.get(found.experiment_id, 0),
        created_at=(found.creation_time or 0) / 1000,
    )


def _run(found: MlflowRun, experiment: str, params: Mapping[str, str] | None = None) -> Run:
    info, data = found.info, found.data
    started_at = (info.start_time or 0) / 1000
    ended_at = info.end_time / 1000 if info.end_time else None
    return Run(
        id=RunId(info.run_id),
        name=info.run_name or info.run_id[:8],
        experiment=experiment,
        status=info.status,
        started_at=started_at,
        ended_at=ended_at,
        duration_s=None if ended_at is None else max(ended_at - started_at, 0.0),
        project=data.tags.get("mlops.project", ""),
        actor=data.tags.get("mlflow.user", ""),
        params=dict(params if params is not None else data.params),
        metrics={key: _value(value) for key, value in data.metrics.items()},
        tags=dict(data.tags),
        parent=RunId(data.tags["mlflow.parentRunId"]) if "mlflow.parentRunId" in data.tags else None,
        reason=data.tags.get("mlops.reason", ""),
        artifact_uri=info.artifact_uri or "",
    )
