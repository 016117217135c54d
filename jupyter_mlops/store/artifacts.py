"""Artifacts that lie on this machine: what MLflow's client does with them, without asking the store where they are."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath

from jupyter_mlops.core.run import Artifact


def is_inside(path: str) -> bool:
    """Tell whether a path stays below the folder that it is taken from."""
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def store_file(root: Path, file: Path, folder: str, name: str) -> None:
    """Copy a file into ``folder`` below ``root``. Raises ``OSError``."""
    place = root / folder
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, place / name)


def write_file(root: Path, data: bytes, path: str) -> None:
    """Write a file below ``root``. Raises ``OSError``."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(data)


def list_folder(root: Path, path: str) -> list[Artifact]:
    """Return the files and folders right below ``path``, by name; none where there is no such folder (yet)."""
    try:
        found = sorted((root / path).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [one for file in found if (one := _artifact(root, file))]


def _artifact(root: Path, path: Path) -> Artifact | None:
    """Return what is there; ``None`` for what has gone since its folder was read, as a log that stayed empty."""
    try:
        is_folder = path.is_dir()
        n_bytes = 0 if is_folder else path.stat().st_size
    except FileNotFoundError:
        return None
    return Artifact(path=path.relative_to(root).as_posix(), n_bytes=n_bytes, is_folder=is_folder)
