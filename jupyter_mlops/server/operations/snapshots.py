"""REST: snapshots."""

from __future__ import annotations

from collections.abc import Sequence

from jupyter_mlops.core.snapshot import FileChange, Snapshot
from jupyter_mlops.inputs import snapshots
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Most


def list_snapshots(world: World, *, limit: Most = 100) -> Sequence[Snapshot]:
    """List snapshots, newest first."""
    return snapshots.list_snapshots(world, limit)


def diff_snapshots(world: World, ref: str, *, b: str | None = None) -> Sequence[FileChange]:
    """Tell how another snapshot, or the folder as it is now, differs from a snapshot."""
    return snapshots.diff_snapshots(world, ref, b)
