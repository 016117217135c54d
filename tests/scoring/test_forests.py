"""Forests answer through their quick path as scikit-learn does, the order of adding one row apart, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.scoring.bundle import read_manifest
from jupyter_mlops.scoring.loader import load
from jupyter_mlops.scoring.quick import quick_predict

X, Y = make_classification(300, 6, n_informative=4, n_classes=3, random_state=0)
HOLES = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
TWO_TARGETS = np.stack([Y, Y], axis=1)


def exactly_on_thresholds(model: Any) -> Any:
    """Return rows whose values are the thresholds of the model's own trees."""
    rows = X[:40].copy()
    for row, tree in zip(rows, [each.tree_ for each in model.estimators_] * 40, strict=False):
        inner = tree.feature >= 0
        row[tree.feature[inner]] = tree.threshold[inner]
    return rows


@pytest.mark.parametrize(
    ("model", "method", "labels"),
    [
        (RandomForestClassifier(9, random_state=0), "predict", Y),
        (RandomForestClassifier(2, max_depth=1, random_state=0), "predict_proba", Y),
        (RandomForestRegressor(5, random_state=0), "predict", X[:, 0]),
        (ExtraTreesClassifier(3, random_state=0), "predict", np.array(["a", "b", "c"])[Y]),
        (ExtraTreesRegressor(3, max_depth=2, random_state=0), "predict", Y),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_forests_answer_as_they_do(model: Any, method: str, labels: Any) -> None:
    ask = getattr(model.fit(X, labels), method)
    quick = quick_predict(model, ask, X[:5], 6, method)
    assert quick is not None
    for rows in (X, X[:1], HOLES, exactly_on_thresholds(model), np.round(X)):
        wanted = ask(rows)
        if wanted.dtype.kind == "f":
            np.testing.assert_allclose(quick(rows), wanted, rtol=1e-15, strict=True)
        else:
            np.testing.assert_array_equal(quick(rows), wanted, strict=True)


def test_a_forest_that_learned_where_nan_goes_sends_it_there() -> None:
    model = RandomForestClassifier(3, random_state=0).fit(HOLES, Y)
    quick = quick_predict(model, model.predict_proba, X[:5], 6, "predict_proba")
    assert quick is not None
    np.testing.assert_array_equal(quick(HOLES), model.predict_proba(HOLES), strict=True)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, 1e300], ids=str)
def test_what_forests_refuse_is_left_to_them(bad: float) -> None:
    model = RandomForestClassifier(3, random_state=0).fit(X, Y)
    quick = quick_predict(model, model.predict, X[:5], 6)
    assert quick is not None
    rows = X[:3].copy()
    rows[1, 2] = bad
    assert quick(rows) is None
    assert quick(X[:0]) is None


class Contrary(RandomForestClassifier):
    def predict(self, given: Any) -> Any:
        return super().predict(given)[::-1]


@pytest.mark.parametrize(
    ("model", "labels"),
    [
        (Contrary(3), Y),
        (GradientBoostingClassifier(n_estimators=3), Y),
        (DecisionTreeClassifier(), Y),
        (RandomForestClassifier(3), TWO_TARGETS),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "fit") else "",
)
def test_other_models_have_none(model: Any, labels: Any) -> None:
    model.fit(X, labels)
    assert quick_predict(model, model.predict, X[:5], 6) is None


def test_a_single_answer_that_differs_drops_it() -> None:
    model = RandomForestClassifier(5, random_state=0).fit(X, Y)
    asked = [0]

    def off(rows: Any) -> Any:
        asked[0] += 1
        labels = model.predict(rows)
        labels[-1] += asked[0] == 7
        return labels

    assert quick_predict(model, off, X[:5], 6) is None


def test_a_served_forest_takes_its_quick_path(tmp_path: Path, save_sklearn: Callable[..., Path], iris: Any) -> None:
    model = RandomForestClassifier(5, random_state=0).fit(iris.data, iris.target)
    bundle = save_sklearn(tmp_path / "b", model, iris.data, form="cloudpickle")
    manifest: Manifest = read_manifest(bundle)
    said: list[str] = []
    load(bundle, manifest, lambda message, _stack: said.append(message))
    assert said == ["iris:3 is a RandomForestClassifier, with its quick path"]
