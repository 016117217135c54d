"""Digests and what belongs to each, in a file in their order: few bytes of memory for each, however many there are."""

from __future__ import annotations

import heapq
import os
import shutil
import sys
import weakref
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from blake3 import blake3

DIGEST_BYTES: Final = 32
_EVERY: Final = 64
_FENCE_BYTES: Final = _EVERY * DIGEST_BYTES
_CHUNK: Final = 512 * _FENCE_BYTES
_ROWS: Final = 1 << 12


class Table:
    """A file of digests, and after them a row for each. Of every 64th digest the first 8 bytes are in memory."""

    def __init__(self, file: IO[bytes], count: int, width: int, hasher: blake3 | None = None) -> None:
        """Take a file that begins with as many digests, and how long a row is; ``hasher`` is told of all digests.

        The file may be closed and removed after. Raises ``OSError``.
        """
        self._fd = os.dup(file.fileno())
        weakref.finalize(self, os.close, self._fd)
        self._count = count
        self._width = width
        self._fences = array("Q")
        for at in range(0, count * DIGEST_BYTES, _CHUNK):
            chunk = os.pread(self._fd, min(_CHUNK, count * DIGEST_BYTES - at), at)
            self._fences.extend(array("Q", chunk)[:: _FENCE_BYTES // 8])
            if hasher is not None:
                hasher.update(chunk)
        if sys.byteorder == "little":
            self._fences.byteswap()

    def __len__(self) -> int:
        return self._count

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, bytes) and self._find(digest) >= 0

    def row(self, digest: bytes) -> bytes | None:
        """Return what belongs to a digest."""
        at = self._find(digest)
        if at < 0:
            return None
        return os.pread(self._fd, self._width, self._count * DIGEST_BYTES + at * self._width)

    def _find(self, digest: bytes) -> int:
        head = int.from_bytes(digest[:8], "big")
        first = max(bisect_left(self._fences, head) - 1, 0) * _EVERY
        end = min(bisect_right(self._fences, head) * _EVERY, self._count)
        if end <= first:
            return -1
        block = os.pread(self._fd, (end - first) * DIGEST_BYTES, first * DIGEST_BYTES)
        at = block.find(digest)
        while at % DIGEST_BYTES and at >= 0:
            at = block.find(digest, at + 1)
        return first + at // DIGEST_BYTES if at >= 0 else -1

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return digests and rows in the digests' order."""
        width, rows_at = self._width, self._count * DIGEST_BYTES
        for first in range(0, self._count, _ROWS):
            count = min(_ROWS, self._count - first)
            digests = os.pread(self._fd, count * DIGEST_BYTES, first * DIGEST_BYTES)
            rows = os.pread(self._fd, count * width, rows_at + first * width)
            for i in range(count):
                yield digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES], rows[i * width : (i + 1) * width]


def hash_rest(file: IO[bytes], table: Table, hasher: blake3) -> None:
    """Tell a hasher that knows a table's digests what comes after them. Raises ``OSError``."""
    file.seek(len(table) * DIGEST_BYTES)
    while chunk := file.read(_CHUNK):
        hasher.update(chunk)


def write_table(folder: Path, items: Iterator[tuple[bytes, bytes]]) -> tuple[IO[bytes], int]:
    """Write digests, in their order, and rows into a file without a name; return it and how many they are. Raises ``OSError``."""
    count = 0
    file = TemporaryFile(dir=folder)  # noqa: SIM115  # the caller's
    try:
        with TemporaryFile(dir=folder) as rows:
            while block := list(islice(items, _ROWS)):
                file.write(b"".join([digest for digest, _ in block]))
                rows.write(b"".join([row for _, row in block]))
                count += len(block)
            rows.seek(0)
            shutil.copyfileobj(rows, file, _CHUNK)
        file.flush()
    except BaseException:
        file.close()
        raise
    return file, count


def merged(sources: Iterable[Iterator[tuple[bytes, bytes]]]) -> Iterator[tuple[bytes, bytes]]:
    """Return the items of several sources in the digests' order, each digest once."""
    last = b""
    for item in heapq.merge(*sources):
        if item[0] != last:
            last = item[0]
            yield item
