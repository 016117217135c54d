"""Logging scikit-learn's own models in a tracked run without spelling out skops' list of types."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from jupyter_mlops.training.imported import when_imported

OWN_PACKAGES: Final = frozenset({"sklearn", "scipy", "numpy", "_loss"})
"""Packages whose types a model may hold without being asked for; ``_loss`` is scikit-learn's compiled losses."""


@contextmanager
def own_types_vouched() -> Iterator[None]:
    """Let ``mlflow.sklearn`` save forests, boosted trees and imputers until the block ends.

    MLflow loads what it saves and refuses types that skops does not trust of itself, such as every decision tree. Here
    the model was made by this very process, so that nothing can come out of the file that was not in memory before:
    the types that are scikit-learn's own are named in the model's ``skops_trusted_types``, as a user would have to.
    Whoever deploys it is judged by that list, and a type of any other package is still the user's to name.
    """
    original: list[Any] = []

    def replace() -> None:
        module: Any = sys.modules["mlflow.sklearn"]
        original.append(module.save_model)
        module.save_model = _vouching(module.save_model)

    stop_waiting = when_imported("mlflow.sklearn", replace)
    try:
        yield
    finally:
        stop_waiting()
        if original:
            module: Any = sys.modules["mlflow.sklearn"]
            module.save_model = original[0]


def _vouching(save_model: Any) -> Any:
    def save(sk_model: Any, path: Any, *args: Any, **options: Any) -> Any:
        from mlflow.exceptions import MlflowException
        from skops.io.exceptions import UntrustedTypesFoundException

        try:
            return save_model(sk_model, path, *args, **options)
        except MlflowException as error:
            refused = isinstance(error.__context__, UntrustedTypesFoundException)
            if not refused or options.get("skops_trusted_types") is not None:
                raise
            types = _untrusted(sk_model)
            if not all(name.partition(".")[0] in OWN_PACKAGES for name in types):
                raise
        shutil.rmtree(path, ignore_errors=True)
        return save_model(sk_model, path, *args, **(options | {"skops_trusted_types": types}))

    return save


def _untrusted(model: Any) -> list[str]:
    import skops.io

    return sorted(skops.io.get_untrusted_types(data=skops.io.dumps(model)))
