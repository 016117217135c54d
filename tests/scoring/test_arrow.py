"""Arrow streams score as the same rows in JSON do, are refused by column and row, and cannot fill the memory."""

from __future__ import annotations

import datetime as dt
import importlib.util
import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Column, Manifest, ManifestModel, Schema, Tensor
from jupyter_mlops.scoring import arrow, assemble, openapi
from jupyter_mlops.scoring.codec import BadBody, UnsupportedMediaType
from jupyter_mlops.scoring.intake import Columns, LooseIntake, RawIntake, TableIntake
from jupyter_mlops.scoring.schema import SchemaMismatch, TableSchema
from jupyter_mlops.scoring.tensors import TensorIntake

MEDIA = "application/vnd.apache.arrow.stream"
COLUMNS = [
    Column(name="age", type="double"),
    Column(name="n", type="long"),
    Column(name="small", type="integer", required=False),
    Column(name="who", type="string"),
    Column(name="ok", type="boolean"),
    Column(name="at", type="datetime"),
]
ROWS = {
    "age": [1.5, None],
    "n": [1, 2**53 + 1],
    "small": [1, -1],
    "who": ["ä", ""],
    "ok": [True, False],
    "at": [dt.datetime(2026, 1, 2, 3), dt.datetime(1900, 1, 1)],  # noqa: DTZ001 - as columns without a zone have them
}
TABLE = TableIntake(Schema(columns=COLUMNS), assemble.frames(TableSchema(COLUMNS)))


def stream(columns: Any, **options: Any) -> bytes:
    table = columns if isinstance(columns, pa.Table) else pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def joined(body: bytes, media: str, intake: Any = TABLE) -> Any:
    data, n_rows = intake.read(body, media)
    frame = intake.join([data])
    assert len(frame) == n_rows
    return frame


def in_json(columns: Any) -> bytes:
    return json.dumps({"columns": columns}, default=lambda value: value.isoformat()).encode()


@pytest.mark.parametrize("path", ["/score", "/invocations"])
def test_a_stream_scores_like_the_model(iris_server: Any, iris: Any, iris_model: Any, path: str) -> None:
    body = stream(pa.Table.from_pandas(iris.data.sample(frac=1, axis=1, random_state=0), preserve_index=False))
    answer = iris_server.post(body, path, content_type=MEDIA)
    assert answer.json["predictions"] == iris_model.predict(iris.data).tolist()


@pytest.mark.parametrize(
    "columns",
    [
        ROWS,
        {name: ROWS[name] for name in reversed(ROWS)},
        ROWS | {"small": [None, 3]},
        {name: values for name, values in ROWS.items() if name != "small"},
        {name: [] for name in ROWS},
    ],
    ids=["all", "in another order", "null in an optional column", "without it", "no rows"],
)
def test_a_stream_is_the_frame_that_json_is(columns: Any) -> None:
    kinds = {
        "age": pa.float64(),
        "n": pa.int64(),
        "small": pa.int32(),
        "who": pa.string(),
        "ok": pa.bool_(),
        "at": pa.timestamp("ns"),
    }
    body = stream({name: pa.array(values, kinds[name]) for name, values in columns.items()})
    pd.testing.assert_frame_equal(joined(body, "arrow"), joined(in_json(columns), "json"))


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint64(), pa.float32(), pa.float16()])
def test_other_types_of_numbers_fit_where_nothing_is_lost(kind: Any) -> None:
    body = stream(ROWS | {"age": pa.array([1, 2], kind), "n": pa.array([1, 2], kind)})
    frame = joined(body, "arrow")
    assert frame["age"].tolist() == frame["n"].tolist() == [1, 2]
    assert (frame["age"].dtype, frame["n"].dtype) == ("float64", "int64")


