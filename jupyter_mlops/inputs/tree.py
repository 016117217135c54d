"""A folder's content as a tree of records, one per folder, each known by its digest."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import groupby
from operator import itemgetter
from typing import Final, Protocol

import msgspec
from blake3 import blake3

from jupyter_mlops.core.snapshot import SnapshotFile
from jupyter_mlops.inputs.held import Held


class Kind(IntEnum):
    """What a path is."""

    FILE = 0
    LINK = 1
    FOLDER = 2
    RECORDED = 3
    SECRET = 4
    PART = 5
    """Some of the files of the folder that it is in, which has very many."""


class Leaf(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A path that is no folder, with what tells whether it changed."""

    kind: int
    n_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    executable: bool = False
    digest: bytes = b""
    """BLAKE3 of the content, of samples of it when only recorded; of a secret nothing, as it could be guessed from it."""
    target: bytes = b""
    """Text of a link."""


class Unread(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A file whose content is not known yet."""

    name: bytes
    stamp: tuple[int, int, int, int]
    """Size, mtime, ctime (ns) and inode as it was walked."""
    is_executable: bool
    is_recorded: bool
    may_be_secret: bool
    """Whether it is to be withheld when its content is a secret."""

    @property
    def n_bytes(self) -> int:
        """Its size as it was walked."""
        return self.stamp[0]


class _Found(msgspec.Struct, array_like=True, frozen=True, gc=False):
    listing: bytes
    raw_leaves: msgspec.Raw
    raw_unread: msgspec.Raw


_NOTHING: Final = _Found(b"", msgspec.Raw(b"\x80"), msgspec.Raw(b"\x90"))


class KnownFolder(Protocol):
    """What the stat cache knows of a folder."""

    digest: bytes
    n_folders: int
    """How many folders in it were walked."""
    n_files: int
    n_bytes: int
    is_notable: bool

    def leaves(self) -> dict[bytes, Leaf]:
        """Return what is in it and no folder, by name."""
        ...


@dataclass(slots=True)
class Folder:
    """A folder as it was walked. ``path`` is relative and ends with a slash, ``b""`` for the top.

    What is in it is held as bytes, as there may be a million files, and not at all where the stat cache has it.
    """

    path: bytes
    part: bytes = b""
    """Of a folder with very many files, which part it is: ``/`` and a number."""
    rules: bytes = b""
    """Digest of the ignore rules that hold in it."""
    known: KnownFolder | None = None
    """What the stat cache knows, where no leaf differs from it."""
    is_still: bool = False
    """Whether nothing else in it differs either."""
    folders: dict[bytes, Folder] = field(default_factory=dict)
    """Those in it, and its parts."""
    subs: list[bytes] = field(default_factory=list)
    """Names of the folders in it that are not ignored; ``folders`` has not those of them that are environments."""
    is_troubled: bool = False
    """Whether something in it could not be taken, so that it is to be looked at again next time."""
    digest: bytes = b""
    is_same: bool = False
    """Whether its digest, so all that is in it and below, is what the stat cache knows."""
    _held: Held | None = None
    _at: int = 0
    _length: int = 0

    @property
    def key(self) -> bytes:
        """What the stat cache knows it by."""
        return self.path + self.part

    def hold(self, held: Held, listing: bytes, leaves: dict[bytes, Leaf], unread: list[Unread]) -> None:
        """Keep there what was found: everything in it as the stat cache compares it, what is known, and what is to be read."""
        content = _encoder.encode(
            _Found(listing, msgspec.Raw(_encoder.encode(leaves)), msgspec.Raw(_encoder.encode(unread)))
        )
        self._held, self._at, self._length = held, held.put(content), len(content)

    def let_go(self) -> None:
        """Forget all but the digest."""
        self.folders, self.subs, self.known, self._held = {}, [], None, None

    def _found(self) -> _Found:
        return _NOTHING if self._held is None else _found.decode(self._held.get(self._at, self._length))

    @property
    def listing(self) -> bytes:
        """Everything in it, as the stat cache compares it; nothing where that has it."""
        return self._found().listing

    def leaves(self) -> dict[bytes, Leaf]:
        """Return what is in it, known and no folder, by name."""
        return _leaves.decode(self._found().raw_leaves) if self.known is None else self.known.leaves()

    def unread(self) -> list[Unread]:
        """Return the files in it that are to be read."""
        return _unread.decode(self._found().raw_unread)


def file_totals(leaves: Iterable[Leaf]) -> tuple[int, int, bool]:
    """Return how many files are stored, how many bytes they have, and whether any was not stored."""
    n_files = n_bytes = 0
    notable = False
    for leaf in leaves:
        if leaf.kind == Kind.FILE:
            n_files += 1
            n_bytes += leaf.n_bytes
        else:
            notable = notable or leaf.kind != Kind.LINK
    return n_files, n_bytes, notable


class _Node(msgspec.Struct, array_like=True, frozen=True, gc=False):
    name: bytes
    kind: int
    digest: bytes
    n_bytes: int
    mtime_ns: int
    executable: bool
    target: bytes


class _Tree(msgspec.Struct, array_like=True, frozen=True):
    nodes: list[_Node]
    format: int


_FORMAT: Final = 1
_FORMAT_OF_PARTS: Final = 2
_FORMATS: Final = (_FORMAT, _FORMAT_OF_PARTS)
_KINDS: Final = frozenset(Kind)
_INNER: Final = frozenset({Kind.FOLDER, Kind.PART})
_SIZED: Final = frozenset({Kind.FILE, Kind.RECORDED})
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Tree)
_leaves = msgspec.msgpack.Decoder(dict[bytes, Leaf])
_unread = msgspec.msgpack.Decoder(list[Unread])
_found = msgspec.msgpack.Decoder(_Found)


def encode_folder(folder: Folder, leaves: dict[bytes, Leaf]) -> bytes:
    """Return a folder as it is stored; equal content gives equal bytes. Its subfolders must have their digests."""
    nodes = [
        _Node(
            name,
            leaf.kind,
            leaf.digest,
            leaf.n_bytes if leaf.kind in _SIZED else 0,
            leaf.mtime_ns if leaf.kind == Kind.RECORDED else 0,  # touching a file makes no new snapshot
            leaf.executable,
            leaf.target,
        )
        for name, leaf in leaves.items()
    ]
    nodes += [
        _Node(name, Kind.PART if sub.part else Kind.FOLDER, sub.digest, 0, 0, executable=False, target=b"")
        for name, sub in folder.folders.items()
    ]
    nodes.sort(key=lambda node: node.name)
    has_parts = any(sub.part for sub in folder.folders.values())
    return _encoder.encode(_Tree(nodes, _FORMAT_OF_PARTS if has_parts else _FORMAT))


def digest_of(content: bytes | memoryview) -> bytes:
    """Return the 32 bytes that name a content."""
    return blake3(content).digest()


_PATHS: Final = {Kind.FILE: "file", Kind.LINK: "link", Kind.RECORDED: "recorded", Kind.SECRET: "secret"}


def paths_of(digest: bytes, read: Callable[[bytes], bytes]) -> Iterator[SnapshotFile]:
    """Yield the paths of a stored tree, folder by folder. ``read`` gives the content for a digest.

    Raises ``msgspec.DecodeError`` (or its ``ValidationError``) for what is no tree.
    """
    folders = [(b"", digest)]
    while folders:
        base, at = folders.pop()
        tree = _decoder.decode(read(at))
        nodes = tree.nodes
        if tree.format not in _FORMATS or any(node.kind not in _KINDS for node in nodes):
            raise msgspec.DecodeError
        if not nodes and base:
            yield SnapshotFile(path=shown(base[:-1]), kind="folder")
        for node in nodes:
            if node.kind == Kind.FOLDER:
                folders.append((base + node.name + b"/", node.digest))
                continue
            if node.kind == Kind.PART:
                folders.append((base, node.digest))
                continue
            yield SnapshotFile(
                path=shown(base + node.name),
                kind=_PATHS[Kind(node.kind)],  # type: ignore[arg-type]  # its values are the literals
                digest=node.digest.hex(),
                n_bytes=node.n_bytes,
                mtime_ns=node.mtime_ns,
                executable=node.executable,
                target=shown(node.target),
            )


def contents_of(roots: Iterable[bytes], read_all: Callable[[set[bytes]], Iterable[tuple[bytes, bytes]]]) -> set[bytes]:
    """Return the digests of all contents that trees are made of: those of folders and of files.

    ``read_all`` yields ``(digest, chunk)``, the chunks of one content one after the other. Equal folders are read once.
    Raises ``msgspec.DecodeError`` for what is no tree.
    """
    folders: set[bytes] = set()
    files: set[bytes] = set()
    level = set(roots)
    while level:
        folders |= level
        below: set[bytes] = set()
        for _, chunks in groupby(read_all(level), key=itemgetter(0)):
            for node in _decoder.decode(b"".join(chunk for _, chunk in chunks)).nodes:
                if node.kind in _INNER:
                    below.add(node.digest)
                elif node.kind == Kind.FILE:
                    files.add(node.digest)
        level = below - folders
    return folders | files


_AMBIGUOUS: Final = re.compile(r"%(?=[89A-F][0-9A-F]|25)")
_ESCAPED: Final = re.compile(r"%([89A-F][0-9A-F]|25)")


def shown(path: bytes) -> str:
    """Return a path as text: bytes that are not UTF-8 as ``%FF``; ``raw`` is its inverse."""
    try:
        text = path.decode()
    except UnicodeDecodeError:
        text = path.decode(errors="surrogateescape")
        text = _AMBIGUOUS.sub("%25", text)
        return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in text)
    return _AMBIGUOUS.sub("%25", text) if "%" in text else text


def raw(path: str) -> bytes:
    """Return the bytes of a path that ``shown`` made text."""
    if "%" not in path:
        return path.encode()
    return _ESCAPED.sub(lambda m: chr(0xDC00 + n) if (n := int(m[1], 16)) > 0x7F else "%", path).encode(  # noqa: PLR2004  # ASCII
        errors="surrogateescape"
    )


def human(n_bytes: int) -> str:
    """Return a size for a person."""
    size = float(n_bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004  # binary units
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"
