"""A schema made of data at hand takes those data, in the manifest that it is given to."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

import jupyter_mlops as ml
from jupyter_mlops.core.manifest import Column, Schema, Tensor
from jupyter_mlops.delivery.generating import NoSchema, schema_of
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.schemas import read_schema, sample_in

TIMES = pd.to_datetime(["2026-11-20", "2026-11-21"])
FRAME = pd.DataFrame(
    {
        "age": [1.5, np.nan], "single": np.array([1, 2], "float32"), "n": [1, 2], "small": np.array([1, 2], "int16"),
        "unsigned": np.array([1, 2], "uint32"), "ok": [True, False], "who": ["ann", None], "raw": [b"a", b"b"],
        "at": TIMES, "day": [dt.date(2026, 1, 2)] * 2, "plan": pd.Categorical(["x", "y"]),
        "gaps": pd.array([1, None], "Int64"), "mixed": [1, "x"], "halves": pd.Series([1, 2.5], dtype=object),
    }
)  # fmt: skip
TYPES = {
    "age": "double", "single": "float", "n": "long", "small": "integer", "unsigned": "long", "ok": "boolean",
    "who": "string", "raw": "binary", "at": "datetime", "day": "datetime", "plan": "string", "gaps": "long",
    "mixed": "any", "halves": "double",
}  # fmt: skip


def test_a_dataframes_columns_have_their_types() -> None:
    schema = schema_of(FRAME)
    assert {column.name: column.type for column in schema.columns} == TYPES
    assert [column.name for column in schema.columns if not column.required] == ["gaps"]
    assert schema.sample["dataframe_split"]["data"][0][:4] == [1.5, 1.0, 1, 1]


def test_rows_and_columns_are_what_their_dataframe_is() -> None:
    columns = [Column(name="age", type="double"), Column(name="who", type="string")]
    rows = [{"age": 1.5, "who": "ann"}, {"age": 2.0, "who": "bob"}]
    for given in (rows, {"age": [1.5, 2.0], "who": ["ann", "bob"]}, rows[0], pd.DataFrame(rows)):
        assert schema_of(given).columns == columns


def test_arrays_have_their_shapes_and_any_number_of_rows() -> None:
    pixels = np.zeros((7, 28, 28, 3), "uint8")
    schema = schema_of(pixels, np.zeros((7, 10), "float32"))
    assert schema.tensors == [Tensor(dtype="uint8", shape=[-1, 28, 28, 3])]
    assert schema.output_tensors == [Tensor(dtype="float32", shape=[-1, 10])]
    assert np.array(schema.sample["inputs"]).shape == (1, 28, 28, 3)
    named = schema_of(
        {"x": np.eye(3, dtype="float32"), "who": np.array(["a", "b", "c"])}, pd.Series([1, 2, 3], name="y")
    )
    assert named.tensors == [
        Tensor(name="x", dtype="float32", shape=[-1, 3]),
        Tensor(name="who", dtype="str", shape=[-1]),
    ]
    assert named.output_columns == [Column(name="y", type="long")]
    assert schema_of([[1, 2], [3, 4]]).tensors == [Tensor(dtype="int64", shape=[-1, 2])]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (5, "A int as inputs"),
        ("abc", "A str as inputs"),
        ([], "A list as inputs"),
        (np.float64(1).reshape(()), "one value"),
        (np.array([1j]), "complex128"),
        (np.array([object()]), "object"),
        ([[1], [1, 2]], "different lengths"),
        ({"a": [1], "b": [1, 2]}, "no table"),
        (pd.DataFrame({"a": [object()]}), "'a' holds a object"),
        (pd.DataFrame({"a": np.array([2**63], "uint64")}), "'a' has whole numbers of more"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns 'a'"),
        (pd.DataFrame({"a": [np.inf]}), None),
        (pd.DataFrame(), "no columns"),
    ],
)
def test_what_has_no_type_is_named(data: Any, words: str | None) -> None:
    if words is None:
        assert schema_of(data).columns[0].type == "double"
        return
    with pytest.raises(NoSchema, match=words):
        schema_of(data)


def test_the_file_is_what_a_manifest_takes(
    open_workspace: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    made = ml.generate_schema(FRAME[["n", "who"]], [[0.5], [0.25]])
    file = tmp_path / "schema.json"
    plain = {name: value for name, value in msgspec.structs.asdict(made).items() if name != "sample"}
    assert read_schema(file) == Schema(**plain)
    assert sample_in(file) == made.sample == json.loads(file.read_text())["sample"]
    world = open_workspace(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"w")
    (tmp_path / "score.py").write_text("def init(): ...\ndef run(data): return [0.5]")
    register_model(world, str(tmp_path / "weights.bin"), "m")
    manifest = create_manifest(world, ["m"], script=tmp_path / "score.py", schema=file)
    assert (manifest.schema.columns, manifest.sample) == (made.columns, made.sample)
    world.close()
