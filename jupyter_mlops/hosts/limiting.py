"""Holding replicas to processors and memory where there is no container around them."""

from __future__ import annotations

import math
import os
import random
import sys
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.hosts import limited

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What libraries read when they decide how many threads to start."""


class NoGpu(Unavailable):
    """This machine has fewer GPUs than a replica needs."""

    code = "no-gpu"


def threads(limits: Resources) -> dict[str, str]:
    """Return the variables that size the threads of BLAS and OpenMP to the limit on processors.

    A container sees all cores of its machine, and so does a process; replicas that each start a thread for every core
    stand in each other's way, so where there is no limit they have one.
    """
    return dict.fromkeys(THREADS, str(max(1, int(limits.cpus))))


def visible_gpus(limits: Resources, devices: Path = Path("/dev")) -> dict[str, str]:
    """Return the variable that lets a process use so many of this machine's GPUs. Raises ``NoGpu``.

    Any of them: replicas that all took the first would stand in each other's way.
    """
    if not limits.gpus:
        return {}
    found = sorted(int(path.name.removeprefix("nvidia")) for path in devices.glob("nvidia[0-9]*"))
    if len(found) < limits.gpus:
        raise NoGpu(
            f"Each replica needs {limits.gpus} GPU{'s' * (limits.gpus > 1)}, and this machine has {len(found)}.",
            hint="Deploy on a machine that has them: `mlops hosts add NAME docker ssh://USER@MACHINE`, or with `--gpus 0`.",
        )
    chosen = random.SystemRandom().sample(found, limits.gpus)
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(map(str, sorted(chosen)))}


def prefix(limits: Resources) -> list[str]:
    """Return what to put before a command that shall be held; nothing without limits, and where the system cannot."""
    if sys.platform != "linux" or not (limits.cpus or limits.memory_bytes):
        return []
    return [sys.executable, "-I", "-S", limited.__file__, str(limits.cpus), str(limits.memory_bytes)]


def how_held(limits: Resources) -> str:
    """Say how a process is held to its limits, and to which it is not; empty without limits."""
    if not (limits.cpus or limits.memory_bytes):
        return ""
    if sys.platform != "linux":
        return "Not held to --cpu and --memory: this system has no such limits for processes; `--host docker` has."
    said = []
    if limits.cpus:
        n_cores = min(math.ceil(limits.cpus), os.cpu_count() or 1)
        part = "" if limits.cpus == math.ceil(limits.cpus) else ", since only containers get a part of one"
        said.append(f"{n_cores} processor core{'s' * (n_cores > 1)}{part}")
    if limits.memory_bytes:
        said.append(f"{limits.memory_bytes >> 20} MB of memory of its own, beyond which its allocations fail")
    return f"Each replica has {' and '.join(said)}."
