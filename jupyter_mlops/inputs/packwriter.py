"""Writes packs: contents one after the other, and at the end the index; in the store when it is whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Container, Iterable, Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

import zstandard
from blake3 import blake3

from jupyter_mlops.inputs.newindex import NewIndex
from jupyter_mlops.inputs.packerrors import POOL, PackNotWritten
from jupyter_mlops.inputs.packs import MAGIC, TAIL, Packs
from jupyter_mlops.inputs.packtable import DIGEST_BYTES
from jupyter_mlops.ports import Blobs

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_ABANDONED_S: Final = 86_400  # a pack being written for a day belongs to a process that was killed
_LEVEL: Final = 1
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


class PackWriter:
    """Writes one pack. It is in the store after ``finish`` and not at all before."""

    def __init__(self, folder: Path, stored: Container[bytes]) -> None:
        """Take a local folder to write in and what is stored already."""
        self._stored = stored
        self._folder = folder
        self._index = NewIndex(folder)
        self._file: FileIO | None = None
        self._path = Path()
        self._at = 0
        self._late: BinaryIO | None = None
        self._late_at = 0

    def has(self, digest: bytes) -> bool:
        """Tell whether a content is stored, or was claimed."""
        return digest in self._index or digest in self._stored

    def claim(self, digest: bytes) -> bool:
        """Tell whether a content is new. From then on it counts as stored, so ``add_all`` must follow.

        Raises ``PackNotWritten``.
        """
        try:
            return digest not in self._stored and self._index.claim(digest)
        except OSError as error:
            raise PackNotWritten(self._folder, error) from error

    def add(self, digest: bytes, frame: bytes, n_bytes: int) -> None:
        """Add a content that is compressed already, if it is new. Raises ``PackNotWritten``."""
        if self.claim(digest):
            self.add_all([(digest, n_bytes)], [frame])

    def add_all(self, contents: Sequence[tuple[bytes, int]], frames: Sequence[Buffer], *, last: bool = False) -> None:
        """Add contents, as digest and length, that were claimed and are compressed already. Raises ``PackNotWritten``.

        Those that are added as ``last`` lie together at the end of the pack, so that they are read at once.
        """
        at = _LATE + self._late_at if last else self._at or len(MAGIC)
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
        start, hasher, n_bytes = self._at or len(MAGIC), blake3(), 0
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
                self._at = self._file.write(MAGIC)
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
        try:
            name = self._write_index(packs)
            assert self._file is not None
            self._file.close()
        except OSError as error:
            raise PackNotWritten(self._folder, error) from error
        blobs.put(f"{POOL}/{name}", self._path, move=True)
        packs.keep(name, self._index.chunks())
        packs.kept.add(name)

    def _write_index(self, packs: Packs) -> str:
        """Write the index and the end of the pack; return the pack's name."""
        if packs.retired and _digest(self._index.chunks()).hexdigest() in packs.retired:
            nonce = os.urandom(DIGEST_BYTES)  # it must not be taken for the one that will be deleted
            self.add(blake3(nonce).digest(), compress(nonce), len(nonce))
        offset, hasher = self._at, blake3()
        for chunk in self._index.chunks():
            hasher.update(chunk)
            self._write(chunk)
        self._write(TAIL.pack(offset, self._at - offset, hasher.digest(), MAGIC))
        return hasher.hexdigest()

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


def sweep(folder: Path) -> None:
    """Remove what killed processes left in the folder that packs are written in."""
    with contextlib.suppress(OSError):
        for path in (*folder.glob(".pack-*"), *folder.glob(".group-*")):
            if path.stat().st_mtime < time.time() - _ABANDONED_S:
                path.unlink(missing_ok=True)
