"""Packs: many contents in one file, each found by its digest and checked when it is read.

A pack is ``MLOPSPK1``, then zstd frames one after the other, then the index, then 56 bytes: offset and length of the
index, its BLAKE3 digest, ``MLOPSPK1`` again. The index has the digests, sorted, 32 bytes each, and after them three
numbers for each (offset and length of its frame, length of the content; little-endian, 8 bytes). A pack is named by
the digest of its index, so the name answers for all contents in it.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

import zstandard
from blake3 import blake3

from jupyter_mlops.inputs.packerrors import POOL, DamagedPack, MissingContent
from jupyter_mlops.inputs.packgroups import MANY_DIGESTS, MANY_FILES, Group, make_group, open_groups
from jupyter_mlops.inputs.packindex import LARGE_INDEX_BYTES, Index, IndexFile, Place, Stored, read_index, sizes_of
from jupyter_mlops.ports import Blobs

RETIRED: Final = "retired"
"""Pool of marks, ``PACK-SECONDS``: nothing new refers to what is in that pack since then, as a gc will delete it."""
MAGIC: Final = b"MLOPSPK1"
TAIL: Final = struct.Struct("<QQ32s8s")

WHOLE_BYTES: Final = 4 << 20
"""Contents up to this size are read and compressed in one piece; larger ones as a stream."""

_CHUNK: Final = 1 << 20


class Packs:
    """The packs of a blob store, with a local copy of their indexes. Not for use from several threads at once."""

    def __init__(self, blobs: Blobs, cache: Path) -> None:
        """Take the store and a folder for the copies of indexes, which may be deleted at any time."""
        self._blobs = blobs
        self._cache = cache
        self._indexes: list[Index | IndexFile | Group] = []
        self._damaged: list[DamagedPack] = []
        self.digests = Stored()
        """What is stored to stay: a new snapshot may refer to it."""
        self.retired: dict[str, float] = {}
        """Packs that are to be deleted, with when that was decided (seconds since the epoch)."""
        self.is_loaded = False
        self._names: set[str] = set()
        self.kept: set[str] = set()
        """The other packs: what they have is stored to stay."""

    def look(self) -> Self:
        """Find which packs there are now."""
        self.retired = retired(self._blobs)
        self._names = {key.partition("/")[2] for key in self._blobs.keys(POOL)}
        self.kept = self._names - self.retired.keys()
        return self

    def load(self, *, each: bool = False) -> Self:
        """Read the indexes of all packs that are there now. A damaged one counts as not there.

        Where there are many they are in groups, unless ``each`` is wanted by itself.
        """
        self.look()
        self.is_loaded = True
        groups = [] if each else open_groups(self._cache, self.kept)
        grouped = {name for group in groups for name in group.packs}
        retired: list[Index | IndexFile] = []
        kept: list[Index | IndexFile | Group] = [*groups]
        for name in sorted(self._names - grouped):
            try:
                (retired if name in self.retired else kept).append(self._index(name))
            except DamagedPack as error:
                self._damaged.append(error)
                self.kept.discard(name)
        if not each:
            kept = self._grouped(kept)
        self._indexes = [*kept, *retired]
        self.digests = Stored(
            [index.digests for index in kept if isinstance(index, Index)],
            [index.digests for index in kept if not isinstance(index, Index)],
        )
        return self

    def _grouped(self, indexes: list[Index | IndexFile | Group]) -> list[Index | IndexFile | Group]:
        """Return few indexes instead of many, and little in memory."""
        small = [index for index in indexes if isinstance(index, Index)]
        many_files = len(indexes) - len(small) > MANY_FILES
        if not many_files and sum(map(len, small)) <= MANY_DIGESTS:
            return indexes
        group = make_group(self._cache, indexes if many_files else small)
        if group is None:
            return indexes
        return [group] if many_files else [group, *(index for index in indexes if not isinstance(index, Index))]

    @property
    def damaged(self) -> list[DamagedPack]:
        """What is wrong with packs that count as not there."""
        return self._damaged

    def sizes(self) -> dict[str, dict[bytes, int]]:
        """Return, for each pack that was loaded by itself, how many of its bytes each content takes, its row of the index included."""
        return {index.name: sizes_of(index) for index in self._indexes if not isinstance(index, Group)}

    def _index(self, name: str) -> Index | IndexFile:
        copy = self._cache / f"{name}.index"
        with contextlib.suppress(OSError):
            if (index := read_index(name, copy)) is not None:
                return index
        with self._blobs.open(f"{POOL}/{name}") as file:
            length = self._seek_index(file, name)
            if length > LARGE_INDEX_BYTES:  # by way of the disk
                start = file.tell()
                self.keep(name, iter(lambda: file.read(min(_CHUNK, start + length - file.tell())), b""))
                with contextlib.suppress(OSError):
                    if (index := read_index(name, copy)) is not None:
                        return index
                file.seek(start)
            raw = file.read(length)
        if blake3(raw).hexdigest() != name:
            raise DamagedPack(self._blobs.url, name, "its index has another digest")
        self.keep(name, [raw])
        return Index(name, raw)

    def _seek_index(self, file: BinaryIO, name: str) -> int:
        """Go to where the index begins in a pack; return how many bytes it has."""
        size = file.seek(0, os.SEEK_END)
        if size < TAIL.size + len(MAGIC):
            raise DamagedPack(self._blobs.url, name, "it is too short")
        file.seek(size - TAIL.size)
        offset, length, digest, magic = TAIL.unpack(file.read(TAIL.size))
        if magic != MAGIC or offset + length + TAIL.size != size:
            raise DamagedPack(self._blobs.url, name, "its end is not that of a pack")
        if digest.hex() != name:
            raise DamagedPack(self._blobs.url, name, "its index has another digest")
        file.seek(offset)
        return int(length)

    def keep(self, name: str, index: Iterable[bytes]) -> None:
        """Keep a local copy of an index; on a full disk it is read from the store each time."""
        with contextlib.suppress(OSError):
            self._cache.mkdir(parents=True, exist_ok=True)
            part = self._cache / f".{name}.{os.getpid()}.part"
            with part.open("wb") as file:
                file.writelines(index)
            part.replace(self._cache / f"{name}.index")

    def find(self, digest: bytes) -> Place:
        """Return where a content is. Raises ``DamagedPack`` (it may be there) and ``MissingContent``."""
        for index in self._indexes:
            place = index.find(digest)
            if place is not None:
                return place
        if self._damaged:
            raise self._damaged[0]
        raise MissingContent(self._blobs.url, digest)

    def read(self, digest: bytes) -> bytes:
        """Return a content, checked. Raises ``DamagedPack`` and ``MissingContent``."""
        return b"".join(chunk for _, chunk in self.read_all([digest]))

    def read_all(self, digests: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
        """Yield ``(digest, chunk)`` for each content, pack by pack in the order in which they lie there.

        The chunks of one content come one after the other, an empty content as one empty chunk. Each content is
        checked against its digest when its last chunk is asked for, so only the end of the iteration (or the next
        digest) says that it was good. Raises ``DamagedPack`` and ``MissingContent``.
        """
        places = sorted(
            ((self.find(digest), digest) for digest in set(digests)), key=lambda at: (at[0].pack, at[0].offset)
        )
        file: BinaryIO | None = None
        opened = ""
        try:
            for place, digest in places:
                if place.pack != opened or file is None:
                    if file is not None:
                        file.close()
                    file, opened = self._blobs.open(f"{POOL}/{place.pack}"), place.pack
                for chunk in self._content(file, place, digest):
                    yield digest, chunk
        finally:
            if file is not None:
                file.close()

    def _content(self, file: BinaryIO, place: Place, digest: bytes) -> Iterator[bytes]:
        file.seek(place.offset)
        hasher = blake3()
        size = 0
        try:
            if place.n_bytes <= WHOLE_BYTES:
                frame = file.read(place.length)
                chunks: Iterable[bytes] = (zstandard.ZstdDecompressor().decompress(frame, max_output_size=WHOLE_BYTES),)
            else:
                chunks = _stream(file, place.length)
            for chunk in chunks:
                hasher.update(chunk)
                size += len(chunk)
                yield chunk
        except zstandard.ZstdError as error:
            raise DamagedPack(self._blobs.url, place.pack, f"{digest.hex()[:16]} in it cannot be unpacked") from error
        if size != place.n_bytes or hasher.digest() != digest:
            raise DamagedPack(self._blobs.url, place.pack, f"{digest.hex()[:16]} in it has another digest")


def _stream(file: BinaryIO, length: int) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor().decompressobj()
    while length > 0:
        piece = file.read(min(_CHUNK, length))
        if not piece:
            return
        length -= len(piece)
        yield decompressor.decompress(piece)


def retired(blobs: Blobs) -> dict[str, float]:
    """Return the packs that are to be deleted, with when that was decided (seconds since the epoch)."""
    found: dict[str, float] = {}
    for key in blobs.keys(RETIRED):
        name, _, since = key.partition("/")[2].rpartition("-")
        found[name] = min(float(since), found.get(name, float("inf")))
    return found
