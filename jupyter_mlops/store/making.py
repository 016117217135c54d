"""Beginning and ending a run in MLflow's own SQLite tables: one transaction, where MLflow's client takes one for each step.

The rows are those that MLflow would have written; what is not as usual is left to it.
"""

from __future__ import annotations

import functools
import sys
import time
import uuid
from collections.abc import Mapping
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.metric import is_metric_name
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.store.entities import run_record
from jupyter_mlops.store.importing import import_mlflow
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
    if not _is_usual({**tags, **params}) or _NAME in tags or name == "":
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


def log_facts(path: Path, run_id: RunId, params: Mapping[str, str], tags: Mapping[str, str]) -> bool:
    """Set tags and log parameters, all or none. ``False``, and nothing, where MLflow has to be asked. Raises ``Unavailable``.

    So it is where a parameter has another value already: MLflow says what is wrong.
    """
    if not _is_usual({**tags, **params}) or _NAME in tags:
        return False
    with writing(path) as connection:
        if connection is None or not is_active(connection, run_id):
            return False
        known = dict(
            connection.execute("SELECT key, value FROM params WHERE run_uuid = ?", (run_id,)) if params else ()
        )
        if any(known.get(key, value) != value for key, value in params.items()):
            return False
        connection.executemany(_TAG, [(key, value, run_id) for key, value in tags.items()])
        new = [(key, value, run_id) for key, value in params.items() if key not in known]
        connection.executemany(_PARAM, new)
    return True


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


def _is_usual(given: Mapping[str, str]) -> bool:
    """Tell whether keys and values are such that MLflow takes them as they are."""
    return all(map(is_metric_name, given)) and all(type(one) is str and len(one) <= _LIMIT for one in given.values())


def _random_name() -> str:
    return str(_names()._generate_random_name())  # noqa: SLF001  # there is no public way


@functools.cache
def _names() -> Any:
    """MLflow's module that makes names, without MLflow itself: that takes two seconds to import."""
    # Not by `importlib.util.find_spec`: whoever waits for the import of MLflow would take it for one.
    package = None if "mlflow" in sys.modules else PathFinder.find_spec("mlflow")
    if package is not None and package.origin is not None:
        file = Path(package.origin).with_name("utils") / "name_utils.py"
        spec = spec_from_file_location("jupyter_mlops._mlflow_names", file) if file.is_file() else None
        if spec is not None and spec.loader is not None:
            module = module_from_spec(spec)
            spec.loader.exec_module(module)
            return module
    import_mlflow()
    from mlflow.utils import name_utils

    return name_utils
