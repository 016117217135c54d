"""Reads files: each until it holds still, known by its digest and compressed, in a few threads."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, Self

from blake3 import blake3

from jupyter_mlops.inputs.packs import WHOLE_BYTES, PackWriter, compress_all
from jupyter_mlops.inputs.secretfiles import is_secret_by_content
from jupyter_mlops.inputs.statcache import stamp
from jupyter_mlops.inputs.tree import Kind, Leaf, digest_of, shown
from jupyter_mlops.inputs.walk import Unread, Walk
from jupyter_mlops.ports import Say

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_TRIES: Final = 5
_PAUSE_S: Final = 0.01
_BATCH_FILES: Final = 256
_BATCH_BYTES: Final = 4 << 20
_THREADS: Final = max(1, min(4, (os.cpu_count() or 1) - 1))  # the one that reads is another
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


class _Read(NamedTuple):
    """What became of one file: a leaf, or a warning, or both, or (when it went away) neither."""

    leaf: Leaf | None
    warning: str


_ReadOnce = Callable[[int, os.stat_result, Callable[[], bool]], _Content | None]
"""Reads a descriptor whose file has that stat; ``None`` where it asked whether the file is unchanged, and it was not."""


def read_files(walk: Walk, pack: PackWriter | None, say: Say | None) -> None:
    """Read what is unread in ``walk``: its folders get the leaves, its warnings say what could not be read.

    With ``pack``, new contents are added to it. ``say`` is told after each batch. Raises ``PackNotWritten``.
    """
    progress = _Progress(walk, say)
    large = [unread for unread in walk.unread if unread.is_recorded or unread.n_bytes > WHOLE_BYTES]
    small = deque(unread for unread in walk.unread if not (unread.is_recorded or unread.n_bytes > WHOLE_BYTES))
    walk.unread = []  # there may be a million: each is let go of as it is read
    with _Compressing(pack, inline=len(small) <= _BATCH_FILES) as compressing:
        while small:
            batch = _next_batch(small)
            compressing.add(_read_batch(walk, batch, pack))
            progress.tell(batch)
    for unread in large:
        read_once = _sample_once if unread.is_recorded else _stream_once(pack)
        _take(walk, unread, _settled(walk.root, unread, read_once))
        progress.tell([unread])


class _Compressing:
    """Compresses contents in threads and adds them to a pack in their order, a few batches at a time."""

    def __init__(self, pack: PackWriter | None, *, inline: bool) -> None:
        self._pack = pack
        self._pool = (
            None if inline or pack is None else ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-snapshot")
        )
        self._waiting: deque[tuple[list[tuple[bytes, int]], Future[list[Buffer]]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_rest: object) -> None:
        try:
            while error is None and self._waiting:
                self._store()
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def add(self, new: dict[bytes, bytes]) -> None:
        """Take new contents by their digests, and store what is compressed already."""
        contents = list(new.values())
        rows = [(digest, len(content)) for digest, content in new.items()]
        if self._pool is not None:
            self._waiting.append((rows, self._pool.submit(compress_all, contents)))
            while self._waiting and (len(self._waiting) > _THREADS + 1 or self._waiting[0][1].done()):
                self._store()
        elif self._pack is not None and rows:
            self._pack.add_all(rows, compress_all(contents))

    def _store(self) -> None:
        rows, frames = self._waiting.popleft()
        assert self._pack is not None
        self._pack.add_all(rows, frames.result())


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
    return _OPEN_BYTES + (_SAMPLES * _SAMPLE_BYTES if unread.is_recorded else unread.n_bytes)


def _take(walk: Walk, unread: Unread, read: _Read) -> None:
    folder = unread.folder
    if read.warning:
        walk.warnings.append(f"{shown(folder.path + unread.name)} {read.warning}.")
    if read.leaf is None:
        folder.is_troubled = True
    else:
        folder.leaves[unread.name] = read.leaf


def _next_batch(files: deque[Unread]) -> list[Unread]:
    batch: list[Unread] = []
    n_bytes = 0
    while files and len(batch) < _BATCH_FILES and n_bytes < _BATCH_BYTES:
        batch.append(files.popleft())
        n_bytes += batch[-1].n_bytes
    return batch


def _read_batch(walk: Walk, batch: list[Unread], pack: PackWriter | None) -> dict[bytes, bytes]:
    """Read small files into their folders; return the contents that are new by their digests."""
    new: dict[bytes, bytes] = {}
    for unread in batch:
        content = _read_at_once(walk.root, unread)
        if content is None:
            contents: list[bytes] = []
            read = _settled(walk.root, unread, _whole_once(unread, contents))
            _take(walk, unread, read)
            if read.leaf is None or read.leaf.kind != Kind.FILE:
                continue
            content, digest = contents[-1], read.leaf.digest
        elif unread.may_be_secret and is_secret_by_content(unread.name, content):
            unread.folder.leaves[unread.name] = Leaf(Kind.SECRET, *unread.stamp)
            continue
        else:
            digest = digest_of(content)
            unread.folder.leaves[unread.name] = Leaf(Kind.FILE, *unread.stamp, unread.is_executable, digest)
        if pack is not None and pack.claim(digest):
            new[digest] = content
    return new


def _read_at_once(root: bytes, unread: Unread) -> bytes | None:
    """Return the content of a file that is still as it was walked, after it was read too; ``None`` for any other."""
    try:
        fd = os.open(root + unread.folder.path + unread.name, _OPEN_FLAGS)
        try:
            content = os.read(fd, unread.n_bytes + 1)
            still = stamp(os.fstat(fd)) == unread.stamp
        finally:
            os.close(fd)
    except OSError:
        return None
    return content if still and len(content) == unread.n_bytes else None


def _whole_once(unread: Unread, contents: list[bytes]) -> _ReadOnce:
    """Return what reads a file whole, into ``contents``."""

    def read_once(fd: int, st: os.stat_result, _unchanged: Callable[[], bool]) -> _Content:
        content = os.read(fd, st.st_size + 1)
        if len(content) > st.st_size:  # it grew; what is there now counts
            while more := os.read(fd, _CHUNK):
                content += more
        contents.append(content)
        is_secret = unread.may_be_secret and is_secret_by_content(unread.name, content)
        return _Content(b"" if is_secret else digest_of(content), len(content))

    return read_once


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
            return _Read(None, "")
        except OSError as error:
            return _Read(None, f"was left out, as it cannot be read ({error.strerror})")
        if read is not None:
            return read
    raise AssertionError  # the last attempt takes what it reads


def _attempt(fd: int, unread: Unread, read_once: _ReadOnce, *, last: bool) -> _Read | None:
    before = os.fstat(fd)
    if not stat.S_ISREG(before.st_mode):
        return _Read(None, "was left out, as it was replaced while the snapshot was taken")

    def unchanged() -> bool:
        return _same(before, os.fstat(fd))

    content = read_once(fd, before, (lambda: True) if last else unchanged)
    still = unchanged()
    return None if content is None or not (still or last) else _leaf(unread, before, content, still=still)


def _same(a: os.stat_result, b: os.stat_result) -> bool:
    return a.st_mtime_ns == b.st_mtime_ns and a.st_ctime_ns == b.st_ctime_ns and a.st_size == b.st_size


def _leaf(unread: Unread, st: os.stat_result, content: _Content, *, still: bool) -> _Read:
    leaf = Leaf(
        Kind.RECORDED if unread.is_recorded else Kind.FILE if content.digest else Kind.SECRET,
        content.n_bytes,
        st.st_mtime_ns,
        st.st_ctime_ns if still else 0,  # what never settled is read again next time
        st.st_ino,
        bool(content.digest and st.st_mode & stat.S_IXUSR),
        content.digest,
    )
    changing = "kept changing while it was read; the snapshot has it as it was read last"
    return _Read(leaf, "" if still else changing)


def sample_digest(fd: int, n_bytes: int) -> bytes:
    """Return the digest that stands for a file too large to read: its length and 16 samples of 64 KiB, spread evenly."""
    hasher = blake3(n_bytes.to_bytes(8, "little"))
    last = max(n_bytes - _SAMPLE_BYTES, 0)
    for i in range(_SAMPLES):
        hasher.update(os.pread(fd, _SAMPLE_BYTES, last * i // (_SAMPLES - 1)))
    return hasher.digest()
