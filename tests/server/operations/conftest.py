"""A model trained elsewhere, saved once: saving one costs MLflow seconds."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LogisticRegression over ``age`` and ``spend``, as an MLflow model folder."""
    import mlflow
    import pandas as pd
    import sklearn
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("elsewhere") / "model"
    data = pd.DataFrame({"age": [20.0, 30.0, 40.0, 50.0], "spend": [1.0, 0.0, 1.0, 0.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression().fit(data, [0, 0, 1, 1])
        # Told its packages, MLflow does not start a process to find them out.
        packages = [f"scikit-learn=={sklearn.__version__}", f"pandas=={pd.__version__}"]
        mlflow.sklearn.save_model(model, folder, input_example=data[:2], pip_requirements=packages)
    return folder


@pytest.fixture
def model_here(saved_model: Path, jp_root_dir: Path) -> str:
    """The model in the file browser, by its name there."""
    shutil.copytree(saved_model, jp_root_dir / "model")
    return "model"
