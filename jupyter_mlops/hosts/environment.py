"""The interpreter that a replica runs on: this one when it has what the manifest asks for, else one made with uv."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from jupyter_mlops.core.errors import BadInput, Unavailable
from jupyter_mlops.core.files import locked
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import layers, wheels
from jupyter_mlops.hosts.builder import RUNTIME

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
    wanted = sorted({*manifest.requirements, *RUNTIME})
    place = cache / "environments" / _key(base, wanted)
    with _writing(cache):
        if not place.exists():
            with locked(place.with_suffix(".lock"), wait=False) as mine:
                if not mine:
                    say("Waiting for another process that installs the same packages")
            with locked(place.with_suffix(".lock")):
                if not place.exists():
                    _make(place, base, wanted, say)
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
    return _minor(version) == sys.version_info[:2]


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _find_python(manifest: Manifest) -> str:
    if _is_this_python(manifest.python):
        return sys.executable
    if _minor(manifest.python) < OLDEST:
        raise NoPython(manifest.ref, manifest.python, too_old=True)
    version = ".".join(manifest.python.split(".")[:2])
    done = _uv("python", "find", "--no-project", "--system", version)
    if done.returncode:
        raise NoPython(manifest.ref, manifest.python)
    return done.stdout.strip()


def _make(place: Path, base: str, wanted: Sequence[str], say: Callable[[str], None]) -> None:
    """Make a virtual environment with the packages; it appears whole or not at all."""
    line = "Resolving the packages"

    def tick() -> None:
        say(line)

    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as folder:
        venv = Path(folder, "venv")
        tick()
        made = _uv("venv", "--no-project", "--relocatable", "--quiet", "--python", base, str(venv))
        if made.returncode:
            reason = " ".join(made.stderr.split()) or "uv did not say why"
            raise Unavailable(f"uv could not make an environment with {base}: {reason[:300]}.")
        options = ["--python", str(venv / "bin/python")]
        text = wheels.lock(wanted, options, tick)
        n_packages = len(text.splitlines())
        line = f"Installing {n_packages} package{'s' if n_packages != 1 else ''}"
        tick()
        (packages,) = venv.glob("lib/python*/site-packages")
        wheels.install(text, packages, options, tick)
        venv.rename(place)


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


@contextlib.contextmanager
def _writing(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable(
            f"The packages of a replica cannot be kept in {cache}: {error.strerror or error}.",
            hint="Make room or make the folder writable, then deploy again.",
        ) from error


def _uv(*argv: str) -> subprocess.CompletedProcess[str]:
    from uv import find_uv_bin

    try:
        program = find_uv_bin()
    except FileNotFoundError as error:
        raise wheels.NoUv from error
    return subprocess.run(
        [program, *argv],
        capture_output=True,
        text=True,
        check=False,
        env=wheels.uv_environment(),
        stdin=subprocess.DEVNULL,
    )


def _key(base: str, wanted: Iterable[str]) -> str:
    """Return what names an environment: its interpreter, by path and age (a new one is a new one), and its packages."""
    real = Path(base).resolve()
    text = "\n".join([str(real), str(real.stat().st_mtime_ns), *wanted])
    return hashlib.sha256(text.encode()).hexdigest()[:20]
