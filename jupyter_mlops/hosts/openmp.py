"""OpenMP's library for packages that expect the system to have it, and most base images do not: LightGBM."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LIBRARY: Final = "libgomp.so.1"
EXPECT_IT: Final = frozenset({"lightgbm"})
BRINGS_IT: Final = "scikit-learn"
"""Its wheels carry the library, for each processor; LightGBM's own interface of scikit-learn's kind needs it anyway."""


def with_openmp(requirements: Iterable[str]) -> list[str]:
    """Return the requirements, with a package that carries the library where one of them expects it."""
    wanted = list(requirements)
    names = {canonicalize_name(Requirement(text).name) for text in wanted}
    return [*wanted, BRINGS_IT] if names & EXPECT_IT and BRINGS_IT not in names else wanted


def link_openmp(packages: Path, folder: Path) -> bool:
    """Link the library of a package into ``folder``, which is above, if another package loads it by its plain name.

    Return whether.

    A link and no copy: the loader knows a file by its inode, so that a process has one OpenMP, with one pool of threads.
    """
    carried = sorted([*packages.glob("*.libs/libgomp*.so*"), *packages.glob("*/lib/libgomp*.so*")])
    if not carried or not any(_loads_it(library) for library in sorted(packages.rglob("*.so"))):
        return False
    (folder / LIBRARY).symlink_to(carried[0].relative_to(folder))
    return True


def _loads_it(library: Path) -> bool:
    """Tell whether the plain name is among a library's strings; those in a wheel's ``.libs`` have a digest in theirs."""
    if library.is_symlink() or not library.stat().st_size:
        return False
    with library.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b"\0" + LIBRARY.encode() + b"\0") >= 0
