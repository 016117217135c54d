"""The quick decoder and the careful reader take the same bodies, and nothing but a named refusal comes of any body."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Column, Manifest, Schema, Tensor
from jupyter_mlops.scoring import assemble, codec, estimators, inference
from jupyter_mlops.scoring.intake import LooseIntake, RawIntake, TableIntake
from jupyter_mlops.scoring.schema import TableSchema
from jupyter_mlops.scoring.tensors import TensorIntake

COLUMNS = [
    Column(name="age", type="double"),
    Column(name="n", type="long"),
    Column(name="small", type="integer", required=False),
    Column(name="who", type="string"),
    Column(name="ok", type="boolean"),
    Column(name="raw", type="binary"),
    Column(name="at", type="datetime"),
    Column(name="free", type="any", required=False),
]
NAMES = [column.name for column in COLUMNS]
TABLE = TableIntake(Schema(columns=COLUMNS), assemble.frames(TableSchema(COLUMNS)))
TENSORS = TensorIntake([Tensor(name="x", dtype="float32", shape=[-1, 2]), Tensor(name="k", dtype="int64", shape=[-1])])
RAW = RawIntake(TableSchema(COLUMNS[:2]))

values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5),
    st.sampled_from([2**31, 2**63, -(2**63), 1.0, "YWI=", "2026-01-01T00:00:00", "2026-01-01", "2026-01-01T00:00:00Z"]),
)  # fmt: skip
good = st.tuples(
    st.floats(allow_nan=False, allow_infinity=False) | st.none() | st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(0, 9), st.text(max_size=3), st.booleans(), st.just("YWI="),
    st.sampled_from(["2026-01-01T00:00:00", "2026-01-01", "2026-01-01T00:00:00Z"]), values,
)  # fmt: skip
rows = st.lists(st.one_of(good, st.tuples(*[values] * len(NAMES))), max_size=4)
names = st.permutations(NAMES) | st.lists(st.sampled_from([*NAMES, "other"]), max_size=9)


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    table, order = draw(rows), draw(names)
    records = [{name: dict(zip(NAMES, row, strict=True)).get(name, 0) for name in order} for row in table]
    columns = {name: [record.get(name) for record in records] for name in order}
    split = {"columns": order, "data": [list(record.values()) for record in records]}
    content = draw(st.sampled_from([records, [list(row) for row in table], columns, split]))
    envelope = draw(
        st.sampled_from([None, "data", "inputs", "instances", "columns", "dataframe_split", "dataframe_records"])
    )
    return content if envelope is None else {envelope: content}


def outcome(read: Any) -> Any:
    try:
        return read()
    except MlopsError as error:
        return error.message if error.status in {400, 415, 422} else pytest.fail(error.message)


@settings(max_examples=400, deadline=None)
@given(bodies())
def test_the_quick_decoder_takes_no_more_and_nothing_else_than_the_careful_reader(body: Any) -> None:
    data = json.dumps(body).encode()
    quick = outcome(lambda: TABLE.read(data, "json")[0])
    careful = outcome(lambda: codec.table_rows(codec.read_json(data), TABLE.table))
    assert quick == careful


anything = st.recursive(
    values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from([*NAMES, *codec.ENVELOPES, "x", "k", "name", "shape", "datatype", "params", "index"]), inner, max_size=4
    ), max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(anything)
def test_any_json_is_read_or_refused_by_name(body: Any) -> None:
    data = json.dumps(body).encode()
    for intake in (TABLE, TENSORS, RAW):
        outcome(lambda intake=intake: intake.read(data, "json"))
    outcome(lambda: TENSORS.read_tensors(inference.arrays(*inference.read(data, "json"))))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet='age,n\n"1.x\r ', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    for media in ("json", "csv", "arrow", "bytes"):
        for intake in (TABLE, TENSORS, RAW):
            outcome(lambda intake=intake, media=media: intake.read(data, media))


datatypes = st.sampled_from([*inference.DTYPES, "FP65"])
shapes = st.lists(st.sampled_from([0, 1, 2, 3, -1, 2**31, 2**63]), max_size=3)


@st.composite
def inferences(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A request of the Open Inference Protocol and the bytes behind it, that may fit each other or not."""
    inputs, behind = [], b""
    for name in draw(st.lists(st.sampled_from(["x", "k", "age", "n"]), min_size=1, max_size=3)):
        tensor = {"name": name, "shape": draw(shapes), "datatype": draw(datatypes)}
        if draw(st.booleans()):
            tensor["data"] = draw(st.lists(values | st.lists(values, max_size=3), max_size=4))
        else:
            part = draw(st.binary(max_size=16))
            behind += part
            tensor["parameters"] = {"binary_data_size": draw(st.just(len(part)) | values)}
        inputs.append(tensor)
    return json.dumps({"inputs": inputs}).encode(), behind


