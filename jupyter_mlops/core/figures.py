"""Live figures: what a service's gateway and replicas have counted until now.

They are counters, so that whoever looks makes rates of any span out of two looks, and nobody needs to keep a window here.
"""

from __future__ import annotations

from typing import Literal

from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.core.record import Record

ReplicaState = Literal["ready", "starting", "busy", "ended"]
"""``busy``: it runs and does not answer in time."""


class Answered(Record, frozen=True, kw_only=True):
    """What clients were answered at a service's address, since its gateway was last loaded."""

    requests: int = 0
    """All that came, those too that are yet to be answered."""
    ok: int = 0
    """With a status below 400."""
    refused: int = 0
    """With 400 to 499: the client's fault, or the service was full."""
    failed: int = 0
    """With 500 and more: the model's fault or ours, or no replica was ready."""
    in_flight: int = 0


class ServiceCounts(Record, frozen=True, kw_only=True):
    """What a service's clients were answered, to tell requests per second of many services at once."""

    service: str
    at: float
    """When it was looked, in seconds since the epoch."""
    answered: Answered


class Latencies(Record, frozen=True, kw_only=True):
    """How long answers took, from the first byte of a request on, as counts by upper bound."""

    bounds_s: list[float] = []
    counts: list[int] = []
    """Of answers between a bound and the one before it; one more than there are bounds, for those that took longer."""


class ReplicaFigures(Record, frozen=True, kw_only=True):
    """One replica, and what it has counted since it started."""

    id: ReplicaId
    deployment: str
    """The deployment's name."""
    current: bool
    """Whether it is of the deployment's present revision; else a roll-out is trying or replacing it."""
    manifest: str
    host: str
    started_at: float
    state: ReplicaState
    pid: int = 0
    container: str = ""
    in_flight: int = 0
    statuses: dict[str, int] = {}
    """Answers to requests to score, by status."""
    latencies: Latencies = Latencies()
    """Of requests to score."""
    cpu_s: float = 0.0
    """CPU time used."""
    memory_bytes: int = 0
    """Resident."""
    n_kept: int = 0
    """Requests kept as telemetry."""
    n_lost: int = 0
    """Requests that could not be kept."""


class Figures(Record, frozen=True, kw_only=True):
    """What a service does now."""

    at: float
    """When it was looked, in seconds since the epoch."""
    answered: Answered | None
    """``None`` where no gateway of it runs on this machine."""
    replicas: list[ReplicaFigures]
    restarts: dict[str, int] = {}
    """How many replicas of each deployment ended by themselves since it serves what it serves, and were started again."""
    agent: bool = True
    """Whether an agent looks after it: without one what ends is not started again, and nothing that is asked for is done."""
    trouble: str = ""
    """Why its replicas cannot be seen: its host does not answer, or it is kept on another machine."""
