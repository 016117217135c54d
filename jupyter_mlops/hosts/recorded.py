"""Interpreters with the packages that a run recorded: this one if it has them, else one made with uv and kept."""

from __future__ import annotations

import json
import sys
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Final

import jupyter_mlops
from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.hosts import venvs, wheels
from jupyter_mlops.inputs.environments import installed_packages
from jupyter_mlops.ports import Fit

OURS: Final = "jupyter-mlops"
_LEFT_OUT: Final = "left-out.json"
_MOST_LEFT_OUT: Final = 20


class RecordedPythonMissing(Unavailable):
    """The Python that a run executed with is not on this machine."""

    code = "recorded-python-missing"

    def __init__(self, version: str) -> None:
        super().__init__(
            f"The run executed with Python {version}, and there is no {'.'.join(version.split('.')[:2])} on this machine.",
            hint="Install it, or use what is here: --environment current",
        )


class EnvironmentNotMade(Unavailable):
    """The packages of a run cannot be installed."""

    code = "environment-not-made"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The recorded packages are not to be had: {why}",
            hint="Tell pip where they are (`pip config set global.extra-index-url URL`), or use --environment current",
        )


class RecordedEnvironments:
    """``ports.Environments``, kept below a cache folder."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def fit(self, wanted: Environment, say: venvs.Tell) -> Fit:
        """Look which interpreter it would be; nothing is installed yet."""
        here = installed_packages()
        pins = {name: version for name, version in wanted.packages.items() if name != OURS}
        same_python = venvs.minor(wanted.python) == venvs.minor(here.python)
        if same_python and pins.items() <= here.packages.items():
            n_more = len(here.packages.keys() - wanted.packages.keys())
            return Fit(python=sys.executable, version=here.python, how="this", n_more=n_more)
        base = venvs.find_python(wanted.python)
        if base is None:
            raise RecordedPythonMissing(wanted.python)
        version = here.python if same_python else wanted.python
        place = self._place(base, pins)
        if place.exists():
            left_out = json.loads((place / _LEFT_OUT).read_text())
            return Fit(python=str(place / "bin/python"), version=version, how="kept", left_out=left_out)
        left_out = self._not_to_be_had(base, pins, say)
        return Fit(python=base, version=version, how="new", left_out=left_out)

    def interpreter(self, wanted: Environment, fit: Fit, say: venvs.Tell) -> str:
        """Return the interpreter that ``fit`` has told of, made now if it is new."""
        if fit.how != "new":
            return fit.python
        pins = {name: version for name, version in wanted.packages.items() if name != OURS}
        with venvs.writing(self._cache):
            place = venvs.made_once(self._place(fit.python, pins), fit.python, partial(_fill, pins, fit.left_out), say)
        return str(place / "bin/python")

    def _place(self, base: str, pins: dict[str, str]) -> Path:
        return venvs.place_of(self._cache, base, [*_lines(pins), f"{OURS} @ {_package()}"])

    def _not_to_be_had(self, base: str, pins: dict[str, str], say: venvs.Tell) -> list[str]:
        """Return the pins that no index has: packages that were installed from a folder, most often."""
        line = f"Looking for {len(pins)} recorded packages"
        left_out: list[str] = []
        while True:
            say(line)
            lines = [one for one in _lines(pins) if one not in left_out]
            try:
                wheels.lock(lines, ["--no-deps", "--python", base], lambda: say(line))
            except wheels.CannotInstall as error:
                if not error.requirements or len(left_out) >= _MOST_LEFT_OUT:
                    raise EnvironmentNotMade(error.message) from error
                left_out += error.requirements
            else:
                return left_out


def _fill(pins: dict[str, str], left_out: list[str], venv: Path, say: venvs.Tell) -> None:
    try:
        venvs.fill(venv, "".join(f"{line}\n" for line in _lines(pins) if line not in left_out), say)
    except wheels.CannotInstall as error:
        raise EnvironmentNotMade(error.message) from error
    _link_ours(venvs.packages_in(venv))
    (venv / _LEFT_OUT).write_text(json.dumps(left_out))


def _link_ours(packages: Path) -> None:
    """Give an environment this very package: what the recorded version was may be on no index, and read another store."""
    (packages / "jupyter_mlops").symlink_to(_package())
    for one in metadata.distributions(name=OURS):
        info = Path(str(one.locate_file(""))) / f"jupyter_mlops-{one.version}.dist-info"
        if info.is_dir():
            (packages / info.name).symlink_to(info)
            return


def _package() -> Path:
    return Path(jupyter_mlops.__path__[0])


def _lines(pins: dict[str, str]) -> list[str]:
    return [f"{name}=={version}" for name, version in sorted(pins.items())]
