"""Scoring scripts: a module with ``init()`` and ``run(data)``, loaded from a bundle."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.scoring import codec
from jupyter_mlops.scoring.bundle import MODELS
from jupyter_mlops.scoring.collect import collect
from jupyter_mlops.scoring.intake import RawIntake
from jupyter_mlops.scoring.schema import TableSchema
from jupyter_mlops.scoring.scorer import Log, ScriptScorer, told

VARIABLES: Final = ("MLOPS_MODEL_DIR", "AZUREML_MODEL_DIR")
"""Both name the folder with the models, so that a script from Azure ML finds its own."""
RAW: Final = "raw_data"
PACKAGE: Final = "jupyter_mlops"
RUN: Final = "Define run(data), which gets the request's JSON and returns the answer."


class ScriptNotLoaded(Failed):
    """The scoring script cannot be used."""

    code = "script-not-loaded"


def load_script(folder: Path, manifest: Manifest, script: str, log: Log) -> ScriptScorer:
    """Import a bundle's script with its folder on the path, and call its ``init()``. Raises ``ScriptNotLoaded``."""
    for variable in VARIABLES:
        os.environ[variable] = str((folder / MODELS).resolve())
    vars(sys.modules[PACKAGE])["collect"] = collect  # in an image the package has nothing else to offer
    file = folder / script
    module = _step("import", file, script, log, lambda: _import(file, script))
    run = _run_of(module, script)
    init = getattr(module, "init", None)
    if init is not None:
        _step("init()", file, script, log, init)
    table = TableSchema(manifest.schema.columns) if manifest.schema.columns else None
    return ScriptScorer(RawIntake(table), run, log)


def _step(name: str, file: Path, script: str, log: Log, work: Callable[[], Any]) -> Any:
    try:
        return work()
    except ScriptNotLoaded:
        raise
    except BaseException as error:
        log(f"the scoring script failed at its {name}", traceback.format_exc())
        raise ScriptNotLoaded(
            f"The scoring script {script!r} failed at its {name}: {told(error)}{_place(error, file.parent)}",
            hint="Correct it and make the manifest again: `mlops manifests create MODEL --script FILE`. Models are in the "
            "folder that the variable MLOPS_MODEL_DIR names.",
        ) from error


def _place(error: BaseException, code: Path) -> str:
    """Return where the error left the user's own code: `` (score.py, line 7)``. The log goes with a failed service."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).is_relative_to(code) or Path(frame.filename).is_relative_to(code.resolve()):
            return f" ({Path(frame.filename).name}, line {frame.lineno})"
    return ""


def _import(file: Path, script: str) -> ModuleType:
    sys.path.insert(0, str(file.parent.resolve()))
    name = file.stem if file.stem not in sys.modules else f"scoring_script_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ScriptNotLoaded(f"The scoring script {script!r} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _run_of(module: ModuleType, script: str) -> Callable[[Any], Any]:
    """Return the script's ``run``. One whose parameter is ``raw_data`` gets the JSON as text, as on Azure ML."""
    run: Callable[[Any], Any] | None = getattr(module, "run", None)
    if run is None or not callable(run):
        raise ScriptNotLoaded(f"The scoring script {script!r} has no function run(data).", hint=RUN)
    if inspect.iscoroutinefunction(run):
        raise ScriptNotLoaded(f"run() of the scoring script {script!r} is async, which is not called here.", hint=RUN)
    parameters = list(inspect.signature(run).parameters)
    if not parameters:
        raise ScriptNotLoaded(f"run() of the scoring script {script!r} takes no argument.", hint=RUN)
    if parameters[0] == RAW:
        return lambda data: run(data if isinstance(data, bytes) else codec.encode(data).decode())
    return run
