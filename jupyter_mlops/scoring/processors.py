"""Processors: how many this process may use, by its affinity and its container's limit, and threads to fit."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
"""What BLAS and OpenMP read when their library is loaded, and never again."""
CGROUPS: Final = Path("/sys/fs/cgroup")


def n_cpus(cgroups: Path = CGROUPS, own: Path = Path("/proc/self/cgroup")) -> float:
    """Return the processors this process may use; a fraction where the container's limit is one.

    Of the container's limit both forms are read: ``cpu.max`` (version 2) and ``cpu.cfs_quota_us`` (version 1), at
    the process's own group and those above it.
    """
    found = [float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)]
    for folder in _folders(cgroups, own):
        limit = _v2(folder) or _v1(folder)
        if limit:
            found.append(limit)
    return min(found)


def n_threads() -> int:
    """Return how many threads a library's pool should have: as many as there are whole processors."""
    given = os.environ.get(VARIABLES[0], "")
    return int(given) if given.isdecimal() and int(given) else max(1, math.floor(n_cpus()))


def fit_threads(share: int = 1) -> None:
    """Have libraries that are loaded from now on start that many threads, ``share`` processes being alike.

    Otherwise each starts one for every processor of the machine, though the container may use one, and they stand
    in each other's way. What the variables say already is left.
    """
    threads = str(max(1, math.floor(n_cpus() / share)))
    for name in VARIABLES:
        os.environ.setdefault(name, threads)


def _folders(cgroups: Path, own: Path) -> list[Path]:
    """Return the folders of this process's groups, those above them included."""
    found: list[Path] = []
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    for line in [*lines, "0::/"]:
        _number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        base = cgroups / "cpu" if "cpu" in controllers.split(",") else cgroups
        at = base / path.lstrip("/")
        found += [folder for folder in [at, *at.parents] if folder == base or base in folder.parents]
    return found


def _v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text())
        return quota / int((folder / "cpu.cfs_period_us").read_text()) if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
