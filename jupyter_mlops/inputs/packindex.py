"""Which contents a pack has and where: some dozens of bytes for each, as there may be millions."""

from __future__ import annotations

import os
import struct
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Final

from blake3 import blake3

from jupyter_mlops.inputs.packtable import DIGEST_BYTES, Table, hash_rest

ROW: Final = struct.Struct("<QQQ")
"""Offset and length of a content's frame, and the content's length."""
ITEM_BYTES: Final = DIGEST_BYTES + ROW.size
LARGE_INDEX_BYTES: Final = ITEM_BYTES << 16
"""A larger index is left in its file."""
_GROUP: Final = 100_000
"""Digests of small packs that are put into one list."""
_MUCH_LARGER: Final = 8


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
        self.digests = Sorted(raw, len(raw) // ITEM_BYTES)
        self._raw = raw

    def __len__(self) -> int:
        return len(self.digests)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return digests and rows in the digests' order."""
        rows = range(len(self) * DIGEST_BYTES, len(self._raw), ROW.size)
        return zip(self.digests, (self._raw[at : at + ROW.size] for at in rows), strict=True)

    def find(self, digest: bytes) -> Place | None:
        """Return where a content is in the pack."""
        at = self.digests.find(digest)
        if at < 0:
            return None
        return Place(self.name, *ROW.unpack_from(self._raw, len(self) * DIGEST_BYTES + at * ROW.size))


class IndexFile:
    """The index of one large pack, left in the file that is a copy of it."""

    __slots__ = ("digests", "name")

    def __init__(self, name: str, digests: Table) -> None:
        """Take the pack's name and the table that is the file."""
        self.name = name
        self.digests = digests

    def __len__(self) -> int:
        return len(self.digests)

    def items(self) -> Iterator[tuple[bytes, bytes]]:
        """Return digests and rows in the digests' order."""
        return self.digests.items()

    def find(self, digest: bytes) -> Place | None:
        """Return where a content is in the pack."""
        row = self.digests.row(digest)
        return None if row is None else Place(self.name, *ROW.unpack(row))


def read_index(name: str, path: Path) -> Index | IndexFile | None:
    """Return the index of a pack from a copy of it; ``None`` when it is none. Raises ``OSError``."""
    with path.open("rb", buffering=0) as file:
        hasher, size = blake3(), os.fstat(file.fileno()).st_size
        if size <= LARGE_INDEX_BYTES:
            raw = file.read()
            return Index(name, raw) if hasher.update(raw).hexdigest() == name else None
        table = Table(file, size // ITEM_BYTES, ROW.size, hasher)
        hash_rest(file, table, hasher)
        return IndexFile(name, table) if hasher.hexdigest() == name else None


def sizes_of(index: Index | IndexFile) -> dict[bytes, int]:
    """Return how many bytes of the pack each content takes, its row of the index included."""
    return {digest: ITEM_BYTES + ROW.unpack(row)[1] for digest, row in index.items()}


class Stored:
    """The digests of several packs. Asks few lists, however many packs there are."""

    def __init__(self, packs: Iterable[Sorted] = (), tables: Iterable[Container[bytes]] = ()) -> None:
        """Take the digests of each pack, and those that are in files."""
        self._tables = list(tables)
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
        if not isinstance(digest, bytes):
            return False
        return any(one.find(digest) >= 0 for one in self._lists) or any(digest in one for one in self._tables)


def _merged(group: list[Sorted]) -> Sorted:
    if len(group) == 1:
        return group[0]
    digests = sorted({digest for one in group for digest in one})
    return Sorted(b"".join(digests), len(digests))
