"""XGBoost and LightGBM: boosters, and their scikit-learn estimators."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.scoring.flavors.opened import Opened, text
from jupyter_mlops.scoring.mlmodel import Settings

LIGHTGBM_TRUSTED: Final = (
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
)
"""What skops need not be told to trust in LightGBM's own estimators; MLflow has the same list."""
BOOSTERS: Final = ("", "xgboost.core.Booster", "lightgbm.basic.Booster")


def open_xgboost(file: Path, settings: Settings, manifest: Manifest) -> Opened:
    """Open what ``save_model`` of a booster or an estimator wrote."""
    import xgboost

    kind = text(settings, "model_class")
    if kind not in BOOSTERS:
        estimator = getattr(xgboost, kind.rpartition(".")[2])()
        estimator.load_model(file)
        names = estimator.get_booster().feature_names
        dtype = _dtype(names, manifest)
        return Opened(predict=_one(estimator.predict), said=f"XGBoost's {type(estimator).__name__}", dtype=dtype)
    booster = xgboost.Booster()
    booster.load_model(file)
    linear = json.loads(booster.save_config())["learner"]["gradient_booster"]["name"] == "gblinear"

    def predict(given: Any) -> Any:
        if isinstance(given, np.ndarray) and not linear:
            return booster.inplace_predict(given, validate_features=False)
        plain = isinstance(given, np.ndarray)
        return booster.predict(xgboost.DMatrix(given), validate_features=not plain)

    return Opened(predict=_one(predict), said="an XGBoost booster", dtype=_dtype(booster.feature_names, manifest))


def open_lightgbm(
    file: Path, settings: Settings, manifest: Manifest, unpack: Callable[[Path, str, tuple[str, ...]], Any]
) -> Opened:
    """Open a booster's text file, or an estimator through ``unpack``, which takes file, format and trusted types."""
    import lightgbm

    if text(settings, "model_class") in BOOSTERS:
        model: Any = lightgbm.Booster(model_file=file)
        booster = model
    else:
        model = unpack(file, text(settings, "serialization_format", "cloudpickle"), LIGHTGBM_TRUSTED)
        booster = model.booster_
    names = booster.feature_name()
    named = None if names == [f"Column_{at}" for at in range(len(names))] else names
    # MLflow gives it the columns' names with '_' where they had blanks, as LightGBM itself writes them
    dtype = None if booster.pandas_categorical else _dtype(named, manifest)
    return Opened(predict=_one(model.predict), said=f"LightGBM's {type(model).__name__}", dtype=dtype)


def _dtype(names: list[str] | None, manifest: Manifest) -> str | None:
    """Return ``float64`` where an array in the schema's order has what the model's features are."""
    columns = [column.name.replace(" ", "_") for column in manifest.schema.columns]
    return "float64" if names is None or [name.replace(" ", "_") for name in names] == columns else None


def _one(predict: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def call(given: Any) -> Any:
        if isinstance(given, dict) and len(given) == 1:
            (given,) = given.values()  # a named tensor
        return predict(given)

    return call
