"""What can be wrong with packs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import Failed, Unavailable

POOL: Final = "packs"
"""The pool of a blob store that packs are in."""


class DamagedPack(Failed):
    """A pack does not hold what its name promises."""

    code = "damaged-pack"

    def __init__(self, url: str, name: str, what: str) -> None:
        """Name the store and the pack and say what is wrong with it."""
        self.pack = name
        super().__init__(
            f"The pack {name} in the blob store at {url} is damaged: {what}.",
            hint=f"Put back a good copy of {POOL}/{name}, or delete it and take the snapshot again where its files still are.",
        )


class MissingContent(Failed):
    """No pack has a content that a snapshot needs."""

    code = "missing-content"

    def __init__(self, url: str, digest: bytes) -> None:
        """Name the store and the digest."""
        super().__init__(
            f"No pack in the blob store at {url} has the content {digest.hex()[:16]}.",
            hint=f"Put back the packs that were deleted from {POOL}/, or take the snapshot again where its files still are.",
        )


class PackNotWritten(Unavailable):
    """A pack cannot be written, most likely because the disk is full."""

    code = "pack-not-written"

    def __init__(self, folder: Path, error: OSError) -> None:
        """Say where and why."""
        super().__init__(
            f"The snapshot cannot be written in {folder}: {error.strerror or error}.",
            hint="Free some space there (or make it writable) and try again; nothing was left half-written.",
        )
