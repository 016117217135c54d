"""Another machine's Docker engine as a host: replicas are reached through a tunnel or on its address, keys go to a volume."""

from __future__ import annotations

import contextlib
import hashlib
import io
import ipaddress
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.host import HostUrl, NamedHost
from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.core.service import Replica
from jupyter_mlops.core.telemetry import incoming_folder
from jupyter_mlops.hosts.docker import HOST, NODE, PATIENCE_S, TELEMETRY, DockerHost
from jupyter_mlops.hosts.engine import WORKSPACE, Engine, EngineRefused, Way
from jupyter_mlops.hosts.gathering import gather, make_room
from jupyter_mlops.hosts.image import KEYS, USER
from jupyter_mlops.hosts.tunnel import Tunnel
from jupyter_mlops.hosts.ways import Ssh, Tls
from jupyter_mlops.ports import Builder, ReplicaSpec

if TYPE_CHECKING:
    import docker

OLDEST_API: Final = (1, 40)
"""Docker 19.03."""
EVERYWHERE: Final = "0.0.0.0"  # noqa: S104  # on the other machine; its replicas check keys themselves
LOOPBACK: Final = "127.0.0.1"
CARRIED_S: Final = 600.0
"""What carried keys for so long was left by a process that was killed."""


class EngineUnfit(Failed):
    """An engine answers that cannot run replicas."""

    code = "engine-unfit"


class RemoteDockerHost(DockerHost):
    """Replicas in containers of another machine."""

    def __init__(
        self,
        entry: NamedHost,
        runtime: Path,
        labels: Mapping[str, str],
        *,
        root: Path | None,
        engine: Engine,
        builder: Builder,
        tunnel: Tunnel | None,
    ) -> None:
        super().__init__(root, runtime, "", "", engine)
        self.name = entry.name
        self.builder = builder
        """Builds into that engine: images need not be carried there."""
        self._labels = {**labels, HOST: entry.name}
        self._url = HostUrl.parse(entry.url)
        self._runtime = runtime
        self._tunnel = tunnel
        if tunnel is None and not _is_loopback(self._url.machine):
            self._published = EVERYWHERE

    def check(self) -> str:
        """Return ``Docker 26.1 on gpu-box``. Raises ``Unavailable`` with what is wrong, or ``EngineUnfit``."""
        with self._engine.asked_to("tell its version") as client:
            found = client.version()
        where = f"the Docker engine on {self._url.machine}"
        if found.get("Os", "linux") != "linux":
            raise EngineUnfit(f"{where} runs containers of {found['Os']}, and images are for Linux.".capitalize())
        if tuple(int(part) for part in found["ApiVersion"].split(".")) < OLDEST_API:
            raise EngineUnfit(
                f"{where[0].upper()}{where[1:]} is of version {found['Version']}, and 19.03 is the oldest that will do.",
                hint="Update Docker there.",
            )
        version = ".".join(found["Version"].split(".")[:2])
        return f"Docker {version} on {self._url.machine}, {found.get('Arch', 'unknown')}"

    def stop(self, replica: Replica, *, grace_s: float = 30.0) -> None:
        """End it and remove the container; the keys with the last one of its service. Idempotent."""
        super().stop(replica, grace_s=grace_s)
        if self._tunnel is not None:
            self._tunnel.forget(str(self._socket(replica.id)))
        import docker

        for volume in (self._kept(replica.id), self._volume(replica.service)):
            with (
                contextlib.suppress(docker.errors.NotFound, EngineRefused),  # the next of its replicas still uses it
                self._engine.asked_to("remove the volume") as client,
            ):
                client.api.remove_volume(volume)

    def publish(self, service: str, folder: str) -> None:
        """Bring what is in ``folder/keys`` to the service's replicas, if it has any. Cheap when they have it already.

        Raises ``Unavailable`` or ``EngineRefused``; then they have what they had.
        """
        filters = {"label": [*(f"{key}={value}" for key, value in self._labels.items()), f"mlops.service={service}"]}
        content = _content(Path(folder, "keys"))
        known = Path(folder, f"published-{self.name}")
        if known.is_file() and known.read_text() == _digest(content):
            return
        with self._engine.asked_to("list containers") as client:
            found = client.api.containers(all=True, filters=filters)
        if not found:
            return
        import docker

        try:
            self._carry(service, found[0]["ImageID"], content)
        except docker.errors.NotFound as error:  # somebody removed the image below its container
            raise EngineRefused("take the keys", error) from error
        known.write_text(_digest(content))

    def close(self) -> None:
        """End the tunnel, for a host that is being forgotten."""
        if self._tunnel is not None:
            self._tunnel.close()

    def _sockets(self, spec: ReplicaSpec, replica: ReplicaId) -> list[docker.types.Mount]:  # noqa: ARG002  # it is far away
        return []

    def _keys(self, spec: ReplicaSpec) -> docker.types.Mount:
        import docker

        content = _content(Path(spec.folder, "keys"))
        self._carry(spec.service, spec.image, content)
        Path(spec.folder, f"published-{self.name}").write_text(_digest(content))
        return docker.types.Mount(KEYS, self._volume(spec.service), type="volume", read_only=True)

    def gather(self, service: str, incoming: str) -> None:
        """Bring what the service's replicas kept of their requests into folders below ``incoming``, named for their ids."""
        for replica in self.replicas():
            if replica.service == service and self.alive(replica):
                with self._engine.asked_to("give what was kept of requests") as client, _never_kept():
                    gather(client, replica.container, Path(incoming, replica.id), ended=False)

    def _rescue(self, client: docker.DockerClient, replica: Replica) -> None:
        super()._rescue(client, replica)
        if self._root is not None:
            incoming = incoming_folder(self._root, replica.service)
            with _never_kept():
                gather(client, replica.container, incoming / replica.id, ended=True)

    def _telemetry(self, spec: ReplicaSpec, replica: ReplicaId) -> list[docker.types.Mount]:
        """Return a volume of its own, from which the agent gathers what is kept there."""
        import docker

        if not spec.telemetry:
            return []
        mount = docker.types.Mount(TELEMETRY, self._kept(replica), type="volume")
        with self._carrier(spec.service, spec.image, mount, "keep requests") as (client, carrier):
            make_room(client, carrier)
        return [mount]

    def _carry(self, service: str, image: str, content: Mapping[str, bytes]) -> None:
        """Write files into the service's volume."""
        import docker

        mount = docker.types.Mount(KEYS, self._volume(service), type="volume")
        with self._carrier(service, image, mount, "take the keys") as (client, carrier):
            client.api.put_archive(carrier, KEYS, _archive(content))

    @contextlib.contextmanager
    def _carrier(
        self, service: str, image: str, mount: docker.types.Mount, what: str
    ) -> Iterator[tuple[docker.DockerClient, str]]:
        """Give a container that has a volume mounted and never runs, for what is to be written there."""
        labels = {WORKSPACE: self._labels[WORKSPACE], "mlops.carries": service}
        with self._engine.asked_to(what) as client:
            carrier = client.api.create_container(
                image, host_config=client.api.create_host_config(mounts=[mount]), labels=labels
            )["Id"]
            try:
                yield client, carrier
            finally:
                client.api.remove_container(carrier, force=True)

    def _kept(self, replica: ReplicaId) -> str:
        return f"mlops-{self._labels[WORKSPACE][:12]}-{replica}-telemetry"

    def _volume(self, service: str) -> str:
        return f"mlops-{self._labels[WORKSPACE][:12]}-{service}-keys"

    def _socket(self, replica: ReplicaId) -> Path:
        return self._runtime / f"{replica}.sock"

    def _address(self, replica: ReplicaId, port: int) -> str:
        if self._tunnel is None:
            return f"{self._url.machine}:{port}"
        if port:
            self._tunnel.forward({str(self._socket(replica)): f"{LOOPBACK}:{port}"})
        return f"unix:{self._socket(replica)}"


