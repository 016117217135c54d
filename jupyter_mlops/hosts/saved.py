"""A saved image: the archive that `docker save` and our export write, read layer by layer."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.hosts.layers import CHUNK
from jupyter_mlops.hosts.oci import Blob
from jupyter_mlops.hosts.wheels import Tick

GZIP: Final = b"\x1f\x8b"
LEVEL: Final = 4
"""Of compression: a third of the time of zlib's usual 6, for some hundredths more bytes."""
_GZIP_BITS: Final = 16 + zlib.MAX_WBITS
"""How zlib is told that its stream is gzip's. It writes no time into it, so that equal layers stay equal."""


class BadArchive(BadInput):
    """A file that is no whole image."""

    code = "bad-image-archive"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"{file.name} is not a whole image: {why}.",
            hint="Write one with `mlops images export MANIFEST FILE.tar` or `docker save IMAGE -o FILE.tar`.",
        )


class Saved:
    """The one image of an archive. Of several, the first."""

    def __init__(self, file: Path, archive: tarfile.TarFile) -> None:
        """Read what the archive says of itself. Raises ``BadArchive``."""
        self._file, self._archive = file, archive
        try:
            said = json.loads(self._bytes("manifest.json"))[0]
            self.config = self._bytes(said["Config"])
            """Byte for byte, since its digest is the image's id."""
            settings = json.loads(self.config)
            self.diff_ids: list[str] = settings["rootfs"]["diff_ids"]
            """SHA-256 of each layer's tar, ``sha256:...``, from the bottom."""
            self.labels: dict[str, str] = settings["config"].get("Labels") or {}
            self._names: list[str] = said["Layers"]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadArchive(file, "its manifest.json cannot be read") from error
        self.n_layers = len(self._names)
        if self.n_layers != len(self.diff_ids):
            raise BadArchive(file, f"it has {self.n_layers} layers, and its configuration {len(self.diff_ids)}")

    def layer(self, number: int, path: Path, tick: Tick) -> Blob:
        """Write a layer to ``path``, compressed if it was not. Raises ``BadArchive`` where its content is another."""
        with self._opened(self._names[number]) as source, path.open("wb") as target:
            start = source.read(len(GZIP))
            source.seek(0)
            raw, digest, n_bytes = hashlib.sha256(), hashlib.sha256(), 0
            try:
                for plain, packed in _both(source, packed=start == GZIP):
                    tick()
                    raw.update(plain)
                    digest.update(packed)
                    n_bytes += target.write(packed)
            except zlib.error as error:
                raise BadArchive(self._file, f"layer {number + 1} is damaged") from error
        if f"sha256:{raw.hexdigest()}" != self.diff_ids[number]:
            raise BadArchive(self._file, f"layer {number + 1} is damaged")
        return Blob(digest=digest.hexdigest(), n_bytes=n_bytes, path=path, compressed=True)

    def _bytes(self, name: str) -> bytes:
        with self._opened(name) as file:
            return file.read()

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        try:
            file = self._archive.extractfile(name)
            if file is None:
                raise BadArchive(self._file, f"{name} in it is no file")
            with file:
                yield file
        except (KeyError, tarfile.TarError, EOFError) as error:
            raise BadArchive(self._file, f"it lacks {name}, or ends before it") from error


@contextmanager
def opened(file: Path) -> Iterator[Saved]:
    """Open an archive. Raises ``BadArchive``."""
    try:
        archive = tarfile.open(file)  # noqa: SIM115  # closed below
    except (OSError, tarfile.TarError) as error:
        raise BadArchive(file, getattr(error, "strerror", None) or "it is no tar file") from error
    with archive:
        yield Saved(file, archive)


def _both(source: IO[bytes], *, packed: bool) -> Iterator[tuple[bytes, bytes]]:
    """Yield what ``source`` holds piece by piece, as it is and compressed."""
    coder: Any = zlib.decompressobj(_GZIP_BITS) if packed else zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_BITS)
    while chunk := source.read(CHUNK):
        yield (coder.decompress(chunk), chunk) if packed else (chunk, coder.compress(chunk))
    yield (coder.flush(), b"") if packed else (b"", coder.flush())
