"""Virtual environments made with uv: each once, under a key, and whole or not at all."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from jupyter_mlops.core.errors import NotWritten, Unavailable
from jupyter_mlops.core.files import locked
from jupyter_mlops.hosts import wheels

Tell = Callable[[str], None]
"""Hears the step, every half second while uv works; raising cancels it."""


def minor(version: str) -> tuple[int, ...]:
    """Return ``(3, 11)`` for ``3.11.7``."""
    return tuple(int(part) for part in version.split(".")[:2])


def find_python(version: str) -> str | None:
    """Return an interpreter of this machine of that minor version, this one if it is; ``None`` where there is none."""
    if minor(version) == sys.version_info[:2]:
        return sys.executable
    done = _uv("python", "find", "--no-project", "--system", ".".join(map(str, minor(version))))
    return None if done.returncode else done.stdout.strip()


def place_of(cache: Path, base: str, wanted: Iterable[str]) -> Path:
    """Return where an environment is kept: named for its interpreter, by path and age (a new one is a new one), and packages."""
    real = Path(base).resolve()
    text = "\n".join([str(real), str(real.stat().st_mtime_ns), *wanted])
    return cache / "environments" / hashlib.sha256(text.encode()).hexdigest()[:20]


def made_once(place: Path, base: str, fill: Callable[[Path, Tell], None], say: Tell) -> Path:
    """Return ``place`` with a virtual environment that ``fill`` has put the packages into, by this process or another one."""
    if not place.exists():
        with locked(place.with_suffix(".lock"), wait=False) as mine:
            if not mine:
                say("Waiting for another process that installs the same packages")
        with locked(place.with_suffix(".lock")):
            if not place.exists():
                _make(place, base, fill, say)
    return place


def _make(place: Path, base: str, fill: Callable[[Path, Tell], None], say: Tell) -> None:
    with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as folder:
        venv = Path(folder, "venv")
        made = _uv("venv", "--no-project", "--relocatable", "--quiet", "--python", base, str(venv))
        if made.returncode:
            reason = " ".join(made.stderr.split()) or "uv did not say why"
            raise Unavailable(f"uv could not make an environment with {base}: {reason[:300]}.")
        fill(venv, say)
        venv.rename(place)


def fill(venv: Path, lock_text: str, say: Tell) -> None:
    """Install what ``wheels.lock`` returned. Raises ``CannotInstall``."""
    n_packages = len(wheels.pins(lock_text))
    line = f"Installing {n_packages} package{'s' if n_packages != 1 else ''}"
    say(line)
    wheels.install(lock_text, packages_in(venv), ["--python", str(venv / "bin/python")], lambda: say(line))


def packages_in(venv: Path) -> Path:
    """Return the folder that packages are installed into."""
    (packages,) = venv.glob("lib/python*/site-packages")
    return packages


@contextlib.contextmanager
def writing(cache: Path) -> Iterator[None]:
    """Say in one sentence that ``cache`` cannot be written."""
    try:
        yield
    except OSError as error:
        raise NotWritten(f"The packages' folder {cache}", error) from error


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
