"""Reads files: each until it holds still, known by its digest and compressed, in a few threads."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Container, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import BinaryIO, Final, NamedTuple

from blake3 import blake3

from jupyter_mlops.inputs.packs import WHOLE_BYTES, PackWriter, compress
from jupyter_mlops.inputs.secretfiles import is_secret_by_content
from jupyter_mlops.inputs.tree import Kind, Leaf, digest_of, shown
from jupyter_mlops.inputs.walk import Unread, Walk
from jupyter_mlops.ports import Say

_TRIES: Final = 5
_PAUSE_S: Final = 0.01
_BATCH_FILES: Final = 256
_BATCH_BYTES: Final = 4 << 20
_THREADS: Final = min(4, os.cpu_count() or 1)
_CHUNK: Final = 1 << 20
_SAMPLES: Final = 16
_SAMPLE_BYTES: Final = 1 << 16
_OPEN_BYTES: Final = 1 << 14  # opening a file costs about as much as reading this many
_OPEN_FLAGS: Final = (
    os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # NONBLOCK: a pipe in its place must not hang


class _Content(NamedTuple):
    digest: bytes
    """Nothing when it is a secret."""
    n_bytes: int
    frame: bytes | None = None
    """The content, compressed, where it is new and small."""


class _Read(NamedTuple):
    """What became of one file: a leaf, or a warning, or both, or (when it went away) neither."""

    leaf: Leaf | None
    frame: bytes | None
    warning: str


_ReadOnce = Callable[[int, os.stat_result, Callable[[], bool]], _Content | None]
"""Reads a descriptor whose file has that stat; ``None`` where it asked whether the file is unchanged, and it was not."""


def read_files(walk: Walk, pack: PackWriter | None, say: Say | None) -> None:
    """Read what is unread in ``walk``: its folders get the leaves, its warnings say what could not be read.

    With ``pack``, new contents are added to it. ``say`` is told after each batch. Raises ``PackNotWritten``.
    """
    progress = _Progress(walk, say)
    small = [unread for unread in walk.unread if not unread.recorded and unread.n_bytes <= WHOLE_BYTES]
    stored = None if pack is None else pack.stored
    with closing(
        _read_in_batches(walk.root, small, stored)
    ) as read:  # closed at once, or an error would keep its threads
        for batch, results in read:
            for unread, result in zip(batch, results, strict=True):
                _take(walk, unread, result, pack)
            progress.tell(batch)
    for unread in walk.unread:
        if unread.recorded or unread.n_bytes > WHOLE_BYTES:
            read_once = _sample_once if unread.recorded else _stream_once(pack)
            _take(walk, unread, _settled(walk.root, unread, read_once), pack)
            progress.tell([unread])
    walk.unread = []


class _Progress:
    def __init__(self, walk: Walk, say: Say | None) -> None:
        self.say = say
        self.n_files = len(walk.unread)
        self.total = sum(map(_cost, walk.unread)) or 1
        self.n_done = self.done = 0

    def tell(self, files: list[Unread]) -> None:
        self.n_done += len(files)
        self.done += sum(map(_cost, files))
        if self.say is not None:
            self.say(f"Read {self.n_done:,} of {self.n_files:,} files", self.done / self.total)


def _cost(unread: Unread) -> int:
    return _OPEN_BYTES + (_SAMPLES * _SAMPLE_BYTES if unread.recorded else unread.n_bytes)


def _take(walk: Walk, unread: Unread, read: _Read, pack: PackWriter | None) -> None:
    if read.warning:
        walk.warnings.append(f"{shown(unread.folder.path + unread.name)} {read.warning}.")
    if read.leaf is not None:
        if pack is not None and read.frame is not None:
            pack.add(read.leaf.digest, read.frame, read.leaf.n_bytes)
        unread.folder.leaves[unread.name] = read.leaf


def _batches(files: list[Unread]) -> Iterator[list[Unread]]:
    batch: list[Unread] = []
    n_bytes = 0
    for unread in files:
        batch.append(unread)
        n_bytes += unread.n_bytes
        if len(batch) >= _BATCH_FILES or n_bytes >= _BATCH_BYTES:
            yield batch
            batch, n_bytes = [], 0
    if batch:
        yield batch


def _read_in_batches(
    root: bytes, files: list[Unread], stored: Container[bytes] | None
) -> Generator[tuple[list[Unread], list[_Read]], None, None]:
    """Read files in their order, a few batches at a time, so that memory stays small however large the folder is."""
    if len(files) <= _BATCH_FILES:  # not worth threads
        for batch in _batches(files):
            yield batch, _read_batch(root, batch, stored)
        return
    waiting: deque[tuple[list[Unread], Future[list[_Read]]]] = deque()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-snapshot")
    try:
        for batch in _batches(files):
            waiting.append((batch, pool.submit(_read_batch, root, batch, stored)))
            if len(waiting) > _THREADS:
                first, future = waiting.popleft()
                yield first, future.result()
        for first, future in waiting:
            yield first, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read_batch(root: bytes, batch: list[Unread], stored: Container[bytes] | None) -> list[_Read]:
    def whole_once(fd: int, st: os.stat_result, _unchanged: Callable[[], bool]) -> _Content:
        content = os.read(fd, st.st_size + 1)
        if len(content) > st.st_size:  # it grew; what is there now counts
            while more := os.read(fd, _CHUNK):
                content += more
        if now.may_be_secret and is_secret_by_content(now.name, content):
            return _Content(b"", len(content))
        digest = digest_of(content)
        return _Content(digest, len(content), None if stored is None or digest in stored else compress(content))

    results = []
    for now in batch:
        results.append(_settled(root, now, whole_once))  # noqa: PERF401  # whole_once asks for now
    return results


def _sample_once(fd: int, st: os.stat_result, _unchanged: Callable[[], bool]) -> _Content:
    return _Content(sample_digest(fd, st.st_size), st.st_size)


def _stream_once(pack: PackWriter | None) -> _ReadOnce:
    def read_once(fd: int, _st: os.stat_result, unchanged: Callable[[], bool]) -> _Content | None:
        with open(fd, "rb", buffering=0, closefd=False) as file:
            if pack is None:
                return _Content(*_hash(file))
            added = pack.add_stream(file, unchanged)
            return None if added is None else _Content(*added)

    return read_once


def _hash(file: BinaryIO) -> tuple[bytes, int]:
    hasher, n_bytes = blake3(), 0
    while chunk := file.read(_CHUNK):
        hasher.update(chunk)
        n_bytes += len(chunk)
    return hasher.digest(), n_bytes


def _settled(root: bytes, unread: Unread, read_once: _ReadOnce) -> _Read:
    """Read a file until it did not change meanwhile; after some tries take what was read last, and say so."""
    path = root + unread.folder.path + unread.name
    for attempt in range(_TRIES):
        time.sleep(_PAUSE_S if attempt else 0)
        try:
            fd = os.open(path, _OPEN_FLAGS)
            try:
                read = _attempt(fd, unread, read_once, last=attempt == _TRIES - 1)
            finally:
                os.close(fd)
        except FileNotFoundError:
            return _Read(None, None, "")
        except OSError as error:
            return _Read(None, None, f"was left out, as it cannot be read ({error.strerror})")
        if read is not None:
            return read
    raise AssertionError  # the last attempt takes what it reads


def _attempt(fd: int, unread: Unread, read_once: _ReadOnce, *, last: bool) -> _Read | None:
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode):
        return _Read(None, None, "was left out, as it was replaced while the snapshot was taken")

    def unchanged() -> bool:
        return _same(before, os.fstat(fd))

    content = read_once(fd, before, (lambda: True) if last else unchanged)
    still = unchanged()
    return None if content is None or not (still or last) else _leaf(unread, before, content, still=still)


def _same(a: os.stat_result, b: os.stat_result) -> bool:
    return a.st_mtime_ns == b.st_mtime_ns and a.st_ctime_ns == b.st_ctime_ns and a.st_size == b.st_size


def _leaf(unread: Unread, st: os.stat_result, content: _Content, *, still: bool) -> _Read:
    leaf = Leaf(
        Kind.RECORDED if unread.recorded else Kind.FILE if content.digest else Kind.SECRET,
        content.n_bytes,
        st.st_mtime_ns,
        st.st_ctime_ns if still else 0,  # what never settled is read again next time
        st.st_ino,
        executable=bool(content.digest and st.st_mode & stat.S_IXUSR),
        digest=content.digest,
    )
    changing = "kept changing while it was read; the snapshot has it as it was read last"
    return _Read(leaf, content.frame, "" if still else changing)


def sample_digest(fd: int, n_bytes: int) -> bytes:
    """Return the digest that stands for a file too large to read: its length and 16 samples of 64 KiB, spread evenly."""
    hasher = blake3(n_bytes.to_bytes(8, "little"))
    last = max(n_bytes - _SAMPLE_BYTES, 0)
    for i in range(_SAMPLES):
        hasher.update(os.pread(fd, _SAMPLE_BYTES, last * i // (_SAMPLES - 1)))
    return hasher.digest()
