"""MLflow's autologging, for the length of one run: scikit-learn, XGBoost, LightGBM, PyTorch Lightning, Keras and the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
    forget = _complete_lightning()
    try:
        yield
    finally:
        forget()
        mlflow.autolog(disable=True, silent=True)
        for name, options in before.items():
            if name in CONFIGURED:
                CONFIGURED[name].clear()
                CONFIGURED[name].update(options)


def _complete_lightning() -> Callable[[], None]:
    """Turn it on for ``lightning`` once that is imported, and return what gives that up.

    MLflow's own hook fails there, in silence: it imports ``pytorch_lightning``, whose hook needs what is half imported.
    """
    from mlflow.utils.import_hooks import register_post_import_hook

    wanted = True

    def complete_lightning(module: object) -> None:
        del module
        if wanted:
            from mlflow import pytorch

            pytorch.autolog(silent=True)

    def forget() -> None:
        nonlocal wanted
        wanted = False

    register_post_import_hook(complete_lightning, "lightning", overwrite=True)  # instead of an earlier run's
    return forget