def test_categories_and_times_with_zones_arrive() -> None:
    zoned = pa.array(ROWS["at"], pa.timestamp("s", "UTC"))
    frame = joined(stream(ROWS | {"who": pa.array(["a", "b"]).dictionary_encode(), "at": zoned}), "arrow")
    assert frame["who"].tolist() == ["a", "b"]
    assert frame["at"].tolist() == [pd.Timestamp(each, tz="UTC") for each in ROWS["at"]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"n": [1.0, 1.5]}, "'n' of row 1 must be a whole number of 64 bits; got 1.5"),
        ({"n": pa.array([1, 2**63], pa.uint64())}, "'n' of row 1 must be a whole number of 64 bits; got 9223372036854775808"),
        ({"small": [0, 2**31]}, "'small' of row 1 must be a whole number of 32 bits"),
        ({"n": [1, None]}, "'n' of row 1 must be a whole number of 64 bits; got null"),
        ({"age": ["1", "2"]}, "'age' of row 0 must be a number; got the string '1'"),
        ({"ok": [1, 0]}, "'ok' of row 0 must be true or false; got 1"),
        ({"who": [b"a", b"\xff"]}, "'who' of row 1 must be a string; got 1 bytes"),
        ({"who": [["a"], ["b"]]}, "'who' is list<.*> in the Arrow stream"),
        ({"wo": ["a", "b"]}, "no column 'wo'; did you mean 'who'"),
        ({"at": pa.array([2**62, 0], pa.timestamp("s"))}, "'at' has times that do not fit"),
        ({"at": pa.array([2**62, None], pa.timestamp("us"))}, "'at' has values that do not fit"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(change: Any, words: str) -> None:
    with pytest.raises(SchemaMismatch, match=words):
        TABLE.read(stream(ROWS | change), "arrow")


def test_nan_is_named_where_the_model_takes_none(iris_server: Any, iris: Any) -> None:
    frame = iris.data.copy()
    frame.loc[7, "sepal width (cm)"] = np.nan
    body = stream(pa.Table.from_pandas(frame, preserve_index=False))
    problem = iris_server.post(body, content_type=MEDIA).json
    assert (problem["code"], problem["column"], problem["row"]) == ("schema-mismatch", "sepal width (cm)", 7)
    assert problem["detail"].endswith("must be a number, since the model takes no NaN there; got null.")


def test_a_number_too_large_for_32_bits_is_named() -> None:
    columns = [Column(name="x", type="float")]
    table = TableIntake(Schema(columns=columns), assemble.arrays("float32", 1))
    for body, media in [
        (stream({"x": [1.0, -1e39]}), "arrow"),
        (b'{"data": [[1], [-1e39]]}', "json"),
        (b"x\n1\n-1e39", "csv"),
    ]:
        with pytest.raises(SchemaMismatch, match="'x' of row 1 must be a number of 32 bits; got -1e"):
            table.read(body, media)
    data, _ = table.read(stream({"x": [float("inf"), float("nan"), 3.4e38]}), "arrow")
    assert table.join([data]).ravel().tolist() == [
        float("inf"),
        pytest.approx(float("nan"), nan_ok=True),
        np.float32(3.4e38),
    ]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(SchemaMismatch, match=r"'n' \(a whole number of 64 bits\) is missing"):
        TABLE.read(stream({"age": [1.0]}), "arrow")


def test_streams_are_joined_with_other_requests() -> None:
    data, _ = TABLE.read(stream(ROWS), "arrow")
    assert isinstance(data, Columns)
    rows, _ = TABLE.read(in_json(ROWS), "json")
    pd.testing.assert_frame_equal(TABLE.join([data, rows]), TABLE.join([rows, data]))
    assert len(TABLE.join([rows, data, data])) == 6


def test_models_and_scripts_without_columns_take_streams() -> None:
    body = stream({"a": [1, 2], "b": ["x", "y"]})
    frame, _ = LooseIntake(assemble.any_frame).read(body, "arrow")
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}))
    records, _ = RawIntake(None).read(body, "arrow")
    assert records == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
    with pytest.raises(SchemaMismatch, match="no column 'b'"):
        RawIntake(TableSchema([Column(name="a", type="long")])).read(body, "arrow")
    matrix = TensorIntake([Tensor(dtype="float32", shape=[-1, 2])])
    assert joined(stream({"a": [1, 2], "b": [0.5, 1]}), "arrow", matrix).tolist() == [[1, 0.5], [2, 1]]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"[[1, 2]]", "not an Arrow stream"),
        (stream(ROWS)[:-300], "not an Arrow stream"),
        (stream(ROWS, compression="zstd"), "compressed"),
        (stream({"a": pa.array(["x" * 999] * 9).dictionary_encode()}, compression="lz4"), "compressed"),
        (stream({"a": pa.nulls(10**9)}), "names 1000000000 rows"),
        (stream(pa.table([[1], [2]], names=["a", "a"])), "'a' twice"),
    ],
    ids=["empty", "JSON", "truncated", "zstd", "lz4 in a dictionary", "a billion nulls", "twice a name"],
)
def test_what_is_no_stream_or_too_much_of_one_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(BadBody, match=words):
        TABLE.read(body, "arrow")


