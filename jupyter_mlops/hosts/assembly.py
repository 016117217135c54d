"""The three layers on top of a base image: packages, scoring server and model, each made once for its content."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import layers, slimming, wheels
from jupyter_mlops.hosts.bases import PLATFORMS, Base
from jupyter_mlops.hosts.openmp import link_openmp, with_openmp
from jupyter_mlops.hosts.python import Python
from jupyter_mlops.hosts.sdists import Workshop
from jupyter_mlops.hosts.wheels import CannotInstall, Tick

if TYPE_CHECKING:
    import docker

Say = Callable[[str, float], None]

LOCK: Final = "requirements.lock"
"""The file in the virtual environment that says what was installed, with digests."""
LAYOUT: Final = "slim-1"
"""Changed when the same packages are laid out otherwise, so that no layer of before is taken for one of now."""
SAY_EVERY_S: Final = 0.25
_MADE: Final = "# made from source: "


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where layers are made, and for what base image."""

    base: Base
    python: Python
    cache: Path
    work: Path
    """A folder for temporary files."""
    engine: docker.DockerClient | None
    """One that runs the base image, to make wheels in it."""

    @property
    def options(self) -> list[str]:
        """What uv is told of the base image."""
        platform = PLATFORMS[self.base.architecture]
        return ["--python", sys.executable, "--python-version", self.python.version, "--python-platform", platform]


def environment(site: Site, requirements: Sequence[str], say: Say) -> tuple[layers.Layer, str]:
    """Return the layer with the model's and the runtime's packages, and the lock that it follows.

    Raises ``CannotInstall``.
    """
    lock = _locked(site, with_openmp(sorted({*requirements, *layers.RUNTIME})), say)
    sources = _sources(lock)
    # What a wheel is made into depends on where; what was made elsewhere is the same everywhere.
    made_in = site.base.id if sources else ""
    key = f"environment-{_key(LAYOUT, lock, site.python.interpreter, made_in, *site.options[2:])}"
    pins = wheels.pins(lock)
    made_by = f"environment of {len(pins)} packages"
    if found := layers.find_layer(site.cache, key, made_by):
        return found, lock
    root = site.work / "environment"
    packages = root / layers.site_packages(site.python.version)
    packages.mkdir(parents=True)
    _install(site, lock, sources, packages, say)
    slimming.drop_tests(packages)
    slimming.drop_debugging(packages)
    link_openmp(packages, root / layers.LIBRARIES)
    (root / layers.VENV / LOCK).write_text(lock)
    layers.finish_environment(root, site.python.version, site.python.interpreter)
    _compile(site, root, packages, tick(say, "Compiling the packages", 0.4))
    members = layers.folder_members(root / layers.VENV, layers.VENV)
    return layers.write_layer(site.cache, key, members, made_by, tick(say, "Packing the packages", 0.6)), lock


def runtime(site: Site, say: Say) -> layers.Layer:
    """Return the layer with core/ and scoring/."""
    heard = tick(say, "Adding the scoring server", 0.75)
    key = f"runtime-{layers.runtime_key()}-{site.python.version}"
    if found := layers.find_layer(site.cache, key, "runtime"):
        return found
    into = layers.site_packages(site.python.version)
    root = site.work / "runtime"
    layers.lay_runtime(root / into)
    _compile(site, root, root / into, heard)
    return layers.write_layer(site.cache, key, layers.folder_members(root / into, into), "runtime", heard)


def model(site: Site, manifest: Manifest, bundle: Path, say: Say) -> layers.Layer:
    """Return the layer with the bundle: the manifest's files and no others. It is not kept: the bundle is."""
    files = {bundle / "manifest.json", *(bundle / file.path for file in manifest.files)}
    wanted = files.union(*(file.parents for file in files))
    members = layers.folder_members(bundle, layers.BUNDLE, skip=lambda path: path not in wanted)
    heard = tick(say, "Packing the model", 0.77)
    return layers.write_layer(site.work, "model", members, f"bundle of {manifest.ref}", heard)


def tick(say: Say, line: str, fraction: float) -> Tick:
    """Say a step, and return what says it again, so that a cancellation is heard; often called, it speaks seldom."""
    said = 0.0

    def again() -> None:
        nonlocal said
        if (now := time.monotonic()) - said > SAY_EVERY_S:
            said = now
            say(line, fraction)

    again()
    return again


def _locked(site: Site, wanted: list[str], say: Say) -> str:
    """Return the lock of requirements, once resolved and kept from then on: a release of tomorrow changes no image."""
    kept = site.cache / f"lock-{_key(*wanted, *site.options[2:])}.txt"
    if not kept.exists():
        heard = tick(say, "Resolving the packages", 0.05)
        try:
            text = wheels.lock(wanted, [*site.options, *wheels.ONLY_WHEELS], heard)
        except CannotInstall as refusal:
            text = _locked_with_sources(site, wanted, refusal, heard)
        text = slimming.without_training(text, wanted)
        part = site.work / kept.name
        part.write_text(text)
        part.replace(kept)
    return kept.read_text()


def _locked_with_sources(site: Site, wanted: list[str], refusal: CannotInstall, heard: Tick) -> str:
    """Resolve once more with what has no wheel. Raises ``refusal``, or what names more of the requirements."""
    try:
        text = wheels.lock(wanted, site.options, heard)
    except CannotInstall as other:
        raise max(refusal, other, key=lambda one: len(one.requirements)) from None
    return _MADE + " ".join(wheels.without_wheels(text, site.options, heard)) + "\n" + text


def _sources(lock: str) -> list[str]:
    first, _, _ = lock.partition("\n")
    return first.removeprefix(_MADE).split() if first.startswith(_MADE) else []


def _install(site: Site, lock: str, sources: Sequence[str], packages: Path, say: Say) -> None:
    pins = wheels.pins(lock)
    heard = tick(say, f"Installing {len(pins)} packages", 0.1)
    made = [
        _workshop(site, sources).wheel(pin, pins[pin], tick(say, f"Making a wheel of {pin}", 0.1)) for pin in sources
    ]
    rest = "".join(f"{entry}\n" for pin, entry in pins.items() if pin not in sources)
    wheels.install(rest, packages, [*site.options, *wheels.ONLY_WHEELS], heard)
    for wheel in made:
        wheels.install_file(wheel, packages, site.options, heard)


def _workshop(site: Site, sources: Sequence[str]) -> Workshop:
    if site.engine is None:
        some = f"{', '.join(sources[:3])}{' and more' if len(sources) > 3 else ''}"  # noqa: PLR2004  # what a line holds
        raise CannotInstall(
            f"There is no wheel of {some} for linux/{site.base.architecture}, and nothing here runs {site.base.name} to"
            " make one.",
            hint="Build where a Docker engine of that platform is, or name versions that have wheels: "
            "`mlops manifests create MODEL --conda FILE`.",
        )
    return Workshop(client=site.engine, base=site.base, python=site.python, cache=site.cache, options=site.options)


def _compile(site: Site, root: Path, packages: Path, heard: Tick) -> None:
    """Compile, if the Python here writes what the Python there reads; without, an image only starts slower."""
    if site.python.version == f"{sys.version_info.major}.{sys.version_info.minor}":
        layers.compile_packages(root, packages, heard)


def _key(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
