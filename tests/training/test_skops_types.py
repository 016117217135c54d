"""Logging models whose file holds types that skops asks about."""

from __future__ import annotations

import json

import mlflow
import pytest
import yaml
from mlflow.exceptions import MlflowException
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from jupyter_mlops.training.skops_types import own_types_vouched

ROWS, LABELS = [[1.0, 0.0], [2.0, 1.0], [3.0, 0.0], [4.0, 1.0]] * 10, [0, 0, 1, 1] * 10
PREPARED = ColumnTransformer(
    [("numbers", make_pipeline(SimpleImputer(), StandardScaler()), [0]), ("kinds", OneHotEncoder(), [1])]
)


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(2),
        GradientBoostingClassifier(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2),
        KNeighborsClassifier(2),
        make_pipeline(PREPARED, RandomForestClassifier(2)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learns_own_models_are_saved_with_their_types_named(model, tmp_path):
    fitted = model.fit(ROWS, LABELS)
    with own_types_vouched():
        mlflow.sklearn.save_model(fitted, str(tmp_path / "model"), pip_requirements=[])
    named = yaml.safe_load((tmp_path / "model" / "MLmodel").read_text())["flavors"]["sklearn"]["skops_trusted_types"]
    assert named
    assert mlflow.sklearn.load_model(str(tmp_path / "model")).predict(ROWS).tolist() == fitted.predict(ROWS).tolist()


def test_a_type_of_another_package_is_still_the_users_to_name(tmp_path):
    with own_types_vouched(), pytest.raises(MlflowException, match=r"json\.dumps"):
        mlflow.sklearn.save_model(FunctionTransformer(json.dumps), str(tmp_path / "model"), pip_requirements=[])


def test_after_the_run_mlflow_is_as_it_was(tmp_path):
    before = mlflow.sklearn.save_model
    with own_types_vouched():
        assert mlflow.sklearn.save_model is not before
    assert mlflow.sklearn.save_model is before
    with pytest.raises(MlflowException, match="untrusted types"):
        mlflow.sklearn.save_model(
            RandomForestClassifier(2).fit(ROWS, LABELS), str(tmp_path / "model"), pip_requirements=[]
        )
