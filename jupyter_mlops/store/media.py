"""Tables, pictures and the data a run used, in the forms that MLflow's own UI shows."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.store.importing import import_mlflow
from jupyter_mlops.store.mlflow_client import MlflowStore, calls

READ_AT_MOST_BYTES: Final = 100_000_000
"""A larger file is named with its digest, and not read for its schema and profile."""
_READERS: Final = {".csv": "read_csv", ".tsv": "read_table", ".parquet": "read_parquet", ".jsonl": "read_json"}
_CONTEXT: Final = "mlflow.data.context"  # mlflow.utils.mlflow_tags.MLFLOW_DATASET_CONTEXT


class MlflowMedia(MlflowStore):
    """What a run logs besides metrics, parameters, tags and files."""

    def log_table(self, run_id: RunId, table: Any, path: str) -> None:
        """Store columns or a DataFrame as a table; rows of a second call with the same ``path`` are appended."""
        from mlflow.exceptions import MlflowException

        with calls(self.uri, "run", run_id):
            try:
                self.client.log_table(run_id, table, path)
            except (MlflowException, ValueError, TypeError, OverflowError) as error:
                if isinstance(error, MlflowException) and "not JSON serializable" not in str(error):
                    raise
                raise BadInput(
                    f"The table {path!r} has values that JSON cannot hold: {_why(error)}.",
                    hint="Give numbers, text, dates, lists and dicts.",
                ) from error

    def log_image(self, run_id: RunId, image: Any, key: str, step: int) -> None:
        """Store an array or a PIL image as one of a series, which MLflow's UI shows with a slider."""
        from mlflow.exceptions import MlflowException

        with calls(self.uri, "run", run_id):
            try:
                self.client.log_image(run_id, image, key=key, step=step)
            except (ValueError, TypeError) as error:
                if isinstance(error, MlflowException):
                    raise
                raise BadInput(
                    f"The image {key!r} cannot be stored: {_why(error)}.",
                    hint="Give an array of shape (height, width) or (height, width, 3), or a PIL image.",
                ) from error

    def log_dataset(self, run_id: RunId, data: Any, name: str, context: str) -> None:
        """Record data as an input of the run: digest, schema, profile and source."""
        import_mlflow()
        from mlflow.entities import DatasetInput, InputTag

        with calls(self.uri, "run", run_id):
            try:
                with warnings.catch_warnings():
                    warnings.filterwarnings("ignore", message=".*integer column")
                    entity = _dataset(data, name)._to_mlflow_entity()  # noqa: SLF001  # as mlflow.log_input does
            except (ValueError, TypeError, UnicodeDecodeError) as error:
                raise BadInput(
                    f"The dataset {name!r} cannot be read: {_why(error)}.",
                    hint="Give a DataFrame, an array, a dict of arrays, or the path of a CSV or Parquet file.",
                ) from error
            self.client.log_inputs(run_id, [DatasetInput(entity, [InputTag(_CONTEXT, context)])])


def _dataset(data: Any, name: str) -> Any:
    """Return MLflow's dataset for a DataFrame, array, dict of arrays, path, URL, or a dataset of MLflow itself."""
    from mlflow.data.numpy_dataset import from_numpy
    from mlflow.data.pandas_dataset import from_pandas

    if hasattr(data, "_to_mlflow_entity"):
        return data
    if isinstance(data, Path):
        return _of_path(data, name)
    if isinstance(data, str):
        return _meta(data, name)
    if hasattr(data, "columns") and hasattr(data, "iloc"):
        return from_pandas(data, name=name)
    if hasattr(data, "to_pandas"):
        return from_pandas(data.to_pandas(), name=name)
    import numpy as np

    arrays = {key: np.asarray(value) for key, value in data.items()} if isinstance(data, Mapping) else np.asarray(data)
    for array in arrays.values() if isinstance(arrays, dict) else [arrays]:
        if array.dtype == object or not array.ndim:
            raise ValueError(f"a {type(data).__name__} is neither a table nor an array")
    return from_numpy(arrays, name=name)


def _of_path(path: Path, name: str) -> Any:
    import pandas as pd
    from mlflow.data.pandas_dataset import from_pandas

    reader = _READERS.get(path.suffix.lower())
    if reader is None or not path.is_file() or path.stat().st_size > READ_AT_MOST_BYTES:
        return _meta(str(path), name, digest=_digest(path))
    frame = getattr(pd, reader)(path, **({"lines": True} if reader == "read_json" else {}))
    return from_pandas(frame, source=str(path), name=name, digest=_digest(path))


def _meta(source: str, name: str, digest: str | None = None) -> Any:
    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset

    return MetaDataset(resolve_dataset_source(source), name=name, digest=digest)  # type: ignore[abstract]  # it is not


def _digest(path: Path) -> str:
    """Return the beginning of the BLAKE3 digest of a file, or of all files of a folder with their names."""
    total = blake3()
    for file in sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]:
        if path.is_dir():
            total.update(f"{file.relative_to(path).as_posix()}\0{file.stat().st_size}\0".encode("utf-8", "replace"))
        total.update_mmap(file) if file.stat().st_size else None
    return total.hexdigest(8)


def _why(error: BaseException) -> str:
    """Return what is wrong in one line, as its cause said it."""
    text = str(error).strip() or type(error).__name__
    line = text.rpartition("Error: ")[2].splitlines()[0].strip().rstrip(".")
    return line if len(line) <= 200 else f"{line[:197]}..."  # noqa: PLR2004  # what fits on two lines
