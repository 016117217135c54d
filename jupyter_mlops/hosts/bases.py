"""The image under ours: got, asked for its Python, refused when it cannot carry the packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import BadInput, Unavailable
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.hosts.engine import explanation

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


class Python(Record, frozen=True, kw_only=True):
    """What a base image says of its Python."""

    interpreter: str
    """Its absolute path, links followed."""
    version: str
    """``3.11``."""
    libc: str
    """``glibc 2.36``; empty where there is another."""


def find_base(client: docker.DockerClient, name: str, tell: Callable[[str], None]) -> Base:
    """Return the base image, pulled if the engine lacks it. Raises ``NoBaseImage`` or ``BadBaseImage``."""
    import docker

    try:
        image = client.images.get(name)
    except docker.errors.ImageNotFound:
        _pull(client, name, tell)
        image = client.images.get(name)
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


def find_python(client: docker.DockerClient, base: Base, manifest: Manifest, cache: Path) -> Python:
    """Return the base image's Python; asked once, remembered in ``cache``. Raises ``BadBaseImage`` if it does not fit."""
    known = cache / f"python-{base.id.removeprefix('sha256:')}.json"
    if known.exists():
        found = decode(known.read_bytes(), Python)
    else:
        found = _probe(client, base)
        known.write_bytes(encode(found))
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


def _probe(client: docker.DockerClient, base: Base) -> Python:
    """Ask a container of the base image."""
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
    raise BadBaseImage(
        f"The base image {base.name} has no Python that starts: {why[:300]}.",
        hint="Use one that has, such as `--base-image python:3.11-slim`.",
    )
