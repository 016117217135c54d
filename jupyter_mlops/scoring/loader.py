"""Loading: a verified bundle becomes a scorer, by the model's own library, by MLflow, or by a scoring script."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jupyter_mlops.core.errors import Failed, Forbidden, MlopsError, Unavailable
from jupyter_mlops.core.manifest import Manifest, ManifestModel, Schema
from jupyter_mlops.scoring.bundle import MODELS, BadBundle
from jupyter_mlops.scoring.flavors.files import NATIVE, SKLEARN, recognised
from jupyter_mlops.scoring.mlmodel import read_flavor
from jupyter_mlops.scoring.schema import KINDS, TableSchema
from jupyter_mlops.scoring.scorer import Log, ModelScorer, ScriptScorer, told
from jupyter_mlops.scoring.scripts import load_script

if TYPE_CHECKING:
    from jupyter_mlops.scoring.intake import Intake

PYFUNC: Final = "python_function"
TRUST: Final = "mlops.trust"
"""The manifest's tag that names the skops types that were accepted, with commas between them."""


Opener = Callable[[Path, Manifest, ManifestModel, Log], ModelScorer]


class PackageMissing(Unavailable):
    """A package that the model needs is not installed here."""

    code = "package-missing"


class UntrustedTypes(Forbidden):
    """A skops file holds types that nobody has accepted."""

    code = "untrusted-types"


class ModelNotLoaded(Failed):
    """The model's file cannot be loaded."""

    code = "model-not-loaded"


def load(folder: Path, manifest: Manifest, log: Log) -> ModelScorer | ScriptScorer:
    """Return the scorer of a bundle whose files were verified.

    Raises ``BadBundle``, ``PackageMissing``, ``UntrustedTypes``, ``ModelNotLoaded`` or ``ScriptNotLoaded``.
    """
    if manifest.script is not None:
        return load_script(folder, manifest, manifest.script, log)
    if len(manifest.models) != 1:
        raise BadBundle(
            f"The manifest {manifest.ref} has {len(manifest.models)} models and no scoring script.",
            hint="Make one with `mlops manifests create MODEL --script score.py`.",
        )
    model = manifest.models[0]
    files = folder / MODELS / model.name
    return _guarded(model, lambda: _opener(files, manifest, model)(files, manifest, model, log))


def _opener(files: Path, manifest: Manifest, model: ManifestModel) -> Opener:
    """Return what loads a model: its own library where that is known, else MLflow. Raises ``BadBundle``."""
    described = files / "MLmodel"
    if not described.is_file():
        if recognised(files) is not None:
            return _native
        raise BadBundle(
            f"The model {model.name}:{model.version} is files without an MLflow flavor, and nothing says how to score with them.",
            hint=f"Write init() and run(data) and make a manifest: `mlops manifests create {model.name} --script score.py`.",
        )
    if manifest.schema.params:
        return _pyfunc  # only MLflow knows what a model's library makes of parameters
    if read_flavor(described, SKLEARN) is not None:
        return _sklearn
    return _native if any(read_flavor(described, name) is not None for name in NATIVE) else _pyfunc


def _native(files: Path, manifest: Manifest, model: ManifestModel, log: Log) -> ModelScorer:
    """Load with the model's own library, and nothing of MLflow."""
    from jupyter_mlops.scoring.flavors.native import opened, separate_columns

    found = None if (files / "MLmodel").is_file() else recognised(files)
    if found is not None and found[0] == SKLEARN:
        return _estimator(_unpack(found[1], "skops", manifest), "predict", manifest, model, log)
    model_opened = opened(files, manifest, lambda file, form, types: _unpack(file, form, manifest, types))
    schema = manifest.schema
    if not schema.columns and not schema.tensors and model_opened.tensors:
        schema = msgspec.structs.replace(schema, tensors=list(model_opened.tensors))
    numbers = all(KINDS[column.type].dtype[:3] in {"int", "flo"} for column in schema.columns)
    if schema.columns and model_opened.separate:
        intake: Intake = separate_columns(schema)
    else:
        intake = _intake(schema, model_opened.dtype if numbers else None)
    log(f"{model.name}:{model.version} is {model_opened.said}", "")
    return ModelScorer(intake, model_opened.predict, log, inline=True)


def _sklearn(files: Path, manifest: Manifest, model: ManifestModel, log: Log) -> ModelScorer:
    settings = read_flavor(files / "MLmodel", SKLEARN) or {}
    for name in ("code", "pickled_model", "serialization_format"):
        if isinstance(settings.get(name), list):
            raise BadBundle(f"The MLmodel of {model.name}:{model.version} has a list as {name}.")
    if settings.get("code"):
        sys.path.insert(0, str(files / str(settings["code"])))
    file = files / str(settings.get("pickled_model") or "model.pkl")
    estimator = _unpack(file, str(settings.get("serialization_format")), manifest)
    method = str((read_flavor(files / "MLmodel", PYFUNC) or {}).get("predict_fn") or "predict")
    return _estimator(estimator, method, manifest, model, log)


