"""A service: a stable URL and keys over deployments; what should be and what is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from jupyter_mlops.core.certificate import Certificate
from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.core.record import Entry, Record
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.scale import Scale
from jupyter_mlops.core.telemetry import Telemetry

HostName = str
"""``process``, ``docker``, or one that `mlops hosts add` has named."""
LogLevel = Literal["info", "warning", "error"]
ServiceState = Literal["pending", "ready", "degraded", "failed", "deleting"]


OtlpEndpoint = Annotated[str, Meta(pattern=r"^(https?://[^\s]+)?$", max_length=2000)]
"""Where log lines are sent beside the file, as OTLP over HTTP in JSON; empty for nowhere."""


class Limits(Record, frozen=True, kw_only=True):
    """What one replica accepts."""

    max_concurrent: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Requests being scored at once."""
    max_queue: Annotated[int, Meta(ge=0, le=100_000)] = 10
    """Requests waiting beyond those; then 429."""
    max_batch: Annotated[int, Meta(ge=1, le=100_000)] = 256
    """Requests scored together; 1 where the output depends on what else is in the batch."""
    max_body_bytes: Annotated[int, Meta(ge=1, le=10_000_000_000)] = 10_000_000
    timeout_s: Annotated[float, Meta(gt=0, le=3600)] = 60.0
    """The gateway gives up an answer after an hour."""


class Configuration(Record, frozen=True, kw_only=True):
    """What can be changed while replicas run."""

    limits: Limits = Limits()
    log_level: LogLevel = "info"
    """Lines below it are not logged. A request's line is an error with a status of 500 and more, a warning from 400."""
    telemetry: Telemetry = Telemetry()
    otlp_endpoint: OtlpEndpoint = ""


def configuration_file(group: str) -> str:
    """Return the name of the file, beside the keys' digests, from which a group of replicas reads theirs."""
    return f"configuration-{group}.json"


class Deployment(Record, frozen=True, kw_only=True):
    """A manifest running as replicas, with its share of the service's traffic."""

    name: str
    """Stays through its updates: what ``services traffic`` and the header ``x-mlops-deployment`` call it."""
    manifest: str
    """``NAME:VERSION``."""
    replicas: int = 1
    """How many should run now; where it scales, the agent changes it."""
    scale: Scale | None = None
    """``None``: the number of replicas is fixed."""
    resources: Resources = Resources()
    """The most that each replica may use."""
    weight: int = 100
    """Percent of the service's traffic."""
    image: str = ""
    """Image id, on hosts that run images."""
    revision: int = 0
    """Counts the service's roll-outs: replicas of two revisions run side by side while the traffic moves."""
    mirror: int = 0
    """Percent of the service's requests of which it gets a copy; its answers to copies reach nobody."""

    @property
    def group(self) -> str:
        """What hosts know its replicas by: ``Replica.deployment``. Another one after every update."""
        return f"{self.name}.{self.revision}" if self.revision else self.name


def name_of_group(group: str, deployments: Iterable[Deployment]) -> str:
    """Return the name of the deployment that a group of replicas is of, or was of before an update."""
    known = next((one.name for one in deployments if one.group == group), "")
    name, _, revision = group.rpartition(".")
    return known or (name if name and revision.isdigit() else group)


class Replica(Record, frozen=True, kw_only=True):
    """One running copy of a deployment, as its host knows it."""

    id: ReplicaId
    service: str
    deployment: str
    """The deployment's ``group``."""
    manifest: str
    host: str
    address: str
    """``unix:PATH`` or ``ADDRESS:PORT``."""
    life: str = ""
    """Where a host starts replicas again by itself, another word each time; the address may stay."""
    started_at: float
    pid: int = 0
    pid_started: int = 0
    """Start of the process in clock ticks after boot: with the pid and the boot id it names a process for good."""
    boot_id: str = ""
    container: str = ""
    nonce: str = ""
    """A random word that the replica answers, so that nothing else can pass for it."""


class Copies(Record, frozen=True, kw_only=True):
    """What became of the requests that were copied to a deployment."""

    answered: int = 0
    """With status 200."""
    failed: int = 0
    """With another status, or not at all."""
    dropped: int = 0
    """Not sent: longer than `max_body_bytes`, or more at once than it could take."""

    def __add__(self, other: Copies) -> Copies:
        """Return both together."""
        return Copies(
            answered=self.answered + other.answered,
            failed=self.failed + other.failed,
            dropped=self.dropped + other.dropped,
        )


class Change(Record, frozen=True, kw_only=True):
    """A change of what a service serves, and what served until then."""

    at: float
    """Seconds since the epoch."""
    by: str
    what: str
    """In words: ``update blue to churn:4``."""
    host: HostName
    deployments: list[Deployment]
    """Those before the change: what a rollback goes back to."""


class Service(Entry, frozen=True, kw_only=True):
    """Desired state, and beside it what the agent last saw."""

    kind: ClassVar[str] = "service"
    versioned: ClassVar[bool] = False

    host: HostName
    deployments: list[Deployment]
    bind: str = "127.0.0.1"
    port: int = 0
    """The gateway's; 0 until it has one, then kept for life."""
    certificate: Certificate | None = None
    """What its gateway shows; ``None`` where it speaks plain HTTP."""
    limits: Limits = Limits()
    log_level: LogLevel = "info"
    telemetry: Telemetry = Telemetry()
    otlp_endpoint: OtlpEndpoint = ""
    node: str = ""
    """The machine whose agent keeps it."""
    state: ServiceState = "pending"
    message: str = ""
    """Why it is not ready, in one sentence."""
    n_ready: int = 0
    key_digests: list[str] = []
    """SHA-256 of the primary and the secondary key."""
    history: list[Change] = []
    """What was changed of its deployments, newest first; the last twenty."""

    @property
    def configuration(self) -> Configuration:
        """What its replicas read."""
        return Configuration(
            limits=self.limits,
            log_level=self.log_level,
            telemetry=self.telemetry,
            otlp_endpoint=self.otlp_endpoint,
        )

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash; empty until it has a port."""
        scheme = "http" if self.certificate is None else "https"
        return f"{scheme}://{self.bind}:{self.port}" if self.port else ""
