"""A base image without an engine: out of a registry, kept as an archive, or out of a file that somebody saved."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.hosts.bases import BadBaseImage, Base, NoBaseImage
from jupyter_mlops.hosts.credentials import credentials_for
from jupyter_mlops.hosts.keeping import used
from jupyter_mlops.hosts.layers import tar_stream
from jupyter_mlops.hosts.oci import Blob, members, sha256_of
from jupyter_mlops.hosts.registry import NoRegistry, Registry, Target
from jupyter_mlops.hosts.saved import choose, opened

Tell = Callable[[str], None]
MOST_INDEXES: Final = 3


def from_archive(file: Path, name: str, architecture: str) -> Base:
    """Return the base image in a file, of `docker save` or an OCI layout. Raises ``BadArchive`` or ``BadBaseImage``."""
    with opened(file, architecture) as saved:
        if saved.architecture != architecture:
            raise BadBaseImage(
                f"The base image in {file.name} is for linux/{saved.architecture}, not linux/{architecture}.",
                hint=f"Save the right one: `docker pull --platform linux/{architecture} {name}`, then `docker save`.",
            )
        return Base(
            name=name,
            id=f"sha256:{sha256_of(saved.config)}",
            architecture=saved.architecture,
            config=saved.settings,
            diff_ids=saved.diff_ids,
            archive=file,
        )


def from_registry(name: str, architecture: str, cache: Path, tell: Tell) -> Base:
    """Return the base image out of its registry, or as it was there last if the registry does not answer now.

    Raises ``NoBaseImage`` or ``BadBaseImage``.
    """
    line = f"Pulling the base image {name} for linux/{architecture}"
    tell(line)
    last = cache / f"pulled-{sha256_of(f'{name} {architecture}'.encode())[:32]}.json"
    try:
        target = Target.to_pull(name)
        with contextlib.closing(Registry(target, credentials_for(target.registry), wants_to="pull")) as registry:
            file = _pulled(registry, target, architecture, cache, lambda: tell(line))
        replace_file(last, json.dumps(file.name).encode())
    except NoRegistry as error:
        if not last.exists() or not (file := cache / json.loads(last.read_text())).exists():
            raise _not_to_be_had(name, architecture, error) from error
    except MlopsError as error:
        raise _not_to_be_had(name, architecture, error) from error
    return from_archive(file, name, architecture)


def _not_to_be_had(name: str, architecture: str, why: MlopsError) -> NoBaseImage:
    return NoBaseImage(
        f"The base image {name} for linux/{architecture} cannot be had: {why.message}",
        hint="Name one that can with `mlops manifests create ... --base-image IMAGE`, or give it as a file that"
        f" `docker pull --platform linux/{architecture} {name}` and `docker save` made:"
        " `mlops images build MANIFEST --output FILE.tar --base BASE.tar`.",
    )


def _pulled(registry: Registry, target: Target, architecture: str, cache: Path, tick: Callable[[], None]) -> Path:
    """Return the archive of what the registry has now; what was pulled before is not pulled again."""
    manifest = _manifest(registry, target, architecture)
    file = cache / f"base-{sha256_of(json.dumps(manifest, sort_keys=True).encode())}.tar"
    if file.exists():
        return used(file)
    with tempfile.TemporaryDirectory(prefix="pulling-", dir=cache) as folder:
        config = Path(folder, "config")
        registry.download(manifest["config"]["digest"], config, lambda _: tick())
        blobs = []
        for number, layer in enumerate(manifest["layers"]):
            path = Path(folder, str(number))
            n_bytes = registry.download(layer["digest"], path, lambda _: tick())
            blobs.append(
                Blob(digest=layer["digest"].removeprefix("sha256:"), n_bytes=n_bytes, path=path, compressed=True)
            )
        part = Path(folder, "archive")
        with part.open("wb") as archive:
            for block in tar_stream(members(config.read_bytes(), [str(target)], blobs)):
                tick()
                archive.write(block)
        part.replace(file)
    return file


def _manifest(registry: Registry, target: Target, architecture: str) -> dict[str, Any]:
    """Return the manifest of the image for an architecture, out of an index if the registry has one of several."""
    said: dict[str, Any] = json.loads(registry.manifest(target.tag))
    for _ in range(MOST_INDEXES):
        if "layers" in said:
            return said
        chosen = choose(said.get("manifests") or [{}], architecture)
        if (chosen.get("platform") or {}).get("architecture") != architecture:
            known = {str((one.get("platform") or {}).get("architecture")) for one in said.get("manifests") or []}
            raise BadBaseImage(f"{target} is there for {', '.join(sorted(known - {'unknown', 'None'})) or 'nothing'}.")
        said = json.loads(registry.manifest(chosen["digest"]))
    raise BadBaseImage(f"{target} is no image of a kind that is known.")
