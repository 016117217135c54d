"""Writes a snapshot into an archive, ``.zip`` or ``.tar.zst``: the same snapshot gives the same bytes."""

from __future__ import annotations

import os
import secrets
import stat
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, get_args

import zstandard

from jupyter_mlops.core.errors import BadInput, Conflict, Unavailable
from jupyter_mlops.inputs.restore import Restored, not_stored, write_all
from jupyter_mlops.inputs.stored import StoredSnapshot
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.ports import Say, World

ArchiveForm = Literal["zip", "tar.zst"]

_AT: Final = (
    315_532_800  # 1980-01-01, the first day a zip file knows: a time of its own would make each archive another
)
_LEVEL: Final = 3
_CHUNK: Final = 1 << 20
_FILE_MODE: Final = 0o644
_PROGRAM_MODE: Final = 0o755
_LINK_MODE: Final = 0o777
_UNIX: Final = 3


class UnknownForm(BadInput):
    """A file whose name does not say what kind of archive it should be."""

    code = "unknown-archive"

    def __init__(self, file: Path) -> None:
        """Name the file."""
        forms = " or ".join(f".{form}" for form in get_args(ArchiveForm))
        super().__init__(
            f"{file.name!r} does not say what kind of archive to write.", hint=f"End the file's name with {forms}."
        )


class ArchiveExists(Conflict):
    """There is a file where the archive should go."""

    code = "archive-exists"

    def __init__(self, file: Path) -> None:
        """Name the file."""
        super().__init__(f"{file} already exists; it was left as it is.", hint="Name a file that does not exist yet.")


class NotExported(Unavailable):
    """The archive cannot be written."""

    code = "not-exported"

    def __init__(self, file: Path, error: OSError) -> None:
        """Name the file and say why."""
        super().__init__(
            f"The snapshot cannot be written to {file}: {error.strerror or error}.",
            hint="Choose a folder that you can write, with space for the files twice; nothing was left half-written.",
        )


@uses_store
def export_snapshot(world: World, ref: str, file: Path, *, say: Say | None = None) -> Restored:
    """Write a snapshot to a new ``.zip`` or ``.tar.zst`` file; tell what is not in it.

    Links, the executable bit, empty folders and names that are not UTF-8 are kept; times are not, so that the same
    snapshot gives the same archive. Every content is checked before it is written. The file is there when it is whole.

    Raises:
        UnknownThing, AmbiguousSnapshot: For ``ref``.
        UnknownForm: ``file`` ends otherwise.
        ArchiveExists: There is such a file.
        PathEscapes, DamagedPack, MissingContent: As for restoring.
        NotExported: ``file`` cannot be written.
    """
    file = file.absolute()
    form = next((form for form in get_args(ArchiveForm) if file.name.endswith(f".{form}")), None)
    if form is None or file.name == f".{form}":
        raise UnknownForm(file)
    stored = StoredSnapshot(world, ref)
    detail = not_stored(stored)
    part = file.with_name(f".{file.name}.{secrets.token_hex(6)}.part")
    try:
        if os.path.lexists(file):
            raise ArchiveExists(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(prefix=f".{file.name}.", suffix=".part", dir=file.parent) as scratch:
                write_all(Path(scratch), stored, {}, say)
                (_write_zip if form == "zip" else _write_tar)(part, os.fsencode(scratch), _Progress(say))
            _place(part, file)
        finally:
            part.unlink(missing_ok=True)
    except FileExistsError as error:
        raise ArchiveExists(file) from error
    except OSError as error:
        raise NotExported(file, error) from error
    return Restored(snapshot=detail.snapshot, path=str(file), left_out=detail.files)


def _place(part: Path, file: Path) -> None:
    try:
        file.hardlink_to(part)  # unlike a rename, refuses to replace a file that appeared meanwhile
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        part.rename(file)


class _Progress:
    def __init__(self, say: Say | None) -> None:
        self._say = say
        self._next = time.monotonic() + 1
        self._n = 0

    def step(self) -> None:
        self._n += 1
        if self._say is not None and time.monotonic() > self._next:
            self._say(f"Compressed {self._n:,} files", 0.9)
            self._next = time.monotonic() + 0.2


def _below(top: bytes) -> Iterator[tuple[bytes, bytes, os.stat_result]]:
    """Yield name, path and stat of everything below a folder, sorted, folders before what is in them."""
    todo = [b""]
    while todo:
        name = todo.pop()
        st = os.lstat(top + b"/" + name)
        if name:
            yield name, top + b"/" + name, st
        if stat.S_ISDIR(st.st_mode):
            names = sorted(os.listdir(top + b"/" + name), reverse=True)  # noqa: PTH208  # bytes
            todo += [name + b"/" + one if name else one for one in names]


def _mode(st: os.stat_result) -> int:
    """Return the mode that an archive has for a path: what a snapshot knows, and no umask of this process."""
    if stat.S_ISLNK(st.st_mode):
        return stat.S_IFLNK | _LINK_MODE
    if stat.S_ISDIR(st.st_mode):
        return stat.S_IFDIR | _PROGRAM_MODE
    return stat.S_IFREG | (_PROGRAM_MODE if st.st_mode & stat.S_IXUSR else _FILE_MODE)


class _ZipInfo(zipfile.ZipInfo):
    """A member whose name may be no UTF-8: then it goes in as it is, as zip on UNIX does."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  # zipfile's own
        raw = os.fsencode(self.filename)
        try:
            raw.decode()
        except UnicodeDecodeError:
            return raw, self.flag_bits
        return raw, self.flag_bits | (0 if raw.isascii() else 0x800)  # the bit that says UTF-8


def _write_zip(part: Path, top: bytes, progress: _Progress) -> None:
    with zipfile.ZipFile(part, "x", zipfile.ZIP_DEFLATED) as archive:
        for name, path, st in _below(top):
            is_folder = stat.S_ISDIR(st.st_mode)
            info = _ZipInfo(os.fsdecode(name) + "/" * is_folder, time.gmtime(_AT)[:6])
            info.create_system = _UNIX
            info.external_attr = _mode(st) << 16 | (0x10 if is_folder else 0)
            info.compress_type = zipfile.ZIP_DEFLATED if stat.S_ISREG(st.st_mode) else zipfile.ZIP_STORED
            info.file_size = st.st_size
            if not stat.S_ISREG(st.st_mode):
                archive.writestr(info, b"" if is_folder else os.readlink(path))  # noqa: PTH115  # bytes
                continue
            with open(path, "rb") as source, archive.open(info, "w", force_zip64=st.st_size >= 1 << 31) as member:  # noqa: PTH123  # bytes
                while chunk := source.read(_CHUNK):
                    member.write(chunk)
            progress.step()


def _write_tar(part: Path, top: bytes, progress: _Progress) -> None:
    compressor = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
    with (
        part.open("xb") as file,
        compressor.stream_writer(file) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, errors="surrogateescape") as archive,
    ):
        for name, path, st in _below(top):
            info = tarfile.TarInfo(os.fsdecode(name))
            info.mode, info.mtime = stat.S_IMODE(_mode(st)), _AT
            if stat.S_ISLNK(st.st_mode):
                info.type, info.linkname = tarfile.SYMTYPE, os.fsdecode(os.readlink(path))  # noqa: PTH115  # bytes
                archive.addfile(info)
            elif stat.S_ISDIR(st.st_mode):
                info.type = tarfile.DIRTYPE
                archive.addfile(info)
            else:
                info.size = st.st_size
                with open(path, "rb") as source:  # noqa: PTH123  # bytes
                    archive.addfile(info, source)
                progress.step()
