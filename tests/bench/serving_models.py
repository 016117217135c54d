"""The models of the serving bench, each in the form that every server wants."""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from jupyter_mlops.core.manifest import Column, Manifest, ManifestFile, ManifestModel, Schema
from jupyter_mlops.core.record import encode

N_COLUMNS = 10
NAMES = [f"f{at}" for at in range(N_COLUMNS)]
SLOW = '''
import time
import numpy as np
from sklearn.base import BaseEstimator

class Sleeps(BaseEstimator):
    """Takes 50 ms for a batch, however large it is."""

    def fit(self, X, y):
        return self

    def predict(self, X):
        time.sleep(0.05)
        return np.zeros(len(X))
'''


def data() -> tuple[Any, Any]:
    """Return 4,000 rows of 10 numbers, and one of three classes for each."""
    return make_classification(4000, N_COLUMNS, n_informative=6, n_classes=3, random_state=0)


def train(kind: str) -> Any:
    """Return a fitted model: ``lr``, ``rf`` (trees of about 950 nodes) or ``slow``."""
    rows, classes = data()
    if kind == "slow":
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(SLOW, space)  # a class of __main__ is pickled by value, so that the replica needs no file of ours
        estimator: BaseEstimator = space["Sleeps"]()
        return estimator
    model = (
        LogisticRegression(max_iter=1000) if kind == "lr" else RandomForestClassifier(100, random_state=0, n_jobs=None)
    )
    return model.fit(rows, classes)


def save(folder: Path, kind: str) -> Path:
    """Write ``KIND.pkl``, ``KIND-mlflow/`` and the bundle ``KIND-bundle/``; return the bundle."""
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import infer_signature

    logging.getLogger("mlflow").setLevel(logging.ERROR)  # that a pickle can run code is known
    model = train(kind)
    rows = data()[0].astype(np.float64)

    frame = pd.DataFrame(rows[:5], columns=NAMES)
    bundle = folder / f"{kind}-bundle"
    saved = bundle / "models" / "bench"
    if kind != "slow":
        (folder / f"{kind}.pkl").write_bytes(pickle.dumps(model))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signature = infer_signature(frame, np.zeros(5))
        mlflow.sklearn.save_model(
            model,
            str(saved),
            signature=signature,
            serialization_format="cloudpickle",
            pip_requirements=["scikit-learn"],
        )
    files = [_pinned(path, bundle) for path in sorted(saved.rglob("*")) if path.is_file()]
    manifest = Manifest(
        name="bench",
        version=1,
        models=[ManifestModel(name="bench", version=1, flavor="sklearn")],
        files=files,
        schema=Schema(columns=[Column(name=name, type="double") for name in NAMES]),
        sample={"data": rows[:2].tolist()},
    )
    (bundle / "manifest.json").write_bytes(encode(manifest))
    return bundle


def _pinned(path: Path, bundle: Path) -> ManifestFile:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ManifestFile(path=str(path.relative_to(bundle)), digest=digest, n_bytes=path.stat().st_size)


def bodies(n_rows: int) -> dict[str, bytes]:
    """Return the same rows in the forms of the servers: named where they check names, else as arrays."""
    rows = np.round(data()[0][:n_rows], 6).tolist()
    infer = {"inputs": [{"name": "predict", "shape": [n_rows, N_COLUMNS], "datatype": "FP64", "data": rows}]}
    forms: dict[str, Any] = {
        "records": {"data": [dict(zip(NAMES, row, strict=True)) for row in rows]},
        "split": {"dataframe_split": {"columns": NAMES, "data": rows}},
        "arrays": {"data": rows},
        "infer": infer,
    }
    return {name: json.dumps(form).encode() for name, form in forms.items()}
