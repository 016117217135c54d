"""What was known of a folder's files when they were last read, so that an unchanged file is not read again.

Per folder it has the listing (names, and which of them are folders) and the stats of the files that were taken, as bytes
that compare at once; what is known of each file is decoded only where something differs. The file begins with the
digest of the rest.
"""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Collection, Iterable, Sequence
from itertools import chain, compress
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.inputs.tree import Folder, Leaf, digest_of, file_totals

_FORMAT: Final = 2
# A file changed within one tick of its file system's clock after it was read keeps its times, so what is as young as
# that is read again. Kernels tick every 1 to 10 ms; file systems that keep whole seconds (or two) show it.
_TICK_NS: Final = 50_000_000
_COARSE_TICK_NS: Final = 2_000_000_000
_NO_TIME: Final = -1
"""A change time that no file has."""

_DIGEST: Final = 32
_STAMP: Final = "QqqQ"
_STAMP_BYTES: Final = 32
_MODIFIED: Final = b"/"
"""A listing that no folder has."""

Entries = Sequence["os.DirEntry[bytes]"]
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


class StatCache(msgspec.Struct, array_like=True):
    """What is known of a folder and those in it, by their paths (``b""``, ``b"a/"``)."""

    format: int = _FORMAT
    choice: bytes = b""
    """Fingerprint of the choice by which files were taken."""
    packs: frozenset[str] = frozenset()
    """The packs that had all the contents."""
    folders: dict[bytes, Known] = {}


_decoder = msgspec.msgpack.Decoder(StatCache)
_encoder = msgspec.msgpack.Encoder()


def listing_of(entries: Entries) -> bytes:
    """Return the names of a folder, in the order they come in, and which are folders, as bytes to compare."""
    return b"%b//%b" % (b"/".join(map(name_of, entries)), bytes(map(_is_folder, entries)))


def _pack(count: int, stamps: Iterable[tuple[int, int, int, int]]) -> bytes:
    return struct.pack("<" + _STAMP * count, *chain.from_iterable(stamps))


def cache_path(root: Path, folder: Path) -> Path:
    """Return where the cache of ``folder`` lies in the workspace folder ``root``."""
    return root / "cache" / "snapshots" / f"{digest_of(os.fsencode(folder)).hex()[:32]}.stat"


def load(path: Path) -> StatCache:
    """Return what is known; nothing when there is no cache or it cannot be read."""
    try:
        file = path.read_bytes()
        digest, content = file[:_DIGEST], memoryview(file)[_DIGEST:]
        if digest != digest_of(content):
            return StatCache()
        cache = _decoder.decode(content)
    except (OSError, msgspec.DecodeError):
        return StatCache()
    return cache if cache.format == _FORMAT else StatCache()


def save(path: Path, old: StatCache, new: StatCache) -> None:
    """Replace the cache where it differs."""
    content = _encoder.encode(new)
    if (old.choice, old.packs) == (new.choice, new.packs) and content == _encoder.encode(old):
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with open(fd, "wb") as file:  # noqa: PTH123  # a descriptor
                file.write(digest_of(content))
                file.write(content)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError:
        return  # a cache is a convenience: on a full disk the next snapshot reads the files again


def remember(folders: Iterable[Folder], choice: bytes, packs: Collection[str], read_at_ns: int) -> StatCache:
    """Return what is to be known next time, and from now on of ``folders``. Files as young as ``read_at_ns`` (when reading began) are read again then."""
    known = {}
    for folder in folders:
        folder.known = known[folder.path] = _known(folder, read_at_ns)
        folder.forget_leaves()  # they take much more memory than what is known of them
    return StatCache(choice=choice, packs=frozenset(packs), folders=known)


def _known(folder: Folder, read_at_ns: int) -> Known:
    folders = {name: sub.digest for name, sub in folder.folders.items()}
    if isinstance(folder.known, Known):
        old = folder.known
        if old.digest == folder.digest and old.folders == folders:
            return old
        return msgspec.structs.replace(old, digest=folder.digest, folders=folders)
    leaves = {name: _trusted(leaf, read_at_ns) for name, leaf in folder.leaves.items()}
    names = folder.listing.partition(b"//")[0].split(b"/")
    taken = [leaves[name] for name in names if name in leaves]
    try:
        stamps, is_modified = _pack(len(taken), map(leaf_stamp, taken)), folder.is_troubled or len(taken) != len(leaves)
    except struct.error:  # a file system with odd numbers
        stamps, is_modified = b"", True
    n_files, n_bytes, is_notable = file_totals(leaves.values())
    return Known(
        folder.rules,
        folder.digest,
        _MODIFIED if is_modified else folder.listing,
        bytes(name in leaves for name in names),
        stamps,
        folder.subs,
        folders,
        n_files,
        n_bytes,
        is_notable,
        msgspec.Raw(_encoder.encode(leaves)),
    )


def _trusted(leaf: Leaf, read_at_ns: int) -> Leaf:
    """Return a leaf as it is, or, if it is too young to be trusted, with a time that no file has."""
    coarse = leaf.ctime_ns % 1_000_000 == 0
    settled = leaf.ctime_ns < read_at_ns - (_COARSE_TICK_NS if coarse else _TICK_NS)
    return leaf if settled else msgspec.structs.replace(leaf, ctime_ns=_NO_TIME)
