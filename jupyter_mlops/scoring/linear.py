"""The quick path for scikit-learn's linear models: the same arithmetic without the checks around it, proven at load."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, Any]
Predict = Callable[[Array], Any]

N_DRAWN: Final = 1000
BATCHES: Final = (1, 2, 64)
RELATIVE: Final = 1e-12


def quick_predict(model: Any, predict: Predict, sample: Array | None, n_columns: int) -> Predict | None:
    """Return a function that answers as ``predict`` does, and ``None`` where it leaves the answer to it.

    ``sample`` are rows that the model is known to take, of ``n_columns`` numbers. The function is
    compared with ``predict`` on them and on 1,000 rows drawn around them, at batches of 1, 2 and 64,
    ties and NaN included; there is none for other models, or when a single answer differs.
    """
    quick = _made(model)
    if quick is None or not _same(quick, predict, _probes(sample, n_columns)):
        return None
    return quick


def _made(model: Any) -> Predict | None:
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


def _probes(sample: Array | None, n_columns: int) -> Array:
    draw = np.random.default_rng(0)
    base = np.zeros((1, n_columns)) if sample is None or not len(sample) else np.nan_to_num(sample)
    around = base[draw.integers(len(base), size=N_DRAWN)]
    scale = np.abs(around) + 10.0 ** draw.integers(-3, 4, size=(N_DRAWN, 1))
    drawn = around + scale * draw.standard_normal((N_DRAWN, n_columns))
    ties = np.zeros((2, n_columns))
    broken = np.repeat(base[:1], 2, axis=0)
    broken[0, 0], broken[1, -1] = np.nan, np.inf
    return np.concatenate([base, drawn, ties, np.repeat(drawn[:1], 2, axis=0), broken])


def _same(quick: Predict, predict: Predict, probes: Array) -> bool:
    for size in BATCHES:
        for begin in range(0, len(probes), size):
            given = probes[begin : begin + size]
            answer = _or_none(quick, given)
            if answer is None:
                continue  # left to predict, which is right by definition
            wanted = _or_none(predict, given)
            if wanted is None or not _equal(np.asarray(answer), np.asarray(wanted)):
                return False
    return True


def _or_none(predict: Predict, given: Array) -> Any:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return predict(given)
    except Exception:  # noqa: BLE001 - a model that refuses a drawn row says nothing about the others
        return None


def _equal(answer: Array, wanted: Array) -> bool:
    if answer.shape != wanted.shape or answer.dtype != wanted.dtype:
        return False
    if answer.dtype.kind != "f":
        return bool((answer == wanted).all())
    return bool(np.allclose(answer, wanted, rtol=RELATIVE, atol=0.0))
