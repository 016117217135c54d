"""Beginning and ending a run in MLflow's own SQLite tables: one transaction, where MLflow's client takes one for each step.

The rows are those that MLflow would have written; what is not as usual is left to it.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.metric import is_metric_name
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.store.entities import run_record
from jupyter_mlops.store.writing import is_active, writing

_RUN: Final = """
INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id, status, start_time, source_version,
                  lifecycle_stage, artifact_uri, experiment_id)
VALUES (?, ?, 'UNKNOWN', '', '', ?, 'RUNNING', ?, '', 'active', ?, ?)
"""
_TAG: Final = "INSERT OR REPLACE INTO tags (key, value, run_uuid) VALUES (?, ?, ?)"
_PARAM: Final = "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)"
_LIMIT: Final = 5000  # MLflow cuts what is longer
_NAME: Final = "mlflow.runName"


def make_run(
    path: Path, experiment: str, name: str | None, tags: Mapping[str, str], params: Mapping[str, str]
) -> Run | None:
    """Create a RUNNING run in an experiment; ``None``, and nothing, where MLflow has to be asked. Raises ``Unavailable``."""
    given = {**tags, **params}
    usual = all(map(is_metric_name, given)) and all(type(one) is str and len(one) <= _LIMIT for one in given.values())
    if not usual or _NAME in tags or name == "":
        return None
    run_id, now_ms = RunId(uuid.uuid4().hex), time.time_ns() // 1_000_000
    with writing(path) as connection:
        found = (
            connection
            and connection.execute(
                "SELECT experiment_id, artifact_location FROM experiments WHERE name = ? AND lifecycle_stage = 'active'",
                (experiment,),
            ).fetchone()
        )
        if not connection or not found or not found[1] or set(found[1]) & set("?#"):
            return None
        name = name or _random_name()
        tags = {**tags, _NAME: name}
        artifact_uri = f"{found[1].rstrip('/')}/{run_id}/artifacts"
        user = tags.get("mlflow.user", "unknown")
        connection.execute(_RUN, (run_id, name, user, now_ms, artifact_uri, found[0]))
        connection.executemany(_TAG, [(key, value, run_id) for key, value in tags.items()])
        connection.executemany(_PARAM, [(key, value, run_id) for key, value in params.items()])
    return run_record(
        run_id=run_id,
        name=name,
        experiment=experiment,
        status="RUNNING",
        start_ms=now_ms,
        end_ms=None,
        artifact_uri=artifact_uri,
        params=params,
        metrics={},
        tags=tags,
    )


def finish_run(path: Path, run_id: RunId, status: RunStatus, reason: str, ended_ms: int) -> bool:
    """Set status, reason and end of a run. ``False``, and nothing, where MLflow has to be asked. Raises ``Unavailable``."""
    if len(reason) > _LIMIT:
        return False
    with writing(path) as connection:
        if connection is None or not is_active(connection, run_id):
            return False
        if reason:
            connection.execute(_TAG, ("mlops.reason", reason, run_id))
        connection.execute("UPDATE runs SET status = ?, end_time = ? WHERE run_uuid = ?", (status, ended_ms, run_id))
    return True


def _random_name() -> str:
    from mlflow.utils.name_utils import _generate_random_name

    return str(_generate_random_name())
