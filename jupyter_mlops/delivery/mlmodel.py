"""What an MLflow model folder says of itself: flavor, signature, example, packages, Python."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.manifest import Schema
from jupyter_mlops.delivery.frames import needs_frames
from jupyter_mlops.delivery.requirements import read_conda, read_requirements, without_mlflow
from jupyter_mlops.delivery.schemas import from_signature, sample_of
from jupyter_mlops.delivery.trust import untrusted_types
from jupyter_mlops.scoring.flavors.files import NATIVE, SKLEARN, recognised

FILE: Final = "file"
"""The flavor of files with no MLmodel beside them."""
PYFUNC: Final = "python_function"
LOADED_WITHOUT_MLFLOW: Final = frozenset({SKLEARN, *NATIVE})
"""Flavors that a replica loads by their own library; the rest keep ``mlflow-skinny``."""
PACKAGES: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    "onnx": [["onnxruntime", "onnxruntime-gpu"], ["numpy"]],
    "xgboost": [["xgboost", "xgboost-cpu"], ["numpy"]],
    "lightgbm": [["lightgbm"], ["numpy"]],
    "pytorch": [["torch"], ["numpy"]],
    "keras": [["keras"], ["tensorflow", "tensorflow-cpu"], ["numpy"]],
    "tensorflow": [["tensorflow", "tensorflow-cpu"], ["numpy"]],
    SKLEARN: [["scikit-learn"], ["skops"]],
}
"""What opens a file that lists no requirements: of each group the package that is installed here, else the first."""


class BadModel(BadInput):
    """Model files that cannot be read."""

    code = "bad-model"


@dataclass(frozen=True, kw_only=True)
class ModelFolder:
    """A model's folder, read. ``python`` is a minor version (``3.11``) or ``None`` where the model does not say."""

    flavor: str = FILE
    schema: Schema = field(default_factory=Schema)
    sample: Any = None
    requirements: list[str] = field(default_factory=list)
    python: str | None = None
    untrusted: list[str] = field(default_factory=list)
    """Types in it that run code of their own when loaded."""
    vouched: list[str] = field(default_factory=list)
    """Those of them that were accepted when it was logged."""
    needs_frames: bool = True
    """Whether it may have to be given DataFrames; if not, arrays of its signature's columns do."""


def flavor_of(folder: Path) -> str:
    """Return the flavor a person knows a model by (``xgboost``), of MLflow's folder or of a file of the library's own.

    ``file`` where nothing tells. Raises ``BadModel``.
    """
    described = description_of(folder)
    if described is None:
        found = recognised(folder)
        return FILE if found is None else found[0]
    return next((str(name) for name in described["flavors"] if name != PYFUNC), "pyfunc")


def read_model(folder: Path) -> ModelFolder:
    """Read a model's folder. Raises ``BadModel`` and ``BadRequirements``."""
    described = description_of(folder)
    if described is None:
        return _plain(folder, _requirements(folder, needs_mlflow=False))
    flavor = _flavor(described)
    try:
        schema = from_signature(described.get("signature") or {})
    except (ValueError, KeyError, TypeError) as error:
        raise BadModel(f"The model's signature in {folder.name}/MLmodel cannot be read: {error}.") from error
    own = described["flavors"].get("sklearn") or {}
    untrusted = untrusted_types(folder, own)
    version = (described.get("flavors") or {}).get(PYFUNC, {}).get("python_version")
    minor = re.match(r"\d+\.\d+", str(version or ""))
    return ModelFolder(
        flavor=flavor,
        schema=schema,
        sample=sample_of(folder, described.get("saved_input_example_info")),
        requirements=with_loader(
            _requirements(folder, needs_mlflow=flavor not in LOADED_WITHOUT_MLFLOW or bool(schema.params)), own
        ),
        python=minor[0] if minor else None,
        untrusted=untrusted,
        vouched=[str(name) for name in own.get("skops_trusted_types") or []],
        needs_frames=bool(untrusted) or needs_frames(folder, own, schema),
    )


def _plain(folder: Path, listed: list[str]) -> ModelFolder:
    """Read a folder without an MLmodel: the file of a library, or files that need a script."""
    found = recognised(folder)
    if found is None:
        return ModelFolder(requirements=listed)
    flavor, file = found
    named = {canonicalize_name(Requirement(text).name) for text in listed}
    missing = [group for group in PACKAGES[flavor] if named.isdisjoint(group)]
    untrusted: list[str] = []
    if flavor == SKLEARN:
        untrusted = untrusted_types(file.parent, {"pickled_model": file.name, "serialization_format": "skops"})
    return ModelFolder(
        flavor=flavor,
        requirements=sorted([*listed, *map(_pinned, missing)], key=str.lower),
        untrusted=untrusted,
    )


def _pinned(group: Sequence[str]) -> str:
    """Return the version of the package that is installed here: who registers a model mostly trained it here too."""
    for name in group:
        try:
            return f"{name}=={metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return group[0]


def with_loader(requirements: list[str], sklearn: Mapping[str, Any]) -> list[str]:
    """Add the package that opens the model's file, which whoever listed the requirements by hand easily forgets."""
    loader = str(sklearn.get("serialization_format", ""))
    named = {canonicalize_name(Requirement(text).name) for text in requirements}
    if loader not in {"skops", "cloudpickle"} or canonicalize_name(loader) in named:
        return requirements
    return sorted([*requirements, _pinned([loader])], key=str.lower)


def description_of(folder: Path) -> Mapping[str, Any] | None:
    """Return what a folder's ``MLmodel`` says, ``None`` where there is none. Raises ``BadModel``."""
    import yaml

    file = folder / "MLmodel"
    if not file.is_file():
        return None
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadModel(f"The model description {str(file)!r} cannot be read: {str(error).splitlines()[0]}.") from error
    if not isinstance(content, dict) or not isinstance(content.get("flavors"), dict) or not content["flavors"]:
        raise BadModel(
            f"The model description {str(file)!r} names no flavor.",
            hint="Log the model again with MLflow's `log_model`.",
        )
    return content


def _flavor(described: Mapping[str, Any]) -> str:
    """Return the model's own flavor where a replica can load it, else ``python_function``, which any can become."""
    flavors = described["flavors"]
    own = [str(name) for name in flavors if name in LOADED_WITHOUT_MLFLOW]
    if own:
        return own[0]
    return PYFUNC if PYFUNC in flavors else str(next(iter(flavors)))


def requirements_of(folder: Path) -> list[str]:
    """Return the requirements that a model's folder lists. Raises ``BadRequirements`` and ``NotOnPip``."""
    listed, conda = folder / "requirements.txt", folder / "conda.yaml"
    if listed.is_file():
        return read_requirements(listed.read_text(encoding="utf-8"), listed)
    return read_conda(conda)[1] if conda.is_file() else []


def _requirements(folder: Path, *, needs_mlflow: bool) -> list[str]:
    return without_mlflow(requirements_of(folder), needs_mlflow=needs_mlflow)
