"""Which contents a pack has and where: some dozens of bytes for each, as there may be millions."""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isqrt
from typing import Final

DIGEST_BYTES: Final = 32
_ROW: Final = struct.Struct("<QQQ")
_GROUP: Final = 100_000
"""Digests of small packs that are put into one list."""
_MUCH_LARGER: Final = 8
_FIRST_SLOTS: Final = 1 << 10
_BLOCK: Final = 1 << 12


@dataclass(frozen=True, slots=True)
class Place:
    """Where a content is."""

    pack: str
    offset: int
    length: int
    n_bytes: int


class Sorted:
    """Digests in their order, looked for where they would be if they lay evenly, as digests nearly do."""

    __slots__ = ("_count", "_raw")

    def __init__(self, raw: bytes, count: int) -> None:
        """Take bytes that begin with as many digests."""
        self._raw = raw
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, at: int) -> bytes:
        return self._raw[at * DIGEST_BYTES : at * DIGEST_BYTES + DIGEST_BYTES]

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(self._count))

    def find(self, digest: bytes) -> int:
        """Return which it is; -1 when it is none of them."""
        count = self._count
        guess = int.from_bytes(digest[:8], "big") * count >> 64
        spread = 2 * isqrt(count) + 1
        low, high = max(guess - spread, 0), min(guess + spread, count)
        if low and self[low - 1] >= digest:
            low = 0
        if high < count and self[high] < digest:
            high = count
        at = bisect_left(self, digest, low, high)
        return at if at < count and self[at] == digest else -1


class Index:
    """The index of one pack, as it is stored."""

    __slots__ = ("_raw", "digests", "name")

    def __init__(self, name: str, raw: bytes) -> None:
        """Take the pack's name and the bytes of its index."""
        self.name = name
        self.digests = Sorted(raw, len(raw) // (DIGEST_BYTES + _ROW.size))
        self._raw = raw

    def sizes(self) -> dict[bytes, int]:
        """Return how many bytes of the pack each content takes, its row of the index included."""
        row = DIGEST_BYTES + _ROW.size
        rows = memoryview(self._raw)[len(self.digests) * DIGEST_BYTES :]
        return {
            digest: row + length for digest, (_, length, _) in zip(self.digests, _ROW.iter_unpack(rows), strict=True)
        }

    def find(self, digest: bytes) -> Place | None:
        """Return where a content is in the pack."""
        at = self.digests.find(digest)
        if at < 0:
            return None
        return Place(self.name, *_ROW.unpack_from(self._raw, len(self.digests) * DIGEST_BYTES + at * _ROW.size))


class Stored:
    """The digests of several packs. Asks few lists, however many packs there are."""

    def __init__(self, packs: Iterable[Sorted] = ()) -> None:
        """Take the digests of each pack."""
        self._lists: list[Sorted] = []
        group: list[Sorted] = []
        size = 0
        for digests in sorted(packs, key=len):
            if group and len(digests) > _MUCH_LARGER * size:
                self._lists.append(digests)
                continue
            group.append(digests)
            size += len(digests)
            if size > _GROUP:
                self._lists.append(_merged(group))
                group, size = [], 0
        self._lists += [_merged(group)] if group else []
        self._lists.reverse()  # the largest first: it has most

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, bytes) and any(one.find(digest) >= 0 for one in self._lists)


def _merged(group: list[Sorted]) -> Sorted:
    if len(group) == 1:
        return group[0]
    digests = sorted({digest for one in group for digest in one})
    return Sorted(b"".join(digests), len(digests))


class NewIndex:
    """The index of a pack while it is written: a hash table whose slots are numbers of digests that lie in one piece."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._digests = bytearray()
        self._rows = array("Q")
        self._slots = array("I", bytes(4 * _FIRST_SLOTS))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, bytes) and self._slots[self._slot(digest)] != 0

    def claim(self, digest: bytes) -> bool:
        """Tell whether a digest is new, and take it; ``put`` must follow."""
        slot = self._slot(digest)
        if self._slots[slot]:
            return False
        self._digests += digest
        self._rows.extend((0, 0, 0))
        self._count += 1
        self._slots[slot] = self._count
        if self._count * 2 > len(self._slots):
            self._grow()
        return True

    def put(self, digest: bytes, offset: int, length: int, n_bytes: int) -> None:
        """Say where the content of a digest that was claimed is."""
        row = (self._slots[self._slot(digest)] - 1) * 3
        rows = self._rows
        rows[row], rows[row + 1], rows[row + 2] = offset, length, n_bytes

    def move(self, after: int, by: int) -> None:
        """Add ``by`` to the offsets that are not below ``after``."""
        rows = self._rows
        for row in range(0, len(rows), 3):
            if rows[row] >= after:
                rows[row] += by

    def chunks(self) -> Iterator[bytes]:
        """Return the index as it is stored, in pieces."""
        order = array("I", self._order())
        digests, rows = self._digests, self._rows
        for at in range(0, len(order), _BLOCK):
            block = order[at : at + _BLOCK]
            yield b"".join([digests[i * DIGEST_BYTES : (i + 1) * DIGEST_BYTES] for i in block])
        for at in range(0, len(order), _BLOCK):
            yield b"".join([_ROW.pack(*rows[i * 3 : i * 3 + 3]) for i in order[at : at + _BLOCK]])

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
