"""What of a folder's files is stored: all, but neither data nor secrets, unless they are included."""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

LARGE_FILE_BYTES: Final = 100_000_000
"""Files above this are data, not source, unless the workspace says otherwise."""


class Choice:
    """Decides which files are stored.

    A file above ``large_file_bytes`` is recorded, not stored, unless ``include`` covers it: by its path, the path of a
    folder it is in, or a glob. A file that looks like a secret is only named, unless ``include`` spells it out: by
    its path, or a glob that ends in its very name (``*/.env``). ``data/`` or ``*.json`` was said with data in mind.
    """

    def __init__(self, large_file_bytes: int, folder: Path = Path("/"), include: Sequence[str] = ()) -> None:
        """Take what is large, and what to store even so, as paths or globs relative to ``folder`` or absolute."""
        self._large = large_file_bytes
        self._given = list(include)
        self._patterns = [_relative(pattern, folder) for pattern in include]

    @property
    def fingerprint(self) -> bytes:
        """Equal for choices that decide alike; nothing for a subclass, which decides by more than it could say."""
        return repr((self._large, self._patterns)).encode() if type(self) is Choice else b""

    def records(self, path: bytes, n_bytes: int) -> bool:
        """Tell whether a file is recorded and not stored."""
        return n_bytes > self._large and not any(_covers(pattern, path) for pattern in self._patterns)

    def withholds(self, path: bytes) -> bool:
        """Tell whether a file that looks like a secret is only named."""
        return not any(_spells_out(pattern, path) for pattern in self._patterns)

    def wanted(self) -> Wanted:
        """Return the patterns, none of which has named a file yet."""
        return Wanted(list(zip(self._given, self._patterns, strict=True)))


class Wanted:
    """Patterns that should name a file."""

    def __init__(self, left: list[tuple[str, bytes]]) -> None:
        """Take them as they were given and as they are."""
        self._left = left

    def __bool__(self) -> bool:
        return bool(self._left)

    def see(self, path: bytes) -> None:
        """Cross off what names this file."""
        self._left = [(given, pattern) for given, pattern in self._left if not _covers(pattern, path)]

    def warnings(self) -> list[str]:
        """Return a warning for each pattern that named none."""
        return [f"--include {given} names no file in the folder that is not ignored." for given, _ in self._left]


def _relative(pattern: str, folder: Path) -> bytes:
    path = os.path.normpath(pattern)
    with contextlib.suppress(ValueError):
        path = str(Path(path).relative_to(folder)) if os.path.isabs(path) else path  # noqa: PTH117  # may be a glob
    return os.fsencode(path)


def _covers(pattern: bytes, path: bytes) -> bool:
    return path == pattern or path.startswith(pattern + b"/") or fnmatch.fnmatchcase(path, pattern)


def _spells_out(pattern: bytes, path: bytes) -> bool:
    name = path.rpartition(b"/")[2]
    return path == pattern or (pattern.rpartition(b"/")[2] == name and fnmatch.fnmatchcase(path, pattern))
