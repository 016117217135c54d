"""What a request must hold: a schema from MLflow's signature or from a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast, get_args

import msgspec

from jupyter_mlops.core.errors import BadInput, MlopsError
from jupyter_mlops.core.manifest import Column, ColumnType, Param, Schema, Tensor
from jupyter_mlops.core.record import convert
from jupyter_mlops.scoring.codec import table_rows
from jupyter_mlops.scoring.schema import TableSchema

COLUMN_TYPES: Final = frozenset(get_args(ColumnType))
SAMPLE_ROWS: Final = 5
"""Of an input example that was a whole table, this many rows prove as much."""


class BadSchema(BadInput):
    """A schema file that cannot be used."""

    code = "bad-schema"

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(
            f"The schema file {str(file)!r} cannot be used: {why}.",
            hint='Write {"columns": [{"name": "age", "type": "double"}]}, or an MLflow signature with "inputs".',
        )


_SAMPLE: Final = "Give `--sample` a file with a JSON request body that fits the schema."


class BadSample(BadInput):
    """A sample file that cannot be used."""

    code = "bad-sample"


def from_signature(signature: Mapping[str, Any]) -> Schema:
    """Return the schema of an MLflow signature: ``inputs``, ``outputs``, ``params``, as lists or as JSON text of lists.

    Types that hold others (arrays, objects, maps) become ``any``. Raises ``ValueError`` for what is no signature.
    """
    columns, tensors = _specs(signature.get("inputs"))
    output_columns, output_tensors = _specs(signature.get("outputs"))
    return Schema(
        columns=columns,
        tensors=tensors,
        output_columns=output_columns,
        output_tensors=output_tensors,
        params=[_param(one) for one in _listed(signature.get("params"))],
    )


def read_schema(file: Path) -> Schema:
    """Read a schema: ours, or an MLflow signature, as JSON. Raises ``BadSchema``."""
    try:
        content = read_json(file)
        if not isinstance(content, dict):
            raise BadSchema(file, "it is not a JSON object")
        if "inputs" in content:
            return from_signature(content)
        if not content.keys() & set(Schema.__struct_fields__):
            raise BadSchema(file, 'it has neither "columns" nor "tensors" nor "inputs"')
        return convert(content, Schema)
    except (ValueError, TypeError, KeyError) as error:
        raise BadSchema(file, str(error).splitlines()[0].rstrip(".")) from error
    except OSError as error:
        raise BadSchema(file, error.strerror or str(error)) from error


def read_sample(file: Path) -> Any:
    """Read a request body. Raises ``BadSample``."""
    try:
        return read_json(file)
    except OSError as error:
        raise BadSample(f"There is no sample to read at {str(file)!r}: {error.strerror}.", hint=_SAMPLE) from error
    except ValueError as error:
        raise BadSample(f"The sample file {str(file)!r} is not JSON: {error}.", hint=_SAMPLE) from error


def sample_in(file: Path) -> Any:
    """Return the sample that a schema file made by ``ml.generate_schema`` carries, ``None`` where it has none."""
    content = read_json(file)
    return content.get("sample") if isinstance(content, dict) and "inputs" not in content else None


def check_sample(schema: Schema, sample: Any) -> None:
    """Check a request body against a schema, by the rules that a replica has. Raises ``BadSample``."""
    body = msgspec.json.encode(sample)
    try:
        if schema.columns:
            table_rows(msgspec.json.decode(body), TableSchema(schema.columns))
        elif schema.tensors:
            from jupyter_mlops.scoring.tensors import TensorIntake

            TensorIntake(schema.tensors).read(body, "json")
    except MlopsError as error:
        raise BadSample(
            f"The sample does not fit the schema: {error.message}",
            hint=_SAMPLE,
        ) from error


def read_json(file: Path) -> Any:
    """Return the content of a JSON file. Raises ``OSError`` or ``ValueError``."""
    return json.loads(file.read_text(encoding="utf-8"))


def sample_of(folder: Path, info: Mapping[str, Any] | None) -> Any:
    """Return a request body from the input example that MLflow saved with a model; ``None`` when there is none."""
    if not info:
        return None
    serving = folder / str(info.get("serving_input_path") or "serving_input_example.json")
    saved = folder / str(info.get("artifact_path", "input_example.json"))
    try:
        if serving.is_file():
            return shortened(read_json(serving))
        if saved.is_file() and saved.suffix == ".json":
            content = read_json(saved)
            if info.get("type") == "dataframe":
                return shortened({"dataframe_split" if isinstance(content, dict) else "dataframe_records": content})
            return shortened({"inputs": content})
    except ValueError:
        return None  # an example that is no JSON is no request body either; the model can do without
    return None


def shortened(body: Any, rows: int = SAMPLE_ROWS) -> Any:
    """Return a request body with at most so many rows, where its form has them one after the other."""
    if not isinstance(body, dict):
        return body
    split = body.get("dataframe_split")
    if isinstance(split, dict) and isinstance(split.get("data"), list):
        fewer = {**split, "data": split["data"][:rows]}
        if isinstance(split.get("index"), list):
            fewer["index"] = split["index"][:rows]
        return {**body, "dataframe_split": fewer}
    for key in ("dataframe_records", "instances", "inputs", "data"):
        if isinstance(body.get(key), list):
            return {**body, key: body[key][:rows]}
    return body


def _specs(given: Any) -> tuple[list[Column], list[Tensor]]:
    """Return columns or tensors; one of the two is empty."""
    specs = _listed(given)
    if not specs:
        return [], []
    if all(one.get("type") == "tensor" for one in specs):
        return [], [_tensor(one) for one in specs]
    unnamed = [one for one in specs if not one.get("name")]
    if unnamed and len(specs) == 1:
        return [_column(specs[0], "")], []
    return [_column(one, str(at)) for at, one in enumerate(specs)], []


def _listed(given: Any) -> Sequence[Mapping[str, Any]]:
    specs = json.loads(given) if isinstance(given, str) else given
    if specs and (not isinstance(specs, Sequence) or not all(isinstance(one, dict) for one in specs)):
        raise ValueError("inputs, outputs and params must be lists of objects")
    return specs or []


def _param(spec: Mapping[str, Any]) -> Param:
    kind = spec.get("type")
    shape = spec.get("shape")
    return Param(
        name=str(spec["name"]),
        type=cast("ColumnType", kind if kind in COLUMN_TYPES else "any"),
        default=spec.get("default"),
        shape=None if shape is None else [int(n) for n in shape],
    )


def _column(spec: Mapping[str, Any], name: str) -> Column:
    kind = spec.get("type")
    known = kind if kind in COLUMN_TYPES else "any"
    return Column(
        name=str(spec.get("name") or name),
        type=cast("ColumnType", known),
        required=bool(spec.get("required", not spec.get("optional", False))),
    )


def _tensor(spec: Mapping[str, Any]) -> Tensor:
    inner = spec["tensor-spec"]
    return Tensor(name=str(spec.get("name") or ""), dtype=str(inner["dtype"]), shape=[int(n) for n in inner["shape"]])
