"""Builds images: base, environment, runtime and model as four layers, made here and loaded into the Docker engine."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.image import Image, Pushed
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import bases, edge, image, layers, oci, shipping, trial, wheels
from jupyter_mlops.hosts.engine import WORKSPACE, Engine
from jupyter_mlops.hosts.registry import Target

if TYPE_CHECKING:
    import docker

Say = Callable[[str, float], None]

RUNTIME = ["httptools>=0.6", "msgspec>=0.19", "uvloop>=0.21"]
"""What scoring/ itself needs, beside what the model needs."""
SAY_EVERY_S = 0.25
PATIENCE_S = 600
"""Unpacking a large layer on a slow disk takes the engine minutes."""


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
        self._engine = Engine(patience_s=PATIENCE_S)

    def check(self) -> str:
        """Return ``Docker 26.1``. Raises ``NoEngine``."""
        return self._engine.version()

    def build(self, manifest: Manifest, bundle: Path, say: Say) -> tuple[str, str, int]:
        """Build an image; return its id, tag and size in bytes. ``say(line, fraction)`` may raise to cancel.

        Raises ``NoEngine``, ``NoBaseImage``, ``BadBaseImage``, ``CannotInstall`` or ``EngineRefused``.
        """
        say("Looking at the Docker engine", 0.0)
        self._cache.mkdir(parents=True, exist_ok=True)
        with (
            self._engine.asked_to("build the image") as client,
            tempfile.TemporaryDirectory(prefix="building-", dir=self._cache) as folder,
        ):
            plan = self._plan(client, manifest, bundle, Path(folder), say)
            built = self._built(client, plan)
            if built is None:
                oci.load(client, plan, Path(folder), _tick(say, "Loading the image into the Docker engine", 0.8))
                built = client.images.get(plan.tags[-1])
            self._clear(client, manifest, str(built.id))
            say(f"Built {plan.tags[0]}", 1.0)
            return str(built.id), plan.tags[0], int(built.attrs["Size"])

    def is_current(self, image_id: str) -> bool:
        """Tell whether the engine has the image, and its scoring server is this installation's. Raises ``NoEngine``."""
        import docker

        try:
            with self._engine.asked_to("look for the image") as client:
                labels = client.images.get(image_id).labels
        except docker.errors.NotFound:
            return False
        return bool(labels.get(image.RUNTIME) == layers.runtime_key())

    def remove(self, image_id: str) -> None:
        """Remove an image and its tags; one that is not there is no error. Raises ``ImageInUse``."""
        import docker

        try:
            with self._engine.asked_to("remove the image") as client:
                users = client.containers.list(all=True, filters={"ancestor": image_id})
                if users:
                    raise ImageInUse(
                        f"The image {image_id} is in use by container {users[0].name}.",
                        hint="Delete the service first: `mlops services list` names them.",
                    )
                client.images.remove(image_id, force=True)  # forced, since it has more than one tag
        except docker.errors.NotFound:
            return

    def running(self, image: Image, digests: Sequence[str]) -> AbstractContextManager[trial.Container]:
        """Give a container of the image, for a trial; it is removed at the end, whatever happens."""
        self._cache.mkdir(parents=True, exist_ok=True)
        return trial.running(self._engine, image, digests, self._workspace, self._cache)

    def push(self, source: Image | Path, target: str, say: Say) -> Pushed:
        """Push an image of the engine, or one saved in a file: that takes no engine.

        Raises ``BadTarget``, ``BadArchive``, ``ImageRemoved``, ``NoEngine``, and what ``shipping.push`` raises.
        """
        place = Target.parse(target)
        self._cache.mkdir(parents=True, exist_ok=True)
        shipping.check_registry(place)
        if isinstance(source, Path):
            return shipping.push(source, place, self._cache, say)
        with tempfile.TemporaryDirectory(prefix="saving-", dir=self._cache) as folder:
            file = Path(folder, "image.tar")
            shipping.save(self._engine, source, file, say)
            return shipping.push(file, place, self._cache, say)

    def export(self, source: Image, file: Path, say: Say) -> int:
        """Write an image of the engine into a new file, a tar; return its bytes.

        Raises ``ImageRemoved``, ``NoEngine`` and what ``shipping.export`` raises.
        """
        shipping.check_place(file)
        self._cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="saving-", dir=self._cache) as folder:
            saved = Path(folder, "image.tar")
            shipping.save(self._engine, source, saved, say)
            return shipping.export(saved, file, [source.tag], Path(folder), say)

    def export_for_edge(self, source: Image, file: Path, name: str, digests: Sequence[str]) -> list[Path]:
        """Write what runs the exported image ``name`` beside its file; return what was written."""
        try:
            return edge.write_beside(file, source, name, digests)
        except OSError as error:
            raise shipping.CannotWrite(file.parent, error) from error

    def _clear(self, client: docker.DockerClient, manifest: Manifest, built: str) -> None:
        """Remove the images that this build supersedes, but for those that containers still run from."""
        import docker

        mine = {"label": [f"{WORKSPACE}={self._workspace}", f"{image.MANIFEST}={manifest.ref}"]}
        for old in {str(each.id) for each in client.images.list(filters=mine)} - {built}:
            if not client.containers.list(all=True, filters={"ancestor": old}):
                with contextlib.suppress(docker.errors.APIError):  # the next build tries again
                    client.images.remove(old, force=True)

    def _plan(self, client: docker.DockerClient, manifest: Manifest, bundle: Path, work: Path, say: Say) -> oci.Plan:
        """Return the image to be, with its layers on this disk."""
        base = bases.find_base(client, manifest.base_image, lambda line: say(line, 0.02))
        python = bases.find_python(client, base, manifest, self._cache)
        return oci.Plan(
            base=base,
            layers=[
                self._environment(manifest, base, python, work, say),
                self._runtime(python, work, _tick(say, "Adding the scoring server", 0.75)),
                self._model(manifest, bundle, work, _tick(say, "Packing the model", 0.77)),
            ],
            settings=image.settings(base, image.labels(manifest, self._workspace)),
            created=_timestamp(manifest.created_at),
            tags=[image.tag(manifest), f"{image.tag(manifest)}-{self._workspace[:8].lower()}"],
        )

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

    def _runtime(self, python: bases.Python, work: Path, tick: wheels.Tick) -> layers.Layer:
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

    def _model(self, manifest: Manifest, bundle: Path, work: Path, tick: wheels.Tick) -> layers.Layer:
        """Return the layer with the bundle: the manifest's files and no others. It is not kept: the bundle is."""
        files = {bundle / "manifest.json", *(bundle / file.path for file in manifest.files)}
        wanted = files.union(*(file.parents for file in files))
        members = layers.folder_members(bundle, layers.BUNDLE, skip=lambda path: path not in wanted)
        return layers.write_layer(work, "model", members, f"bundle of {manifest.ref}", tick)

    @staticmethod
    def _compile(root: Path, packages: Path, python: bases.Python, tick: wheels.Tick) -> None:
        """Compile, if the Python here writes what the Python there reads; without, an image only starts slower."""
        if python.version == f"{sys.version_info.major}.{sys.version_info.minor}":
            layers.compile_packages(root, packages, tick)

    @staticmethod
    def _built(client: docker.DockerClient, plan: oci.Plan) -> Any:
        """Return the image if the engine has it already, tagged."""
        for known in client.images.list(filters={"label": f"{oci.INPUTS}={plan.inputs}"}):
            for name in plan.tags:
                known.tag(name)
            return known
        return None


def _tick(say: Say, line: str, fraction: float) -> wheels.Tick:
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
