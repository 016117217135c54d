"""Metrics of several workers as one: whichever is asked answers for all, since a scrape reaches any of them."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from jupyter_mlops.core.files import replace_file

EVERY_S: Final = 1.0
"""How old the numbers of the other workers may be."""
SUFFIX: Final = ".prom"
LEAST: Final = frozenset({"mlops_ready", "process_start_time_seconds"})
"""Of these the least counts; all others are added."""


class Together:
    """A folder in which each worker keeps its own numbers, and the sum of them all.

    What a worker counted that ended stays in the sum, so that no counter goes back; its gauges do not.
    """

    def __init__(self, folder: Path, own: Callable[[], bytes]) -> None:
        """``own`` gives this worker's numbers in Prometheus' text format."""
        self._folder = folder
        self._own = own
        self._file = folder / f"{os.getpid()}{SUFFIX}"
        self._written = 0.0

    def tick(self) -> None:
        """Write this worker's numbers now and then."""
        now = time.monotonic()
        if now - self._written >= EVERY_S:
            self._written = now
            with contextlib.suppress(OSError):  # the others' sum lacks them for a while
                replace_file(self._file, self._own())

    def exposition(self) -> bytes:
        """Return the sum of all workers' numbers."""
        texts = [self._own().decode()]
        for file in sorted(self._folder.glob(f"*{SUFFIX}")):
            if file != self._file:
                with contextlib.suppress(OSError, UnicodeDecodeError):
                    text = file.read_text()
                    texts.append(text if Path(f"/proc/{file.stem}").exists() else counters(text))
        return added(texts).encode()


def counters(text: str) -> str:
    """Return a text without its gauges."""
    lines = text.splitlines()
    gauges = {line.split()[2] for line in lines if line.startswith("# TYPE") and line.endswith(" gauge")}
    return "\n".join(line for line in lines if line.partition(" ")[0] not in gauges)


def added(texts: Iterable[str]) -> str:
    """Return texts in Prometheus' format added up, line by line, in the order in which the lines first came."""
    sums: dict[str, float | None] = {}
    for text in texts:
        for line in text.splitlines():
            key, _, number = line.rpartition(" ")
            if line.startswith("#") or not key:
                sums.setdefault(line, None)
                continue
            before = sums.get(key)
            value = float(number)
            sums[key] = value if before is None else min(before, value) if key in LEAST else before + value
    return "".join(f"{key}\n" if value is None else f"{key} {value:.15g}\n" for key, value in sums.items())
