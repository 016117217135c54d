"""Finds snapshots that were taken and opens what is stored of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.snapshot import Snapshot, SnapshotFile
from jupyter_mlops.inputs.packerrors import DamagedPack
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.tree import read_tree
from jupyter_mlops.ports import World

NAME_DIGITS: Final = 16
_LEAST_DIGITS: Final = 6
_SHOWN: Final = 5


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


def open_snapshot(world: World, ref: str) -> tuple[SnapshotDetail, Packs]:
    """Return what ``show_snapshot`` does, and the packs to read its files from."""
    snapshot = find_snapshot(world, ref)
    packs = Packs(world.blobs, pack_cache(world)).load()
    digest = bytes.fromhex(snapshot.digest)
    try:
        return SnapshotDetail(snapshot=snapshot, files=read_tree(digest, packs.read)), packs
    except msgspec.DecodeError as error:
        raise DamagedPack(world.blobs.url, packs.find(digest).pack, "what it says is a folder is none") from error
