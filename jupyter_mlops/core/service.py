"""A service: a stable URL and keys over deployments; what should be and what is."""

from __future__ import annotations

from typing import ClassVar, Literal

from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.core.record import Entry, Record

HostName = Literal["process", "docker", "kubernetes"]
ServiceState = Literal["pending", "ready", "degraded", "failed", "deleting"]


class Limits(Record, frozen=True, kw_only=True):
    """What one replica accepts."""

    max_concurrent: int = 256
    """Requests being scored at once."""
    max_queue: int = 10
    """Requests waiting beyond those; then 429."""
    max_body_bytes: int = 10_000_000
    timeout_s: float = 60.0


class Deployment(Record, frozen=True, kw_only=True):
    """A manifest running as replicas, with its share of the service's traffic."""

    name: str
    """``m3``-like: made from the manifest's version when not given."""
    manifest: str
    """``NAME:VERSION``."""
    replicas: int = 1
    weight: int = 100
    """Percent of the service's traffic."""
    image: str = ""
    """Image id, on hosts that run images."""


class Replica(Record, frozen=True, kw_only=True):
    """One running copy of a deployment, as its host knows it."""

    id: ReplicaId
    service: str
    deployment: str
    manifest: str
    host: str
    address: str
    """``unix:PATH`` or ``ADDRESS:PORT``."""
    started_at: float
    pid: int = 0
    pid_started: int = 0
    """Start of the process in clock ticks after boot: with the pid and the boot id it names a process for good."""
    boot_id: str = ""
    container: str = ""
    nonce: str = ""
    """A random word that the replica answers, so that nothing else can pass for it."""


class Service(Entry, frozen=True, kw_only=True):
    """Desired state, and beside it what the agent last saw."""

    kind: ClassVar[str] = "service"
    versioned: ClassVar[bool] = False

    host: HostName
    deployments: list[Deployment]
    bind: str = "127.0.0.1"
    port: int = 0
    """The gateway's; 0 until it has one, then kept for life."""
    limits: Limits = Limits()
    node: str = ""
    """The machine whose agent keeps it."""
    state: ServiceState = "pending"
    message: str = ""
    """Why it is not ready, in one sentence."""
    n_ready: int = 0
    key_digests: list[str] = []
    """SHA-256 of the primary and the secondary key."""

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash; empty until it has a port."""
        return f"http://{self.bind}:{self.port}" if self.port else ""
