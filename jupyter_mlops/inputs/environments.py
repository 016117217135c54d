"""The packages that this process sees."""

from __future__ import annotations

import os
import platform
import sys
from functools import lru_cache
from importlib.metadata import distributions

from packaging.utils import canonicalize_name

from jupyter_mlops.core.environment import Environment


def installed_packages() -> Environment:
    """Return Python, platform and every installed distribution with its version.

    Listing takes over a tenth of a second, so it is done again only when a folder on the path has changed, which
    installing, upgrading and removing a package all do.
    """
    return _listed(tuple(_stamp(entry) for entry in sys.path))


def _stamp(entry: str) -> tuple[str, int]:
    try:
        return entry, os.stat(entry or ".").st_mtime_ns  # noqa: PTH116  # once per entry of the path, on every run
    except OSError:
        return entry, 0


@lru_cache(maxsize=1)
def _listed(_stamps: tuple[tuple[str, int], ...]) -> Environment:
    packages: dict[str, str] = {}
    for distribution in distributions():
        name, version = distribution.metadata["Name"], distribution.metadata["Version"]
        if name and version:  # a broken installation leaves folders without metadata
            packages.setdefault(canonicalize_name(name), version)  # the first on the path is what is imported
    return Environment(
        python=platform.python_version(), packages=dict(sorted(packages.items())), platform=platform.platform()
    )
