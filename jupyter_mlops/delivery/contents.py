"""What is in a model version: its files, and what they say of its inputs, its outputs and what it needs."""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from jupyter_mlops.core.errors import MlopsError, Problem
from jupyter_mlops.core.manifest import Schema
from jupyter_mlops.core.model import ModelVersion
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.delivery.bundles import files_below, sha256_of
from jupyter_mlops.delivery.mlmodel import BadModel, description_of, requirements_of
from jupyter_mlops.delivery.schemas import from_signature, sample_of
from jupyter_mlops.ports import World

HASHED_BYTES: Final = 1_000_000_000
"""Files beyond this are not read to the end for a look at them; a manifest pins them all the same."""
T = TypeVar("T")


class ModelFile(Record, frozen=True, kw_only=True):
    """One file of a model version."""

    path: str
    n_bytes: int
    digest: str = ""
    """SHA-256; empty for a file too large to be read for this."""


class ModelContents(Record, frozen=True, kw_only=True):
    """What is in a model version."""

    name: str
    version: int
    files: list[ModelFile] = []
    n_bytes: int = 0
    schema: Schema | None = None
    """``None`` where the files do not say, or cannot be read."""
    sample: Any = None
    """A request body of its input example, or of the first rows of it."""
    requirements: list[str] = []
    """As its own file lists them."""
    python: str = ""
    library: str = ""
    """Its flavor's version: ``sklearn 1.7.2``."""
    problems: list[Problem] = []
    """What could not be read, and why."""


def show_contents(world: World, ref: str) -> ModelContents:
    """Return what is in ``NAME[:VERSION]`` or ``NAME@ALIAS``. What cannot be read is told among the problems.

    Files on this machine are read where they lie; others are fetched once, for a version's files never change.
    Raises ``UnknownThing`` for a version that does not exist.
    """
    version = world.tracking.model_version(ref)
    blank = ModelContents(name=version.name, version=version.version)
    try:
        place = world.tracking.find_model(version)
        return _fetched(world, version, blank) if place is None else _read(place, blank)
    except MlopsError as error:
        return msgspec.structs.replace(blank, problems=[error.problem()])


def _fetched(world: World, version: ModelVersion, blank: ModelContents) -> ModelContents:
    place = world.root / "cache" / "contents"
    place.mkdir(parents=True, exist_ok=True)
    key = f"{version.name}:{version.version} {version.source} {version.created_at}"
    kept = place / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
    try:
        return decode(kept.read_bytes(), ModelContents)
    except (OSError, msgspec.MsgspecError):
        pass  # not looked at yet, or kept by an older version of this program
    with tempfile.TemporaryDirectory(prefix="model-", dir=place.parent) as scratch:
        found = _read(world.tracking.fetch_model(version, Path(scratch)), blank)
    draft = kept.with_suffix(f".{world.node}.new")
    draft.write_bytes(encode(found))
    draft.replace(kept)
    return found


def _read(place: Path, blank: ModelContents) -> ModelContents:
    folder = place if place.is_dir() else place.parent
    problems: list[Problem] = []

    def attempt(read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except MlopsError as error:
            problems.append(error.problem())
        except OSError as error:
            problems.append(BadModel(f"The model's files cannot be read: {error.strerror}.").problem())
        return otherwise

    files: list[ModelFile] = attempt(lambda: _files(place), [])
    says = attempt(lambda: description_of(place), None) or {}
    flavors = says.get("flavors") or {}
    requirements: list[str] = attempt(lambda: requirements_of(place), []) if place.is_dir() else []
    return msgspec.structs.replace(
        blank,
        files=files,
        n_bytes=sum(file.n_bytes for file in files),
        schema=attempt(lambda: _schema(folder, says.get("signature")), None),
        sample=attempt(lambda: sample_of(folder, says.get("saved_input_example_info")), None),
        requirements=requirements,
        python=str((flavors.get("python_function") or {}).get("python_version") or ""),
        library=_library(flavors),
        problems=problems,
    )


def _files(place: Path) -> list[ModelFile]:
    found = [place] if place.is_file() else list(files_below(place))
    root = place.parent if place.is_file() else place
    return [_file(one, one.relative_to(root).as_posix()) for one in found]


def _file(file: Path, path: str) -> ModelFile:
    stat = file.stat()
    digest = _digest(file, stat.st_size, stat.st_mtime_ns) if stat.st_size <= HASHED_BYTES else ""
    return ModelFile(path=path, n_bytes=stat.st_size, digest=digest)


@functools.lru_cache(maxsize=4096)
def _digest(file: Path, n_bytes: int, mtime_ns: int) -> str:  # noqa: ARG001  # a changed file is another key
    return sha256_of(file)[0]


def _schema(folder: Path, signature: Any) -> Schema | None:
    if not signature:
        return None
    try:
        return from_signature(signature)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadModel(f"The model's signature in {folder.name}/MLmodel cannot be read: {error}.") from error


def _library(flavors: Any) -> str:
    """Return the name and version of the library that a person knows the model by."""
    for name, says in flavors.items():
        if name != "python_function" and isinstance(says, dict):
            version = next((str(value) for key, value in says.items() if key.endswith("_version")), "")
            return f"{name} {version}".strip()
    return ""
