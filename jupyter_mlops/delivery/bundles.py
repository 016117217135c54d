"""The files of a manifest: into the blob store, and out of it as a bundle that a replica reads."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from jupyter_mlops.core.errors import BadInput, Failed, NotWritten
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.manifest import Manifest, ManifestFile
from jupyter_mlops.core.record import encode
from jupyter_mlops.inputs.unneeded import spare
from jupyter_mlops.ports import World

JUNK: Final = frozenset(
    {"__pycache__", ".ipynb_checkpoints", ".git", ".mlops", ".DS_Store", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
)
_CHUNK: Final = 1 << 20


class DamagedBlob(Failed):
    """A stored file is not what its name says."""

    code = "damaged-blob"

    def __init__(self, manifest: str, path: str) -> None:
        super().__init__(
            f"The stored file {path!r} of manifest {manifest} is damaged: its content does not match its digest.",
            hint=f"Delete the manifest and create it again: `mlops manifests delete {manifest}`.",
        )


class LeavesFolder(BadInput):
    """A path that would leave its folder."""

    code = "leaves-folder"

    def __init__(self, path: str, folder: str) -> None:
        super().__init__(
            f"{path!r} leads out of the folder {folder!r}.", hint="Put a copy of the file in the link's place."
        )


def files_below(folder: Path) -> Iterator[Path]:
    """Yield a folder's files, sorted, without caches and checkpoints. Raises ``LeavesFolder`` for a link to outside."""
    root = folder.resolve()
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in JUNK)
        for name in sorted([*names, *(one for one in folders if (Path(at) / one).is_symlink())]):
            file = Path(at) / name
            if file.is_symlink() and not file.resolve().is_relative_to(root):
                raise LeavesFolder(str(file.relative_to(folder)), str(folder))
            if name not in JUNK and file.is_file():
                yield file


def store_files(world: World, folder: Path, files: Iterable[Path], prefix: str) -> list[ManifestFile]:
    """Store files of ``folder`` as blobs; return them under ``prefix`` (``models/churn``), sorted by path."""
    stored: list[ManifestFile] = []
    hashed = [(file, *sha256_of(file)) for file in files]
    spare(world, [digest for _, digest, _ in hashed])
    for file, digest, n_bytes in hashed:
        world.blobs.put(f"manifests/{digest}", file)
        path = str(PurePosixPath(prefix, *file.relative_to(folder).parts))
        stored.append(ManifestFile(path=path, digest=digest, n_bytes=n_bytes))
    return sorted(stored, key=lambda one: one.path)


def sha256_of(file: Path) -> tuple[str, int]:
    """Return a file's SHA-256 and length."""
    digest, n_bytes = hashlib.sha256(), 0
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            n_bytes += len(chunk)
    return digest.hexdigest(), n_bytes


def bundle_folder(world: World, manifest: Manifest) -> Path:
    """Return where a manifest's bundle belongs, whether it is there or not."""
    return world.root / "bundles" / f"{manifest.name}-{manifest.version}"


def materialize(world: World, manifest: Manifest, folder: Path | None = None) -> Path:
    """Return the manifest's bundle (``manifest.json`` and its files, digests verified), made if it is not there.

    All or nothing: it is written beside its place and renamed. Raises ``DamagedBlob``, ``NotWritten``, and
    ``UnknownThing`` for a blob that is gone.
    """
    place = folder or bundle_folder(world, manifest)
    if _is_whole(place, manifest):
        return place
    part = place.with_name(f".{place.name}-{new_id(4)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        _fill(world, manifest, part)
        if place.exists():  # damaged, or of another manifest that had this name before
            place.rename(place.with_name(f".{place.name}-{new_id(4)}-old"))
        try:
            part.rename(place)
        except OSError:
            if not _is_whole(place, manifest):  # else another process made it meanwhile
                raise
    except OSError as error:
        raise NotWritten(f"The bundle of {manifest.ref} in {place.parent}", error) from error
    finally:
        for leftover in place.parent.glob(f".{place.name}-*"):
            if leftover == part or leftover.name.endswith("-old"):
                shutil.rmtree(leftover, ignore_errors=True)
    return place


def _fill(world: World, manifest: Manifest, part: Path) -> None:
    for one in manifest.files:
        file = part / one.path
        if PurePosixPath(one.path).is_absolute() or ".." in PurePosixPath(one.path).parts:
            raise LeavesFolder(one.path, part.name)
        file.parent.mkdir(parents=True, exist_ok=True)
        with world.blobs.open(f"manifests/{one.digest}") as source, file.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)
        if sha256_of(file) != (one.digest, one.n_bytes):
            raise DamagedBlob(manifest.ref, one.path)
    part.mkdir(parents=True, exist_ok=True)
    (part / "manifest.json").write_bytes(encode(manifest))


def _is_whole(place: Path, manifest: Manifest) -> bool:
    try:
        if (place / "manifest.json").read_bytes() != encode(manifest):
            return False
        return all(sha256_of(place / one.path) == (one.digest, one.n_bytes) for one in manifest.files)
    except OSError:
        return False
