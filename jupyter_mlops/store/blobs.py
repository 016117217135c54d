"""Content-addressed files, in a local folder or at any fsspec URL."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from urllib.parse import unquote, urlsplit

from jupyter_mlops.core.errors import BadInput, Unavailable, UnknownThing

if TYPE_CHECKING:
    from jupyter_mlops.ports import Blobs

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_PART: Final = ".part-"
"""What the name of a blob begins with while it is written. No key does."""

_WHOLE_PUTS: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Stores where an upload shows up when it is complete, and not at all before."""


class BlobsUnavailable(Unavailable):
    """The blob store cannot be read or written."""

    code = "blobs-unavailable"

    def __init__(self, url: str, doing: str, error: BaseException) -> None:
        """Say what was being done (``write``) when ``error`` came."""
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
        hint = (
            "Free some space there and try again." if full else "See where it is and whether it answers: mlops status"
        )
        super().__init__(f"The blob store at {url} cannot be {doing}: {why}.", hint=hint)


class MissingBlob(UnknownThing):
    """A blob that a record names is not in the store."""

    def __init__(self, url: str, key: str) -> None:
        """Name the store and the key."""
        super().__init__("blob", key)
        self.message = f"The blob {key} is missing from the store at {url}."
        self.hint = "Put it back from a backup, or check that the workspace names the right store: mlops status"


class UnusableBlobUrl(BadInput):
    """A URL that fsspec cannot open here."""

    code = "blob-url"


def open_blobs(url: str) -> Blobs:
    """Open the store at ``url``: a folder, a ``file://`` URL or any URL that fsspec knows.

    Nothing is read or written yet, so a server that does not answer shows at first use. Raises ``UnusableBlobUrl``.
    """
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme in {"", "file", "local"}:
        path = unquote(urlsplit(url).path) if scheme else url
        return FolderBlobs(Path(path).absolute())
    return FsspecBlobs(url)


def _check_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        msg = f"not a key (POOL/NAME): {key!r}"
        raise ValueError(msg)
    return key


def _without_credentials(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "", url)


class FolderBlobs:
    """Blobs in a local folder, one folder per pool. A blob appears under its name only when it is on the disk."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made on the first write."""
        self.folder = folder
        self.url = str(folder)

    def has(self, key: str) -> bool:
        """Tell whether a blob is stored."""
        return (self.folder / _check_key(key)).is_file()

    def put(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a local file; with ``move`` the source is used up. Raises ``BlobsUnavailable``."""
        target = self.folder / _check_key(key)
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
        fd, name = tempfile.mkstemp(prefix=_PART, dir=target.parent)
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
            return (self.folder / _check_key(key)).open("rb")
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
        return (f"{pool}/{name}" for name in names if not name.startswith(_PART))

    def delete(self, key: str) -> None:
        """Delete a blob; one that is not there is no error."""
        try:
            (self.folder / _check_key(key)).unlink(missing_ok=True)
        except OSError as error:
            raise BlobsUnavailable(self.url, "written", error) from error

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


class FsspecBlobs:
    """Blobs at a URL that fsspec knows: ``s3://bucket/prefix``, ``gs://``, ``abfs://``, ``sftp://``, ``memory://``."""

    def __init__(self, url: str) -> None:
        """Take a URL; drivers read their credentials from the environment, as they do everywhere."""
        import fsspec

        self.url = _without_credentials(url)
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError, OSError) as error:  # OSError: a driver that loads a library
            why = str(error).partition("\n")[0].rstrip(".")
            raise UnusableBlobUrl(
                f"The blob store {self.url} cannot be opened: {why}.",
                hint="Install the driver of that kind of URL in the environment of the workspace, or set another URL.",
            ) from error
        self._root = root.rstrip("/")
        protocol = self._fs.protocol
        self._whole_puts = not _WHOLE_PUTS.isdisjoint((protocol,) if isinstance(protocol, str) else protocol)

    def _path(self, key: str) -> str:
        return f"{self._root}/{_check_key(key)}"

    @contextlib.contextmanager
    def _speaking(self, doing: str) -> Iterator[Any]:
        """Give the file system; whatever a driver raises is the store's failure."""
        try:
            yield self._fs
        except MissingBlob:
            raise
        except Exception as error:  # drivers raise what their client library raises
            raise BlobsUnavailable(self.url, doing, error) from error

    def has(self, key: str) -> bool:
        """Tell whether a blob is stored."""
        path = self._path(key)
        with self._speaking("read") as fs:
            return bool(fs.isfile(path))

    def put(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a local file; with ``move`` the source is used up. Raises ``BlobsUnavailable``."""
        target = self._path(key)
        if not self.has(key):
            with self._speaking("written") as fs:
                pool, _, name = target.rpartition("/")
                fs.makedirs(pool, exist_ok=True)
                if self._whole_puts:
                    fs.put_file(str(source), target)
                else:
                    part = f"{pool}/{_PART}{os.urandom(6).hex()}-{name}"
                    fs.put_file(str(source), part)
                    fs.mv(part, target)
        if move:
            source.unlink(missing_ok=True)

    def open(self, key: str) -> BinaryIO:
        """Open for reading, seekable. Raises ``MissingBlob``."""
        path = self._path(key)
        with self._speaking("read") as fs:
            try:
                return fs.open(path, "rb")  # type: ignore[no-any-return]  # fsspec is not typed
            except FileNotFoundError as error:
                raise MissingBlob(self.url, key) from error

    def keys(self, pool: str) -> Iterator[str]:
        """Return the keys of a pool, in no order."""
        with self._speaking("read") as fs:
            fs.invalidate_cache()  # another process may have written since
            try:
                paths = fs.ls(f"{self._root}/{pool}", detail=False)
            except FileNotFoundError:
                return iter(())
        names = (path.rstrip("/").rpartition("/")[2] for path in paths)
        return (f"{pool}/{name}" for name in names if name and not name.startswith(_PART))

    def delete(self, key: str) -> None:
        """Delete a blob; one that is not there is no error."""
        path = self._path(key)
        with self._speaking("written") as fs:
            try:
                fs.rm_file(path)
            except FileNotFoundError:
                return

    def check(self) -> str:
        """Return what answers. Raises ``BlobsUnavailable``."""
        with self._speaking("read") as fs:
            fs.exists(self._root)
        protocol = self._fs.protocol
        return f"{protocol if isinstance(protocol, str) else protocol[0]} store"
