"""An image: a container image built from a manifest."""

from __future__ import annotations

from typing import Any, ClassVar

from jupyter_mlops.core.record import Entry, Record


class Image(Entry, frozen=True, kw_only=True):
    """A container image. Its name is its manifest's, ``NAME:VERSION``, with the processor for one that the engine does not run."""

    kind: ClassVar[str] = "image"
    versioned: ClassVar[bool] = False

    manifest: str
    """``NAME:VERSION``."""
    image_id: str
    """``sha256:...`` as the engine names it."""
    tag: str
    """``mlops/NAME:VERSION`` in the engine, with the processor as above."""
    n_bytes: int = 0
    build_s: float = 0.0
    platform: str = ""
    """``linux/amd64``."""
    lock: str = ""
    """What is installed in it: pins with digests, as pip reads them."""


class Pushed(Record, frozen=True, kw_only=True):
    """An image in a registry."""

    target: str
    """``REGISTRY/NAME:TAG``."""
    digest: str
    """``sha256:...`` of its manifest: ``REGISTRY/NAME@sha256:...`` is this very image for ever."""
    n_bytes: int
    """Of its layers there, compressed."""
    n_sent_bytes: int
    """Of those that the registry did not have."""


class Trial(Record, frozen=True, kw_only=True):
    """What an image did when it was tried out."""

    image: str
    """``NAME:VERSION``."""
    ready_s: float
    """From the start of its container until it was ready."""
    first_ms: float | None = None
    """What the first answer to the sample took; ``None`` where the manifest has no sample."""
    median_ms: float | None = None
    """What an answer took, over connections of their own."""
    same: bool | None = None
    """Whether the answer is the one that the manifest recorded; ``None`` where it recorded none."""
    difference: str = ""
    """Where they differ first."""
    answer: Any = None


class Exported(Record, frozen=True, kw_only=True):
    """An image in a file."""

    image: str
    """``NAME:VERSION``, or its tag where it is in the file alone."""
    file: str
    n_bytes: int
    beside: list[str] = []
    """What runs it elsewhere."""
    key: str = ""
    """What opens a container that is started so. It is kept nowhere."""
    platform: str = ""
    """``linux/amd64``."""
