"""Runs as MLflow stores them, turned into ours."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import MetricValue, wire
from jupyter_mlops.core.run import Run, RunStatus

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

LARGEST: Final = sys.float_info.max
"""What MLflow's SQL stores keep for an infinity."""


def run_record(
    *,
    run_id: str,
    name: str | None,
    experiment: str,
    status: str,
    start_ms: int | None,
    end_ms: int | None,
    artifact_uri: str | None,
    params: Mapping[str, str],
    metrics: Mapping[str, float],
    tags: Mapping[str, str],
    deleted: bool = False,
) -> Run:
    """Return a run from what a store has of it; metrics are given as stored, NaN as NaN."""
    started_at = (start_ms or 0) / 1000
    ended_at = end_ms / 1000 if end_ms else None
    return Run(
        id=RunId(run_id),
        name=name or run_id[:8],
        experiment=experiment,
        status=cast("RunStatus", status),
        started_at=started_at,
        ended_at=ended_at,
        duration_s=None if ended_at is None else max(ended_at - started_at, 0.0),
        project=tags.get("mlops.project", ""),
        actor=tags.get("mlflow.user", ""),
        params=dict(params),
        metrics={key: metric_value(value) for key, value in metrics.items()},
        tags=dict(tags),
        parent=RunId(tags["mlflow.parentRunId"]) if "mlflow.parentRunId" in tags else None,
        reason=tags.get("mlops.reason", ""),
        artifact_uri=artifact_uri or "",
        deleted=deleted,
    )


def run_of(found: MlflowRun, experiment: str, params: Mapping[str, str] | None = None) -> Run:
    """Return a run as MLflow's client gives it; ``params`` are those that it does not know of yet."""
    info, data = found.info, found.data
    return run_record(
        run_id=info.run_id,
        name=info.run_name,
        experiment=experiment,
        status=info.status,
        start_ms=info.start_time,
        end_ms=info.end_time,
        artifact_uri=info.artifact_uri,
        params=data.params if params is None else params,
        metrics=data.metrics,
        tags=data.tags,
        deleted=info.lifecycle_stage == "deleted",
    )


def metric_value(stored: float) -> MetricValue:
    """Return a metric as it travels."""
    return wire(math.copysign(math.inf, stored) if abs(stored) == LARGEST else stored)


def stored_value(value: float) -> float:
    """Return a number as MLflow's SQL stores keep it; for a NaN they have a column of its own."""
    return max(-LARGEST, min(LARGEST, value))
