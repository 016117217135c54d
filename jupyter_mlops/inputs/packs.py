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
import tempfile
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, Self, cast

import zstandard
from blake3 import blake3

from jupyter_mlops.inputs.packerrors import POOL, DamagedPack, MissingContent, PackNotWritten
from jupyter_mlops.inputs.packindex import DIGEST_BYTES, Index, NewIndex, Place, Stored
from jupyter_mlops.ports import Blobs

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

RETIRED: Final = "retired"
"""Pool of marks, ``PACK-SECONDS``: nothing new refers to what is in that pack since then, as a gc will delete it."""
_MAGIC: Final = b"MLOPSPK1"
_TAIL: Final = struct.Struct("<QQ32s8s")
_ABANDONED_S: Final = 86_400  # a pack being written for a day belongs to a process that was killed
_LEVEL: Final = 1

WHOLE_BYTES: Final = 4 << 20
"""Contents up to this size are read and compressed in one piece; larger ones as a stream."""

_CHUNK: Final = 1 << 20
_PIECES: Final = 512  # half of what Linux takes at a time
_LATE: Final = 1 << 62
"""An offset from here on is one behind all contents whose place is known."""
_local = threading.local()


def compress(content: bytes) -> bytes:
    """Return a zstd frame. Safe in any thread."""
    compressor: zstandard.ZstdCompressor | None = getattr(_local, "compressor", None)
    if compressor is None:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=_LEVEL)
    return compressor.compress(content)


def compress_all(contents: Sequence[bytes]) -> list[Buffer]:
    """Return a zstd frame for each content, made at once: other threads run meanwhile, not only between two contents."""
    if "multi_compress_to_buffer" not in zstandard.backend_features or not contents or not all(contents):
        return [compress(content) for content in contents]
    frames = zstandard.ZstdCompressor(level=_LEVEL).multi_compress_to_buffer(list(contents), threads=1)
    return cast("list[Buffer]", [frames[i] for i in range(len(frames))])  # the stubs don't say that they are buffers


class Packs:
    """The packs of a blob store, with a local copy of their indexes. Not for use from several threads at once."""

    def __init__(self, blobs: Blobs, cache: Path) -> None:
        """Take the store and a folder for the copies of indexes, which may be deleted at any time."""
        self._blobs = blobs
        self._cache = cache
        self._indexes: list[Index] = []
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

    def load(self) -> Self:
        """Read the indexes of all packs that are there now. A damaged one counts as not there."""
        self.look()
        self.is_loaded = True
        for name in sorted(self._names, key=lambda name: (name in self.retired, name)):
            try:
                index = Index(name, self._index(name))
            except DamagedPack as error:
                self._damaged.append(error)
                self.kept.discard(name)
                continue
            self._indexes.append(index)
        self.digests = Stored(index.digests for index in self._indexes if index.name not in self.retired)
        return self

    @property
    def damaged(self) -> list[DamagedPack]:
        """What is wrong with packs that count as not there."""
        return self._damaged

    def sizes(self) -> dict[str, dict[bytes, int]]:
        """Return, for each pack, how many of its bytes each content takes, its row of the index included."""
        return {index.name: index.sizes() for index in self._indexes}

    def _index(self, name: str) -> bytes:
        copy = self._cache / f"{name}.index"
        with contextlib.suppress(OSError):
            raw = copy.read_bytes()
            if blake3(raw).hexdigest() == name:
                return raw
        with self._blobs.open(f"{POOL}/{name}") as file:
            raw = self._index_in(file, name)
        self.keep(name, [raw])
        return raw

    def _index_in(self, file: BinaryIO, name: str) -> bytes:
        size = file.seek(0, os.SEEK_END)
        if size < _TAIL.size + len(_MAGIC):
            raise DamagedPack(self._blobs.url, name, "it is too short")
        file.seek(size - _TAIL.size)
        offset, length, digest, magic = _TAIL.unpack(file.read(_TAIL.size))
        if magic != _MAGIC or offset + length + _TAIL.size != size:
            raise DamagedPack(self._blobs.url, name, "its end is not that of a pack")
        file.seek(offset)
        raw = file.read(length)
        if blake3(raw).digest() != digest or digest.hex() != name:
            raise DamagedPack(self._blobs.url, name, "its index has another digest")
        return raw

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


