"""The indexes of many packs in one sorted file, on this machine alone: few bytes in memory, and few files to ask."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import msgspec
from blake3 import blake3

from jupyter_mlops.inputs.packindex import ROW, Index, IndexFile, Place
from jupyter_mlops.inputs.packtable import DIGEST_BYTES, Table, hash_rest, merged, write_table

MANY_DIGESTS: Final = 200_000
"""Digests of small packs that may be in memory."""
MANY_FILES: Final = 8
"""Large packs and groups that are asked one by one."""
_NUMBER: Final = struct.Struct("<I")
_ROW_BYTES: Final = ROW.size + _NUMBER.size
_TAIL: Final = struct.Struct("<QQ")
_CHUNK: Final = 1 << 20
_SUFFIX: Final = ".group"


class Group:
    """The contents of several packs. The file has their digests and rows, the packs' names, and the lengths of both."""

    def __init__(self, packs: Sequence[str], digests: Table, path: Path) -> None:
        """Take the packs' names, and the table in which they are numbers."""
        self.packs = packs
        self.digests = digests
        self.path = path

    def __len__(self) -> int:
        return len(self.digests)

    def find(self, digest: bytes) -> Place | None:
        """Return where a content is."""
        row = self.digests.row(digest)
        return None if row is None else Place(self.packs[_number(row)], *ROW.unpack_from(row))


def _number(row: bytes) -> int:
    (number,) = _NUMBER.unpack_from(row, ROW.size)
    return int(number)


def open_groups(folder: Path, kept: set[str]) -> list[Group]:
    """Return the groups in a folder whose packs are all among those that are kept; remove the others, and what is damaged."""
    found, covered = [], set[str]()
    paths = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: (-_size(path), path.name))
    for path in paths:
        with contextlib.suppress(OSError):
            group = _open(path)
            if group is None or not kept.issuperset(group.packs) or covered.issuperset(group.packs):
                path.unlink(missing_ok=True)
                continue
            covered.update(group.packs)
            found.append(group)
    return found


def _size(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_size
    return 0


def _open(path: Path) -> Group | None:
    """Return a group; ``None`` when the file is not what its name says. Raises ``OSError``."""
    with path.open("rb", buffering=0) as file:
        end = os.fstat(file.fileno()).st_size - _TAIL.size
        if end < 0:
            return None
        count, n_names = _TAIL.unpack(os.pread(file.fileno(), _TAIL.size, end))
        if count * (DIGEST_BYTES + _ROW_BYTES) + n_names != end:
            return None
        hasher = blake3()
        table = Table(file, count, _ROW_BYTES, hasher)
        hash_rest(file, table, hasher)
        if hasher.hexdigest() != path.stem:
            return None
        return Group(
            msgspec.msgpack.decode(os.pread(file.fileno(), n_names, end - n_names), type=list[str]), table, path
        )


def make_group(folder: Path, sources: Iterable[Index | IndexFile | Group]) -> Group | None:
    """Put indexes and groups into one new group, which takes the groups' place; ``None`` where it cannot be written."""
    sources = list(sources)
    numbers: dict[str, int] = {}
    items = merged([_items(source, numbers) for source in sources])
    with contextlib.suppress(OSError):
        file, count = write_table(folder, items)
        names = msgspec.msgpack.encode(list(numbers))
        with file:
            hasher = blake3()
            file.seek(0, os.SEEK_END)
            file.write(names + _TAIL.pack(count, len(names)))
            file.seek(0)
            with NamedTemporaryFile(dir=folder, prefix=".group-", delete=False) as whole:
                try:
                    while chunk := file.read(_CHUNK):
                        hasher.update(chunk)
                        whole.write(chunk)
                    path = folder / f"{hasher.hexdigest()}{_SUFFIX}"
                    whole.flush()
                    Path(whole.name).replace(path)
                except BaseException:
                    Path(whole.name).unlink(missing_ok=True)
                    raise
        for source in sources:
            if isinstance(source, Group) and source.path != path:
                source.path.unlink(missing_ok=True)
        return _open(path)
    return None


def _items(source: Index | IndexFile | Group, numbers: dict[str, int]) -> Iterator[tuple[bytes, bytes]]:
    """Return digests and rows, each with the number of its pack; packs get theirs when they are seen first."""
    if isinstance(source, Group):
        own = [_NUMBER.pack(numbers.setdefault(name, len(numbers))) for name in source.packs]
        return ((digest, row[: ROW.size] + own[_number(row)]) for digest, row in source.digests.items())
    number = _NUMBER.pack(numbers.setdefault(source.name, len(numbers)))
    return ((digest, row + number) for digest, row in source.items())
