"""Images on their way out of here: into a registry, or into a file."""

from __future__ import annotations

import contextlib
import errno
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.core.errors import FileThere, NotFound, NotWritten
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.image import Image, Pushed
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.hosts.credentials import credentials_for
from jupyter_mlops.hosts.engine import Engine
from jupyter_mlops.hosts.layers import CHUNK, tar_stream
from jupyter_mlops.hosts.oci import MANIFEST_TYPE, Blob, image_manifest, members, sha256_of
from jupyter_mlops.hosts.registry import Registry, Target
from jupyter_mlops.hosts.saved import Saved, opened

Say = Callable[[str, float], None]
_SAVING, _SENT = 0.05, 0.95
"""Shares of the whole, as progress has it."""


class ImageRemoved(NotFound):
    """The engine no longer has an image."""

    code = "image-gone"

    def __init__(self, image: Image) -> None:
        super().__init__(
            f"The image of {image.manifest} ({image.image_id[:19]}) is no longer in the Docker engine.",
            hint=f"Build it again with `mlops images build {image.manifest}`.",
        )


class _Packed(Record, frozen=True, kw_only=True):
    """What a layer became when it was compressed: known, it need not be done again to ask for it."""

    digest: str
    n_bytes: int


def push(archive: Path, target: Target, cache: Path, work: Path, say: Say) -> Pushed:
    """Push a saved image; what the registry has is not sent. ``say(line, fraction)`` may raise to cancel.

    ``work`` takes temporary files, ``cache`` what is good to know the next time.

    Raises ``BadArchive``, ``NoCredentials``, ``NoRegistry``, ``PushDenied`` or ``RegistryRefused``.
    """
    say(f"Asking {target.registry}", _SAVING)
    with (
        contextlib.closing(Registry(target, credentials_for(target.registry))) as registry,
        opened(archive) as saved,
    ):
        pushing = _Pushing(registry=registry, saved=saved, cache=cache, scratch=work / "layer", say=say)
        layers = [pushing.layer(number) for number in range(saved.n_layers)]
        digest = sha256_of(saved.config)
        if not registry.has(digest):
            registry.upload(saved.config, digest, lambda _: None)
        manifest = image_manifest(saved.config, layers)
        registry.put_manifest(manifest, MANIFEST_TYPE)
    say(f"Pushed {target}", 1.0)
    return Pushed(
        target=str(target),
        digest=f"sha256:{sha256_of(manifest)}",
        n_bytes=sum(layer.n_bytes for layer in layers),
        n_sent_bytes=pushing.n_sent_bytes,
    )


@dataclass(kw_only=True)
class _Pushing:
    """One push, and what it sent so far."""

    registry: Registry
    saved: Saved
    cache: Path
    scratch: Path
    say: Say
    n_sent_bytes: int = 0

    def layer(self, number: int) -> Blob:
        """See to it that the registry has a layer."""
        name = f"layer {number + 1} of {self.saved.n_layers}"
        share = (_SENT - _SAVING) / self.saved.n_layers
        begun = _SAVING + share * number
        known = self.cache / f"gzip-{self.saved.diff_ids[number].removeprefix('sha256:')}.json"
        if known.exists():
            packed = decode(known.read_bytes(), _Packed)
            if self.registry.has(packed.digest):
                return Blob(digest=packed.digest, n_bytes=packed.n_bytes, compressed=True)
        blob = self.saved.layer(number, self.scratch, lambda: self.say(f"Compressing {name}", begun))
        part = self.scratch.with_name("known")
        part.write_bytes(encode(_Packed(digest=blob.digest, n_bytes=blob.n_bytes)))
        part.replace(known)
        if self.registry.has(blob.digest):
            return blob
        out = 0

        def tell(n_bytes: int) -> None:
            nonlocal out
            out += n_bytes
            self.say(f"Sending {name}, {blob.n_bytes / 1e6:.0f} MB", begun + share * min(1.0, out / blob.n_bytes))

        self.registry.upload(blob, blob.digest, tell)
        self.n_sent_bytes += blob.n_bytes
        return blob


def check_registry(target: Target) -> None:
    """See that the registry answers and knows us, before an image is got ready. Raises as ``push`` does."""
    with contextlib.closing(Registry(target, credentials_for(target.registry))) as registry:
        registry.check()


def check_place(file: Path) -> None:
    """See that a file can be new where it is wanted. Raises ``FileThere`` or ``NotWritten``."""
    if file.exists():
        raise FileThere(file)
    if not file.parent.is_dir():
        raise NotWritten(str(file), FileNotFoundError(errno.ENOENT, "there is no such folder"))


def export(archive: Path, file: Path, tags: Sequence[str], folder: Path, say: Say) -> int:
    """Write a saved image as an archive that OCI's tools and `docker load` read, layers compressed; return its bytes.

    All or nothing. ``folder`` takes temporary files. Raises ``FileThere``, ``NotWritten`` or ``BadArchive``.
    """
    with opened(archive) as saved:
        blobs = []
        for number in range(saved.n_layers):
            line = f"Compressing layer {number + 1} of {saved.n_layers}"
            done = _SAVING + (_SENT - _SAVING) * number / saved.n_layers
            blobs.append(saved.layer(number, folder / f"layer-{number}", functools.partial(say, line, done)))
        return write_archive(file, saved.config, tags, blobs, say)


def write_archive(file: Path, config: bytes, tags: Sequence[str], blobs: Sequence[Blob], say: Say) -> int:
    """Write an image into a new file, all or nothing; return its bytes. Raises ``FileThere`` or ``NotWritten``."""
    part = file.with_name(f".{file.name}.{new_id()}.part")
    try:
        with part.open("xb") as target:
            for block in tar_stream(members(config, tags, blobs)):
                say(f"Writing {file.name}", _SENT)
                target.write(block)
        if file.exists():
            raise FileThere(file)
        part.rename(file)
    except OSError as error:
        raise NotWritten(str(file), error) from error
    finally:
        part.unlink(missing_ok=True)
    say(f"Wrote {file.name}", 1.0)
    return file.stat().st_size


def save(engine: Engine, image: Image, file: Path, say: Say) -> None:
    """Write what ``docker save`` would. Raises ``ImageRemoved``, ``NoEngine`` or ``EngineRefused``."""
    import docker

    try:
        with engine.asked_to("give the image") as client, file.open("wb") as archive:
            for chunk in client.api.get_image(image.image_id, chunk_size=CHUNK):
                say(
                    f"Taking {image.tag} from the Docker engine",
                    _SAVING * min(1.0, archive.tell() / (image.n_bytes or 1)),
                )
                archive.write(chunk)
    except docker.errors.NotFound as error:
        raise ImageRemoved(image) from error