class PackWriter:
    """Writes one pack. It is in the store after ``finish`` and not at all before."""

    def __init__(self, folder: Path, stored: Container[bytes]) -> None:
        """Take a local folder to write in and what is stored already."""
        self._stored = stored
        self._folder = folder
        self._index = NewIndex()
        self._file: FileIO | None = None
        self._path = Path()
        self._at = 0
        self._late: BinaryIO | None = None
        self._late_at = 0

    def has(self, digest: bytes) -> bool:
        """Tell whether a content is stored, or was claimed."""
        return digest in self._index or digest in self._stored

    def claim(self, digest: bytes) -> bool:
        """Tell whether a content is new. From then on it counts as stored, so ``add_all`` must follow."""
        return digest not in self._stored and self._index.claim(digest)

    def add(self, digest: bytes, frame: bytes, n_bytes: int) -> None:
        """Add a content that is compressed already, if it is new. Raises ``PackNotWritten``."""
        if self.claim(digest):
            self.add_all([(digest, n_bytes)], [frame])

    def add_all(self, contents: Sequence[tuple[bytes, int]], frames: Sequence[Buffer], *, last: bool = False) -> None:
        """Add contents, as digest and length, that were claimed and are compressed already. Raises ``PackNotWritten``.

        Those that are added as ``last`` lie together at the end of the pack, so that they are read at once.
        """
        at = _LATE + self._late_at if last else self._at or len(_MAGIC)
        for (digest, n_bytes), frame in zip(contents, frames, strict=True):
            length = len(memoryview(frame))
            self._index.put(digest, at, length, n_bytes)
            at += length
        if last:
            self._write_late(frames)
        else:
            self._write(*frames)

    def add_stream(self, source: BinaryIO, good: Callable[[], bool]) -> tuple[bytes, int] | None:
        """Add what a file holds, in pieces; return its digest and length. ``None``, and nothing added, if not ``good()`` after."""
        start, hasher, n_bytes = self._at or len(_MAGIC), blake3(), 0
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        while chunk := source.read(_CHUNK):
            hasher.update(chunk)
            n_bytes += len(chunk)
            self._write(compressor.compress(chunk))
        self._write(compressor.flush())
        digest, keep = hasher.digest(), good()
        if keep and self.claim(digest):
            self._index.put(digest, start, self._at - start, n_bytes)
        elif self._file is not None:
            self._at = self._file.seek(start)
            self._file.truncate()
        return (digest, n_bytes) if keep else None

    def _write_late(self, frames: Sequence[Buffer]) -> None:
        try:
            if self._late is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                late = tempfile.SpooledTemporaryFile(_CHUNK, dir=str(self._folder))  # noqa: SIM115  # closed by finish or abandon
                self._late = cast("BinaryIO", late)
            for frame in frames:
                self._late_at += self._late.write(frame)
        except OSError as error:
            raise PackNotWritten(self._folder, error) from error

    def _write_last(self) -> None:
        """Put what was added as last behind the rest."""
        if self._late is None:
            return
        try:
            self._write()  # the beginning, where there is nothing else
            self._index.move(_LATE, self._at - _LATE)
            self._late.seek(0)
            while chunk := self._late.read(_CHUNK):
                self._write(chunk)
            self._late.close()
        except OSError as error:
            raise PackNotWritten(self._folder, error) from error

    def _write(self, *pieces: Buffer) -> None:
        try:
            if self._file is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                fd, name = tempfile.mkstemp(prefix=".pack-", dir=self._folder)
                self._path = Path(name)
                self._file = open(fd, "wb", buffering=0)  # noqa: PTH123, SIM115  # a descriptor, closed by finish or abandon
                self._at = self._file.write(_MAGIC)
            for i in range(0, len(pieces), _PIECES):
                self._at += _write_all(self._file.fileno(), pieces[i : i + _PIECES])
        except OSError as error:
            raise PackNotWritten(self._folder, error) from error

    def finish(self, blobs: Blobs, packs: Packs) -> None:
        """Put the pack into the store; nothing when nothing was added. Raises ``PackNotWritten`` and ``Unavailable``."""
        if not self._index:
            self.abandon()
            return
        self._write_last()
        if packs.retired and _digest(self._index.chunks()).hexdigest() in packs.retired:
            nonce = os.urandom(DIGEST_BYTES)  # it must not be taken for the one that will be deleted
            self.add(blake3(nonce).digest(), compress(nonce), len(nonce))
        offset, hasher = self._at, blake3()
        for chunk in self._index.chunks():
            hasher.update(chunk)
            self._write(chunk)
        self._write(_TAIL.pack(offset, self._at - offset, hasher.digest(), _MAGIC))
        assert self._file is not None
        try:
            self._file.close()
        except OSError as error:
            raise PackNotWritten(self._folder, error) from error
        blobs.put(f"{POOL}/{hasher.hexdigest()}", self._path, move=True)
        packs.keep(hasher.hexdigest(), self._index.chunks())
        packs.kept.add(hasher.hexdigest())

    def abandon(self) -> None:
        """Leave nothing behind. Harmless after ``finish``."""
        with contextlib.suppress(OSError):  # what is still buffered may not fit on the disk
            if self._late is not None:
                self._late.close()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._path.unlink(missing_ok=True)


def _digest(chunks: Iterable[bytes]) -> blake3:
    hasher = blake3()
    for chunk in chunks:
        hasher.update(chunk)
    return hasher


def _write_all(fd: int, pieces: Sequence[Buffer]) -> int:
    """Write all pieces, in one go where the system does so; return how many bytes they have."""
    total = sum(len(memoryview(piece)) for piece in pieces)
    written = os.writev(fd, pieces)
    if written < total:  # a disk that is about to be full, or a signal
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            rest = rest[os.write(fd, rest) :]
    return total


def retired(blobs: Blobs) -> dict[str, float]:
    """Return the packs that are to be deleted, with when that was decided (seconds since the epoch)."""
    found: dict[str, float] = {}
    for key in blobs.keys(RETIRED):
        name, _, since = key.partition("/")[2].rpartition("-")
        found[name] = min(float(since), found.get(name, float("inf")))
    return found


def sweep(folder: Path) -> None:
    """Remove what killed processes left in the folder that packs are written in."""
    with contextlib.suppress(OSError):
        for path in folder.glob(".pack-*"):
            if path.stat().st_mtime < time.time() - _ABANDONED_S:
                path.unlink(missing_ok=True)
