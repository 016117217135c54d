"""What was known of a folder's files when they were last read, so that an unchanged file is not read again.

Per folder it has the listing (names, and which of them are folders) and the stats of the files that were taken, as bytes
that compare at once; what is known of each file is decoded only where something differs. The file begins with the
digest of the rest, and ends with what tells where each folder's record is, so that no more than one is in memory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import struct
from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from io import FileIO
from itertools import accumulate, chain, compress
from operator import attrgetter, methodcaller
from pathlib import Path
from tempfile import SpooledTemporaryFile, mkstemp
from typing import Final, Self

import msgspec
from blake3 import blake3

from jupyter_mlops.inputs.crowd import CrowdEntry
from jupyter_mlops.inputs.tree import Folder, Leaf, digest_of, file_totals

_FORMAT: Final = 3
# A file changed within one tick of its file system's clock after it was read keeps its times, so what is as young as
# that is read again. Kernels tick every 1 to 10 ms; file systems that keep whole seconds (or two) show it.
_TICK_NS: Final = 50_000_000
_COARSE_TICK_NS: Final = 2_000_000_000
_NO_TIME: Final = -1
"""A change time that no file has."""

_DIGEST: Final = 32
_LENGTH: Final = struct.Struct("<Q")
_CHUNK: Final = 1 << 20
_IN_MEMORY: Final = 4 << 20
_STAMP: Final = "QqqQ"
_STAMP_BYTES: Final = 32
_MODIFIED: Final = b"/"
"""A listing that no folder has."""

Entries = Sequence["os.DirEntry[bytes] | CrowdEntry"]
stamp = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino")
"""What tells of a stat whether a file changed."""

leaf_stamp = attrgetter("n_bytes", "mtime_ns", "ctime_ns", "inode")
"""The same of what is known."""

name_of = attrgetter("name")
_is_folder = methodcaller("is_dir", follow_symlinks=False)
_stat = methodcaller("stat", follow_symlinks=False)
_leaves = msgspec.msgpack.Decoder(dict[bytes, Leaf])


class Known(msgspec.Struct, array_like=True, gc=False):
    """One folder as the cache knows it."""

    rules: bytes
    digest: bytes
    listing: bytes
    """As ``listing_of`` has it, or, where something in the folder is to be looked at each time, no such thing."""
    taken: bytes
    """For each name in the listing 1 if it is a leaf."""
    stamps: bytes
    subs: list[bytes]
    """Subfolders to walk, environments among them."""
    folders: dict[bytes, bytes]
    """Digest of each subfolder's tree."""
    n_files: int
    n_bytes: int
    is_notable: bool
    """Whether a leaf is recorded or a secret."""
    raw_leaves: msgspec.Raw

    def is_still(self, entries: Entries) -> bool:
        """Tell whether a folder with these entries has the same names, and the same files, as far as their stats tell."""
        if listing_of(entries) != self.listing:
            return False
        files = compress(entries, self.taken)
        try:
            stamps = _pack(len(self.stamps) // _STAMP_BYTES, map(stamp, map(_stat, files)))
        except (OSError, struct.error):
            return False
        return stamps == self.stamps

    def leaves(self) -> dict[bytes, Leaf]:
        """Return what is known of each file."""
        return _leaves.decode(self.raw_leaves)


class _Head(msgspec.Struct, array_like=True):
    """What stands at the end of the file."""

    format: int = _FORMAT
    choice: bytes = b""
    packs: list[str] = []
    paths: list[bytes] = []
    lengths: list[int] = []
    """How long the record of each path is."""


class Brief(msgspec.Struct, gc=False):
    """Of what is known of a folder, what is wanted of all folders at once."""

    cache: StatCache
    path: bytes
    digest: bytes
    n_folders: int
    n_files: int
    n_bytes: int
    is_notable: bool

    def leaves(self) -> dict[bytes, Leaf]:
        """Return what is known of each file."""
        known = self.cache.read(self.path)
        assert known is not None
        return known.leaves()


class StatCache:
    """What is known of a folder and those in it, by their paths (``b""``, ``b"a/"``). A record is read when it is asked for."""

    def __init__(self, file: FileIO | None = None, head: _Head | None = None) -> None:
        """Take the open file and its end; nothing is known without."""
        head = head or _Head()
        self.digest = b"" if file is None else os.pread(file.fileno(), _DIGEST, 0)
        """Of all of it."""
        self.choice = head.choice
        """Fingerprint of the choice by which files were taken."""
        self.packs = frozenset(head.packs)
        """The packs that had all the contents."""
        self._fd = -1 if file is None else file.fileno()
        self._starts = array("Q", accumulate(head.lengths, initial=_DIGEST))
        self._numbers = {path: number for number, path in enumerate(head.paths)}

    def __len__(self) -> int:
        return len(self._numbers)

    def read(self, path: bytes) -> Known | None:
        """Return what is known of a folder."""
        number = self._numbers.get(path)
        if number is None:
            return None
        start = self._starts[number]
        return _decoder.decode(os.pread(self._fd, self._starts[number + 1] - start, start))

    def brief(self, path: bytes, known: Known) -> Brief:
        """Return the gist of what was read of a folder."""
        return Brief(self, path, known.digest, len(known.folders), known.n_files, known.n_bytes, known.is_notable)

    def span(self, path: bytes) -> tuple[int, int]:
        """Return where in the file a folder's record begins and ends."""
        number = self._numbers[path]
        return self._starts[number], self._starts[number + 1]

    def piece(self, start: int, end: int) -> bytes:
        """Return a part of the file."""
        return os.pread(self._fd, end - start, start)


_decoder = msgspec.msgpack.Decoder(Known)
_head_decoder = msgspec.msgpack.Decoder(_Head)
_encoder = msgspec.msgpack.Encoder()


def listing_of(entries: Entries) -> bytes:
    """Return the names of a folder, in the order they come in, and which are folders, as bytes to compare."""
    return b"%b//%b" % (b"/".join(map(name_of, entries)), bytes(map(_is_folder, entries)))


def _pack(count: int, stamps: Iterable[tuple[int, int, int, int]]) -> bytes:
    return struct.pack("<" + _STAMP * count, *chain.from_iterable(stamps))


def cache_path(root: Path, folder: Path) -> Path:
    """Return where the cache of ``folder`` lies in the workspace folder ``root``."""
    return root / "cache" / "snapshots" / f"{digest_of(os.fsencode(folder)).hex()[:32]}.stat"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[StatCache]:
    """Open what is known; nothing when there is no cache or it cannot be read."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb", buffering=0))
            known = StatCache(file, _head(file))
        except (OSError, msgspec.DecodeError):
            known = StatCache()
        yield known


def _head(file: FileIO) -> _Head:
    """Check the file and return what stands at its end. Raises ``msgspec.DecodeError``."""
    digest, hasher = file.read(_DIGEST), blake3()
    while chunk := file.read(_CHUNK):
        hasher.update(chunk)
    end = file.tell() - _LENGTH.size
    if digest != hasher.digest() or end < _DIGEST:
        raise msgspec.DecodeError
    (length,) = _LENGTH.unpack(os.pread(file.fileno(), _LENGTH.size, end))
    if length > end - _DIGEST:  # another format
        raise msgspec.DecodeError
    head = _head_decoder.decode(os.pread(file.fileno(), length, end - length))
    if head.format != _FORMAT:
        raise msgspec.DecodeError
    return head


class Writer:
    """Writes what is to be known next time, folder by folder; it takes the place of the old when it is whole.

    A cache is a convenience: on a full disk there is none, and the next snapshot reads the files again.
    """

    def __init__(self, path: Path, old: StatCache, read_at_ns: int) -> None:
        """Take where it belongs, what was there and when reading began: files as young as that are read again next time."""
        self._path = path
        self.old = old
        self._read_at_ns = read_at_ns
        self._head = _Head()
        self._hasher = blake3()
        self._file: SpooledTemporaryFile[bytes] | None = None
        self._start = self._end = 0  # of the old file, what is to be copied

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = SpooledTemporaryFile(_IN_MEMORY, dir=str(self._path.parent))
        return self

    def __exit__(self, *_error: object) -> None:
        self._give_up()

    def _give_up(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def copy(self, folder: Folder) -> None:
        """Know of a folder what was known."""
        start, end = self.old.span(folder.key)
        if start != self._end:
            self._copy()
            self._start = start
        self._end = end
        self._head.paths.append(folder.key)
        self._head.lengths.append(end - start)

    def add(self, folder: Folder, leaves: dict[bytes, Leaf]) -> None:
        """Know a folder that was taken."""
        old = self.old.read(folder.key) if folder.is_still else None
        if old is not None:
            old.digest, old.folders = folder.digest, {name: sub.digest for name, sub in folder.folders.items()}
        record = _encoder.encode(old or _known(folder, leaves, self._read_at_ns))
        self._copy()
        self._head.paths.append(folder.key)
        self._head.lengths.append(len(record))
        self._write(record)

    def _copy(self) -> None:
        for at in range(self._start, self._end, _CHUNK):
            self._write(self.old.piece(at, min(at + _CHUNK, self._end)))
        self._start = self._end = 0

    def _write(self, content: bytes) -> None:
        if self._file is not None:
            self._hasher.update(content)
            try:
                self._file.write(content)
            except OSError:
                self._give_up()

    def save(self, choice: bytes, packs: Collection[str]) -> None:
        """Replace the cache where it differs."""
        self._copy()
        self._head.choice, self._head.packs = choice, sorted(packs)
        head = _encoder.encode(self._head)
        self._write(head + _LENGTH.pack(len(head)))
        if self._file is None or self._hasher.digest() == self.old.digest:
            return
        with contextlib.suppress(OSError):
            self._file.seek(0)
            fd, name = mkstemp(dir=self._path.parent, prefix=".", suffix=".part")
            try:
                with open(fd, "wb") as file:  # noqa: PTH123  # a descriptor
                    file.write(self._hasher.digest())
                    shutil.copyfileobj(self._file, file, _CHUNK)
                Path(name).replace(self._path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise


def _known(folder: Folder, leaves: dict[bytes, Leaf], read_at_ns: int) -> Known:
    leaves = {name: _trusted(leaf, read_at_ns) for name, leaf in leaves.items()}
    names = folder.listing.partition(b"//")[0].split(b"/")
    taken = [leaves[name] for name in names if name in leaves]
    try:
        stamps, is_modified = _pack(len(taken), map(leaf_stamp, taken)), folder.is_troubled or len(taken) != len(leaves)
    except struct.error:  # a file system with odd numbers
        stamps, is_modified = b"", True
    return Known(
        folder.rules,
        folder.digest,
        _MODIFIED if is_modified else folder.listing,
        bytes(name in leaves for name in names),
        stamps,
        folder.subs,
        {name: sub.digest for name, sub in folder.folders.items()},
        *file_totals(leaves.values()),
        msgspec.Raw(_encoder.encode(leaves)),
    )


def _trusted(leaf: Leaf, read_at_ns: int) -> Leaf:
    """Return a leaf as it is, or, if it is too young to be trusted, with a time that no file has."""
    coarse = leaf.ctime_ns % 1_000_000 == 0
    settled = leaf.ctime_ns < read_at_ns - (_COARSE_TICK_NS if coarse else _TICK_NS)
    return leaf if settled else msgspec.structs.replace(leaf, ctime_ns=_NO_TIME)
