"""The builder's folder, kept from growing for ever: what nobody used for a month goes, and what a killed build left."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import Final

DAY_S: Final = 86_400.0
UNUSED_S: Final = 30 * DAY_S
KEPT: Final = ("environment-*.tar", "runtime-*.tar", "base-*.tar", "wheel-*", "gzip-*.json")
"""What is made again where it is missing. Locks are not: they are why an image is the same a year later."""
TEMPORARY: Final = ("building-*", "pulling-*", "trial-*", "*.part")


def used(path: Path) -> Path:
    """Note that something kept was used now; return it."""
    with contextlib.suppress(OSError):  # removed meanwhile, or on a disk that takes no more
        os.utime(path)
    return path


def tidy(cache: Path) -> None:
    """Remove what was not used for a month, and temporary files of a day ago: no build takes as long."""
    now = time.time()
    for patterns, age_s in ((KEPT, UNUSED_S), (TEMPORARY, DAY_S)):
        for path in (path for pattern in patterns for path in cache.glob(pattern)):
            with contextlib.suppress(OSError):
                if now - path.stat().st_mtime > age_s:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
