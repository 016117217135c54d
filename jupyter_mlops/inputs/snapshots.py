"""Snapshots: the exact source tree a run starts from. Taken in a moment, kept once, restored byte for byte."""

from __future__ import annotations

from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs.choice import LARGE_FILE_BYTES
from jupyter_mlops.inputs.diff import diff_snapshots
from jupyter_mlops.inputs.export import ArchiveForm, export_snapshot
from jupyter_mlops.inputs.fetch import NotStored, fetch_file
from jupyter_mlops.inputs.gc import RUN_TAG, Collected, collect_garbage
from jupyter_mlops.inputs.restore import Restored, restore_snapshot
from jupyter_mlops.inputs.stored import SnapshotDetail, find_snapshot, open_snapshot
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.inputs.take import take_snapshot
from jupyter_mlops.ports import World

__all__ = [
    "LARGE_FILE_BYTES",
    "RUN_TAG",
    "ArchiveForm",
    "Collected",
    "NotStored",
    "Restored",
    "SnapshotDetail",
    "collect_garbage",
    "diff_snapshots",
    "export_snapshot",
    "fetch_file",
    "find_snapshot",
    "list_snapshots",
    "restore_snapshot",
    "show_snapshot",
    "take_snapshot",
]


def list_snapshots(world: World, limit: int = 100) -> list[Snapshot]:
    """Return snapshots, newest first."""
    return world.catalog.find(Snapshot, limit=limit)


@uses_store
def show_snapshot(world: World, ref: str) -> SnapshotDetail:
    """Return a snapshot and its paths. Raises ``UnknownThing``, ``AmbiguousSnapshot`` and ``DamagedPack``."""
    return open_snapshot(world, ref)[0]
