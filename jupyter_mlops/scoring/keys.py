"""Keys: who may score, by SHA-256 digests read from a file that may change."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import MlopsError, NotFound
from jupyter_mlops.core.record import decode

FILE: Final = "digests.json"
CHECK_S: Final = 0.25
"""How long a key that is no longer in the file may go on opening. A new one opens at once."""


class KeysMissing(NotFound):
    """A replica without keys would be open to everyone: it does not start."""

    code = "keys-missing"


class KeyNeeded(MlopsError):
    """A request without a key."""

    code, status = "key-needed", 401

    def __init__(self) -> None:
        super().__init__(
            "This service needs a key, and the request carries none.",
            hint="Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`; `mlops services keys list NAME` shows it.",
        )


class KeyWrong(MlopsError):
    """A request with a key that this service does not know."""

    code, status = "key-wrong", 401

    def __init__(self) -> None:
        super().__init__(
            "The key that the request carries is not one of this service's.",
            hint="`mlops services keys list NAME` shows the keys; one that was regenerated no longer opens.",
        )


class _Digests(msgspec.Struct):
    digests: list[str]


class Keys:
    """The digests of the keys that open this replica.

    The folder is mounted and the file replaced by renaming, so each look asks the path anew. A file that
    is away or broken for a moment leaves the keys as they were.
    """

    def __init__(
        self,
        folder: Path,
        *,
        given: Sequence[str] = (),
        now: Callable[[], float] = time.monotonic,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """Read the digests, unless keys are ``given`` for good. Raises ``KeysMissing``."""
        self._given = [hashlib.sha256(key.encode()).digest() for key in given]
        self._file = folder / FILE
        self._now = now
        self._say = say or (lambda _line: None)
        self._looked = now()
        self._mark: tuple[int, int, int] | None = None
        self._digests: list[bytes] = []
        self._problem = problem = self._reread()
        if problem:
            raise KeysMissing(
                f"The keys' digests at {str(self._file)!r} cannot be read: {problem}.",
                hint='Mount a folder with digests.json, {"digests": ["<SHA-256 of the key>"]}, and name it with --keys,'
                " or set the variable MLOPS_KEYS to the keys themselves, with commas between them.",
            )

    def check(self, headers: Mapping[bytes, bytes]) -> None:
        """Return when the request's headers carry a known key. Raises ``KeyNeeded`` or ``KeyWrong``."""
        if self._now() - self._looked > CHECK_S:
            self._look()
        key = _carried(headers)
        if not key:
            raise KeyNeeded
        digest = hashlib.sha256(key).digest()
        if self._knows(digest):
            return
        self._look()  # it may be newer than the last look: a key opens from the moment it is made
        if not self._knows(digest):
            raise KeyWrong

    def _knows(self, digest: bytes) -> bool:
        known = False
        for each in self._digests:  # all of them, so that the time tells nothing
            known |= hmac.compare_digest(digest, each)
        return known

    def _look(self) -> None:
        self._looked = self._now()
        problem, before = self._reread(), self._problem
        self._problem = problem
        if problem and problem != before:  # said once: wrong keys must not fill the log
            self._say(f"{self._file} cannot be read, the keys stay as they were: {problem}")

    def _reread(self) -> str:
        """Take over the file if it changed; return what is wrong with it."""
        if self._given:
            self._digests = self._given
            return ""
        try:
            stat = self._file.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if mark == self._mark:
                return ""
            read = decode(self._file.read_bytes(), _Digests)
            self._digests = [bytes.fromhex(each) for each in read.digests]
        except OSError as error:
            return error.strerror or str(error)
        except (msgspec.MsgspecError, ValueError) as error:
            return str(error)
        self._mark = mark
        return ""


def _carried(headers: Mapping[bytes, bytes]) -> bytes:
    authorization = headers.get(b"authorization")
    if authorization:
        scheme, _, key = authorization.partition(b" ")
        if scheme.lower() == b"bearer" and key:
            return key.strip()
    return headers.get(b"x-api-key", b"").strip()
