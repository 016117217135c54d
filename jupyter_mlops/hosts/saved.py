"""A saved image: the archive that `docker save` and our export write, read layer by layer."""

from __future__ import annotations

import hashlib
import json
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import zstandard

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.hosts.layers import CHUNK
from jupyter_mlops.hosts.oci import Blob
from jupyter_mlops.hosts.wheels import Tick

GZIP: Final = b"\x1f\x8b"
ZSTD: Final = b"\x28\xb5\x2f\xfd"
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
    """The one image of an archive. Of several, that of the wanted architecture, else the first."""

    def __init__(self, file: Path, archive: tarfile.TarFile, architecture: str | None) -> None:
        """Read what the archive says of itself. Raises ``BadArchive``."""
        self._file, self._archive = file, archive
        try:
            self.config, self._names = self._listed() if self._has("manifest.json") else self._indexed(architecture)
            settings = json.loads(self.config)
            self.architecture: str = settings["architecture"]
            """``amd64``, ``arm64``, ..."""
            self.diff_ids: list[str] = settings["rootfs"]["diff_ids"]
            """SHA-256 of each layer's tar, ``sha256:...``, from the bottom."""
            self.settings: dict[str, Any] = settings.get("config") or {}
            """Docker's: ``Env``, ``Labels``, ..."""
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise BadArchive(file, "what it says of itself cannot be read") from error
        self.n_layers = len(self._names)
        if self.n_layers != len(self.diff_ids):
            raise BadArchive(file, f"it has {self.n_layers} layers, and its configuration {len(self.diff_ids)}")

    def _listed(self) -> tuple[bytes, list[str]]:
        """Return configuration and layers as `docker save` lists them; the former byte for byte, its digest is the id."""
        said = json.loads(self._bytes("manifest.json"))[0]
        return self._bytes(said["Config"]), said["Layers"]

    def _indexed(self, architecture: str | None) -> tuple[bytes, list[str]]:
        """Return the same of an OCI layout, which may hold an image for each of several platforms."""
        place = "index.json"
        for _ in range(3):
            said = json.loads(self._bytes(place))
            if "manifests" not in said:
                return self._bytes(_blob(said["config"])), [_blob(one) for one in said["layers"]]
            place = _blob(choose(said["manifests"], architecture))
        raise BadArchive(self._file, "its index leads nowhere")

    @contextmanager
    def opened_layer(self, number: int) -> Iterator[IO[bytes]]:
        """Open a layer as it is stored: a tar, plain or compressed."""
        with self._opened(self._names[number]) as file:
            yield file

    def layer(self, number: int, path: Path, tick: Tick) -> Blob:
        """Write a layer to ``path``, compressed if it was not. Raises ``BadArchive`` where its content is another."""
        with self.opened_layer(number) as source:
            try:
                blob, raw = packed(source, path, tick)
            except (zlib.error, zstandard.ZstdError) as error:
                raise BadArchive(self._file, f"layer {number + 1} is damaged") from error
        if f"sha256:{raw}" != self.diff_ids[number]:
            raise BadArchive(self._file, f"layer {number + 1} is damaged")
        return blob

    def _has(self, name: str) -> bool:
        try:
            return name in self._archive.getnames()
        except (tarfile.TarError, EOFError) as error:
            raise BadArchive(self._file, "it ends too early") from error

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
def opened(file: Path, architecture: str | None = None) -> Iterator[Saved]:
    """Open an archive: of `docker save`, or an OCI layout in a tar. Raises ``BadArchive``."""
    try:
        archive = tarfile.open(file)  # noqa: SIM115  # closed below
    except (OSError, tarfile.TarError) as error:
        raise BadArchive(file, getattr(error, "strerror", None) or "it is no tar file") from error
    with archive:
        yield Saved(file, archive, architecture)


def packed(source: IO[bytes], path: Path, tick: Tick) -> tuple[Blob, str]:
    """Write a layer to ``path``, compressed if it was not; return it, and the SHA-256 of its tar, 64 digits."""
    raw, digest, n_bytes = hashlib.sha256(), hashlib.sha256(), 0
    with path.open("wb") as target:
        for plain, compressed in _both(source):
            tick()
            raw.update(plain)
            digest.update(compressed)
            n_bytes += target.write(compressed)
    return Blob(digest=digest.hexdigest(), n_bytes=n_bytes, path=path, compressed=True), raw.hexdigest()


def choose(manifests: Sequence[Mapping[str, Any]], architecture: str | None) -> Mapping[str, Any]:
    """Return the entry of an OCI index for Linux on an architecture, else its first. Raises ``LookupError`` if empty."""
    for one in manifests:
        platform = one.get("platform") or {}
        if (platform.get("os"), platform.get("architecture")) == ("linux", architecture):
            return one
    return manifests[0]


def _blob(descriptor: Mapping[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def _both(source: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield what ``source`` holds piece by piece, as it is and compressed with gzip, which every engine takes."""
    start = source.read(len(ZSTD))
    source.seek(0)
    if start.startswith(GZIP):
        unpacker = zlib.decompressobj(_GZIP_BITS)
        while chunk := source.read(CHUNK):
            yield unpacker.decompress(chunk), chunk
        yield unpacker.flush(), b""
        return
    plain = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True) if start == ZSTD else source
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_BITS)
    while chunk := plain.read(CHUNK):
        yield chunk, packer.compress(chunk)
    yield b"", packer.flush()
