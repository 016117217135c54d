"""Where services run, and what they are built from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from jupyter_mlops.core.figures import Answered
from jupyter_mlops.core.image import Image, Pushed
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.process import ProcessId
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.service import Copies, Limits, Replica


class ReplicaSpec(Record, frozen=True, kw_only=True):
    """What a host needs to start one replica."""

    service: str
    deployment: str
    manifest: Manifest
    bundle: str
    """Folder with ``manifest.json`` and the manifest's files; hosts that run images do not look at it."""
    image: str
    """Image id; empty on the process host."""
    folder: str
    """The service's own folder: ``logs/``, and ``keys/`` with the keys' digests and each deployment's configuration.

    Replicas reread what is in ``keys/`` when it changes.
    """
    limits: Limits
    """Those to start with, where the deployment has no configuration yet."""
    resources: Resources = Resources()
    """The most that it may use of its machine."""
    called: str = ""
    """The deployment's own name, which stays through its updates: for telemetry and logs."""
    telemetry: str = ""
    """Folder below which each replica keeps requests and answers, in a folder named for its id; empty for nowhere."""


class Host(Protocol):
    """Where replicas run. Replicas outlive the process that started them."""

    name: str
    runs_images: bool

    def check(self) -> str:
        """Return what answers. Raises ``Unavailable`` with the way to get it."""

    def start(self, spec: ReplicaSpec, say: Callable[[str], None]) -> Replica:
        """Start a replica and return at once or after preparing its environment (``say`` tells the step)."""

    def alive(self, replica: Replica) -> bool:
        """Tell whether that very replica (nonce, start ticks, container) still runs."""

    def seen_alive(self, replica: Replica) -> bool:
        """Tell nearly the same at nearly no cost: as of the last ``replicas()``, or without asking whether it answers."""

    def stop(self, replica: Replica, *, grace_s: float = 30.0) -> None:
        """End it: SIGTERM, drain, SIGKILL after ``grace_s``. Idempotent."""

    def replicas(self) -> list[Replica]:
        """Return all of this workspace's replicas on this host, whoever started them."""

    def logs(self, replica: Replica, tail: int = 100) -> list[str]: ...


class Backend(Record, frozen=True, kw_only=True):
    """One deployment behind a gateway."""

    deployment: str
    weight: int
    addresses: list[str]
    """Replica addresses, ready ones only."""
    mirror: int = 0
    """Percent of all requests that are copied to it."""
    asleep: bool = False
    """It has no replicas because there is nothing to do: its requests are held, and not given to others."""


class Route(Record, frozen=True, kw_only=True):
    """What a service's gateway should do."""

    service: str
    bind: str
    port: int
    """0: choose a free one."""
    backends: list[Backend]
    certificate: str = ""
    """The file with certificate and key, in the service's folder ``tls``; empty for plain HTTP."""
    holds: bool = False
    """Let requests wait where no replica is ready, instead of refusing them."""
    max_body_bytes: int = Limits().max_body_bytes
    """The longest body that replicas take: no longer one is copied."""


class Load(Record, frozen=True, kw_only=True):
    """What a deployment has to do, as its gateway sees it."""

    in_flight: int = 0
    """Requests that it has yet to answer, those that wait for a replica included."""
    total: int = 0
    """Requests that its replicas ever got; less when one of them goes, or the gateway is reloaded."""


class Gateway(Protocol):
    """What stands in front of a service's replicas."""

    def apply(self, route: Route) -> int:
        """Make it so, without losing a request; start it if it does not run. Returns the port. Raises ``PortTaken``."""

    def reweigh(self, service: str, weights: Mapping[str, int], mirrors: Mapping[str, int]) -> None:
        """Give deployments that it knows other weights and percents to copy. Does nothing where none runs."""

    def busy(self, service: str, addresses: Collection[str]) -> int:
        """Return how many requests the replicas at these addresses have yet to answer; 0 where no gateway runs."""

    def load(self, service: str) -> dict[str, Load]:
        """Return what each deployment has to do; nothing where no gateway answers."""

    def answered(self, service: str) -> Answered | None:
        """Return what came in at a service's address since its gateway was last loaded; ``None`` where none answers."""

    def copies(self, service: str) -> dict[str, Copies]:
        """Return what became of the requests that were copied, by deployment, since the service's first copy."""

    def processes(self, service: str) -> list[ProcessId]:
        """Return what runs for a service, so that its end can be seen without asking it anything."""

    def alive(self, service: str) -> bool: ...
    def remove(self, service: str) -> None:
        """Stop it. Idempotent."""

    def services(self) -> list[str]:
        """Return the services of this workspace for which a gateway runs or has files."""


class Container(Protocol):
    """An image on trial."""

    address: str
    """``127.0.0.1:PORT``."""

    def ended(self) -> str:
        """Return why it ended; empty while it runs."""

    def said(self) -> str:
        """Return what it wrote last, in one line."""


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image that was built."""

    image_id: str
    tag: str
    n_bytes: int
    lock: str
    """What was installed: pins with digests, as pip reads them."""
    platform: str
    """``linux/amd64``."""
    variant: str = ""
    """``arm64`` where that is not what the engine here runs."""


class Builder(Protocol):
    """Builds images."""

    def check(self) -> str: ...
    def build(
        self, manifest: Manifest, bundle: Path, say: Callable[[str, float], None], *, platform: str = ""
    ) -> Built:
        """Build an image, ``say(line, fraction)``, for ``linux/amd64`` or ``linux/arm64``, or for this machine."""

    def write(
        self,
        manifest: Manifest,
        bundle: Path,
        file: Path,
        say: Callable[[str, float], None],
        *,
        platform: str = "",
        base: Path | None = None,
    ) -> Built:
        """Build an image into a new file, which takes no engine; ``base`` is the base image in a file."""

    def is_current(self, image_id: str) -> bool:
        """Tell whether the image is there, with the scoring server that a build now would put into it."""

    def running(self, image: Image, digests: Sequence[str]) -> AbstractContextManager[Container]:
        """Give a container that opens to keys of these SHA-256 digests; it is removed at the end, whatever happens."""

    def export(self, source: Image, file: Path, say: Callable[[str, float], None]) -> int:
        """Write an image into a new file that OCI's tools and `docker load` read; return its bytes."""

    def export_for_edge(self, source: Image, file: Path, name: str, digests: Sequence[str]) -> list[Path]:
        """Write beside ``file`` what runs it elsewhere as ``name``, with keys of these digests; return the files."""

    def push(self, source: Image | Path, target: str, say: Callable[[str, float], None]) -> Pushed:
        """Push an image, or one saved in a file, to ``REGISTRY/NAME:TAG``."""

    def remove(self, image_id: str) -> None:
        """Remove an image; one that is not there is no error. Raises ``Conflict`` while something runs from it."""


@runtime_checkable
class Distant(Protocol):
    """What a host on another machine has beside: nothing that is here can be mounted or is built there by itself."""

    builder: Builder

    def publish(self, service: str, folder: str) -> None:
        """Bring what is in the service's ``keys/`` to its replicas. Cheap when they have it. Raises ``Unavailable``."""

    def gather(self, service: str, incoming: str) -> None:
        """Bring what its replicas kept of their requests into folders below ``incoming``, named for their ids."""

    def close(self) -> None:
        """Let go of the machine, when the host is forgotten."""
