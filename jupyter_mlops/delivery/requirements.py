"""The packages a model needs to score: from its own requirements or from a conda file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jupyter_mlops.core.errors import BadInput

MLFLOW: Final = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})
LOADERS: Final = frozenset({"numpy", "pandas", "scipy", "scikit-learn", "skops", "cloudpickle", "joblib", "pyarrow"})
"""What models are loaded with, though MLflow needs it too."""
BYSTANDERS: Final = frozenset({"psutil", "pytest", "rich"})
"""What scientific packages import when it happens to be there, so that MLflow's capture lists it."""
NOT_PIP: Final = re.compile(
    r"-|lib|cuda|cudnn|nccl|gcc|gxx|gfortran|binutils|sysroot|r-|perl|nodejs|openjdk|ld-impl|compilers?$|blas$"
    r"|openblas$|hdf5$|openssl$|zlib$|ncurses$|readline$|tk$|xz$|sqlite$|bzip2$|ffmpeg$|git$|make$|llvm"
)
"""How the names begin of conda packages that are no Python distribution: compilers, system libraries, other languages."""
PIP_AFTER_ALL: Final = frozenset(
    {"libcst", "librosa", "libsass", "libclang", "llvmlite", "cuda-python", "cuda-bindings"}
)
RENAMED: Final[dict[str, str]] = {
    "pytorch": "torch",
    "pytables": "tables",
    "msgpack-python": "msgpack",
    "py-opencv": "opencv-python",
}
"""Conda's name for a Python distribution that has another name on the package index."""
PLUMBING: Final = frozenset({"pip", "setuptools", "wheel", "ca-certificates", "certifi"})


class BadRequirements(BadInput):
    """A requirements or conda file that cannot be used."""

    code = "bad-requirements"


class NotOnPip(BadInput):
    """Conda packages that pip cannot install."""

    code = "not-on-pip"

    def __init__(self, file: Path, names: Sequence[str]) -> None:
        super().__init__(
            f"{file.name} asks for {_and(names)}, which pip cannot install.",
            hint="Take them out of the file and bring them in the base image: `--base-image IMAGE`.",
        )


def read_requirements(text: str, file: Path) -> list[str]:
    """Return the requirements of a ``requirements.txt``. Raises ``BadRequirements`` for what is no requirement."""
    found: list[str] = []
    for raw in text.splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        if line and not line.startswith("-"):  # options of pip's: the index is the installing machine's own affair
            found.append(_checked(line, file))
    return found


def without_mlflow(requirements: Iterable[str], *, needs_mlflow: bool) -> list[str]:
    """Return what scoring needs: less ``mlflow`` and what only it needs, sorted by name.

    A flavor that only MLflow can load (``needs_mlflow``) keeps it, as the much smaller ``mlflow-skinny``.
    """
    parsed = [Requirement(text) for text in requirements]
    others = {canonicalize_name(one.name) for one in parsed} - MLFLOW
    only_mlflow = _closure(MLFLOW) - LOADERS - _closure(others - _closure(MLFLOW) | others & LOADERS)
    kept: dict[str, str] = {}
    for one in parsed:
        name = canonicalize_name(one.name)
        if name in MLFLOW:
            if needs_mlflow:
                kept["mlflow-skinny"] = f"mlflow-skinny{one.specifier}"
        elif name not in BYSTANDERS and (needs_mlflow or name not in only_mlflow):
            kept[name] = str(one)
    for brought in ("numpy", "pandas") if needs_mlflow else ():
        kept.setdefault(brought, brought)  # mlflow would bring them, mlflow-skinny does not
    return [kept[name] for name in sorted(kept)]


def read_conda(file: Path) -> tuple[str | None, list[str]]:
    """Return the Python version (``3.11`` or ``None``) and the pip requirements of a conda environment file.

    Raises ``NotOnPip`` with the names of packages that pip cannot install, ``BadRequirements`` for anything else.
    """
    python: str | None = None
    requirements: list[str] = []
    refused: list[str] = []
    for item in _dependencies(file):
        if isinstance(item, dict):
            for line in item.get("pip") or []:
                requirements += read_requirements(str(line), file)
            continue
        name, text = _from_conda(str(item), file)
        if name == "python":
            python = _minor(text)
        elif name in PLUMBING:
            continue
        elif NOT_PIP.match(name) and name not in PIP_AFTER_ALL:
            refused.append(name.lstrip("-"))
        else:
            requirements.append(_checked(text, file))
    if refused:
        raise NotOnPip(file, refused)
    return python, sorted(set(requirements), key=str.lower)


def _dependencies(file: Path) -> list[Any]:
    import yaml

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadRequirements(f"There is no conda file {str(file)!r}.", hint="Give the path of a YAML file.") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        first = str(error).splitlines()[0]
        raise BadRequirements(f"The conda file {str(file)!r} cannot be read: {first}.") from error
    found = content.get("dependencies") if isinstance(content, dict) else None
    if not isinstance(found, list):
        raise BadRequirements(
            f"The conda file {str(file)!r} has no list of dependencies.",
            hint="Write `dependencies:` with one `- package=version` a line.",
        )
    return found


def _from_conda(item: str, file: Path) -> tuple[str, str]:
    """Turn ``channel::name=1.2=build`` into its name and ``name==1.2``; one ``=`` alone matches a prefix, as in conda."""
    bare = item.rpartition("::")[2].strip()
    match = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*((?:=?=?\s*\d|[<>!~]=?).*)?", bare)
    if match is None:
        raise BadRequirements(f"{file.name} has a dependency that cannot be read: {item!r}.")
    known, rest = canonicalize_name(match[1]), (match[2] or "").replace(" ", "")
    name = RENAMED.get(known, known)
    exact = re.fullmatch(r"(?:==?)?(\d[^=<>!~,|]*?)(\.?\*)?(=.*)?", rest)
    if exact is not None:
        prefix = exact[2] or (rest.startswith("=") and not rest.startswith("==") and not exact[3])
        rest = f"=={exact[1]}.*" if prefix else f"=={exact[1]}"
    return name, f"{name}{rest}"


def _minor(text: str) -> str | None:
    match = re.search(r"(\d+\.\d+)", text)
    return match[1] if match else None


def _checked(line: str, file: Path) -> str:
    hint = "Write `name==version`; local paths and editable installs cannot travel into a container."
    try:
        one = Requirement(line)
    except InvalidRequirement as error:
        raise BadRequirements(f"{file.name} has a line that is no requirement: {line!r}.", hint=hint) from error
    if one.url and one.url.startswith("file:"):
        raise BadRequirements(f"{file.name} asks for a package of this machine's own: {line!r}.", hint=hint)
    return str(one)


def _closure(names: Iterable[str]) -> frozenset[str]:
    """Return the distributions that ``names`` need, as far as they are installed here, themselves included."""
    seen: set[str] = set()
    todo = {canonicalize_name(name) for name in names}
    while todo:
        name = todo.pop()
        seen.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for text in needed:
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": ""}):
                todo |= {canonicalize_name(one.name)} - seen
    return frozenset(seen)


def _and(names: Sequence[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else ", ".join(quoted[:-1]) + " and " + quoted[-1]
