"""Builds images: base, environment, runtime and model as four layers, made here and loaded into the Docker engine."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import platform as machine
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import BadInput, Conflict, NotWritten, Unavailable
from jupyter_mlops.core.image import Image, Pushed
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import assembly, bases, edge, image, layers, loading, pulling, shipping, trial
from jupyter_mlops.hosts.assembly import Say, Site, tick
from jupyter_mlops.hosts.engine import WORKSPACE, Engine, Way
from jupyter_mlops.hosts.keeping import tidy
from jupyter_mlops.hosts.plan import INPUTS, Plan
from jupyter_mlops.hosts.python import Python
from jupyter_mlops.hosts.registry import Target
from jupyter_mlops.ports import Built

if TYPE_CHECKING:
    import docker

PATIENCE_S = 600
"""Unpacking a large layer on a slow disk takes the engine minutes."""
ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What machines call themselves, to Docker's name."""


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES})
"""What a disk says that takes no more."""


class BadPlatform(BadInput):
    """Images are built for no such platform."""

    code = "bad-platform"

    def __init__(self, platform: str) -> None:
        super().__init__(
            f"Images cannot be built for {platform!r}.",
            hint=f"Use {' or '.join(f'linux/{one}' for one in bases.PLATFORMS)}.",
        )


class ImageInUse(Conflict):
    """Containers run from the image."""

    code = "image-in-use"


