"""The interpreter that a replica runs on: this one when it has what the manifest asks for, else one made with uv."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from jupyter_mlops.core.errors import BadInput, Unavailable
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import layers, venvs, wheels

OLDEST = (3, 11)
"""What core/ and scoring/ need."""


class NoPython(Unavailable):
    """The Python version that a manifest asks for is not on this machine."""

    code = "no-python"

    def __init__(self, manifest: str, version: str, *, too_old: bool = False) -> None:
        why = "replicas need 3.11 or newer" if too_old else "there is none on this machine"
        super().__init__(
            f"{manifest} asks for Python {version}, and {why}.",
            hint=f"Make the manifest again with `--python {sys.version_info.major}.{sys.version_info.minor}`"
            + ("." if too_old else f", install Python {version}, or deploy with `--host docker`."),
        )


class BadRequirement(BadInput):
    """A requirement of a manifest is none."""

    code = "bad-requirement"

    def __init__(self, text: str, why: object) -> None:
        super().__init__(
            f"{text!r} is no requirement: {str(why).splitlines()[0]}.",
            hint="Write it as pip does (`scikit-learn==1.7.2`) and create the manifest again.",
        )


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """A Python that has the manifest's packages and can run ``-m jupyter_mlops.scoring``."""

    python: str
    env: dict[str, str] = field(default_factory=dict)
    """The whole environment of the process to be."""


def find_interpreter(manifest: Manifest, cache: Path, say: Callable[[str], None]) -> Interpreter:
    """Return an interpreter for a manifest, made below ``cache`` if need be; what was made once is used again.

    Raises ``BadRequirement``, ``NoPython``, ``CannotInstall`` (naming the requirement) or ``NoUv``.
    """
    requirements = [_parse(text) for text in manifest.requirements]
    if _is_this_python(manifest.python) and all(map(is_installed, requirements)):
        return Interpreter(python=sys.executable, env=dict(os.environ))
    base = _find_python(manifest)
    wanted = sorted({*manifest.requirements, *layers.RUNTIME})
    with venvs.writing(cache):
        place = venvs.made_once(venvs.place_of(cache, base, wanted), base, partial(_fill, wanted), say)
        runtime = _lay_runtime(cache)
    env = {key: value for key, value in os.environ.items() if key not in {"PYTHONHOME", "VIRTUAL_ENV"}}
    return Interpreter(python=str(place / "bin/python"), env=env | {"PYTHONPATH": str(runtime)})


def is_installed(requirement: Requirement, *, _within: frozenset[str] = frozenset()) -> bool:
    """Tell whether this interpreter has what a requirement asks for, its extras included.

    A requirement by URL counts as missing: which file an installed version came from is not known.
    """
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.url is not None:
        return False
    try:
        found = metadata.distribution(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    if not requirement.specifier.contains(found.version, prereleases=True):
        return False
    if not requirement.extras or requirement.name in _within:
        return True
    asked = (Requirement(text) for text in found.requires or [])
    return all(
        is_installed(_bare(each), _within=_within | {requirement.name})
        for each in asked
        if each.marker is not None
        and not each.marker.evaluate({"extra": ""})
        and any(each.marker.evaluate({"extra": extra}) for extra in requirement.extras)
    )


def _bare(requirement: Requirement) -> Requirement:
    """Return the requirement without its marker, which was found to hold."""
    requirement.marker = None
    return requirement


def _parse(text: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise BadRequirement(text, error) from error


def _is_this_python(version: str) -> bool:
    return venvs.minor(version) == sys.version_info[:2]


def _find_python(manifest: Manifest) -> str:
    if venvs.minor(manifest.python) < OLDEST:
        raise NoPython(manifest.ref, manifest.python, too_old=True)
    base = venvs.find_python(manifest.python)
    if base is None:
        raise NoPython(manifest.ref, manifest.python)
    return base


def _fill(wanted: Sequence[str], venv: Path, say: Callable[[str], None]) -> None:
    say("Resolving the packages")
    options = ["--python", str(venv / "bin/python")]
    text = wheels.lock(wanted, options, lambda: say("Resolving the packages"))
    venvs.fill(venv, text, say)


def _lay_runtime(cache: Path) -> Path:
    """Return a folder that holds what answers requests and nothing else of this package."""
    place = cache / "runtime" / layers.runtime_key()
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".laying-", dir=place.parent))
        layers.lay_runtime(part)
        with contextlib.suppress(OSError):  # another process was faster, with the same content
            part.rename(place)
        shutil.rmtree(part, ignore_errors=True)
    return place
