"""MLflow, imported whole before any part of it."""

from __future__ import annotations


def import_mlflow() -> None:
    """Import MLflow, before a part of it is imported in a thread that may not be the only one to do so.

    For ``from mlflow.entities import ...`` CPython locks that module and only then waits for the package; another thread
    in the midst of ``import mlflow`` waits for that very module, CPython sees the deadlock and gives one of them a half
    of it: "cannot import name 'Run' from partially initialized module". Whoever waits for the package first holds nothing.
    """
    import mlflow  # noqa: F401  # for its effect
