"""A run: one execution, as every face shows it."""

from __future__ import annotations

from typing import Literal

from jupyter_mlops.core.ids import ExperimentId, RunId
from jupyter_mlops.core.record import MetricValue, Record

RunStatus = Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]


class Experiment(Record, frozen=True, kw_only=True):
    """A named group of runs."""

    id: ExperimentId
    name: str
    n_runs: int | None = None
    """``None`` where the tracking server does not count them."""
    created_at: float = 0.0
    """Seconds since the epoch."""


class Run(Record, frozen=True, kw_only=True):
    """One execution: parameters, metrics, status, and where the rest of it is."""

    id: RunId
    name: str
    experiment: str
    status: RunStatus
    started_at: float
    """Seconds since the epoch."""
    ended_at: float | None = None
    duration_s: float | None = None
    project: str = ""
    """Git root or folder that the run belongs to, by name."""
    actor: str = ""
    params: dict[str, str] = {}
    metrics: dict[str, MetricValue] = {}
    """The last value of each metric."""
    tags: dict[str, str] = {}
    parent: RunId | None = None
    reason: str = ""
    """Why the run failed or was killed, in one line."""
    artifact_uri: str = ""


class MetricPoint(Record, frozen=True, kw_only=True):
    """One logged value."""

    key: str
    value: MetricValue
    step: int
    at_ms: int
    """Milliseconds since the epoch."""


class Artifact(Record, frozen=True, kw_only=True):
    """A file that a run stored."""

    path: str
    n_bytes: int
    is_folder: bool = False
