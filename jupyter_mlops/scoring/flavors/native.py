"""Models by their own library: MLflow's saved layout, or the plain file, without MLflow."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_mlops.core.manifest import Manifest, Schema
from jupyter_mlops.scoring.assemble import Array, Assembler
from jupyter_mlops.scoring.flavors.files import NATIVE, recognised
from jupyter_mlops.scoring.flavors.opened import Opened, text
from jupyter_mlops.scoring.intake import TableIntake
from jupyter_mlops.scoring.mlmodel import Settings, read_flavor
from jupyter_mlops.scoring.schema import KINDS, Row

Unpack = Callable[[Path, str, tuple[str, ...]], Any]
"""Opens a pickle or a skops file: file, format, types that need no trust."""


def opened(files: Path, manifest: Manifest, unpack: Unpack) -> Opened:
    """Open the model in a folder that holds one. Raises whatever its library does."""
    described = files / "MLmodel"
    if not described.is_file():
        found = recognised(files)
        assert found is not None, "the caller looked"
        return _open(found[0], found[1], {}, manifest, unpack)
    flavor, settings = next(
        (name, settings) for name in NATIVE if (settings := read_flavor(described, name)) is not None
    )
    if settings.get("code"):
        sys.path.insert(0, str(files / text(settings, "code")))
    return _open(flavor, _file(flavor, files, settings), settings, manifest, unpack)


def _file(flavor: str, files: Path, settings: Settings) -> Path:
    """Return where MLflow keeps the model below its folder."""
    if flavor == "pytorch":
        from jupyter_mlops.scoring.flavors import pytorch

        return pytorch.model_file(files / text(settings, "model_data"))
    if flavor in {"keras", "tensorflow"}:
        from jupyter_mlops.scoring.flavors import keras

        return keras.model_file(files, settings)
    return files / text(settings, "data")


def _open(flavor: str, file: Path, settings: Settings, manifest: Manifest, unpack: Unpack) -> Opened:
    if flavor == "xgboost":
        from jupyter_mlops.scoring.flavors.boosting import open_xgboost

        return open_xgboost(file, settings, manifest)
    if flavor == "lightgbm":
        from jupyter_mlops.scoring.flavors.boosting import open_lightgbm

        return open_lightgbm(file, settings, manifest, unpack)
    if flavor == "onnx":
        from jupyter_mlops.scoring.flavors.onnx import open_onnx

        return open_onnx(file)
    if flavor == "pytorch":
        from jupyter_mlops.scoring.flavors.pytorch import open_pytorch

        return open_pytorch(file)
    from jupyter_mlops.scoring.flavors.keras import open_keras

    return open_keras(file, settings)


def separate_columns(schema: Schema) -> TableIntake:
    """Return what reads a table for a model whose inputs are its columns: a dict of arrays by name."""
    names = [column.name for column in schema.columns]
    dtypes = [KINDS[column.type].dtype for column in schema.columns]

    def by_column(columns: Sequence[Array]) -> dict[str, Array]:
        return {name: np.asarray(values, dtype) for name, values, dtype in zip(names, columns, dtypes, strict=True)}

    def by_row(rows: list[Row]) -> dict[str, Array]:
        return by_column([np.array(values) for values in zip(*rows, strict=True)] or [np.empty(0) for _ in names])

    return TableIntake(schema, Assembler(rows=by_row, columns=by_column))
