"""Every format is held to the schema in the same words: which column, which row, what was expected, what came."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from jupyter_mlops.core.manifest import Column, Schema, Tensor
from jupyter_mlops.scoring import assemble, inference
from jupyter_mlops.scoring.intake import RawIntake, TableIntake
from jupyter_mlops.scoring.schema import SchemaMismatch, TableSchema
from jupyter_mlops.scoring.tensors import TensorIntake

COLUMNS = [
    Column(name="age", type="double"),
    Column(name="n", type="integer"),
    Column(name="big", type="long"),
    Column(name="who", type="string"),
]
TABLE = TableIntake(Schema(columns=COLUMNS), assemble.frames(TableSchema(COLUMNS)))
TABLE.refuse_nan(["age"])
SCRIPT = RawIntake(TableSchema(COLUMNS))
"""A script's schema is held to as a model's is; it is told of NaN by itself."""
GOOD = [{"age": 1.5, "n": 1, "big": 2**40, "who": "ann"}, {"age": 2.5, "n": -2, "big": 0, "who": "bob"}]

Rows = list[dict[str, Any]]
Reader = Callable[[Rows], Any]


def body(content: Any) -> bytes:
    return json.dumps(content).encode()


def by_column(rows: Rows) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return {name: [row.get(name) for row in rows] for name in names}


def split(rows: Rows) -> dict[str, Any]:
    return {"columns": list(by_column(rows)), "data": [list(row.values()) for row in rows]}


def csv(rows: Rows) -> bytes:
    return pd.DataFrame(by_column(rows), dtype=object).to_csv(index=False).encode()


def arrow(rows: Rows) -> bytes:
    table = pa.table({name: pa.array(values) for name, values in by_column(rows).items()})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def tensors(rows: Rows, *, binary: bool) -> bytes | tuple[bytes, bytes]:
    from jupyter_mlops.scoring.binary import to_bytes

    inputs, behind = [], b""
    for name, values in by_column(rows).items():
        array = np.array(values, object if any(isinstance(value, (str, type(None))) for value in values) else None)
        texts = array.dtype == object and all(isinstance(value, str) for value in values)
        if array.dtype == object and not texts:
            array = np.array(values, np.float64)
        tensor = {"name": name, "shape": [len(values)], "datatype": inference.DATATYPES[str(array.dtype)]}
        if binary:
            data = to_bytes(array)
            tensor["parameters"], behind = {"binary_data_size": len(data)}, behind + data
        else:
            tensor["data"] = [None if value != value else value for value in array.tolist()]  # noqa: PLR0124 - NaN
        inputs.append(tensor)
    return body({"inputs": inputs}), behind


def v2(rows: Rows, intake: Any, *, binary: bool) -> Any:
    head, behind = tensors(rows, binary=binary)
    request = inference.read(head + behind, "bytes" if binary else "json", b"%d" % len(head) if binary else None)
    return intake.read_tensors(inference.arrays(*request))


FORMS: dict[str, Callable[[Rows, Any], Any]] = {
    "records": lambda rows, intake: intake.read(body(rows), "json"),
    "data of records": lambda rows, intake: intake.read(body({"data": rows}), "json"),
    "dataframe_records": lambda rows, intake: intake.read(body({"dataframe_records": rows}), "json"),
    "columns": lambda rows, intake: intake.read(body({"columns": by_column(rows)}), "json"),
    "inputs of columns": lambda rows, intake: intake.read(body({"inputs": by_column(rows)}), "json"),
    "dataframe_split": lambda rows, intake: intake.read(body({"dataframe_split": split(rows)}), "json"),
    "CSV": lambda rows, intake: intake.read(csv(rows), "csv"),
    "Arrow": lambda rows, intake: intake.read(arrow(rows), "arrow"),
    "v2": lambda rows, intake: v2(rows, intake, binary=False),
    "v2 binary": lambda rows, intake: v2(rows, intake, binary=True),
}


def changed(name: str, *values: Any) -> Rows:
    return [{**row, name: value} for row, value in zip(GOOD, values, strict=True)]


def without(name: str) -> Rows:
    return [{key: value for key, value in row.items() if key != name} for row in GOOD]


DEFECTS: dict[str, tuple[Rows, list[str]]] = {
    "unknown": ([{**row, "aeg": 1} for row in GOOD], ["no column 'aeg'", "did you mean 'age'?"]),
    "missing": (without("big"), ["'big' (a whole number of 64 bits) is missing"]),
    "mistyped number": (changed("age", "old", "young"), ["'age' of row 0 must be a number", "; got "]),
    "mistyped whole number": (changed("n", "one", "2.."), ["'n' of row 0 must be a whole number of 32 bits", "; got "]),
    "a fraction": (changed("n", 1.0, 2.5), ["'n' of row 1 must be a whole number of 32 bits", "2.5"]),
    "too large for 32 bits": (changed("n", 1, 2**31), ["'n' of row 1 must be a whole number of 32 bits", "2147483648"]),
    "too large for 64 bits": (changed("big", 1, 2.0**63), ["'big' of row 1 must be a whole number of 64 bits", "9.2"]),
    "no number": (changed("age", 1.5, None), ["'age' of row 1 must be a number, since the model takes no NaN there"]),
    "no whole number": (changed("big", 7, None), ["'big' of row 1 must be a whole number of 64 bits"]),
}


@pytest.mark.parametrize("form", FORMS)
def test_what_fits_is_read_alike_in_every_format(form: str) -> None:
    data, n_rows = FORMS[form](GOOD, TABLE)
    assert n_rows == 2
    assert [tuple(row) for row in data] == [tuple(row.values()) for row in GOOD]


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("form", FORMS)
def test_what_does_not_fit_is_named_alike_in_every_format(form: str, defect: str) -> None:
    rows, words = DEFECTS[defect]
    with pytest.raises(SchemaMismatch) as caught:
        FORMS[form](rows, TABLE)
    for word in words:
        assert word in caught.value.message, (form, caught.value.message)
    assert caught.value.members["column"] in {"aeg", "age", "n", "big"}
    if "of row" in words[0]:
        assert caught.value.members["row"] == int(words[0].partition(" of row ")[2][0])


@pytest.mark.parametrize("defect", [name for name in DEFECTS if name != "no number"])
@pytest.mark.parametrize("form", [form for form in FORMS if not form.startswith("v2")])
def test_a_scripts_schema_is_held_to_as_well(form: str, defect: str) -> None:
    rows, words = DEFECTS[defect]
    with pytest.raises(SchemaMismatch) as caught:
        FORMS[form](rows, SCRIPT)
    assert words[0] in caught.value.message


MATRIX = TensorIntake([Tensor(dtype="int32", shape=[-1, 2])])
NAMED = TensorIntake([Tensor(name="x", dtype="float32", shape=[-1, 2]), Tensor(name="k", dtype="int64", shape=[-1])])


def tensor(name: str, array: Any, intake: Any, *, binary: bool) -> Any:
    from jupyter_mlops.scoring.binary import to_bytes

    array = np.asarray(array)
    given: dict[str, Any] = {
        "name": name,
        "shape": list(array.shape),
        "datatype": inference.DATATYPES[str(array.dtype)],
    }
    behind = to_bytes(array) if binary else b""
    if binary:
        given["parameters"] = {"binary_data_size": len(behind)}
    else:
        given["data"] = [None if value != value else value for value in array.ravel().tolist()]  # noqa: PLR0124 - NaN
    head = body({"inputs": [given]})
    media, length = ("bytes", b"%d" % len(head)) if binary else ("json", None)
    return intake.read_tensors(inference.arrays(*inference.read(head + behind, media, length)))


SHAPED: dict[str, Callable[[Any], Any]] = {
    "inputs": lambda array: MATRIX.read(body({"inputs": array}), "json"),
    "instances": lambda array: MATRIX.read(body({"instances": array}), "json"),
    "data": lambda array: MATRIX.read(body({"data": array}), "json"),
    "bare": lambda array: MATRIX.read(body(array), "json"),
    "v2": lambda array: tensor("x", array, MATRIX, binary=False),
    "v2 binary": lambda array: tensor("x", array, MATRIX, binary=True),
}


@pytest.mark.parametrize("form", SHAPED)
@pytest.mark.parametrize(
    ("array", "words"),
    [
        ([[1, 2, 3]], "2"),
        ([[[1, 2]], [[3, 4]]], "2"),
        ([[1, 2], [3, 2**31]], "int32"),
        ([[1, 2], [3, 4.5]], "int32"),
        ([[1.0, 2.0], [3.0, float("nan")]], "int32"),
    ],
)
def test_shapes_and_numbers_of_tensors_are_held_to_in_every_format(form: str, array: Any, words: str) -> None:
    if "v2" not in form:
        array = json.loads(json.dumps(array).replace("NaN", "null"))
    with pytest.raises(SchemaMismatch) as caught:
        SHAPED[form](array)
    assert words in caught.value.message, caught.value.message


def test_named_inputs_in_one_body_are_held_to_by_name() -> None:
    x, k = [[1, 2], [3, 4]], [1, 2]
    for given in ({"inputs": {"x": x, "k": k}}, {"x": x, "k": k}, {"data": {"x": x, "k": k}}):
        data, n_rows = NAMED.read(body(given), "json")
        assert (n_rows, data["x"].dtype, data["k"].tolist()) == (2, np.float32, k)
    for given, words in [
        ({"x": x}, "'k' (int64 of shape any) is missing"),
        ({"x": x, "k": k, "z": k}, "no input 'z'; the inputs are 'x', 'k'"),
        ({"x": [[1], [2]], "k": k}, "Row 0 has 1 values instead of 2"),
        ({"x": x, "k": ["a", "b"]}, "'k' must be int64"),
        ({"x": x, "k": [1]}, "same number of rows"),
    ]:
        with pytest.raises(SchemaMismatch) as caught:
            NAMED.read(body({"inputs": given}), "json")
        assert words in caught.value.message
