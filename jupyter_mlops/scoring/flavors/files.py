"""Model files without MLflow's description: which library opens one, by its name and its first bytes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

SKLEARN: Final = "sklearn"
NATIVE: Final = ("xgboost", "lightgbm", "onnx", "pytorch", "keras", "tensorflow")
"""Flavors that are loaded by their own library, besides scikit-learn's; where a model has several, the first counts."""
LOOKED_AT: Final = 4096
"""Bytes from the beginning."""


def recognised(source: Path) -> tuple[str, Path] | None:
    """Return the flavor and the file of the one model in a folder, or that is ``source`` itself; ``None`` where in doubt.

    A pickle is never recognised: nothing but running it tells what is in it.
    """
    if source.is_dir() and (source / "saved_model.pb").is_file():
        return "tensorflow", source
    files = [source] if source.is_file() else sorted(path for path in source.iterdir() if path.is_file())
    found = [(flavor, file) for file in files if (flavor := _flavor(file))]
    if len(found) == 1:
        return found[0]
    folders = [path for path in source.iterdir() if path.is_dir()] if source.is_dir() and not files else []
    return recognised(folders[0]) if len(folders) == 1 else None


def _flavor(file: Path) -> str | None:
    flavor, proof = _KINDS.get(file.suffix.lower(), (None, None))
    if flavor is None or proof is None:
        return None
    with file.open("rb") as opened:
        head = opened.read(LOOKED_AT)
    return flavor if proof(head, file) else None


def _starts(*beginnings: bytes) -> Callable[[bytes, Path], bool]:
    return lambda head, _file: head.startswith(beginnings)


def _has(*words: bytes) -> Callable[[bytes, Path], bool]:
    return lambda head, _file: any(word in head for word in words)


def _zip_with(*names: str) -> Callable[[bytes, Path], bool]:
    def proof(_head: bytes, file: Path) -> bool:
        try:
            with zipfile.ZipFile(file) as archive:
                held = {name.rpartition("/")[2] for name in archive.namelist()}
        except (zipfile.BadZipFile, OSError):
            return False
        return any(name in held for name in names)

    return proof


_TORCH: Final = _zip_with("data.pkl", "constants.pkl")
_KINDS: Final[dict[str, tuple[str, Callable[[bytes, Path], bool]]]] = {
    ".onnx": ("onnx", _starts(b"\x08")),  # the field ir_version of its protobuf
    ".ubj": ("xgboost", _has(b"learner")),
    ".json": ("xgboost", _has(b'"learner"')),
    ".xgb": ("xgboost", _has(b"learner")),
    ".lgb": ("lightgbm", _starts(b"tree\n")),
    ".txt": ("lightgbm", _starts(b"tree\n")),
    ".pt": ("pytorch", _TORCH),
    ".pth": ("pytorch", _TORCH),
    ".pt2": ("pytorch", _zip_with("archive_format", "serialized_exported_program.json")),
    ".keras": ("keras", _zip_with("config.json")),
    ".h5": ("keras", _starts(b"\x89HDF\r\n")),
    ".skops": (SKLEARN, _zip_with("schema.json")),
}
