"""Fetches one file of a snapshot, to be looked at."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Final

from jupyter_mlops.core.errors import Conflict, NotFound
from jupyter_mlops.core.snapshot import SnapshotFile
from jupyter_mlops.inputs.stored import StoredSnapshot
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.ports import World

_LONGEST_NAME: Final = 60
"""Of a file that is only passed on: no file system refuses as many characters."""

_WHY: Final = {
    "link": "is a link to {file.target}",
    "folder": "is an empty folder",
    "recorded": "is data, of which only size and digest are recorded",
    "secret": "looks like a secret, so its content is not stored",
}


class NoSuchPath(NotFound):
    """A snapshot has no such path."""

    code = "snapshot-path-not-found"

    def __init__(self, name: str, path: str) -> None:
        super().__init__(
            f"The snapshot {name} has no {path!r}.", hint=f"See what it has: `mlops snapshots show {name}`."
        )


class NotStored(Conflict):
    """A path of a snapshot has no content there."""

    code = "content-not-stored"

    def __init__(self, name: str, file: SnapshotFile) -> None:
        super().__init__(
            f"{file.path} of the snapshot {name} {_WHY[file.kind].format(file=file)}.",
            hint=f"See what it has: `mlops snapshots show {name}`.",
        )


@uses_store
def fetch_file(world: World, ref: str, path: str, folder: Path) -> Path:
    """Write a file of a snapshot into ``folder``, which is made; return where it is.

    Raises ``UnknownThing``, ``AmbiguousSnapshot``, ``NoSuchPath``, ``NotStored``, ``MissingContent`` and ``DamagedPack``.
    """
    stored = StoredSnapshot(world, ref)
    name = stored.snapshot.name
    file = next((one for one in stored.files() if one.path == path), None)
    if file is None:
        raise NoSuchPath(name, path)
    if file.kind != "file":
        raise NotStored(name, file)
    folder.mkdir(parents=True, mode=0o700)
    place = folder / PurePosixPath(path).name[-_LONGEST_NAME:]  # as the snapshot writes it: valid UTF-8
    place.write_bytes(stored.packs.read(bytes.fromhex(file.digest)))
    return place
