"""A snapshot: the exact source tree a run started from."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from jupyter_mlops.core.record import Entry, Record

HexDigest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class SnapshotFile(Record, frozen=True, kw_only=True):
    """One path of a snapshot.

    ``kind`` says what it is: a ``file`` whose content is stored, a ``link`` (``target`` is its text),
    an empty ``folder``, ``recorded``: too large to be source, so known by size, mtime and a digest
    of samples (``digest``), not stored, or a ``secret``: what looks like one, of which nothing but the path is known.
    """

    path: str
    """Relative, ``/``-separated; bytes that are not UTF-8 as surrogate escapes, percent-encoded (``%FF``)."""
    kind: Literal["file", "link", "folder", "recorded", "secret"] = "file"
    digest: str = ""
    n_bytes: int = 0
    mtime_ns: int = 0
    executable: bool = False
    target: str = ""


class Snapshot(Entry, frozen=True, kw_only=True):
    """The exact source tree a run started from. Its name is the first 16 digits of its digest."""

    kind: ClassVar[str] = "snapshot"
    versioned: ClassVar[bool] = False

    digest: HexDigest
    """BLAKE3 of the tree: paths, kinds, modes and content digests."""
    source: str
    """Absolute path of the folder it was taken from."""
    n_files: int
    n_bytes: int
    n_recorded: int = 0
    """Files known but not stored, as they are large. Files that look like secrets are not counted; warnings name them."""
    warnings: list[str] = []
    unused_since: float = 0.0
    """When a gc of a shared store first found that no run refers to it (seconds since the epoch); 0 while one does."""


class FileChange(Record, frozen=True, kw_only=True):
    """How one path differs between two snapshots."""

    path: str
    change: Literal["added", "removed", "changed"]
    diff: str = ""
    """Unified text diff, of notebooks cell by cell; empty where ``note`` says why."""
    note: str = ""
    """What the diff does not show (mode, outputs of a notebook), or why there is none (binary, very long, not stored)."""
