"""The docker host: replicas as containers of the engine on this machine."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.files import make_private, replace_file
from jupyter_mlops.core.ids import ReplicaId, new_id
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.service import Replica, configuration_file
from jupyter_mlops.core.telemetry import About
from jupyter_mlops.hosts.direct import NAME, SOCKETS, VARIABLE, Direct
from jupyter_mlops.hosts.engine import WORKSPACE, Engine
from jupyter_mlops.hosts.image import KEYS, PORT, USER
from jupyter_mlops.hosts.limiting import threads
from jupyter_mlops.ports import ReplicaSpec

if TYPE_CHECKING:
    import docker

NODE: Final = "mlops.node"
HOST: Final = "mlops.host"
"""The label of containers on a host that was named, with its name."""
PATIENCE_S: Final = 60
TELEMETRY: Final = "/run/mlops/telemetry"
KEPT: Final = f"{TELEMETRY}/kept"
"""Where a container keeps requests and answers."""
KEPT_LINES: Final = 20_000
LOGS_KEPT: Final = 20
"""Of containers that are gone, so much of each log and so many of them for a service."""
LOGS: Final = {"max-size": "10m", "max-file": "3"}
SCRATCH: Final = {"/tmp": "rw,nosuid,nodev,size=256m"}  # noqa: S108  # the container's own


class ImageGone(NotFound):
    """The image of a deployment is no longer in the engine."""

    code = "image-gone"


class DockerHost:
    """Runs replicas in containers, met on sockets or published on 127.0.0.1, and finds them again by their labels."""

    name = "docker"
    runs_images = True

    def __init__(
        self,
        root: Path | None,
        runtime: Path,
        workspace_id: str,
        node: str,
        engine: Engine | None = None,
    ) -> None:
        self._root = root
        self._labels = {WORKSPACE: workspace_id, NODE: node}
        self._engine = engine or Engine(patience_s=PATIENCE_S)
        self._direct = Direct(runtime, self._engine)
        self._published = "127.0.0.1"
        """The address of the engine's machine on which replicas answer."""
        self._running: set[str] = set()
        """The containers that ran when they were last listed."""

    def check(self) -> str:
        """Return ``Docker 26.1``. Raises ``NoEngine``."""
        return self._engine.version()

    def start(self, spec: ReplicaSpec, say: Callable[[str], None]) -> Replica:
        """Start a container; it may not be ready yet. Raises ``ImageGone``, ``EngineRefused`` or ``NoEngine``."""
        import docker

        say(f"Starting a container of {spec.manifest.ref}")
        replica = ReplicaId(new_id())
        try:
            with self._engine.asked_to("start the container") as client:
                container = client.containers.create(
                    spec.image, name=f"mlops-{spec.service}-{replica}", **self._options(spec, replica)
                )
                try:
                    container.start()
                    self._settle(spec, replica, str(container.id))
                    return self._replica(self._listed({"id": container.id})[0])
                except BaseException:
                    container.remove(force=True)
                    self._direct.forget(replica)
                    raise
        except docker.errors.ImageNotFound as error:
            raise ImageGone(
                f"The image of {spec.manifest.ref} ({spec.image[:19]}) is no longer in the Docker engine.",
                hint=f"Build it again with `mlops images build {spec.manifest.ref}`.",
            ) from error

    def alive(self, replica: Replica) -> bool:
        """Tell whether the container runs. One that the engine keeps restarting does not."""
        self._direct.address(replica.id)  # one that is being waited for makes its socket at some moment
        state = self._inspect(replica).get("State", {})
        return bool(state.get("Running")) and not state.get("Restarting")

    def seen_alive(self, replica: Replica) -> bool:
        """Tell whether its container ran when containers were last listed."""
        return replica.container in self._running

    def stop(self, replica: Replica, *, grace_s: float = 30.0) -> None:
        """End it and remove the container: SIGTERM, drain, SIGKILL after ``grace_s``. Idempotent."""
        import docker

        if not self._inspect(replica):
            return
        with contextlib.suppress(docker.errors.NotFound), self._engine.asked_to("stop the container") as client:
            client.api.stop(replica.container, timeout=math.ceil(grace_s))
            self._rescue(client, replica)
            try:
                client.api.remove_container(replica.container, force=True, v=True)
            except docker.errors.APIError as error:
                if "already in progress" not in str(error):  # else somebody else removes it: it goes all the same
                    raise
        self._direct.forget(replica.id)

    def replicas(self) -> list[Replica]:
        """Return all of this workspace's containers of this node, those that ended too: stopping one removes it."""
        found = self._listed({})
        self._running = {str(each["Id"]) for each in found if each["State"] == "running"}
        return [self._replica(each) for each in found]

    def logs(self, replica: Replica, tail: int = 100) -> list[str]:
        """Return the last lines that it wrote; none when it is gone."""
        import docker

        if not self._inspect(replica):
            return []
        try:
            with self._engine.asked_to("give the logs") as client:
                return bytes(client.api.logs(replica.container, tail=tail)).decode(errors="replace").splitlines()
        except docker.errors.NotFound:
            return []

    def _rescue(self, client: docker.DockerClient, replica: Replica) -> None:
        """Keep what a container wrote, since the engine forgets it with the container; of the oldest, no more."""
        if self._root is None or not (self._root / "services" / replica.service).is_dir():
            return  # its service is gone
        logs = self._root / "services" / replica.service / "logs"
        logs.mkdir(exist_ok=True)
        said = bytes(client.api.logs(replica.container, tail=KEPT_LINES))
        replace_file(logs / f"{replica.deployment}-{replica.id}.log", said)
        kept = sorted(logs.glob("*.log"), key=lambda file: file.stat().st_mtime)
        for file in kept[:-LOGS_KEPT]:
            file.unlink(missing_ok=True)

    def _options(self, spec: ReplicaSpec, replica: ReplicaId) -> dict[str, Any]:
        """Return how its container is made: it can read its keys and write /tmp, and nothing else."""
        import docker

        told = About(service=spec.service, deployment=spec.called or spec.deployment, replica=replica)
        telemetry, sockets = self._telemetry(spec, replica), self._sockets(spec, replica)
        about = {
            "replica": replica,
            "service": spec.service,
            "deployment": spec.deployment,
            "manifest": spec.manifest.ref,
            "nonce": new_id(16),
        }
        return {
            "command": [
                *("--nonce", about["nonce"], "--limits", encode(spec.limits).decode()),
                *("--configuration", f"{KEYS}/{configuration_file(spec.deployment)}"),
                *("--about", encode(told).decode()),
                *(("--telemetry", KEPT) if telemetry else ()),
            ],
            "labels": {**self._labels, **{f"mlops.{key}": value for key, value in about.items()}},
            "environment": threads(spec.resources) | ({VARIABLE: f"{SOCKETS}/{NAME}"} if sockets else {}),
            "ports": {f"{PORT}/tcp": (self._published, None)},
            "mounts": [self._keys(spec), *telemetry, *sockets],
            **({"user": f"{os.geteuid()}:{os.getegid()}"} if (telemetry or sockets) and os.geteuid() else {}),
            "read_only": True,
            "tmpfs": SCRATCH,
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "restart_policy": {"Name": "unless-stopped"},
            **_limits(spec.resources),
            "log_config": docker.types.LogConfig(type="json-file", config=LOGS),
        }

    def _keys(self, spec: ReplicaSpec) -> docker.types.Mount:
        """Return what shows it the keys' digests and its configuration, as they are at any moment."""
        import docker

        keys = Path(spec.folder, "keys")
        keys.mkdir(parents=True, exist_ok=True)
        keys.chmod(0o755)  # the container's user is another one; the folder above lets nobody else in
        return docker.types.Mount(KEYS, str(keys.resolve()), type="bind", read_only=True)

    def _telemetry(self, spec: ReplicaSpec, replica: ReplicaId) -> list[docker.types.Mount]:
        """Return what lets it keep requests in a folder of ours.

        The files are their owner's alone, so it runs as us; under root, which no container of ours runs as, the folder is
        given to the image's user.
        """
        import docker

        if not spec.telemetry:
            return []
        folder = make_private(Path(spec.telemetry, replica))
        if os.geteuid() == 0:
            os.chown(folder, *map(int, USER.split(":")))
        return [docker.types.Mount(KEPT, str(folder.resolve()), type="bind")]

    def _sockets(self, spec: ReplicaSpec, replica: ReplicaId) -> list[docker.types.Mount]:
        """Return what lets it make a socket in a folder of ours, where that can be of use."""
        import docker

        folder = self._direct.offer(replica, spec.image)
        return [] if folder is None else [docker.types.Mount(SOCKETS, str(folder.resolve()), type="bind")]

    def _settle(self, spec: ReplicaSpec, replica: ReplicaId, container: str) -> None:
        """Find out how a container that was just started is reached, if that is not known."""

        def seen() -> Mapping[str, Any]:
            return self._listed({"id": container})[0]

        self._direct.settle(replica, spec.image, public_port(seen()), lambda: seen()["State"] == "running")

    def _address(self, replica: ReplicaId, port: int) -> str:
        """Return where a replica that is published on a port is reached from here."""
        return self._direct.address(replica) or f"127.0.0.1:{port}"

    def _inspect(self, replica: Replica) -> Mapping[str, Any]:
        """Return what the engine says of this very replica; empty when it is gone, or somebody else's."""
        import docker

        if not replica.container:
            return {}
        try:
            with self._engine.asked_to("look at the container") as client:
                seen: dict[str, Any] = client.api.inspect_container(replica.container)
        except docker.errors.NotFound:
            return {}
        labels = seen["Config"]["Labels"]
        return seen if self._is_ours(labels) and labels.get("mlops.nonce") == replica.nonce else {}

    def _is_ours(self, labels: Mapping[str, str]) -> bool:
        """Tell whether a container of these labels is this host's: two hosts of a workspace may be one engine."""
        return self._labels.items() <= labels.items() and labels.get(HOST) == self._labels.get(HOST)

    def _listed(self, filters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """Return our containers, in one call however many there are; addresses change when the engine restarts one."""
        labels = [f"{key}={value}" for key, value in self._labels.items()]
        with self._engine.asked_to("list containers") as client:
            found = client.api.containers(all=True, filters={**filters, "label": [*labels, "mlops.nonce"]})
        return [each for each in found if self._is_ours(each["Labels"])]

    def _replica(self, container: Mapping[str, Any]) -> Replica:
        labels = container["Labels"]
        port = public_port(container)
        return Replica(
            id=labels["mlops.replica"],
            service=labels["mlops.service"],
            deployment=labels["mlops.deployment"],
            manifest=labels["mlops.manifest"],
            host=self.name,
            address=self._address(labels["mlops.replica"], port),
            life=self._direct.life(labels["mlops.replica"]) or str(port),
            started_at=float(container["Created"]),
            container=container["Id"],
            nonce=labels["mlops.nonce"],
        )


def _limits(wanted: Resources) -> dict[str, Any]:
    """Return the engine's own limits. No swap: a replica that swaps answers nobody in time, and the disk's others suffer."""
    limits: dict[str, Any] = {}
    if wanted.cpus:
        limits["nano_cpus"] = int(wanted.cpus * 1e9)
    if wanted.memory_bytes:
        limits |= {"mem_limit": wanted.memory_bytes, "memswap_limit": wanted.memory_bytes}
    if wanted.gpus:
        import docker

        limits["device_requests"] = [docker.types.DeviceRequest(count=wanted.gpus, capabilities=[["gpu"]])]
    return limits


def public_port(container: Mapping[str, Any]) -> int:
    """Return the port of its machine that a container answers on, 0 for one that does not run."""
    return next((int(each["PublicPort"]) for each in container["Ports"] if each.get("PublicPort")), 0)
