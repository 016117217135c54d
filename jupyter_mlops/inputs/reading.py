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

from jupyter_mlops.inputs.packs import WHOLE_BYTES
from jupyter_mlops.inputs.packwriter import PackWriter, compress_all
from jupyter_mlops.inputs.secretfiles import is_secret_by_content
from jupyter_mlops.inputs.statcache import stamp
from jupyter_mlops.inputs.tree import Folder, Kind, Leaf, Unread, digest_of, shown
from jupyter_mlops.inputs.walk import Walk
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
_TOLD_BYTES: Final = 1 << 22
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


class Reader:
    """Reads the files of a walk, a folder at a time; what is new of them goes into a pack, if there is one.

    The walk's warnings say what could not be read. ``say`` is told now and then.
    """

    def __init__(self, walk: Walk, pack: PackWriter | None, say: Say | None) -> None:
        """Take what was found, and where new contents go."""
        self._walk = walk
        self._pack = pack
        self._progress = _Progress(walk, say)
        self._compressing = _Compressing(pack, inline=walk.n_unread <= _BATCH_FILES)
        self._files = _Batch()
        self._trees = _Batch()

    def __enter__(self) -> Self:
        self._compressing.__enter__()
        return self

    def __exit__(self, error: type[BaseException] | None, *rest: object) -> None:
        try:
            if error is None:
                self._compressing.add(self._files.taken())
                self._compressing.add(self._trees.taken(), last=True)
        except BaseException as failed:
            error = type(failed)
            raise
        finally:
            self._compressing.__exit__(error, *rest)

    def read(self, folder: Folder) -> dict[bytes, Leaf]:
        """Return what is in a folder, that which was unread included. Raises ``PackNotWritten``."""
        leaves = folder.leaves()
        for unread in folder.unread():
            if unread.is_recorded or unread.n_bytes > WHOLE_BYTES:
                read_once = _sample_once if unread.is_recorded else _stream_once(self._pack)
                self._take(folder, leaves, unread, _settled(self._walk.root, folder, unread, read_once))
            else:
                self._read_small(folder, leaves, unread)
            self._progress.tell(unread)
        return leaves

    def keep(self, digest: bytes, tree: bytes) -> None:
        """Add a folder to the pack, if it is new."""
        if self._pack is not None and self._pack.claim(digest) and self._trees.add(digest, tree):
            self._compressing.add(self._trees.taken(), last=True)

    def _take(self, folder: Folder, leaves: dict[bytes, Leaf], unread: Unread, read: _Read) -> None:
        if read.warning:
            self._walk.warnings.append(f"{shown(folder.path + unread.name)} {read.warning}.")
        if read.leaf is None:
            folder.is_troubled = True
        else:
            leaves[unread.name] = read.leaf

    def _read_small(self, folder: Folder, leaves: dict[bytes, Leaf], unread: Unread) -> None:
        content = _read_at_once(self._walk.root, folder, unread)
        if content is None:
            contents: list[bytes] = []
            read = _settled(self._walk.root, folder, unread, _whole_once(unread, contents))
            self._take(folder, leaves, unread, read)
            if read.leaf is None or read.leaf.kind != Kind.FILE:
                return
            content, digest = contents[-1], read.leaf.digest
        elif unread.may_be_secret and is_secret_by_content(unread.name, content):
            leaves[unread.name] = Leaf(Kind.SECRET, *unread.stamp)
            return
        else:
            digest = digest_of(content)
            leaves[unread.name] = Leaf(Kind.FILE, *unread.stamp, unread.is_executable, digest)
        if self._pack is not None and self._pack.claim(digest) and self._files.add(digest, content):
            self._compressing.add(self._files.taken())


class _Batch:
    """Contents that are compressed at once, by their digests."""

    def __init__(self) -> None:
        self._contents: dict[bytes, bytes] = {}
        self._n_bytes = 0

    def add(self, digest: bytes, content: bytes) -> bool:
        """Take one more; tell whether it is enough."""
        self._contents[digest] = content
        self._n_bytes += len(content)
        return len(self._contents) >= _BATCH_FILES or self._n_bytes >= _BATCH_BYTES

    def taken(self) -> dict[bytes, bytes]:
        """Return what it has, and begin anew."""
        contents, self._contents, self._n_bytes = self._contents, {}, 0
        return contents


class _Compressing:
    """Compresses contents in threads and adds them to a pack in their order, a few batches at a time."""

    def __init__(self, pack: PackWriter | None, *, inline: bool) -> None:
        self._pack = pack
        self._pool = (
            None if inline or pack is None else ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-snapshot")
        )
        self._waiting: deque[tuple[list[tuple[bytes, int]], Future[list[Buffer]], bool]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_rest: object) -> None:
        try:
            while error is None and self._waiting:
                self._store()
        finally:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)

    def add(self, new: dict[bytes, bytes], *, last: bool = False) -> None:
        """Take new contents by their digests, for the end of the pack if ``last``, and store what is compressed already."""
        contents = list(new.values())
        rows = [(digest, len(content)) for digest, content in new.items()]
        if self._pool is not None:
            self._waiting.append((rows, self._pool.submit(compress_all, contents), last))
            while self._waiting and (len(self._waiting) > _THREADS + 1 or self._waiting[0][1].done()):
                self._store()
        elif self._pack is not None and rows:
            self._pack.add_all(rows, compress_all(contents), last=last)

    def _store(self) -> None:
        rows, frames, last = self._waiting.popleft()
        assert self._pack is not None
        self._pack.add_all(rows, frames.result(), last=last)


class _Progress:
    def __init__(self, walk: Walk, say: Say | None) -> None:
        self._say = say
        self._n_files = walk.n_unread
        self._n_done = self._done = self._since = 0
        self._total = 1
        if say is not None:
            self._total = sum(_cost(unread) for folder in walk.folders for unread in folder.unread()) or 1

    def tell(self, unread: Unread) -> None:
        if self._say is None:
            return
        self._n_done += 1
        cost = _cost(unread)
        self._done += cost
        self._since += cost
        if self._since > _TOLD_BYTES or self._n_done == self._n_files:
            self._since = 0
            self._say(f"Read {self._n_done:,} of {self._n_files:,} files", self._done / self._total)


def _cost(unread: Unread) -> int:
    return _OPEN_BYTES + (_SAMPLES * _SAMPLE_BYTES if unread.is_recorded else unread.n_bytes)


def _read_at_once(root: bytes, folder: Folder, unread: Unread) -> bytes | None:
    """Return the content of a file that is still as it was walked, after it was read too; ``None`` for any other."""
    try:
        fd = os.open(root + folder.path + unread.name, _OPEN_FLAGS)
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


def _settled(root: bytes, folder: Folder, unread: Unread, read_once: _ReadOnce) -> _Read:
    """Read a file until it did not change meanwhile; after some tries take what was read last, and say so."""
    path = root + folder.path + unread.name
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
