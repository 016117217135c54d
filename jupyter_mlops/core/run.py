"""A run: one execution, as every face shows it."""

from __future__ import annotations

from typing import Final, Literal

from jupyter_mlops.core.ids import ExperimentId, RunId
from jupyter_mlops.core.record import MetricValue, Record

SYSTEM: Final = "system/"
"""MLflow's prefix of metrics that tell of the machine."""

RunStatus = Literal["SCHEDULED", "RUNNING", "FINISHED", "FAILED", "KILLED"]


class Experiment(Record, frozen=True, kw_only=True):
    """A named group of runs."""

    id: ExperimentId
    name: str
    n_runs: int | None = None
    """``None`` where the tracking server does not count them; those that match, where the list was filtered."""
    n_running: int | None = None
    """The same, of those that are running."""
    n_roots: int | None = None
    """How many are no child of another one; ``None`` where nobody asked, or the tracking server does not count them."""
    created_at: float = 0.0
    """Seconds since the epoch."""
    archived: bool = False
    """Put away with its runs: no list shows them, and it can be restored."""
    in_use: bool = False
    """Where runs go that name no experiment."""


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
    deleted: bool = False
    """In the trash: no list shows it, and it can be restored."""

    @property
    def results(self) -> dict[str, MetricValue]:
        """The metrics that the run's own code logged: those of the machine left out."""
        return {key: value for key, value in self.metrics.items() if not key.startswith(SYSTEM)}


class RunDataset(Record, frozen=True, kw_only=True):
    """Data that a run says it has used."""

    name: str
    digest: str
    context: str = ""
    """What for: ``training``, ``validation``, ..."""
    source_type: str = ""
    source: str = ""
    """Where it comes from, as MLflow describes it (JSON)."""
    profile: str = ""
    """Rows, columns and the like (JSON)."""


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