def test_one_long_word_in_a_dictionary_is_one_object() -> None:
    body = stream({"a": pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int8), ["x" * 100_000])})
    assert len(body) < 200_000
    values = arrow.values(arrow.read(body))["a"]
    assert len({id(value) for value in values}) == 1


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6), st.integers(0, 400))
def test_a_damaged_stream_is_read_or_refused_by_name(damage: list[tuple[int, int]], cut: int) -> None:
    body = bytearray(stream(ROWS | {"who": pa.array(["a", "b"]).dictionary_encode()}))
    for at, value in damage:
        body[at % len(body)] = value
    try:
        TABLE.read(bytes(body[: len(body) - cut * (cut % 3 == 0)]), "arrow")
    except MlopsError as error:
        assert error.status in {400, 422}  # noqa: PT017 - most damage is refused, and some changes a value only


def answered(output: Any) -> pa.Table | None:
    body = arrow.write(output, "m:1")
    return None if body is None else pa.ipc.open_stream(body).read_all()


def test_an_output_of_rows_and_columns_is_written_as_a_stream() -> None:
    for output in ([1.5, 2.5], np.array([1.5, 2.5]), pd.Series([1.5, 2.5], index=["x", "y"])):
        table = answered(output)
        assert table.to_pydict() == {"predictions": [1.5, 2.5]}
        assert table.schema.metadata == {b"mlops.model": b"m:1", b"mlops.form": b"values"}
    matrix = answered(np.array([[1, 2], [3, 4]]))
    assert (matrix.to_pydict(), matrix.schema.metadata[b"mlops.form"]) == ({"0": [1, 3], "1": [2, 4]}, b"matrix")
    named = {"a": [1, 2], "b": ["x", None]}
    for output in (named, pd.DataFrame(named), [{"a": 1, "b": "x"}, {"a": 2, "b": None}]):
        assert answered(output).to_pydict() == named


@pytest.mark.parametrize(
    "output", ["text", 5, None, {"a": [1], "b": [1, 2]}, [object()], [1, "x"], np.zeros((2, 2, 2))]
)
def test_an_output_that_is_no_table_is_left_to_json(output: Any) -> None:
    assert arrow.write(output, "m:1") is None


def test_a_model_answers_with_a_stream_where_that_is_accepted(iris_server: Any, iris: Any) -> None:
    body = stream({name: iris.data[name].to_numpy() for name in iris.data})
    for accept, media in ((MEDIA, MEDIA), (f"application/json;q=0.5, {MEDIA}", MEDIA), ("*/*", "application/json")):
        answer = iris_server.post(body, content_type=MEDIA, accept=accept)
        assert (answer.status, answer.headers["content-type"]) == (200, media)
        found = (
            pa.ipc.open_stream(answer.body).read_all()["predictions"] if media == MEDIA else answer.json["predictions"]
        )
        assert len(found) == 150
    refused = iris_server.post(b"no stream", content_type=MEDIA, accept=MEDIA)
    assert (refused.status, refused.headers["content-type"]) == (400, "application/problem+json")


def test_without_pyarrow_streams_are_refused_and_not_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "pyarrow" else find(name))
    with pytest.raises(UnsupportedMediaType, match="no pyarrow"):
        TABLE.read(stream(ROWS), "arrow")
    manifest = Manifest(name="m", version=1, models=[ManifestModel(name="m", version=1)], files=[])
    assert MEDIA not in json.dumps(openapi.openapi(manifest))
