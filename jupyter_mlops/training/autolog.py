"""MLflow's autologging, for the length of one run: scikit-learn, XGBoost, LightGBM, PyTorch Lightning, Keras and the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def autologging() -> Iterator[None]:
    """Turn autologging on for every library that MLflow knows, also for those imported later; put it back after.

    What a user had turned on before, with options of their own, is on again afterwards.
    """
    import mlflow
    from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS as CONFIGURED

    before = {name: dict(options) for name, options in CONFIGURED.items()}
    mlflow.autolog(silent=True)
    try:
        yield
    finally:
        mlflow.autolog(disable=True, silent=True)
        for name, options in before.items():
            if name in CONFIGURED:
                CONFIGURED[name].clear()
                CONFIGURED[name].update(options)