class DockerBuilder:
    """Builds into the Docker engine of this machine (or DOCKER_HOST).

    The same manifest gives the same image id; what was built before is taken from ``cache/images`` or from the engine.
    """

    def __init__(self, root: Path, workspace_id: str, way: Way | None = None) -> None:
        """``way`` leads to another machine's engine; otherwise this machine's builds."""
        self._cache = root / "cache" / "images"
        self._workspace = workspace_id
        self._engine = Engine(patience_s=PATIENCE_S, way=way)

    def check(self) -> str:
        """Return ``Docker 26.1``. Raises ``NoEngine``."""
        return self._engine.version()

    def build(self, manifest: Manifest, bundle: Path, say: Say, *, platform: str = "") -> Built:
        """Build an image into the engine. ``say(line, fraction)`` may raise to cancel.

        ``platform`` is ``linux/amd64`` or ``linux/arm64``, the engine's own if empty. A base image for another one
        comes out of its registry. Raises ``BadPlatform``, ``NoEngine``, ``NoBaseImage``, ``BadBaseImage``,
        ``CannotInstall``, ``NotWritten`` or ``EngineRefused``.
        """
        wanted = _architecture(platform) if platform else ""
        say("Looking at the Docker engine", 0.0)
        with self._engine.asked_to("build the image") as client, self._folder() as work:
            variant = wanted if wanted and wanted != ARCHITECTURES.get(client.version()["Arch"]) else ""
            base = self._base_in(client, manifest.base_image, wanted, variant, say)
            plan, lock = self._plan(manifest, bundle, self._site(base, client, manifest, work, variant), variant, say)
            built = self._built(client, plan)
            if built is None:
                loading.load(client, plan, work, tick(say, "Loading the image into the Docker engine", 0.8))
                built = client.images.get(plan.tags[-1])
            self._clear(client, manifest, plan, str(built.id))
            tidy(self._cache)
            say(f"Built {plan.tags[0]}", 1.0)
            return Built(
                image_id=str(built.id),
                tag=plan.tags[0],
                n_bytes=int(built.attrs["Size"]),
                lock=lock,
                platform=f"linux/{base.architecture}",
                variant=variant,
            )

    def write(
        self, manifest: Manifest, bundle: Path, file: Path, say: Say, *, platform: str = "", base: Path | None = None
    ) -> Built:
        """Build an image into a new file, as ``export`` writes it; that takes no engine.

        The base image is in the file ``base``, else comes out of its registry, else out of the engine. Raises what
        ``build`` raises, and ``FileThere``, ``NotWritten`` or ``BadArchive``.
        """
        shipping.check_place(file)
        native = ARCHITECTURES.get(machine.machine(), machine.machine())
        wanted = _architecture(platform or f"linux/{native}")
        variant = wanted if wanted != native else ""
        with self._folder() as work:
            found = self._base_of(manifest.base_image, wanted, base, work, say)
            plan, lock = self._plan(manifest, bundle, self._site(found, None, manifest, work, variant), variant, say)
            blobs = loading.packed_blobs(plan, work, lambda line: say(line, 0.8))
            tag = plan.tags[0]
            n_bytes = shipping.write_archive(file, plan.config, [tag], blobs, say)
            tidy(self._cache)
            return Built(
                image_id=plan.image_id,
                tag=tag,
                n_bytes=n_bytes,
                lock=lock,
                platform=f"linux/{wanted}",
                variant=variant,
            )

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
        shipping.check_registry(place)
        with self._folder() as work:
            file = source if isinstance(source, Path) else work / "image.tar"
            if isinstance(source, Image):
                shipping.save(self._engine, source, file, say)
            return shipping.push(file, place, self._cache, work, say)

    def export(self, source: Image, file: Path, say: Say) -> int:
        """Write an image of the engine into a new file, a tar; return its bytes.

        Raises ``ImageRemoved``, ``NoEngine`` and what ``shipping.export`` raises.
        """
        shipping.check_place(file)
        with self._folder() as work:
            saved = work / "image.tar"
            shipping.save(self._engine, source, saved, say)
            return shipping.export(saved, file, [source.tag], work, say)

    def export_for_edge(self, source: Image, file: Path, name: str, digests: Sequence[str]) -> list[Path]:
        """Write what runs the exported image ``name`` beside its file; return what was written."""
        try:
            return edge.write_beside(file, source, name, digests)
        except OSError as error:
            raise NotWritten(str(file.parent), error) from error

    @contextlib.contextmanager
    def _folder(self) -> Iterator[Path]:
        """Give a folder for temporary files beside what is kept. Raises ``NotWritten`` for what its disk does not take."""
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix="building-", dir=self._cache) as folder:
                yield Path(folder)
        except OSError as error:
            if error.errno not in FULL:
                raise
            raise NotWritten(f"The image in {self._cache}", error) from error

    def _base_in(self, client: docker.DockerClient, name: str, wanted: str, variant: str, say: Say) -> bases.Base:
        """Return the base image that the engine has; one for another platform out of its registry, if need be.

        The engine does not pull that: it would have it instead of its own by the same name.
        """
        if variant:
            found = bases.known_base(client, name)
        else:
            found = bases.find_base(client, name, lambda line: say(line, 0.02))
        if found is not None and wanted in {"", found.architecture}:
            return found
        return pulling.from_registry(name, wanted, self._cache, lambda line: say(line, 0.02))

    def _base_of(self, name: str, wanted: str, file: Path | None, work: Path, say: Say) -> bases.Base:
        """Return a base image in an archive."""
        if file is not None:
            return pulling.from_archive(file, name, wanted)
        try:
            return pulling.from_registry(name, wanted, self._cache, lambda line: say(line, 0.02))
        except bases.NoBaseImage as refusal:
            with contextlib.suppress(Unavailable), self._engine.asked_to("give the base image") as client:
                if (known := bases.known_base(client, name)) and known.architecture == wanted:
                    say(f"Taking the base image {name} from the Docker engine", 0.03)
                    return self._saved(client, known, work)
            raise refusal from None

    @staticmethod
    def _saved(client: docker.DockerClient, base: bases.Base, work: Path) -> bases.Base:
        """Return a base image of the engine, in an archive."""
        saved = work / "base.tar"
        with saved.open("wb") as target:
            for chunk in client.api.get_image(base.id, chunk_size=layers.CHUNK):
                target.write(chunk)
        return pulling.from_archive(saved, base.name, base.architecture)

    def _site(
        self, base: bases.Base, client: docker.DockerClient | None, manifest: Manifest, work: Path, variant: str
    ) -> Site:
        """Return where the layers are made, for a base image that was found to carry them."""

        def ask(_: bases.Base) -> Python | None:
            if client is None or base.archive is not None:
                return bases.read_python(base)
            if variant:  # the engine cannot start it
                return bases.read_python(self._saved(client, base, work))
            return bases.ask_container(client, base)

        python = bases.find_python(base, manifest, self._cache, ask)

        runs_it = client is not None and base.archive is None and not variant
        return Site(base=base, python=python, cache=self._cache, work=work, engine=client if runs_it else None)

    def _plan(self, manifest: Manifest, bundle: Path, site: Site, variant: str, say: Say) -> tuple[Plan, str]:
        """Return the image to be, with its layers on this disk, and the lock of its packages."""
        environment, lock = assembly.environment(site, manifest.requirements, say)
        tag = image.tag(manifest) + (f"-{variant}" if variant else "")
        plan = Plan(
            base=site.base,
            layers=[environment, assembly.runtime(site, say), assembly.model(site, manifest, bundle, say)],
            settings=image.settings(site.base, image.labels(manifest, self._workspace)),
            created=_timestamp(manifest.created_at),
            tags=[tag, f"{tag}-{self._workspace[:8].lower()}"],
        )
        return plan, lock

    def _clear(self, client: docker.DockerClient, manifest: Manifest, plan: Plan, built: str) -> None:
        """Remove the images that this build supersedes, but for those that containers still run from."""
        import docker

        labels = [f"{WORKSPACE}={self._workspace}", f"{image.MANIFEST}={manifest.ref}"]
        for old in client.images.list(filters={"label": labels}):
            same_platform = old.attrs["Architecture"] == plan.base.architecture
            if str(old.id) == built or not same_platform:
                continue
            if not client.containers.list(all=True, filters={"ancestor": str(old.id)}):
                with contextlib.suppress(docker.errors.APIError):  # the next build tries again
                    client.images.remove(str(old.id), force=True)

    @staticmethod
    def _built(client: docker.DockerClient, plan: Plan) -> Any:
        """Return the image if the engine has it already, tagged."""
        for known in client.images.list(filters={"label": f"{INPUTS}={plan.inputs}"}):
            for name in plan.tags:
                known.tag(name)
            return known
        return None


def _architecture(platform: str) -> str:
    system, _, architecture = platform.partition("/")
    if system != "linux" or architecture not in bases.PLATFORMS:
        raise BadPlatform(platform)
    return architecture


def _timestamp(at: float) -> str:
    return dt.datetime.fromtimestamp(int(at), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