def connect(
    entry: NamedHost,
    runtime: Path,
    workspace_id: str,
    node: str,
    build_with: Callable[[Way], Builder],
    *,
    root: Path | None = None,
) -> RemoteDockerHost:
    """Return a host for what was entered; nothing is reached for yet. ``build_with`` makes a builder by a way to an engine.

    Below ``root`` the logs of replicas that are gone are kept.
    """
    url = HostUrl.parse(entry.url)
    tunnel = Tunnel(runtime, url, entry.ssh_config) if url.scheme == "ssh" else None
    way: Way = Ssh(tunnel, url) if tunnel is not None else Tls(url, Path(entry.certificates))
    labels = {WORKSPACE: workspace_id, NODE: node}
    engine = Engine(patience_s=PATIENCE_S, way=way)
    return RemoteDockerHost(entry, runtime, labels, root=root, engine=engine, builder=build_with(way), tunnel=tunnel)


@contextlib.contextmanager
def _never_kept() -> Iterator[None]:
    """Pass over a container that keeps no requests: one of an older version, or one that never ran."""
    import docker

    with contextlib.suppress(docker.errors.NotFound):
        yield


def _content(folder: Path) -> dict[str, bytes]:
    """Return what replicas read; a name that begins with a dot is of a file that is being written."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("[!.]*"))}


def _digest(content: Mapping[str, bytes]) -> str:
    return hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()


def _archive(content: Mapping[str, bytes]) -> bytes:
    """Return the files as a tar. Replicas see by time, number and size that one is new, so its time has fractions."""
    uid, gid = (int(part) for part in USER.split(":"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(name)
            member.size, member.mtime, member.mode, member.uid, member.gid = len(data), time.time(), 0o644, uid, gid
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _is_loopback(machine: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(machine).is_loopback
    return machine == "localhost"
