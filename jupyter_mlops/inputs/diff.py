"""Compares two snapshots, or one with the folder as it is now."""

from __future__ import annotations

import difflib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.snapshot import FileChange, SnapshotFile
from jupyter_mlops.inputs import statcache
from jupyter_mlops.inputs.choice import LARGE_FILE_BYTES, Choice
from jupyter_mlops.inputs.reading import read_files
from jupyter_mlops.inputs.stored import SnapshotDetail, open_snapshot
from jupyter_mlops.inputs.take import walk_folder
from jupyter_mlops.inputs.tree import digest_of, encode_folder, raw, read_tree
from jupyter_mlops.ports import World

_MOST_BYTES: Final = 1_000_000
"""A text above this is not compared line by line: it would take minutes and nobody would read it."""

_Side = tuple[Mapping[str, SnapshotFile], Callable[[SnapshotFile], bytes]]
"""The paths of one side, and what gives a file's content."""


def diff_snapshots(
    world: World, a: str, b: str | None = None, *, large_file_bytes: int = LARGE_FILE_BYTES
) -> list[FileChange]:
    """Return how ``b`` differs from ``a``, path by path; without ``b``, how the folder of ``a`` is now.

    Texts come with a unified diff, notebooks with one of their cells' sources. Files that ``a`` does not have are only
    recorded above ``large_file_bytes``, as a snapshot would.

    Raises ``UnknownThing`` and ``AmbiguousSnapshot`` for the names, ``NotAFolder`` when the folder is gone, and
    ``DamagedPack``.
    """
    first, packs = open_snapshot(world, a)
    before: _Side = ({file.path: file for file in first.files}, lambda file: packs.read(bytes.fromhex(file.digest)))
    if b is None:
        after = _folder_now(world, first, large_file_bytes)
    else:
        second = open_snapshot(world, b)[0]
        after = ({file.path: file for file in second.files}, before[1])
    return _compare(before, after)


def _folder_now(world: World, taken: SnapshotDetail, large_file_bytes: int) -> _Side:
    folder = Path(os.fsdecode(raw(taken.snapshot.source)))
    known = statcache.load(statcache.cache_path(world.root, folder))
    found = walk_folder(folder, _AsTaken(large_file_bytes, taken), known=known)
    read_files(found, None, None)
    trees: dict[bytes, bytes] = {}
    for part in reversed(found.folders):
        content = encode_folder(part)
        part.digest = digest_of(content)
        trees[part.digest] = content
    files = read_tree(found.folders[0].digest, trees.__getitem__)

    def content_of(file: SnapshotFile) -> bytes:
        return _read_regular(found.root + raw(file.path))

    return {file.path: file for file in files}, content_of


class _AsTaken(Choice):
    """Stores and records what the snapshot did, so that only what changed is a difference; the rest by size and name."""

    def __init__(self, large_file_bytes: int, taken: SnapshotDetail) -> None:
        super().__init__(large_file_bytes)
        self._kinds = {raw(file.path): file.kind for file in taken.files}

    def records(self, path: bytes, n_bytes: int) -> bool:
        kind = self._kinds.get(path)
        return kind == "recorded" if kind in {"recorded", "file"} else super().records(path, n_bytes)

    def withholds(self, path: bytes) -> bool:
        return self._kinds.get(path) != "file"


def _read_regular(path: bytes) -> bytes:
    """Read a file of the folder; nothing when it went away or became something else."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123  # a descriptor
            return file.read() if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        return b""


def _compare(before: _Side, after: _Side) -> list[FileChange]:
    changes = []
    for path in sorted({*before[0], *after[0]}):
        old, new = before[0].get(path), after[0].get(path)
        if old is None:
            changes.append(FileChange(path=path, change="added", diff=_diff(path, None, new, before, after)))
        elif new is None:
            changes.append(FileChange(path=path, change="removed", diff=_diff(path, old, None, before, after)))
        elif old != new:
            changes.append(FileChange(path=path, change="changed", diff=_diff(path, old, new, before, after)))
    return changes


def _diff(path: str, old: SnapshotFile | None, new: SnapshotFile | None, before: _Side, after: _Side) -> str:
    left, right = _text(old, before), _text(new, after)
    if left is None or right is None:
        return ""
    if old is not None and new is not None and left == right:
        if old.executable != new.executable:
            return f"is {'' if new.executable else 'no longer '}executable\n"
        return "only outputs or metadata differ\n" if path.endswith(".ipynb") else ""
    lines = difflib.unified_diff(
        left.splitlines(keepends=True),
        right.splitlines(keepends=True),
        f"a/{path}" if old is not None else "/dev/null",
        f"b/{path}" if new is not None else "/dev/null",
    )
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


def _text(file: SnapshotFile | None, side: _Side) -> str | None:
    """Return a path as lines to compare, ``None`` for what is binary, very long or not stored."""
    if file is None or file.kind == "folder":
        return ""
    if file.kind == "link":
        return f"link to {file.target}\n"
    if file.kind in {"recorded", "secret"} or file.n_bytes > _MOST_BYTES:
        return None
    content = side[1](file)
    if b"\0" in content:
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return _sources(text) if file.path.endswith(".ipynb") else text


def _sources(notebook: str) -> str:
    """Return the sources of a notebook's cells, each under its kind; the text itself when it is no notebook."""
    try:
        cells: list[dict[str, Any]] = json.loads(notebook)["cells"]
        return "".join(f"# %% [{cell['cell_type']}]\n{''.join(cell['source']).rstrip()}\n\n" for cell in cells)
    except (ValueError, TypeError, KeyError):
        return notebook
