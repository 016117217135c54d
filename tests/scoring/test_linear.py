"""The quick path answers as the model does, to the label and the last bits, or is not taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris, make_regression
from sklearn.linear_model import (
    ElasticNet,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    SGDClassifier,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from jupyter_mlops.scoring.quick import quick_predict

IRIS = load_iris(return_X_y=True)
CANCER = load_breast_cancer(return_X_y=True)
NUMBERS = make_regression(200, 6, random_state=0)
TWO = make_regression(200, 6, n_targets=2, random_state=0)
QUICK = [
    (LogisticRegression(max_iter=5000), IRIS),
    (LogisticRegression(max_iter=5000), (IRIS[0], np.array(["a", "b", "c"])[IRIS[1]])),
    (make_pipeline(StandardScaler(), LogisticRegression()), CANCER),
    (make_pipeline(StandardScaler(with_mean=False), StandardScaler(with_std=False), LogisticRegression()), CANCER),
    (SGDClassifier(random_state=0), IRIS),
    (LinearSVC(), IRIS),
    (LinearRegression(), NUMBERS),
    (Ridge(), TWO),
    (ElasticNet(), NUMBERS),
]


def name(value: Any) -> str:
    return type(value).__name__ if hasattr(value, "fit") else ""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("model", "data"), QUICK, ids=name)
def test_linear_models_answer_as_predict_does(model: Any, data: Any) -> None:
    model.fit(*data)
    quick = quick_predict(model, model.predict, data[0][:5], data[0].shape[1])
    assert quick is not None
    for rows in (data[0], data[0][:1], np.zeros((2, data[0].shape[1]))):
        answer, wanted = quick(rows), model.predict(rows)
        assert answer.dtype == wanted.dtype
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(answer, wanted, rtol=1e-12)
        else:
            assert (answer == wanted).all()


def test_nan_and_infinities_are_left_to_the_model() -> None:
    model = LogisticRegression(max_iter=500).fit(*IRIS)
    quick = quick_predict(model, model.predict, None, 4)
    assert quick is not None
    for bad in (np.nan, np.inf, -np.inf):
        rows = IRIS[0][:3].copy()
        rows[1, 2] = bad
        with np.errstate(all="ignore"):
            assert quick(rows) is None


class Contrary(LogisticRegression):
    def predict(self, given: Any) -> Any:
        return super().predict(given)[::-1]


class Shifted(LogisticRegression):
    def decision_function(self, given: Any) -> Any:
        return super().decision_function(given) + 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "model",
    [
        Contrary(max_iter=500),
        Shifted(max_iter=500),
        DecisionTreeClassifier(),
        make_pipeline(MinMaxScaler(), LogisticRegression()),
        PoissonRegressor(),
        RidgeClassifier(),
    ],
    ids=name,
)
def test_other_models_have_none(model: Any) -> None:
    model.fit(*IRIS)
    assert quick_predict(model, model.predict, IRIS[0][:5], 4) is None


def test_a_single_answer_that_differs_drops_it() -> None:
    model = LogisticRegression(max_iter=500).fit(*IRIS)
    asked = [0]

    def off(rows: Any) -> Any:
        asked[0] += len(rows)
        labels = model.predict(rows)
        return labels if asked[0] < 1000 else labels + 1

    assert quick_predict(model, off, IRIS[0][:5], 4) is None
