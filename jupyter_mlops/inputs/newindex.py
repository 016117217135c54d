"""The index of a pack while it is written: in memory up to some number of contents, and beyond in sorted files."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import compress, islice
from pathlib import Path
from typing import Final

from jupyter_mlops.inputs.packindex import ROW
from jupyter_mlops.inputs.packtable import DIGEST_BYTES, Table, merged, write_table

MOST: Final = 1 << 18
"""Contents that are known in memory: some 20 MB of it."""
_FIRST_SLOTS: Final = 1 << 10
_BLOCK: Final = 1 << 12


class NewIndex:
    """Which contents are new and where they are: a hash table whose slots are numbers of digests that lie in one piece.

    When it has ``most`` of them they go into a file, sorted; what was claimed and not put yet stays. Raises ``OSError``
    where that cannot be written.
    """

    def __init__(self, folder: Path, most: int = MOST) -> None:
        """Begin with nothing. ``folder`` is where files go."""
        self._folder = folder
        self._most = most
        self._files: list[Table] = []
        self._after, self._by = 1 << 64, 0
        self._empty()

    def _empty(self) -> None:
        self._digests = bytearray()
        self._rows = array("Q")
        self._slots = array("I", bytes(4 * _FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count + sum(map(len, self._files))

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, bytes) and (
            self._slots[self._slot(digest)] != 0 or any(digest in file for file in self._files)
        )

    def claim(self, digest: bytes) -> bool:
        """Tell whether a digest is new, and take it; ``put`` must follow."""
        slot = self._slot(digest)
        if self._slots[slot] or any(digest in file for file in self._files):
            return False
        if self._count >= self._most:
            self._flush()
        self._take(digest)
        return True

    def put(self, digest: bytes, offset: int, length: int, n_bytes: int) -> None:
        """Say where the content of a digest that was claimed is; its frame has a length."""
        row = (self._slots[self._slot(digest)] - 1) * 3
        rows = self._rows
        rows[row], rows[row + 1], rows[row + 2] = offset, length, n_bytes

    def move(self, after: int, by: int) -> None:
        """Add ``by`` to the offsets that are not below ``after``."""
        self._after, self._by = after, by
        rows = self._rows
        for row in range(0, len(rows), 3):
            if rows[row] >= after:
                rows[row] += by

    def chunks(self) -> Iterator[bytes]:
        """Return the index as it is stored, in pieces. All that was claimed must be put."""
        if not self._files:
            order = array("I", self._order())
            yield from _pieces(map(self._digest, order))
            yield from _pieces(map(self._row, order))
            return
        if self._count:
            self._flush()
        if len(self._files) > 1:
            items = merged([file.items() for file in self._files])
            self._files = [self._written(items)]
        (file,) = self._files
        yield from _pieces(digest for digest, _ in file.items())
        yield from _pieces(self._moved(row) for _, row in file.items())

    def _digest(self, number: int) -> bytes:
        return bytes(self._digests[number * DIGEST_BYTES : (number + 1) * DIGEST_BYTES])

    def _row(self, number: int) -> bytes:
        return ROW.pack(*self._rows[number * 3 : number * 3 + 3])

    def _moved(self, row: bytes) -> bytes:
        offset, length, n_bytes = ROW.unpack(row)
        return ROW.pack(offset + self._by, length, n_bytes) if offset >= self._after else row

    def _written(self, items: Iterator[tuple[bytes, bytes]]) -> Table:
        file, count = write_table(self._folder, items)
        with file:
            return Table(file, count, ROW.size)

    def _flush(self) -> None:
        """Put into a file what is known of those that were put."""
        order = array("I", self._order())
        is_put = [self._rows[number * 3 + 1] > 0 for number in order]
        waiting = [self._digest(number) for number, put in zip(order, is_put, strict=True) if not put]
        done = array("I", compress(order, is_put))
        if done:
            self._files.append(self._written((self._digest(number), self._row(number)) for number in done))
        self._empty()
        for digest in waiting:
            self._take(digest)

    def _take(self, digest: bytes) -> None:
        slot = self._slot(digest)
        self._digests += digest
        self._rows.extend((0, 0, 0))
        self._count += 1
        self._slots[slot] = self._count
        if self._count * 2 > len(self._slots):
            self._grow()

    def _order(self) -> Iterator[int]:
        """Return the numbers of digests in the digests' order; sorts a 256th of them at a time."""
        digests = self._digests
        firsts = bytes(digests[::DIGEST_BYTES])
        for first in sorted(set(firsts)):
            found = []
            at = firsts.find(first)
            while at >= 0:
                found.append(at)
                at = firsts.find(first, at + 1)
            found.sort(key=lambda i: bytes(digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES]))
            yield from found

    def _slot(self, digest: bytes) -> int:
        """Return the slot that a digest is in, or that it would be put into."""
        slots, digests = self._slots, self._digests
        mask = len(slots) - 1
        slot = int.from_bytes(digest[-8:], "little") & mask
        while (number := slots[slot]) and not digests.startswith(digest, (number - 1) * DIGEST_BYTES):
            slot = (slot + 1) & mask
        return slot

    def _grow(self) -> None:
        self._slots = slots = array("I", bytes(8 * len(self._slots)))
        mask, digests = len(slots) - 1, self._digests
        for number in range(1, self._count + 1):
            end = number * DIGEST_BYTES
            slot = int.from_bytes(digests[end - 8 : end], "little") & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = number


def _pieces(parts: Iterable[bytes]) -> Iterator[bytes]:
    parts = iter(parts)
    while block := b"".join(islice(parts, _BLOCK)):
        yield block
