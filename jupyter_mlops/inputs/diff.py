"""Compares two snapshots, or one with the folder as it is now."""

from __future__ import annotations

import difflib
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.snapshot import FileChange, SnapshotFile
from jupyter_mlops.inputs import statcache
from jupyter_mlops.inputs.choice import LARGE_FILE_BYTES, Choice
from jupyter_mlops.inputs.nbdiff import diff_notebooks, source_bytes
from jupyter_mlops.inputs.reading import Reader
from jupyter_mlops.inputs.stored import SnapshotDetail, open_snapshot
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.inputs.take import walk_folder
from jupyter_mlops.inputs.tree import digest_of, encode_folder, human, paths_of, raw
from jupyter_mlops.ports import Say, World

_MOST_BYTES: Final = 1_000_000
"""A text above this is not compared line by line: it would take minutes and nobody would read it."""

_MOST_NOTEBOOK_BYTES: Final = 50_000_000
"""The same for notebooks with their outputs, which are not compared; their sources may be as long as a text."""

_NO_CELLS: Final = '{"cells": [], "nbformat": 4}'
_KINDS: Final = {
    "file": "file",
    "link": "link",
    "folder": "folder",
    "recorded": "file that is only recorded",
    "secret": "secret",
}

_Side = tuple[Mapping[str, SnapshotFile], Callable[[SnapshotFile], bytes]]
"""The paths of one side, and what gives a file's content."""


@uses_store
def diff_snapshots(
    world: World,
    a: str,
    b: str | None = None,
    *,
    large_file_bytes: int = LARGE_FILE_BYTES,
    say: Say | None = None,
) -> list[FileChange]:
    """Return how ``b`` differs from ``a``, path by path; without ``b``, how the folder of ``a`` is now.

    Texts come with a unified diff, notebooks with one of each cell's source; a note says what that does not show (mode,
    outputs) or why there is none (binary, very long, not stored). Files that ``a`` does not have are only
    recorded above ``large_file_bytes``, as a snapshot would.

    Raises ``UnknownThing`` and ``AmbiguousSnapshot`` for the names, ``NotAFolder`` when the folder is gone, and
    ``DamagedPack``.
    """
    first, packs = open_snapshot(world, a)
    before: _Side = ({file.path: file for file in first.files}, lambda file: packs.read(bytes.fromhex(file.digest)))
    if b is None:
        after = _folder_now(world, first, large_file_bytes, say)
    else:
        second = open_snapshot(world, b)[0]
        after = ({file.path: file for file in second.files}, before[1])
    return _compare(before, after)


def _folder_now(world: World, taken: SnapshotDetail, large_file_bytes: int, say: Say | None) -> _Side:
    folder = Path(os.fsdecode(raw(taken.snapshot.source)))
    trees: dict[bytes, bytes] = {}
    with statcache.opened(statcache.cache_path(world.root, folder)) as known:
        found = walk_folder(folder, _AsTaken(large_file_bytes, taken), known=known)
        with Reader(found, None, say) as reader:
            for part in reversed(found.folders):
                content = encode_folder(part, reader.read(part))
                part.digest = digest_of(content)
                trees[part.digest] = content
    files = paths_of(found.folders[0].digest, trees.__getitem__)

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
        if old != new:
            change: Any = "added" if old is None else "removed" if new is None else "changed"
            diff, note = _diff(path, old, new, before, after)
            changes.append(FileChange(path=path, change=change, diff=diff, note=note))
    return changes


def _diff(
    path: str, old: SnapshotFile | None, new: SnapshotFile | None, before: _Side, after: _Side
) -> tuple[str, str]:
    """Return how a path differs as unified text, and in a few words what that does not show."""
    notes = []
    if old is not None and new is not None and old.kind != new.kind:
        notes.append(f"was a {_KINDS[old.kind]}, is a {_KINDS[new.kind]}")
    elif old is not None and new is not None and old.executable != new.executable:
        notes.append("is executable" if new.executable else "is no longer executable")
    texts = [_text(one, side) for one, side in ((old, before), (new, after))]
    reason = next((one for one in texts if isinstance(one, _NoText)), None)
    if reason is not None:
        sizes = [f"{human(one.n_bytes)} {when}" for one, when in ((old, "before"), (new, "now")) if one and one.n_bytes]
        return "", ", ".join([*notes, ": ".join(filter(None, [reason.why, ", ".join(sizes)]))])
    left, right = map(str, texts)
    names = (f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null")
    cells = diff_notebooks(left or _NO_CELLS, right or _NO_CELLS) if path.endswith(".ipynb") else None
    if cells is not None:
        text = f"--- {names[0]}\n+++ {names[1]}\n{cells[0]}" if cells[0] else ""
        notes += [cells[1]] if cells[1] and old is not None and new is not None else []
    else:
        text = _unified(left, right, *names)
    return text, ", ".join(notes)


def _unified(left: str, right: str, old_name: str, new_name: str) -> str:
    lines = difflib.unified_diff(left.splitlines(keepends=True), right.splitlines(keepends=True), old_name, new_name)
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)


@dataclass(frozen=True)
class _NoText:
    """Why a path is not compared line by line."""

    why: str


_TOO_LONG: Final = _NoText("too long to compare line by line")

_NOT_STORED: Final = {"recorded": "only recorded, not stored", "secret": "looks like a secret and is not stored"}


def _text(file: SnapshotFile | None, side: _Side) -> str | _NoText:
    """Return a path as lines to compare, or why not."""
    if file is None or file.kind == "folder":
        return ""
    if file.kind == "link":
        return f"link to {file.target}\n"
    if file.kind in _NOT_STORED:
        return _NoText(_NOT_STORED[file.kind])
    is_notebook = file.path.endswith(".ipynb")
    if file.n_bytes > (_MOST_NOTEBOOK_BYTES if is_notebook else _MOST_BYTES):
        return _TOO_LONG
    return _decoded(side[1](file), is_notebook=is_notebook)


def _decoded(content: bytes, *, is_notebook: bool) -> str | _NoText:
    if b"\0" in content:
        return _NoText("binary")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return _NoText("not UTF-8")
    n_sources = source_bytes(text) if is_notebook else None
    return _TOO_LONG if (len(content) if n_sources is None else n_sources) > _MOST_BYTES else text
