"""Restores a snapshot: byte for byte, into a folder that is new, all of it or nothing."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import BadInput, Conflict, Failed, MlopsError, Unavailable
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.snapshot import Snapshot, SnapshotFile
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.reading import sample_digest
from jupyter_mlops.inputs.stored import SnapshotDetail, StoredSnapshot, open_snapshot
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.inputs.tree import raw
from jupyter_mlops.ports import Say, World

_QUIET_S: Final = 1.0
_PAUSE_S: Final = 0.2
_BATCH_FILES: Final = 20_000
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MORE: Final = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class WouldOverwrite(Conflict):
    """The folder to restore into is not empty."""

    code = "would-overwrite"

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        super().__init__(
            f"{folder} already exists and is {'not empty' if folder.is_dir() else 'a file'}; "
            "a snapshot is never restored over files.",
            hint="Name a folder that does not exist yet.",
        )


class PathEscapes(BadInput):
    """A snapshot has a path that would lie outside the folder it is restored into."""

    code = "path-escapes"

    def __init__(self, snapshot: str, path: str) -> None:
        """Name the snapshot and the path."""
        super().__init__(
            f"Snapshot {snapshot} has the path {path!r}, which would leave the folder; nothing was restored.",
            hint="No snapshot that this program took has such a path: find out where this one came from.",
        )


class RecordedFileGone(Failed):
    """A file that a snapshot only recorded is not at its place any more, or is another."""

    code = "recorded-file-gone"

    def __init__(self, snapshot: str, path: str, where: Path, what: str) -> None:
        """Name the snapshot, the path in it, where it was, and what is wrong."""
        super().__init__(
            f"{path} was only recorded in snapshot {snapshot}, and {where} {what}.",
            hint="Put the file back as it was, or take a snapshot that stores it: --include " + path,
        )


class SecretGone(Failed):
    """A file that looks like a secret, so is in no snapshot, is not at its place."""

    code = "secret-gone"

    def __init__(self, snapshot: str, path: str, where: Path) -> None:
        """Name the snapshot, the path in it, and where the file is expected."""
        super().__init__(
            f"{path} looks like a secret, so snapshot {snapshot} does not have it, and {where} is not there.",
            hint=f"Put it there; or take a snapshot that stores it, if it is none: --include {path}",
        )


class NotRestored(Unavailable):
    """The folder to restore into cannot be written."""

    code = "not-restored"

    def __init__(self, folder: Path, error: OSError) -> None:
        """Name the folder and say why."""
        super().__init__(
            f"The snapshot cannot be restored into {folder}: {error.strerror or error}.",
            hint="Choose a folder that you can write, with space for the files; nothing was left half-restored.",
        )


class Restored(Record, frozen=True, kw_only=True):
    """A snapshot that was written to a folder or an archive."""

    snapshot: Snapshot
    path: str
    """Where it is now."""
    left_out: list[SnapshotFile] = []
    """What is not there: large files that were only recorded, and what looks like a secret."""


@uses_store
def restore_snapshot(
    world: World, ref: str, into: Path, *, link_recorded: bool = False, say: Say | None = None
) -> Restored:
    """Restore a snapshot into a folder that does not exist or is empty; tell what is not in it.

    Secrets and files that were only recorded are left out, unless ``link_recorded`` links them to their place in the
    folder the snapshot was taken from, after checking that the latter are the same there.

    Raises:
        UnknownThing, AmbiguousSnapshot: For ``ref``.
        WouldOverwrite: ``into`` has something in it.
        PathEscapes: The snapshot is not one of ours.
        DamagedPack, MissingContent: The store is not what it was.
        RecordedFileGone, SecretGone: With ``link_recorded``, a file to link is gone or changed.
        NotRestored: ``into`` cannot be written.
    """
    into = into.absolute()
    stored = StoredSnapshot(world, ref)
    detail = not_stored(stored)
    originals = _originals(detail) if link_recorded else {}
    try:
        if into.is_symlink() or (into.exists() and (not into.is_dir() or any(into.iterdir()))):
            raise WouldOverwrite(into)
        if not (above := next(one for one in into.parents if one.exists())).is_dir():
            raise WouldOverwrite(above)
        into.parent.mkdir(parents=True, exist_ok=True)
        # beside its place, so that it can be renamed there when it is whole
        work = into.parent / f".{into.name}.{secrets.token_hex(6)}.part"
        work.mkdir()
        try:
            write_all(work, stored, originals, say)
            work.replace(into)
        except BaseException:
            shutil.rmtree(work, ignore_errors=True)
            raise
    except OSError as error:
        raise NotRestored(into, error) from error
    left_out = [file for file in detail.files if file.path not in originals]
    return Restored(snapshot=detail.snapshot, path=str(into), left_out=left_out)


def open_inside(world: World, ref: str) -> tuple[SnapshotDetail, Packs]:
    """Open a snapshot of which no path leaves the folder. Raises ``PathEscapes``."""
    detail, packs = open_snapshot(world, ref)
    for file in detail.files:
        _check_inside(detail.snapshot, file)
    return detail, packs


def not_stored(stored: StoredSnapshot) -> SnapshotDetail:
    """Return what a snapshot names and does not store, sorted. Raises ``PathEscapes`` where any path leaves the folder."""
    files = []
    for file in stored.files():
        _check_inside(stored.snapshot, file)
        if file.kind in {"recorded", "secret"}:
            files.append(file)
    return SnapshotDetail(snapshot=stored.snapshot, files=sorted(files, key=lambda file: file.path))


def _check_inside(snapshot: Snapshot, file: SnapshotFile) -> None:
    path = raw(file.path)
    if b"\0" in path or any(part in {b"", b".", b".."} for part in path.split(b"/")):
        raise PathEscapes(snapshot.name, file.path)


def write_all(work: Path, stored: StoredSnapshot, originals: dict[str, Path], say: Say | None = None) -> None:
    """Write folders and files, then links: while there is no link, none can be followed."""
    top = os.fsencode(work)
    links: list[SnapshotFile] = []
    folders: set[bytes] = set()
    batch: list[SnapshotFile] = []
    writing = _Writing(top, stored, say)
    for file in stored.files():
        folders.add(raw(file.path) if file.kind == "folder" else raw(file.path).rpartition(b"/")[0])
        if file.kind == "file":
            batch.append(file)
        elif file.kind == "link":
            links.append(file)
        if len(batch) >= _BATCH_FILES or len(folders) >= _BATCH_FILES:
            writing.write(folders, batch)
            folders, batch = set(), []
    writing.write(folders, batch)
    for link in links:
        os.symlink(raw(link.target), top + b"/" + raw(link.path))  # noqa: PTH211  # bytes
    for path, original in originals.items():
        os.symlink(os.fsencode(original), top + b"/" + raw(path))  # noqa: PTH211  # bytes


class _Writing:
    """Writes many files at a time, each content to every path that has it, as it comes from the packs."""

    def __init__(self, top: bytes, stored: StoredSnapshot, say: Say | None) -> None:
        self._top = top
        self._packs = stored.packs
        self._snapshot = stored.snapshot
        self._say = say
        self._n_bytes = 0
        self._told = time.monotonic() + _QUIET_S

    def write(self, folders: Iterable[bytes], files: Iterable[SnapshotFile]) -> None:
        for folder in folders:
            os.makedirs(self._top + b"/" + folder, exist_ok=True)  # noqa: PTH103  # bytes
        places: defaultdict[bytes, list[SnapshotFile]] = defaultdict(list)
        for file in files:
            places[bytes.fromhex(file.digest)].append(file)
        now = b""
        for digest, chunk in self._packs.read_all(places):
            for file in places[digest]:
                self._write(file, chunk, _MORE if digest == now else _NEW)
            now = digest

    def _write(self, file: SnapshotFile, chunk: bytes, flags: int) -> None:
        """Write to a file that is open no longer than that: a thousand may have the same content."""
        target = os.open(self._top + b"/" + raw(file.path), flags, 0o777 if file.executable else 0o666)
        try:
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(target, rest) :]
        finally:
            os.close(target)
        self._tell(len(chunk))

    def _tell(self, n_bytes: int) -> None:
        self._n_bytes += n_bytes
        if self._say is not None and time.monotonic() > self._told:
            self._say(f"Writing {self._snapshot.n_files:,} files", self._n_bytes / (self._snapshot.n_bytes or 1))
            self._told = time.monotonic() + _PAUSE_S


def _originals(detail: SnapshotDetail) -> dict[str, Path]:
    """Return where each file is that is to be linked. Raises ``RecordedFileGone`` and ``SecretGone``."""
    found, missing = look_for_originals(detail)
    if missing:
        raise missing[0]
    return found


def look_for_originals(detail: SnapshotDetail) -> tuple[dict[str, Path], list[MlopsError]]:
    """Return where each file is that a snapshot does not store, having seen that it is the same, and what is not so."""
    source = Path(os.fsdecode(raw(detail.snapshot.source)))
    found: dict[str, Path] = {}
    missing: list[MlopsError] = []
    for file in detail.files:
        if file.kind in {"recorded", "secret"}:
            try:
                found[file.path] = _original(detail.snapshot, file, source / os.fsdecode(raw(file.path)))
            except (RecordedFileGone, SecretGone) as error:
                missing.append(error)
    return found, missing


def _original(snapshot: Snapshot, file: SnapshotFile, where: Path) -> Path:
    if file.kind == "secret":  # of which nothing but the path is known
        if not where.exists():
            raise SecretGone(snapshot.name, file.path, where)
        return where
    try:
        with where.open("rb") as there:
            size = os.fstat(there.fileno()).st_size
            same = size == file.n_bytes and sample_digest(there.fileno(), size).hex() == file.digest
    except FileNotFoundError as error:
        raise RecordedFileGone(snapshot.name, file.path, where, "is not there any more") from error
    except OSError as error:
        raise RecordedFileGone(snapshot.name, file.path, where, f"cannot be read ({error.strerror})") from error
    if not same:
        raise RecordedFileGone(snapshot.name, file.path, where, "is not the same file any more")
    return where
