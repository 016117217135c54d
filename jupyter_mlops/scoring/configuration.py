"""The configuration of a running replica: a file that may change, looked at now and then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Configuration


class Configured:
    """The configuration file of a replica, which is replaced by renaming.

    Each look asks the path anew, since its folder may be mounted. A file that is away is none, and one that is broken
    is said once; either leaves things as they are.
    """

    def __init__(self, file: Path | None, *, say: Callable[[str], None]) -> None:
        """Look at nothing yet; without a file there is never anything new."""
        self._file = file
        self._say = say
        self._mark: tuple[int, int, int] | None = None

    def fresh(self) -> Configuration | None:
        """Return what the file has, ``None`` if that was returned or refused before."""
        if self._file is None:
            return None
        try:
            stat = self._file.stat()
            mark = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if mark == self._mark:
                return None
            self._mark = mark
            return decode(self._file.read_bytes(), Configuration)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            self._say(f"{self._file} cannot be read, the configuration stays as it was: {error}")
            return None
