"""The image under ours: got, asked for its Python, refused when it cannot carry the packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import BadInput, Unavailable
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.hosts.engine import explanation
from jupyter_mlops.hosts.python import Python
from jupyter_mlops.hosts.rootfs import Rootfs
from jupyter_mlops.hosts.saved import opened

if TYPE_CHECKING:
    import docker

PLATFORMS = {"amd64": "x86_64-manylinux_2_28", "arm64": "aarch64-manylinux_2_28"}
"""Docker's name of an architecture to uv's name of a platform."""
GLIBC = (2, 28)
"""What those platforms ask of the base image; asking less silently gets old releases."""
PROBE = (
    'p=$(command -v python3 || command -v python) || exit 127; exec "$p" -c \'import json, os, sys; '
    'print(json.dumps({"interpreter": os.path.realpath(sys.executable), "version": "%d.%d" % sys.version_info[:2], '
    '"libc": os.confstr("CS_GNU_LIBC_VERSION") or ""}))\''
)

PROBE_S = 60


class NoBaseImage(Unavailable):
    """The base image is neither in the engine nor to be had from a registry."""

    code = "no-base-image"


class BadBaseImage(BadInput):
    """The base image cannot carry the manifest's environment."""

    code = "bad-base-image"


@dataclass(frozen=True, kw_only=True)
class Base:
    """An image as the engine has it."""

    name: str
    id: str
    architecture: str
    """``amd64`` or ``arm64``."""
    config: Mapping[str, Any]
    """Docker's: ``Env``, ``Labels``, ..."""
    diff_ids: Sequence[str]
    """Its layers, from the bottom."""
    archive: Path | None = None
    """The file that holds it; ``None`` where the engine does."""


def find_base(client: docker.DockerClient, name: str, tell: Callable[[str], None]) -> Base:
    """Return the base image that the engine has by this name, pulled if it lacks it.

    Raises ``NoBaseImage`` or ``BadBaseImage``.
    """
    found = known_base(client, name)
    if found is None:
        _pull(client, name, tell)
        found = known_base(client, name)
    if found is None:
        raise NoBaseImage(f"The base image {name} was pulled, and the engine does not have it.")
    return found


def known_base(client: docker.DockerClient, name: str) -> Base | None:
    """Return the base image that the engine has by this name now. Raises ``BadBaseImage``."""
    import docker

    try:
        image = client.images.get(name)
    except docker.errors.ImageNotFound:
        return None
    except docker.errors.APIError as error:
        raise BadBaseImage(
            f"{name!r} is not the name of an image: {explanation(error)}.", hint="A name looks like python:3.11-slim."
        ) from error
    architecture = image.attrs["Architecture"]
    if architecture not in PLATFORMS:
        raise BadBaseImage(
            f"The base image {name} is for {architecture}; images can be built for amd64 and arm64.",
            hint=f"Get the right one with `docker pull --platform linux/amd64 {name}`.",
        )
    return Base(
        name=name,
        id=str(image.id),
        architecture=architecture,
        config=image.attrs["Config"] or {},
        diff_ids=image.attrs["RootFS"]["Layers"],
    )


def _pull(client: docker.DockerClient, name: str, tell: Callable[[str], None]) -> None:
    import docker

    repository, colon, label = name.rpartition(":")
    if not colon or "/" in label:
        repository, label = name, "latest"
    tell(f"Pulling the base image {name}")
    why: object = None
    try:
        for event in client.api.pull(repository, tag=label, stream=True, decode=True):
            tell(f"Pulling the base image {name}")
            why = event.get("error", why)
    except docker.errors.APIError as error:
        why = error
    if why:
        raise NoBaseImage(
            f"The base image {name} is not on this machine and cannot be pulled: {explanation(why)}.",
            hint=f"Try `docker pull {name}`, or name one that you have: `mlops manifests create ... --base-image IMAGE`.",
        )


def find_python(base: Base, manifest: Manifest, cache: Path, ask: Callable[[Base], Python | None]) -> Python:
    """Return the base image's Python; ``ask`` is called once, its answer remembered in ``cache``.

    Raises ``BadBaseImage`` if it does not fit the manifest.
    """
    known = cache / f"python-{base.id.removeprefix('sha256:')}.json"
    if known.exists():
        found = decode(known.read_bytes(), Python)
    else:
        answer = ask(base)
        if answer is None:
            raise no_python(base, "there is no python3 on its PATH")
        found = answer
        replace_file(known, encode(found))
    name, _, number = found.libc.partition(" ")
    if name != "glibc" or tuple(int(part) for part in number.split(".")[:2]) < GLIBC:
        raise BadBaseImage(
            f"The base image {base.name} has {found.libc or 'no glibc'}; packages for Linux need glibc 2.28 or newer.",
            hint="Use one made from Debian, such as `--base-image python:3.11-slim`.",
        )
    wanted = ".".join(manifest.python.split(".")[:2])
    if found.version != wanted:
        raise BadBaseImage(
            f"The base image {base.name} has Python {found.version}, and manifest {manifest.ref} asks for {wanted}.",
            hint=f"Create the manifest with `--base-image python:{wanted}-slim`, or with `--python {found.version}`.",
        )
    return found


def read_python(base: Base) -> Python | None:
    """Look for the Python of a base image in its archive, which starts nothing. Raises ``BadArchive``."""
    assert base.archive is not None
    root = Rootfs()
    with opened(base.archive, base.architecture) as saved:
        for number in range(saved.n_layers):
            with saved.opened_layer(number) as layer:
                root.add(layer)
    environment = dict(each.partition("=")[::2] for each in base.config.get("Env") or [])
    return root.find_python(environment.get("PATH", ""))


def ask_container(client: docker.DockerClient, base: Base) -> Python:
    """Ask the Python of a base image in a container. Raises ``BadBaseImage`` where there is none that starts."""
    import docker

    container = client.containers.create(base.id, ["-c", PROBE], entrypoint="/bin/sh", network_disabled=True, user="0")
    try:
        container.start()
        if container.wait(timeout=PROBE_S)["StatusCode"] == 0:
            return decode(container.logs(stderr=False), Python)
        why = container.logs().decode(errors="replace").strip() or "there is no python3 on its PATH"
    except docker.errors.APIError as error:
        why = explanation(error)
    finally:
        container.remove(force=True)
    raise no_python(base, why[:300])


def no_python(base: Base, why: str) -> BadBaseImage:
    """Return the error for a base image without a Python."""
    return BadBaseImage(
        f"The base image {base.name} has no Python that starts: {why}.",
        hint="Use one that has, such as `--base-image python:3.11-slim`.",
    )
