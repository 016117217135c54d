"""scikit-learn models: which may be given plain arrays, and how they predict."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Manifest, Schema
from jupyter_mlops.scoring.codec import encode
from jupyter_mlops.scoring.intake import Intake, TableIntake
from jupyter_mlops.scoring.quick import Predict, quick_predict
from jupyter_mlops.scoring.schema import KINDS, Row

TAKES_ARRAYS: Final = frozenset(
    f"sklearn.{name}"
    for name in [
        "cluster",
        "decomposition",
        "discriminant_analysis",
        "dummy",
        "ensemble",
        "impute",
        "linear_model",
        "model_selection",
        "naive_bayes",
        "neighbors",
        "neural_network",
        "pipeline",
        "preprocessing",
        "svm",
        "tree",
    ]
)
"""Whose estimators make an array of a DataFrame before anything else."""
NEEDS_FRAMES: Final = frozenset({"FunctionTransformer", "FeatureUnion"})
"""Estimators among those that hand on what they are given."""

MAX_PROBES: Final = 64
"""A wider table is not tried column by column: its model names what it refuses itself, without the column."""


def array_dtype(estimator: Any, schema: Schema) -> str | None:
    """Return the dtype of the array that may stand for the DataFrame, ``None`` when it must be a DataFrame.

    An array saves building a DataFrame per batch, and pandas' memory when nothing else needs it.
    """
    kinds = [KINDS[column.type] for column in schema.columns]
    if not kinds or any(kind.dtype not in {"int32", "int64", "float32", "float64"} for kind in kinds):
        return None
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and list(names) != [column.name for column in schema.columns]:
        return None
    parts = [estimator, *(part for part in estimator.get_params(deep=True).values() if hasattr(part, "fit"))]
    if not all(_takes_arrays(part) for part in parts):
        return None
    return str(np.result_type(*(kind.dtype for kind in kinds)))


def _takes_arrays(part: Any) -> bool:
    module = ".".join(type(part).__module__.split(".")[:2])
    return module in TAKES_ARRAYS and type(part).__name__ not in NEEDS_FRAMES


def predictor(estimator: Any, method: str) -> Callable[[Any], Any]:
    """Return the estimator's method, ``predict`` or another, as a function of the model's input."""
    # an array has no column names; that its columns are the right ones was checked against the schema
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    call = getattr(estimator, method)

    def predict(given: Any) -> Any:
        if isinstance(given, dict) and len(given) == 1:
            (given,) = given.values()  # a named tensor
        return call(given)

    return predict


def nan_refused(predict: Predict, intake: TableIntake, manifest: Manifest) -> list[str]:
    """Return the columns of numbers in which the model refuses NaN, as it shows on a row that it takes.

    What scikit-learn says of its estimators does not tell: of a pipeline it names no imputer.
    """
    columns = intake.table.columns
    numbers = [at for at, each in enumerate(columns) if each.required and each.type in {"float", "double"}]
    row = _known_row(intake, manifest)
    if row is None or len(numbers) > MAX_PROBES or not _takes(predict, intake, row):
        return []

    def refused(places: list[int]) -> bool:
        probe = tuple(math.nan if at in places else value for at, value in enumerate(row))
        return not _takes(predict, intake, probe)

    return [columns[at].name for at in numbers if refused([at])] if numbers and refused(numbers) else []


def _known_row(intake: TableIntake, manifest: Manifest) -> Row | None:
    if manifest.sample is not None:
        try:
            rows = list(intake.read(encode(manifest.sample), "json")[0])
        except MlopsError:
            return None  # the warm-up says what is wrong with the sample
        return rows[0] if rows else None
    numeric = all(KINDS[column.type].dtype[:3] in {"int", "flo"} for column in intake.table.columns)
    return (0,) * len(intake.table.columns) if numeric else None


def _takes(predict: Predict, intake: TableIntake, row: Row) -> bool:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            predict(intake.join([[row]]))
    except Exception as error:  # noqa: BLE001 - a model that fails otherwise says nothing about NaN
        return not (isinstance(error, ValueError) and "NaN" in str(error))
    return True


def quick_for(
    estimator: Any, predict: Predict, method: str, *, intake: Intake, manifest: Manifest, dtype: str | None
) -> Predict | None:
    """Return the quick path of a method, if the model has one and its input is an array of numbers."""
    tensors = manifest.schema.tensors
    matrix = len(tensors) == 1 and len(tensors[0].shape) == 2 and not tensors[0].name  # noqa: PLR2004 - a matrix
    if (tensors[0].dtype if matrix else dtype) not in {"float64", "int64"}:
        return None  # numbers of 32 bits are rounded otherwise than the probes, which have 64
    sample = None
    if manifest.sample is not None:
        try:
            sample = intake.join([intake.read(encode(manifest.sample), "json")[0]])
        except MlopsError:
            return None  # the warm-up says what is wrong with the sample
    n_columns = len(manifest.schema.columns) or tensors[0].shape[1]
    return quick_predict(estimator, predict, sample, n_columns, method)
