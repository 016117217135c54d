"""A manifest: what is needed to serve a model. Versioned, immutable."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from jupyter_mlops.core.record import Entry, Record
from jupyter_mlops.core.snapshot import HexDigest

ColumnType = Literal["boolean", "integer", "long", "float", "double", "string", "binary", "datetime", "any"]


class Column(Record, frozen=True, kw_only=True):
    """One named input or output column. Types are MLflow's DataType names, plus ``any``."""

    name: str
    type: ColumnType = "any"
    required: bool = True


class Tensor(Record, frozen=True, kw_only=True):
    """One input or output tensor: numpy dtype name and shape (-1 where any length may stand)."""

    name: str = ""
    dtype: str
    shape: list[int]


class Param(Record, frozen=True, kw_only=True):
    """One parameter of a prediction, which a request may give beside its rows."""

    name: str
    type: ColumnType
    default: Any = None
    shape: list[int] | None = None
    """``[-1]`` or ``[N]`` for a list; ``None`` for one value."""


class Schema(Record, frozen=True, kw_only=True):
    """What a request must hold and what the answer holds: columns, or tensors, or neither (any JSON)."""

    columns: list[Column] = []
    tensors: list[Tensor] = []
    output_columns: list[Column] = []
    output_tensors: list[Tensor] = []
    params: list[Param] = []


class ManifestFile(Record, frozen=True, kw_only=True):
    """One file of a manifest. ``path`` is relative to the bundle: ``models/NAME/...`` or ``code/...``."""

    path: str
    digest: HexDigest
    """SHA-256."""
    n_bytes: int


class ManifestModel(Record, frozen=True, kw_only=True):
    """A model inside a manifest; its files are below ``models/NAME/``."""

    name: str
    version: int
    run_id: str | None = None
    flavor: str = "file"
    """The MLflow flavor to load it with (``sklearn``, ``python_function``, ...) or ``file``."""
    snapshot: str = ""
    """The source tree that its run started from."""
    commit: str = ""
    """Git's, of that tree."""


class Manifest(Entry, frozen=True, kw_only=True):
    """What is needed to serve: files pinned by SHA-256, packages, Python, schema and sample.

    A replica gets it as a *bundle*: a folder with ``manifest.json`` (this record) and the files.
    """

    kind: ClassVar[str] = "manifest"

    models: list[ManifestModel]
    files: list[ManifestFile]
    script: str | None = None
    """``code/score.py`` when a scoring script with ``init()`` and ``run(data)`` answers."""
    requirements: list[str] = []
    """Pinned, PEP 508, without ``mlflow`` and what only it needs."""
    python: str = "3.11"
    base_image: str = "python:3.11-slim"
    schema: Schema = Schema()
    sample: Any = None
    """A request body (JSON) that must score before a replica takes traffic."""
    prediction: Any = None
    """What the sample scored to where the manifest was made; ``None`` where it could not be scored there."""
    tags: dict[str, str] = {}

    @property
    def ref(self) -> str:
        """``NAME:VERSION``."""
        return f"{self.name}:{self.version}"

    @property
    def takes_bytes(self) -> bool:
        """Whether a request's body may be one value as it is: a picture, or whatever bytes."""
        columns, tensors = self.schema.columns, self.schema.tensors
        rows_are_bytes = [column.type for column in columns] == ["binary"]
        pictures = len(tensors) == 1 and len(tensors[0].shape) in {3, 4}
        return rows_are_bytes or pictures or (self.script is not None and not columns)
