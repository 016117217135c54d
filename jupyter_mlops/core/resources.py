"""What one replica may use of its machine."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import Meta

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.record import Record

LEAST_MEMORY_BYTES: Final = 64 << 20
"""No interpreter with a model fits into less."""
MOST_CPUS: Final = 1024
MOST_GPUS: Final = 64
_UNITS: Final = {"": 0, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?", re.IGNORECASE)


class BadResources(BadInput):
    """An amount of processors or memory that no replica can be held to."""

    code = "bad-resources"


class Resources(Record, frozen=True, kw_only=True):
    """The most that one replica may use; 0 is no limit."""

    cpus: Annotated[float, Meta(ge=0, le=MOST_CPUS)] = 0.0
    """Processors; 0.5 is half of one."""
    memory_bytes: Annotated[int, Meta(ge=0)] = 0
    gpus: Annotated[int, Meta(ge=0, le=MOST_GPUS)] = 0
    """Graphics processors of NVIDIA's. A container without any sees none; a process sees all of its machine's."""


def resources(cpus: float | None, memory: str | None, known: Resources, *, gpus: int | None = None) -> Resources:
    """Return ``known`` with what is given changed; ``memory`` is like ``512m`` or ``1g``. Raises ``BadResources``."""
    if cpus is not None and not 0 <= cpus <= MOST_CPUS:
        raise BadResources(f"{cpus:g} is no number of processors.", hint="Use one like 0.5, 1 or 4; 0 is no limit.")
    if gpus is not None and not 0 <= gpus <= MOST_GPUS:
        raise BadResources(f"{gpus} is no number of GPUs.", hint=f"Use 0 to {MOST_GPUS}.")
    return Resources(
        gpus=known.gpus if gpus is None else gpus,
        cpus=known.cpus if cpus is None else cpus,
        memory_bytes=known.memory_bytes if memory is None else memory_bytes(memory),
    )


def memory_bytes(text: str) -> int:
    """Read ``512m``, ``1.5g`` or ``2GiB``, in powers of 1024 as Docker does; 0 is no limit. Raises ``BadResources``."""
    found = _SIZE.fullmatch(text.strip())
    n_bytes = int(float(found[1]) * (1 << _UNITS[found[2].lower()])) if found else -1
    if n_bytes < 0 or 0 < n_bytes < LEAST_MEMORY_BYTES:
        raise BadResources(
            f"{text!r} is no amount of memory for a replica.",
            hint=f"Write it like 512m or 1g; the least is {LEAST_MEMORY_BYTES >> 20}m, and 0 is no limit.",
        )
    return n_bytes
