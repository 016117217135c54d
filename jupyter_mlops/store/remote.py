"""Blobs at any URL that fsspec knows, sent in parts so that an interrupted upload goes on where it stopped.

A blob of up to ``PART_BYTES`` is one object, ``POOL/NAME``. A larger one is cut into parts of that size, each an object
``.parts/POOL/NAME/NUMBER-DIGEST`` (BLAKE3, 32 digits), and there when the list of them is: ``POOL/.parts-NAME``, written
last. An upload first asks which parts are there already and sends the others, whatever process or machine began it. A
store's own multipart uploads would do as much only on S3, and are lost with their upload id.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import msgspec
from blake3 import blake3

from jupyter_mlops.core.record import decode
from jupyter_mlops.store.blobbase import PART, BlobsUnavailable, MissingBlob, UnusableBlobUrl, check_key

PART_BYTES: Final = 16 << 20
_PARTS: Final = ".parts"
_LIST: Final = ".parts-"
_THREADS: Final = 3
_BUFFER_BYTES: Final = 4 << 20
_DIGITS: Final = 32

_WHOLE_PUTS: Final = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "memory"})
"""Stores where an upload shows up when it is complete, and not at all before."""


class _Part(msgspec.Struct, array_like=True, frozen=True):
    name: str
    n_bytes: int


def _without_credentials(url: str) -> str:
    return re.sub(r"(?<=://)[^/@]*@", "", url)


class FsspecBlobs:
    """Blobs at a URL that fsspec knows: ``s3://bucket/prefix``, ``gs://``, ``abfs://``, ``sftp://``, ``memory://``."""

    def __init__(self, url: str, *, part_bytes: int = PART_BYTES) -> None:
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
        self._part_bytes = part_bytes
        protocol = self._fs.protocol
        self._whole_puts = not _WHOLE_PUTS.isdisjoint((protocol,) if isinstance(protocol, str) else protocol)

    def _path(self, key: str) -> str:
        return f"{self._root}/{check_key(key)}"

    def _list_path(self, key: str) -> str:
        pool, _, name = check_key(key).partition("/")
        return f"{self._root}/{pool}/{_LIST}{name}"

    def _parts_path(self, key: str) -> str:
        return f"{self._root}/{_PARTS}/{check_key(key)}"

    @contextlib.contextmanager
    def _speaking(self, doing: str) -> Iterator[Any]:
        """Give the file system; whatever a driver raises is the store's failure."""
        try:
            yield self._fs
        except (MissingBlob, BlobsUnavailable):
            raise
        except Exception as error:  # drivers raise what their client library raises
            raise BlobsUnavailable(self.url, doing, error) from error

    def _size(self, path: str) -> int | None:
        """Return the size of an object, ``None`` when there is none. Other than ``isfile``, a store that is away is no answer."""
        with self._speaking("read") as fs:
            fs.invalidate_cache()  # another process may have written since
            try:
                info = fs.info(path)
            except FileNotFoundError:
                return None
        return int(info["size"]) if info["type"] == "file" else None

    def _list(self, folder: str) -> dict[str, Any]:
        """Return what is right below a folder: names, with what the driver knows of each."""
        with self._speaking("read") as fs:
            fs.invalidate_cache()
            try:
                found = fs.ls(folder, detail=True)
            except FileNotFoundError:
                return {}
        return {info["name"].rstrip("/").rpartition("/")[2]: info for info in found}

    def has(self, key: str) -> bool:
        """Tell whether a blob is stored."""
        return self._size(self._path(key)) is not None or self._size(self._list_path(key)) is not None

    def put(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a local file; with ``move`` the source is used up. Raises ``BlobsUnavailable``.

        What an interrupted upload of it sent is not sent again.
        """
        if not self.has(key):
            with self._speaking("written"), source.open("rb") as file:
                n_bytes = os.fstat(file.fileno()).st_size
                if n_bytes <= self._part_bytes:
                    self._write(self._path(key), file.read())
                else:
                    self._put_parts(key, file.fileno(), n_bytes)
        if move:
            source.unlink(missing_ok=True)

    def _write(self, path: str, content: bytes) -> None:
        """Write an object, all or nothing."""
        if self._whole_puts:
            self._fs.pipe_file(path, content)
            return
        folder, _, name = path.rpartition("/")
        self._fs.makedirs(folder, exist_ok=True)
        part = f"{folder}/{PART}{os.urandom(6).hex()}-{name}"
        self._fs.pipe_file(part, content)
        self._fs.mv(part, path)

    def _put_parts(self, key: str, fd: int, n_bytes: int) -> None:
        folder = self._parts_path(key)
        there = {name: info["size"] for name, info in self._list(folder).items()}

        def send(at: int) -> _Part:
            content = os.pread(fd, self._part_bytes, at)
            part = _Part(f"{at // self._part_bytes:06d}-{blake3(content).hexdigest()[:_DIGITS]}", len(content))
            if there.get(part.name) != part.n_bytes:
                self._write(f"{folder}/{part.name}", content)
            return part

        # drivers that are not asynchronous need not be safe in threads
        with ThreadPoolExecutor(_THREADS if self._fs.async_impl else 1, thread_name_prefix="mlops-upload") as pool:
            try:
                parts = list(pool.map(send, range(0, n_bytes, self._part_bytes)))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        self._write(self._list_path(key), msgspec.json.encode(parts))
        now = self._list(folder)
        if any(part.name not in now for part in parts):  # swept as an upload that nobody would finish
            self._fs.rm_file(self._list_path(key))
            raise FileNotFoundError(f"parts of {key} were removed while others were sent; try again")

    def open(self, key: str) -> BinaryIO:
        """Open for reading, seekable. Raises ``MissingBlob``; reading raises ``BlobsUnavailable``."""
        path = self._path(key)
        n_bytes = self._size(path)
        parts = [_Part(path, n_bytes)] if n_bytes is not None else self._parts(key)
        if not parts:
            raise MissingBlob(self.url, key)
        return cast("BinaryIO", io.BufferedReader(_Parts(self, parts), _BUFFER_BYTES))

    def _parts(self, key: str) -> list[_Part]:
        with self._speaking("read") as fs:
            try:
                parts = decode(fs.cat_file(self._list_path(key)), list[_Part])
            except FileNotFoundError:
                return []
        return [_Part(f"{self._parts_path(key)}/{part.name}", part.n_bytes) for part in parts]

    def read_range(self, path: str, start: int, end: int) -> bytes:
        """Read from an object. Raises ``MissingBlob`` and ``BlobsUnavailable``."""
        with self._speaking("read") as fs:
            try:
                return cast("bytes", fs.cat_file(path, start=start, end=end))
            except FileNotFoundError as error:
                raise MissingBlob(self.url, path.removeprefix(f"{self._root}/")) from error

    def keys(self, pool: str) -> Iterator[str]:
        """Return the keys of a pool, in no order."""
        names = (name.removeprefix(_LIST) for name in self._list(f"{self._root}/{pool}"))
        return (f"{pool}/{name}" for name in names if name and not name.startswith("."))

    def delete(self, key: str) -> None:
        """Delete a blob; one that is not there is no error."""
        self._remove([self._path(key)])
        if self._size(self._list_path(key)) is not None:
            self._remove([self._list_path(key)])
            folder = self._parts_path(key)
            self._remove([f"{folder}/{name}" for name in self._list(folder)])

    def _remove(self, paths: Sequence[str]) -> None:
        with self._speaking("written") as fs:
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    fs.rm_file(path)

    def sweep(self, older_than_s: float) -> int:
        """Remove what interrupted uploads sent ``older_than_s`` ago or before; return how many bytes that was.

        Nothing where the driver does not know when an object was written.
        """
        n_bytes = 0
        for pool in self._list(f"{self._root}/{_PARTS}"):
            for name in self._list(f"{self._root}/{_PARTS}/{pool}"):
                n_bytes += self._sweep_parts(f"{pool}/{name}", time.time() - older_than_s)
        return n_bytes

    def _sweep_parts(self, key: str, before: float) -> int:
        folder = self._parts_path(key)
        sizes = {f"{folder}/{name}": int(info["size"] or 0) for name, info in self._list(folder).items()}
        with self._speaking("read") as fs:
            try:
                ages = [fs.modified(path).timestamp() for path in sizes]
            except (FileNotFoundError, NotImplementedError):
                return 0
        if max(ages, default=0.0) > before or self._size(self._list_path(key)) is not None:
            return 0
        self._remove(list(sizes))
        return sum(sizes.values())

    def check(self) -> str:
        """Return what answers. Raises ``BlobsUnavailable``."""
        self._size(f"{self._root}/nothing")
        protocol = self._fs.protocol
        return f"{protocol if isinstance(protocol, str) else protocol[0]} store"


class _Parts(io.RawIOBase):
    """Objects, one after the other, as one file."""

    def __init__(self, blobs: FsspecBlobs, parts: Sequence[_Part]) -> None:
        self._blobs = blobs
        self._paths = [part.name for part in parts]
        self._ends = list(accumulate(part.n_bytes for part in parts))
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ends[-1]}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        index = bisect_right(self._ends, self._at)
        if index == len(self._ends):
            return 0
        begin = self._ends[index - 1] if index else 0
        end = min(self._at + len(buffer), self._ends[index])
        content = self._blobs.read_range(self._paths[index], self._at - begin, end - begin)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
