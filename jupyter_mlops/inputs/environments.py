"""The packages that this process sees."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache, lru_cache
from importlib.metadata import Distribution, distributions
from typing import Final

from packaging.utils import canonicalize_name

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.record import decode, encode

_MANY: Final = 1000


def installed_packages() -> Environment:
    """Return Python, platform and every installed distribution with its version.

    Listing takes a while, so each folder on the path is listed again only when it has changed, which installing,
    upgrading and removing a package all do to theirs.
    """
    packages: dict[str, str] = {}
    for entry in sys.path:
        for name, version in _listed(entry, _changed_at(entry)):
            packages.setdefault(name, version)  # the first on the path is what is imported
    return Environment(python=platform.python_version(), packages=dict(sorted(packages.items())), platform=_platform())


def packages_of(python: str) -> Environment:
    """Return what another interpreter, which has this package, sees. Raises ``Unavailable``."""
    command = [python, "-c", f"from {__name__} import tell_packages; tell_packages()"]
    done = subprocess.run(command, capture_output=True, check=False, cwd="/", stdin=subprocess.DEVNULL)
    if done.returncode:
        last = (done.stderr.decode("utf-8", "replace").split("\n")[-2:] or [""])[0]
        raise Unavailable(f"{python} cannot say which packages it has: {last[:300]}.")
    return decode(done.stdout, Environment)


def tell_packages() -> None:
    """Write what ``installed_packages`` returns to standard output."""
    sys.stdout.write(encode(installed_packages()).decode())


@cache
def _platform() -> str:
    return platform.platform()


def _changed_at(entry: str) -> tuple[str, int]:
    """Return which folder an entry is, since the current one moves, and when it changed."""
    place = os.path.abspath(entry)  # noqa: PTH100  # links and `..` stay: it is a key, once per entry on every run
    try:
        return place, os.stat(place).st_mtime_ns  # noqa: PTH116  # the same
    except OSError:
        return place, 0


@lru_cache(maxsize=_MANY)
def _listed(entry: str, _changed: tuple[str, int]) -> tuple[tuple[str, str], ...]:
    found = (_name_and_version(one) for one in distributions(path=[entry]))
    return tuple((canonicalize_name(name), version) for name, version in found if name and version)


def _name_and_version(distribution: Distribution) -> tuple[str, str]:
    """Return what the first lines say; both empty where a broken installation left no metadata.

    The whole is an e-mail message, and parsing five hundred of them would take a fifth of a second.
    """
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    name = version = ""
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if not line or (name and version):
            break
        if key.lower() == "name":
            name = value.strip()
        elif key.lower() == "version":
            version = value.strip()
    return name, version
