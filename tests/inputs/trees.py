"""Folders to take snapshots of, and what snapshots have."""

from __future__ import annotations

from pathlib import Path

from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs.snapshots import show_snapshot
from jupyter_mlops.workspace import Workspace


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    """Write files by their paths below ``root``."""
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def source(root: Path) -> Path:
    """Write two files of source."""
    return write(root, {"train.py": "print(1)\n", "lib/util.py": "x = 1\n"})


def paths(world: Workspace, snapshot: Snapshot) -> dict[str, str]:
    """Return the kind of each path in a snapshot."""
    return {file.path: file.kind for file in show_snapshot(world, snapshot.name).files}