@settings(max_examples=400, deadline=None)
@given(inferences())
def test_any_tensors_are_read_or_refused_by_name(request: tuple[bytes, bytes]) -> None:
    head, behind = request
    tensors = outcome(lambda: inference.arrays(*inference.read(head + behind, "bytes", b"%d" % len(head))))
    if isinstance(tensors, dict):
        for intake in (TABLE, TENSORS, RAW, LooseIntake(assemble.any_frame)):
            outcome(lambda intake=intake: intake.read_tensors(tensors))


def test_values_arrive_as_their_columns_say() -> None:
    (row,), _ = TABLE.read(json.dumps([[1, 2.0, None, "a", True, "YWI=", "2026-01-02", {"k": [1]}]]).encode(), "json")
    assert row[:6] == (1.0, 2, None, "a", True, b"ab")
    assert (row[6].isoformat(), row[7]) == ("2026-01-02T00:00:00", {"k": [1]})


@pytest.mark.parametrize("n", [2**63, -(2**63) - 1, 1.5, 1e300])
def test_whole_numbers_that_do_not_fit_are_refused(n: float) -> None:
    with pytest.raises(MlopsError, match="'n' of row 0 must be a whole number of 64 bits"):
        TABLE.read(json.dumps([[1, n, None, "a", True, "YWI=", "2026-01-02", 0]]).encode(), "json")


def test_several_tensors_come_by_name_and_agree_in_rows() -> None:
    data, n_rows = TENSORS.read(b'{"inputs": {"x": [[1, 2], [3, null]], "k": [1, 2.0]}}', "json")
    assert n_rows == 2
    assert data["x"].dtype == np.float32
    assert data["k"].dtype == np.int64
    joined = TENSORS.join([data, data])
    assert joined["x"].shape == (4, 2)
    rows = [{"x": [1, 2], "k": 1}, {"k": 2, "x": [3, None]}]
    pivoted, _ = TENSORS.read(json.dumps({"instances": rows}).encode(), "json")
    assert all(np.array_equal(pivoted[name], data[name], equal_nan=True) for name in data)
    for body, words in [
        ({"x": [[1, 2]]}, "'k' .* is missing"),
        ({"x": [[1, 2]], "k": [1], "z": 1}, "no input 'z'"),
        ({"x": [[1, 2]], "k": [1, 2]}, "same number of rows"),
        ({"x": [[1, 2]], "k": [1.5]}, "must be int64"),
        ({"x": [[1, 1e39]], "k": [1]}, "'x' must be float32 .* got numbers that do not fit"),
        ([[1, 2]], "by name"),
    ]:
        with pytest.raises(MlopsError, match=words):
            TENSORS.read(json.dumps(body).encode(), "json")


def columns_refused(model: Any, rows: Any) -> list[str]:
    columns = [Column(name=name, type="double") for name in "abc"]
    intake = TableIntake(Schema(columns=columns), assemble.arrays("float64", 3))
    sample = {"data": rows[:1].tolist()}
    manifest = Manifest(name="m", version=1, models=[], files=[], schema=Schema(columns=columns), sample=sample)
    refused = estimators.nan_refused(estimators.predictor(model.fit(rows, [0, 1, 0, 1]), "predict"), intake, manifest)
    without = estimators.nan_refused(
        estimators.predictor(model, "predict"), intake, msgspec.structs.replace(manifest, sample=None)
    )
    assert refused == without
    return refused


def test_which_columns_may_hold_nan_is_seen_at_the_model() -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    rows = np.array([[1, 2, 3], [4, 5, 6.5], [7, 8, 9], [10, 11, 12]])
    assert columns_refused(LogisticRegression(), rows) == ["a", "b", "c"]
    assert columns_refused(make_pipeline(SimpleImputer(), LogisticRegression()), rows) == []
    assert columns_refused(HistGradientBoostingClassifier(), rows) == []
    mixed = ColumnTransformer([("filled", SimpleImputer(), [0, 2])], remainder="passthrough")
    assert columns_refused(make_pipeline(mixed, LogisticRegression()), rows) == ["b"]


def test_nan_is_refused_by_column_and_row_in_every_form() -> None:
    columns = [Column(name="a", type="double"), Column(name="b", type="float")]
    table = TableIntake(Schema(columns=columns), assemble.arrays("float64", 2))
    assert table.read(b"[[null, 1]]", "json") == ([(None, 1.0)], 1)
    table.refuse_nan(["b"])
    assert table.read(b"[[null, 1]]", "json") == ([(None, 1.0)], 1)
    match = "'b' of row 1 must be a number of 32 bits, since the model takes no NaN there; got n"
    for body, media in [
        (b'{"data": [[1, 1], [1, null]]}', "json"),
        (b'{"columns": {"a": [1, 1], "b": [1, null]}}', "json"),
        (b'[{"a": 1, "b": 1}, {"a": 1, "b": null}]', "json"),
        (b"a,b\n1,1\n1,", "csv"),
        (b"a,b\n1,1\n1,NaN", "csv"),
    ]:
        with pytest.raises(MlopsError, match=match):
            table.read(body, media)
    with pytest.raises(MlopsError, match=match):
        table.read_tensors({"x": np.array([[1, 1], [1, np.nan]])})
