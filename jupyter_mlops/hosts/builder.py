"""Builds images: base, environment, runtime and model as four layers, made here and loaded into the Docker engine."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import bases, layers, oci, wheels
from jupyter_mlops.hosts.engine import WORKSPACE, connect, version

if TYPE_CHECKING:
    import docker

Say = Callable[[str, float], None]

RUNTIME = ["httptools>=0.6", "msgspec>=0.19", "uvloop>=0.21"]
"""What scoring/ itself needs, beside what the model needs."""
PORT = 8080
KEYS = "/run/mlops/keys"
USER = "10001:10001"
"""Nobody in particular; a number, so that Kubernetes can see that it is not root."""
READY = (
    "import os,socket,sys;"
    "s=socket.create_connection(('127.0.0.1',int(os.environ['PORT'])),3);"
    "s.sendall(b'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n');"
    "sys.exit(b' 200 ' not in s.recv(64))"
)
SAY_EVERY_S = 0.25
SECOND = 1_000_000_000
"""Docker counts in nanoseconds."""


class ImageInUse(Conflict):
    """Containers run from the image."""

    code = "image-in-use"


class DockerBuilder:
    """Builds into the Docker engine of this machine (or DOCKER_HOST).

    The same manifest gives the same image id; what was built before is taken from ``cache/images`` or from the engine.
    """

    def __init__(self, root: Path, workspace_id: str) -> None:
        self._cache = root / "cache" / "images"
        self._workspace = workspace_id

    def check(self) -> str:
        """Return ``Docker 26.1``. Raises ``NoEngine``."""
        return version(connect())

    def build(self, manifest: Manifest, bundle: Path, say: Say) -> tuple[str, str, int]:
        """Build an image; return its id, tag and size in bytes. ``say(line, fraction)`` may raise to cancel.

        Raises ``NoEngine``, ``NoBaseImage``, ``BadBaseImage``, ``CannotInstall`` or ``EngineRefused``.
        """
        say("Looking at the Docker engine", 0.0)
        client = connect()
        self._cache.mkdir(parents=True, exist_ok=True)
        base = bases.find_base(client, manifest.base_image, lambda line: say(line, 0.02))
        python = bases.find_python(client, base, manifest, self._cache)
        with tempfile.TemporaryDirectory(prefix="building-", dir=self._cache) as folder:
            work = Path(folder)
            plan = oci.Plan(
                base=base,
                layers=[
                    self._environment(manifest, base, python, work, say),
                    self._runtime(python, work, _tick(say, "Adding the scoring server", 0.75)),
                    self._model(manifest, bundle, work, _tick(say, "Packing the model", 0.77)),
                ],
                settings=self._settings(manifest, base),
                created=_timestamp(manifest.created_at),
                tags=[tag(manifest), f"{tag(manifest)}-{self._workspace[:8].lower()}"],
            )
            image = self._built(client, plan)
            if image is None:
                oci.load(client, plan, work, _tick(say, "Loading the image into the Docker engine", 0.8))
                image = client.images.get(plan.tags[-1])
        say(f"Built {plan.tags[0]}", 1.0)
        return str(image.id), plan.tags[0], int(image.attrs["Size"])

    def exists(self, image_id: str) -> bool:
        """Tell whether the engine has the image. Raises ``NoEngine``."""
        import docker

        try:
            connect().images.get(image_id)
        except docker.errors.ImageNotFound:
            return False
        return True

    def remove(self, image_id: str) -> None:
        """Remove an image and its tags; one that is not there is no error. Raises ``ImageInUse``."""
        import docker

        client = connect()
        try:
            users = client.containers.list(all=True, filters={"ancestor": image_id})
            if users:
                raise ImageInUse(
                    f"The image {image_id} is in use by container {users[0].name}.",
                    hint="Delete the service first: `mlops services list` names them.",
                )
            client.images.remove(image_id, force=True)  # forced, since it has more than one tag
        except docker.errors.NotFound:
            return

    def _environment(
        self, manifest: Manifest, base: bases.Base, python: bases.Python, work: Path, say: Say
    ) -> layers.Layer:
        """Return the layer with the model's and the runtime's packages, from the cache if the lock is known."""
        options = ["--python", sys.executable, "--python-version", python.version, "--only-binary", ":all:"]
        options += ["--python-platform", bases.PLATFORMS[base.architecture]]
        wanted = sorted({*manifest.requirements, *RUNTIME})
        locked = self._cache / f"lock-{_key(*wanted, *options[2:])}.txt"
        if not locked.exists():
            text = wheels.lock(wanted, options, _tick(say, "Resolving the packages", 0.05))
            part = work / locked.name
            part.write_text(text)
            part.replace(locked)
        text = locked.read_text()
        key = f"environment-{_key(text, python.interpreter, *options[2:])}"
        made_by = f"environment of {len(text.splitlines())} packages"
        if found := layers.find_layer(self._cache, key, made_by):
            return found
        root = work / "environment"
        packages = root / layers.site_packages(python.version)
        packages.mkdir(parents=True)
        wheels.install(text, packages, options, _tick(say, f"Installing {len(text.splitlines())} packages", 0.1))
        layers.finish_environment(root, python.version, python.interpreter)
        self._compile(root, packages, python, _tick(say, "Compiling the packages", 0.4))
        members = layers.folder_members(root / layers.VENV, layers.VENV)
        return layers.write_layer(self._cache, key, members, made_by, _tick(say, "Packing the packages", 0.6))

    def _runtime(self, python: bases.Python, work: Path, tick: layers.Tick) -> layers.Layer:
        """Return the layer with core/ and scoring/."""
        made_by = "runtime"
        key = f"runtime-{layers.runtime_key()}-{python.version}"
        if found := layers.find_layer(self._cache, key, made_by):
            return found
        root = work / "runtime"
        packages = root / layers.site_packages(python.version)
        layers.lay_runtime(packages)
        self._compile(root, packages, python, tick)
        into = layers.site_packages(python.version)
        return layers.write_layer(self._cache, key, layers.folder_members(packages, into), made_by, tick)

    def _model(self, manifest: Manifest, bundle: Path, work: Path, tick: layers.Tick) -> layers.Layer:
        """Return the layer with the bundle. It is not kept: the bundle is."""
        members = layers.folder_members(bundle, layers.BUNDLE)
        return layers.write_layer(work, "model", members, f"bundle of {manifest.ref}", tick)

    @staticmethod
    def _compile(root: Path, packages: Path, python: bases.Python, tick: layers.Tick) -> None:
        """Compile, if the Python here writes what the Python there reads; without, an image only starts slower."""
        if python.version == f"{sys.version_info.major}.{sys.version_info.minor}":
            layers.compile_packages(root, packages, tick)

    def _settings(self, manifest: Manifest, base: bases.Base) -> dict[str, Any]:
        """Return Docker's image configuration: the base's own, and how a replica starts."""
        inherited = [each.partition("=") for each in base.config.get("Env") or []]
        environment = {key: value for key, _, value in inherited}
        path = environment.get("PATH") or "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        environment |= {
            "PATH": f"/{layers.VENV}/bin:{path}",
            "HOME": "/tmp",  # noqa: S108  # the one place that can be written
            "PORT": str(PORT),
            "MLOPS_KEYS_DIR": KEYS,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        python = f"/{layers.VENV}/bin/python"
        return {
            "User": USER,
            "WorkingDir": f"/{layers.BUNDLE}",
            "Env": [f"{key}={value}" for key, value in environment.items()],
            "ExposedPorts": {f"{PORT}/tcp": {}},
            "Entrypoint": [python, "-m", "jupyter_mlops.scoring", "--bundle", f"/{layers.BUNDLE}", "--bind", "0.0.0.0"],  # noqa: S104  # inside a container
            "Cmd": None,
            "Healthcheck": {
                "Test": ["CMD", python, "-ISc", READY],
                "Interval": 30 * SECOND,
                "Timeout": 5 * SECOND,
                "StartPeriod": 60 * SECOND,
                "Retries": 3,
            },
            "Labels": {**(base.config.get("Labels") or {}), **self._labels(manifest)},
        }

    def _labels(self, manifest: Manifest) -> dict[str, str]:
        labels = {
            WORKSPACE: self._workspace,
            "mlops.manifest": manifest.ref,
            "mlops.models": ",".join(f"{model.name}:{model.version}" for model in manifest.models),
            "mlops.runs": ",".join(model.run_id for model in manifest.models if model.run_id),
            "org.opencontainers.image.title": manifest.name,
            "org.opencontainers.image.version": str(manifest.version),
        }
        return labels | {key: value for key, value in sorted(manifest.tags.items()) if key.startswith("mlops.")}

    @staticmethod
    def _built(client: docker.DockerClient, plan: oci.Plan) -> Any:
        """Return the image if the engine has it already, tagged."""
        for image in client.images.list(filters={"label": f"{oci.INPUTS}={plan.inputs}"}):
            for name in plan.tags:
                image.tag(name)
            return image
        return None


def tag(manifest: Manifest) -> str:
    """Return ``mlops/NAME:VERSION``, with a name that Docker takes: lower case, single separators."""
    name = re.sub(r"[^a-z0-9]+", lambda match: match.group()[0], manifest.name.lower()).strip("._-")
    if name != manifest.name:
        name = f"{name}-{_key(manifest.name)[:6]}"
    return f"mlops/{name}:{manifest.version}"


def _tick(say: Say, line: str, fraction: float) -> layers.Tick:
    """Say a step, and return what says it again, so that a cancellation is heard; often called, it speaks seldom."""
    said = 0.0

    def tick() -> None:
        nonlocal said
        if (now := time.monotonic()) - said > SAY_EVERY_S:
            said = now
            say(line, fraction)

    tick()
    return tick


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def _timestamp(at: float) -> str:
    return dt.datetime.fromtimestamp(int(at), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
