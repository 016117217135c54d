"""The quick path for scikit-learn's linear models: the same arithmetic without the checks around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Predict = Callable[[Array], Any]


def made(model: Any) -> Predict | None:
    """Return a function that predicts as a linear model does, ``None`` for any other model."""
    from sklearn.linear_model._base import LinearClassifierMixin, LinearModel
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    scalers: list[Any] = []
    if type(model) is Pipeline:
        *before, (_name, model) = model.steps
        scalers = [step for _name, step in before]
        if any(type(step) is not StandardScaler for step in scalers):
            return None
    method = getattr(type(model), "predict", None)
    if method is LinearClassifierMixin.predict:
        if type(model).decision_function is not LinearClassifierMixin.decision_function:
            return None
        return _classifier(model, scalers)
    if not isinstance(model, LinearModel):
        return None
    known = all(
        getattr(type(model), name).__module__.startswith("sklearn.linear_model.")
        for name in ("predict", "_decision_function")
    )
    return _regressor(model, scalers) if known else None


def _scaled(given: Array, scalers: list[Any]) -> Array:
    for scaler in scalers:
        if scaler.with_mean:
            given = given - scaler.mean_
        if scaler.with_std:
            given = given / scaler.scale_
    return given


def _regressor(model: Any, scalers: list[Any]) -> Predict:
    weights, bias = model.coef_.T, model.intercept_

    def predict(given: Array) -> Any:
        values = _scaled(given, scalers) @ weights + bias
        return values if np.isfinite(values).all() else None

    return predict


def _classifier(model: Any, scalers: list[Any]) -> Predict:
    weights = model.coef_.T
    bias, classes = model.intercept_, model.classes_
    binary = weights.shape[1] == 1

    def predict(given: Array) -> Any:
        scores = _scaled(given, scalers) @ weights + bias
        if not np.isfinite(scores).all():
            return None  # NaN and infinities are refused, and in the model's own words
        return classes[(scores[:, 0] > 0).astype(np.intp) if binary else scores.argmax(axis=1)]

    return predict
