"""Content-addressed files, in a local folder or at any fsspec URL."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from jupyter_mlops.store.blobbase import PART, BlobsUnavailable, MissingBlob, check_key
from jupyter_mlops.store.remote import FsspecBlobs

if TYPE_CHECKING:
    from jupyter_mlops.ports import Blobs


def open_blobs(url: str) -> Blobs:
    """Open the store at ``url``: a folder, a ``file://`` URL or any URL that fsspec knows.

    Nothing is read or written yet, so a server that does not answer shows at first use. Raises ``UnusableBlobUrl``.
    """
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme in {"", "file", "local"}:
        path = unquote(urlsplit(url).path) if scheme else url
        return FolderBlobs(Path(path).absolute())
    return FsspecBlobs(url)


class FolderBlobs:
    """Blobs in a local folder, one folder per pool. A blob appears under its name only when it is on the disk."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made on the first write."""
        self.folder = folder
        self.url = str(folder)

    def has(self, key: str) -> bool:
        """Tell whether a blob is stored."""
        return (self.folder / check_key(key)).is_file()

    def put(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a local file; with ``move`` the source is used up. Raises ``BlobsUnavailable``."""
        target = self.folder / check_key(key)
        try:
            if not target.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                if not (move and self._rename(source, target)):
                    self._copy(source, target)
            if move:
                source.unlink(missing_ok=True)
        except OSError as error:
            raise BlobsUnavailable(self.url, "written", error) from error

    @staticmethod
    def _rename(source: Path, target: Path) -> bool:
        try:
            _sync(source)
            source.replace(target)
        except OSError as error:
            if error.errno == errno.EXDEV:
                return False
            raise
        _sync(target.parent)
        return True

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        fd, name = tempfile.mkstemp(prefix=PART, dir=target.parent)
        os.close(fd)
        try:
            shutil.copyfile(source, name)
            _sync(Path(name))
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync(target.parent)

    def open(self, key: str) -> BinaryIO:
        """Open for reading, seekable. Raises ``MissingBlob``."""
        try:
            return (self.folder / check_key(key)).open("rb")
        except FileNotFoundError as error:
            raise MissingBlob(self.url, key) from error
        except OSError as error:
            raise BlobsUnavailable(self.url, "read", error) from error

    def keys(self, pool: str) -> Iterator[str]:
        """Return the keys of a pool, in no order."""
        try:
            names = [path.name for path in (self.folder / pool).iterdir()]
        except FileNotFoundError:
            return iter(())
        except OSError as error:
            raise BlobsUnavailable(self.url, "read", error) from error
        return (f"{pool}/{name}" for name in names if not name.startswith("."))

    def delete(self, key: str) -> None:
        """Delete a blob; one that is not there is no error."""
        try:
            (self.folder / check_key(key)).unlink(missing_ok=True)
        except OSError as error:
            raise BlobsUnavailable(self.url, "written", error) from error

    def sweep(self, older_than_s: float) -> int:
        """Remove what interrupted writes left ``older_than_s`` ago or before; return how many bytes that was."""
        n_bytes = 0
        for path in self.folder.glob(f"*/{PART}*"):
            with contextlib.suppress(OSError):  # another process was faster
                stat = path.stat()
                if stat.st_mtime < time.time() - older_than_s:
                    path.unlink()
                    n_bytes += stat.st_size
        return n_bytes

    def check(self) -> str:
        """Return what answers. Raises ``BlobsUnavailable``."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise BlobsUnavailable(self.url, "written", error) from error
        return f"folder, {free / 2**30:.0f} GiB free"


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
