"""A model: a name and a version in the registry."""

from __future__ import annotations

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record


class ModelVersion(Record, frozen=True, kw_only=True):
    """One version of a registered model."""

    name: str
    version: int
    created_at: float
    """Seconds since the epoch."""
    created_by: str = ""
    run_id: RunId | None = None
    source: str = ""
    """URI of the model's files."""
    flavor: str = ""
    """``sklearn``, ``pyfunc``, ... or ``file`` where there is no MLmodel file."""
    n_bytes: int | None = None
    """Of its files; ``None`` where plain MLflow registered it, which does not say."""
    description: str = ""
    """Markdown."""
    tags: dict[str, str] = {}
    aliases: list[str] = []
    services: list[str] = []
    """Names of the services that have it deployed."""


class Model(Record, frozen=True, kw_only=True):
    """A registered model and its versions, newest first."""

    name: str
    latest: int
    description: str = ""
    """Markdown."""
    tags: dict[str, str] = {}
    aliases: dict[str, int] = {}
    services: list[str] = []
    versions: list[ModelVersion] = []
