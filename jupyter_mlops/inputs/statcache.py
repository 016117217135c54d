"""What was known of a folder's files when they were last read, so that an unchanged file is not read again."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.inputs.tree import Folder, Kind, Leaf, digest_of

_FORMAT: Final = 1
# A file changed within one tick of its file system's clock after it was read keeps its times, so what is as young as
# that is read again. Kernels tick every 1 to 10 ms; file systems that keep whole seconds (or two) show it.
_TICK_NS: Final = 50_000_000
_COARSE_TICK_NS: Final = 2_000_000_000


class Known(msgspec.Struct, array_like=True, gc=False):
    """One folder as the cache knows it."""

    rules: bytes
    digest: bytes
    leaves: dict[bytes, Leaf]
    folders: dict[bytes, bytes]
    """Digest of each subfolder's tree."""


class _File(msgspec.Struct, array_like=True):
    format: int
    folders: dict[bytes, Known]


_decoder = msgspec.msgpack.Decoder(_File)


def cache_path(root: Path, folder: Path) -> Path:
    """Return where the cache of ``folder`` lies in the workspace folder ``root``."""
    return root / "cache" / "snapshots" / f"{digest_of(os.fsencode(folder)).hex()[:32]}.stat"


def load(path: Path) -> dict[bytes, Known]:
    """Return what is known by folder path; nothing when there is no cache or it cannot be read."""
    try:
        file = _decoder.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}
    return file.folders if file.format == _FORMAT else {}


def save(path: Path, folders: Iterable[Folder], read_at_ns: int) -> None:
    """Replace the cache. Files as young as ``read_at_ns`` (when reading began) will be read again."""
    content = {
        folder.path: Known(
            folder.rules,
            folder.digest,
            {name: _trusted(leaf, read_at_ns) for name, leaf in folder.leaves.items()},
            {name: sub.digest for name, sub in folder.folders.items()},
        )
        for folder in folders
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        try:
            with open(fd, "wb") as file:  # noqa: PTH123  # a descriptor
                file.write(msgspec.msgpack.encode(_File(_FORMAT, content)))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError:
        return  # a cache is a convenience: on a full disk the next snapshot reads the files again


def _trusted(leaf: Leaf, read_at_ns: int) -> Leaf:
    """Return a leaf as it is, or, if it is too young to be trusted, with a time that no file has."""
    coarse = leaf.ctime_ns % 1_000_000 == 0
    settled = leaf.kind == Kind.LINK or leaf.ctime_ns < read_at_ns - (_COARSE_TICK_NS if coarse else _TICK_NS)
    return leaf if settled else msgspec.structs.replace(leaf, ctime_ns=-1)
