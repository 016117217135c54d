"""What all stores of blobs share: their keys and their errors."""

from __future__ import annotations

import errno
import re
from typing import Final

from jupyter_mlops.core.errors import BadInput, Unavailable, UnknownThing

PART: Final = ".part-"
"""What the name of a blob begins with while it is written. No key does."""

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")


class BlobsUnavailable(Unavailable):
    """The blob store cannot be read or written."""

    code = "blobs-unavailable"

    def __init__(self, url: str, doing: str, error: BaseException) -> None:
        """Say what was being done (``written``) when ``error`` came."""
        why = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        why = why.partition("\n")[0].rstrip(".")
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


def check_key(key: str) -> str:
    """Return a key (``POOL/NAME``). Raises ``ValueError`` for anything else, which is a mistake of ours."""
    if not _KEY.fullmatch(key):
        msg = f"not a key (POOL/NAME): {key!r}"
        raise ValueError(msg)
    return key