def _estimator(estimator: Any, method: str, manifest: Manifest, model: ManifestModel, log: Log) -> ModelScorer:
    from jupyter_mlops.scoring.estimators import array_dtype, nan_refused, predictor, quick_for
    from jupyter_mlops.scoring.intake import TableIntake

    dtype = array_dtype(estimator, manifest.schema)
    intake = _intake(manifest.schema, dtype)
    predict = predictor(estimator, method)
    if isinstance(intake, TableIntake):
        refused = nan_refused(predict, intake, manifest)
        if refused:
            intake.refuse_nan(refused)
    quick = quick_for(estimator, predict, method, intake=intake, manifest=manifest, dtype=dtype)
    log(f"{model.name}:{model.version} is a {type(estimator).__name__}{', with its quick path' if quick else ''}", "")
    return ModelScorer(intake, predict, log, inline=True, quick=quick)


def _unpack(file: Path, form: str, manifest: Manifest, also: Sequence[str] = ()) -> Any:
    if form != "skops":
        import pickle

        with file.open("rb") as opened:
            return pickle.load(opened)  # noqa: S301 - its digest is pinned by a manifest that a person made
    import skops.io

    types = skops.io.get_untrusted_types(file=file)
    accepted = {name.strip() for name in manifest.tags.get(TRUST, "").split(",")}.union(also)
    missing = [name for name in types if name not in accepted]
    if missing:
        raise UntrustedTypes(
            f"The model file {file.name!r} of manifest {manifest.ref} holds types that run code of their own"
            f" when loaded: {', '.join(missing)}.",
            hint="If you know them, accept them once: `mlops manifests create MODEL --trust`.",
        )
    return skops.io.load(file, trusted=types)


def _pyfunc(files: Path, manifest: Manifest, model: ManifestModel, log: Log) -> ModelScorer:
    if importlib.util.find_spec("mlflow") is None:
        raise PackageMissing(
            f"The model {model.name}:{model.version} ({model.flavor}) is loaded by MLflow, which is not installed here.",
            hint="Add mlflow-skinny to the model's requirements.",
        )
    from mlflow import pyfunc

    loaded = pyfunc.load_model(str(files))
    log(f"{model.name}:{model.version} is loaded by MLflow ({model.flavor})", "")
    intake = _intake(manifest.schema, None)
    if not manifest.schema.params:
        return ModelScorer(intake, loaded.predict, log, inline=False)
    from jupyter_mlops.scoring.params import ParamsIntake

    return ModelScorer(
        ParamsIntake(intake, manifest.schema.params),
        lambda given: loaded.predict(given[0], params=given[1]),
        log,
        inline=False,
    )


def _guarded(model: ManifestModel, opened: Callable[[], ModelScorer]) -> ModelScorer:
    """Load, with what goes wrong translated."""
    called = f"The model {model.name}:{model.version}"
    try:
        return opened()
    except MlopsError:
        raise
    except ModuleNotFoundError as error:
        raise PackageMissing(
            f"{called} needs the package {error.name!r}, which is not installed here.",
            hint="Add it to the model's requirements and make a new manifest.",
        ) from error
    except Exception as error:
        raise ModelNotLoaded(
            f"{called} cannot be loaded: {told(error)}",
            hint=_why(error),
        ) from error


def _why(error: Exception) -> str:
    """Return what to look at when a model cannot be loaded."""
    import zipfile

    if isinstance(error, (EOFError, zipfile.BadZipFile)) or "truncated" in str(error):
        return "Its file seems to be no whole one: register it again from where it was made."
    return "Are the packages here the ones it was trained with? `mlops manifests show` lists them."


def _intake(schema: Schema, dtype: str | None) -> Intake:
    """Return how bodies become the model's input: an array of ``dtype``, or else a DataFrame."""
    from jupyter_mlops.scoring import assemble
    from jupyter_mlops.scoring.intake import LooseIntake, TableIntake
    from jupyter_mlops.scoring.tensors import TensorIntake

    if schema.tensors:
        return TensorIntake(schema.tensors)
    if not schema.columns:
        return LooseIntake(assemble.any_frame)
    if dtype is not None:
        return TableIntake(schema, assemble.arrays(dtype, len(schema.columns)))
    return TableIntake(schema, assemble.frames(TableSchema(schema.columns)))
