"""Finds snapshots that were taken and opens what is stored of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.snapshot import Snapshot, SnapshotFile
from jupyter_mlops.inputs.packerrors import DamagedPack
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.tree import paths_of
from jupyter_mlops.ports import World

NAME_DIGITS: Final = 16
_LEAST_DIGITS: Final = 6
_SHOWN: Final = 5
_KEPT_BYTES: Final = 24 << 20


class SnapshotDetail(Record, frozen=True, kw_only=True):
    """A snapshot and every path in it, sorted."""

    snapshot: Snapshot
    files: list[SnapshotFile]


class AmbiguousSnapshot(BadInput):
    """More than one snapshot's name begins with what was given."""

    code = "ambiguous-snapshot"

    def __init__(self, ref: str, names: Sequence[str]) -> None:
        """Name the beginning and what begins with it."""
        super().__init__(
            f"{len(names)} snapshots begin with {ref!r}: {', '.join(names[:_SHOWN])}.", hint="Give more digits."
        )


def pack_cache(world: World) -> Path:
    """Return the folder for copies of indexes and for packs while they are written."""
    return world.root / "cache" / "packs"


def find_snapshot(world: World, ref: str) -> Snapshot:
    """Return a snapshot by its name or the beginning of it, 6 digits or more.

    Raises ``UnknownThing`` and ``AmbiguousSnapshot``.
    """
    name = ref.lower()
    if not (_LEAST_DIGITS <= len(name) <= NAME_DIGITS * 4 and set(name) <= set("0123456789abcdef")):
        raise UnknownThing("snapshot", ref)
    if len(name) >= NAME_DIGITS:
        found = world.catalog.find(Snapshot, name[:NAME_DIGITS])
    else:
        found = world.catalog.find(Snapshot, limit=1_000_000)
    found = [snapshot for snapshot in found if snapshot.digest.startswith(name)]
    if not found:
        raise UnknownThing("snapshot", ref)
    if len(found) > 1:
        raise AmbiguousSnapshot(ref, [snapshot.name for snapshot in found])
    return found[0]


class StoredSnapshot:
    """A snapshot whose paths are read from the store when they are asked for: there may be a million."""

    def __init__(self, world: World, ref: str) -> None:
        """Find it. Raises as ``find_snapshot`` does."""
        self.snapshot = find_snapshot(world, ref)
        self.packs = Packs(world.blobs, pack_cache(world)).load()
        self._url = world.blobs.url
        self._trees: dict[bytes, bytes] = {}
        self._n_bytes = 0

    def files(self) -> Iterator[SnapshotFile]:
        """Yield every path in it, folder by folder. Raises ``DamagedPack`` and ``MissingContent``."""
        digest = bytes.fromhex(self.snapshot.digest)
        try:
            yield from paths_of(digest, self._read)
        except msgspec.DecodeError as error:
            why = "what it says is a folder is none"
            raise DamagedPack(self._url, self.packs.find(digest).pack, why) from error

    def _read(self, digest: bytes) -> bytes:
        """Return a tree; most are kept for the next time, as a store may be far away."""
        tree = self._trees.get(digest)
        if tree is None:
            tree = self.packs.read(digest)
            if self._n_bytes < _KEPT_BYTES:
                self._n_bytes += len(tree)
                self._trees[digest] = tree
        return tree


def open_snapshot(world: World, ref: str) -> tuple[SnapshotDetail, Packs]:
    """Return what ``show_snapshot`` does, and the packs to read its files from."""
    stored = StoredSnapshot(world, ref)
    files = sorted(stored.files(), key=lambda file: file.path)
    return SnapshotDetail(snapshot=stored.snapshot, files=files), stored.packs
