"""A bundle: the folder a replica serves, its manifest, and the proof that its files are the ones pinned."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Conflict
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import decode

MANIFEST: Final = "manifest.json"
MODELS: Final = "models"


class BadBundle(BadInput):
    """A folder that is no bundle, or one that cannot be served as it is."""

    code = "bad-bundle"


class DigestMismatch(Conflict):
    """A file is not the one that the manifest pins."""

    code = "digest-mismatch"


def read_manifest(folder: Path) -> Manifest:
    """Return a bundle's manifest. Raises ``BadBundle``."""
    file = folder / MANIFEST
    hint = "Make the bundle again from the manifest: `mlops manifests show NAME:VERSION`."
    try:
        manifest = decode(file.read_bytes(), Manifest)
    except OSError as error:
        raise BadBundle(
            f"The bundle {str(folder)!r} has no {MANIFEST} to read: {error.strerror}.", hint=hint
        ) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise BadBundle(f"The bundle's {MANIFEST} is no manifest: {error}.", hint=hint) from error
    names = [column.name for column in manifest.schema.columns]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise BadBundle(f"The schema of manifest {manifest.ref} names the column {twice!r} twice.")
    return manifest


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare each file with the SHA-256 that the manifest pins. Raises ``DigestMismatch``, which names the file."""
    hint = f"The files of manifest {manifest.ref} were changed or cut short on their way; deploy it again."
    for pinned in manifest.files:
        path = PurePosixPath(pinned.path)
        if path.is_absolute() or ".." in path.parts:
            raise BadBundle(f"The manifest {manifest.ref} names {pinned.path!r}, which is outside of the bundle.")
        try:
            with (folder / path).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DigestMismatch(
                f"The file {pinned.path!r} of manifest {manifest.ref} cannot be read: {error.strerror}.", hint=hint
            ) from error
        if digest != pinned.digest:
            raise DigestMismatch(
                f"The file {pinned.path!r} is not the one that manifest {manifest.ref} pins"
                f" (SHA-256 {digest[:12]}... instead of {pinned.digest[:12]}...).",
                hint=hint,
            )
