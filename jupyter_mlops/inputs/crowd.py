"""Folders with very many files: their names in few bytes each, and in parts that are looked at one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final
from zlib import crc32

LARGE_FOLDER: Final = 20_000
"""A folder with more files than this is stored in parts."""
_PART_FILES: Final = 8_192
_BUCKETS: Final = 1 << 12


class CrowdEntry:
    """One file of a large folder, as ``os.DirEntry`` would have it."""

    __slots__ = ("name", "path")

    def __init__(self, name: bytes, path: bytes) -> None:
        """Take its name and its path."""
        self.name = name
        self.path = path

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002  # as DirEntry has it
        """Tell that it is no folder."""
        return False

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        """Return its stat. Raises ``OSError``."""
        return os.stat(self.path, follow_symlinks=follow_symlinks)  # noqa: PTH116  # bytes


class Crowd:
    """What is in a large folder. Which part a file is in depends on its name and on how many there are, so on content alone."""

    def __init__(self, folder: bytes) -> None:
        """Take the folder's path, with a slash at its end."""
        self._folder = folder
        self._buckets: list[bytes | bytearray] = [bytearray() for _ in range(_BUCKETS)]
        self.folders: list[os.DirEntry[bytes]] = []
        self.marks: set[bytes] = set()
        """Names that begin with a dot, and those of folders: what ignore rules and environments are known by."""
        self.n_files = 0

    def add(self, entry: os.DirEntry[bytes]) -> None:
        """Take what is in it."""
        name = entry.name
        if entry.is_dir(follow_symlinks=False):
            self.folders.append(entry)
            self.marks.add(name)
            return
        if name.startswith(b".") or name.endswith(b".cfg"):
            self.marks.add(name)
        bucket = self._buckets[crc32(name) % _BUCKETS]
        assert isinstance(bucket, bytearray)
        bucket += name
        bucket += b"/"
        self.n_files += 1

    def leave_out(self, left_out: Callable[[bytes], bool]) -> None:
        """Keep the files that are not left out."""
        self.n_files = 0
        for number, bucket in enumerate(self._buckets):
            names = [name for name in bucket.split(b"/")[:-1] if not left_out(bytes(name))]
            self.n_files += len(names)
            self._buckets[number] = b"/".join(names) + b"/" * bool(names)

    def parts(self) -> Iterator[tuple[bytes, list[CrowdEntry]]]:
        """Yield the files of each part, by a name that no file has; all of them by no name where they are not so many."""
        if self.n_files <= LARGE_FOLDER:
            yield b"", self._entries(0, 1)
            return
        count = min(1 << (self.n_files // _PART_FILES).bit_length(), _BUCKETS)
        for number in range(count):
            if entries := self._entries(number, count):
                yield b"/%03x" % number, entries

    def _entries(self, number: int, count: int) -> list[CrowdEntry]:
        names = b"".join(self._buckets[number::count]).split(b"/")[:-1]
        return [CrowdEntry(name, self._folder + name) for name in names]
