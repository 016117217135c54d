"""What does not fit is refused with one sentence that names it, never with a 500, and harms no other request."""

from __future__ import annotations

from typing import Any

import pytest

NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
GOOD = dict.fromkeys(NAMES, 1.0)


def without(name: str) -> dict[str, float]:
    return {key: value for key, value in GOOD.items() if key != name}


BODIES: dict[str, tuple[Any, int, str, list[str]]] = {
    "empty": (b"", 400, "bad-body", ["empty"]),
    "blank": (b" \n", 400, "bad-body", ["empty"]),
    "not JSON": (b'{"data":\n [[1, 2, x]]}', 400, "bad-body", ["byte 18", "line 2", "column 10"]),
    "truncated": (b'{"data": [[1, 2', 400, "bad-body", ["truncated", "byte 15"]),
    "two values": (b"{} {}", 400, "bad-body", ["trailing", "byte 4"]),
    "NaN": (b'{"data": [[1, 2, 3, NaN]]}', 400, "bad-body", ["byte 20"]),
    "not UTF-8": (b'{"\xff": 1}', 400, "bad-body", ["UTF-8"]),
    "UTF-16": ("{}".encode("utf-16"), 400, "bad-body", ["byte 0"]),
    "nested 10,000 levels": (b"[" * 10_000 + b"]" * 10_000, 400, "bad-body", ["nested"]),
    "huge number": (b"[[1e999, 2, 3, 4]]", 400, "bad-body", ["out of range"]),
    "10,000 digits": (b"[[" + b"9" * 10_000 + b", 2, 3, 4]]", 400, "bad-body", ["out of range"]),
    "number": (b"5", 422, "schema-mismatch", ["got 5"]),
    "null": (b"null", 422, "schema-mismatch", ["null"]),
    "string": (b'"abc"', 422, "schema-mismatch", ["'abc'"]),
    "empty object": ({}, 422, "schema-mismatch", ["'sepal length (cm)'"]),
    "flat list": ([1, 2, 3, 4], 422, "schema-mismatch", ["row 0", "1"]),
    "unknown column": ({"data": [GOOD | {"petal lngth": 1}]}, 422, "schema-mismatch", ["'petal lngth'", "row 0", "mean 'petal length (cm)'"]),
    "unknown column among columns": ({"columns": {**{n: [1] for n in NAMES}, "age": [1]}}, 422, "schema-mismatch", ["'age'"]),
    "long unknown column": ([GOOD | {"x" * 10_000: 1}], 422, "schema-mismatch", ["xxx..."]),
    "missing column": ([GOOD, without(NAMES[1])], 422, "schema-mismatch", ["'sepal width (cm)'", "row 1", "a number"]),
    "missing among columns": ({"columns": {n: [1] for n in NAMES[:3]}}, 422, "schema-mismatch", ["'petal width (cm)'", "a number"]),
    "missing in split": ({"dataframe_split": {"columns": NAMES[:3], "data": [[1, 2, 3]]}}, 422, "schema-mismatch", ["'petal width (cm)'"]),
    "string for number": ([GOOD, GOOD | {NAMES[2]: "wide"}], 422, "schema-mismatch", ["'petal length (cm)'", "row 1", "a number", "'wide'"]),
    "bool for number": ([GOOD | {NAMES[0]: True}], 422, "schema-mismatch", ["'sepal length (cm)'", "row 0", "true"]),
    "list for number": ([[1, 2, 3, [4]]], 422, "schema-mismatch", ["'petal width (cm)'", "a list of 1"]),
    "short row": ([[1, 2, 3, 4], [1, 2, 3]], 422, "schema-mismatch", ["Row 1", "3 values", "4"]),
    "long row": ([[1, 2, 3, 4, 5]], 422, "schema-mismatch", ["Row 0", "5 values", "4"]),
    "columns of different length": ({"columns": {NAMES[0]: [1], **{n: [1, 2] for n in NAMES[1:]}}}, 422, "schema-mismatch", ["same number"]),
    "column that is no list": ({"columns": {**{n: [1] for n in NAMES[1:]}, NAMES[0]: 1}}, 422, "schema-mismatch", ["'sepal length (cm)'"]),
    "rows of mixed kinds": ([GOOD, [1, 2, 3, 4], 5], 422, "schema-mismatch", ["Row 1"]),
    "two envelopes": ({"inputs": [[1, 2, 3, 4]], "instances": [[1, 2, 3, 4]]}, 422, "schema-mismatch", ["'inputs'", "'instances'"]),
    "envelope and more": ({"inputs": [[1, 2, 3, 4]], "colour": 1}, 422, "schema-mismatch", ["'colour'"]),
    "params": ({"inputs": [[1, 2, 3, 4]], "params": {"t": 1}}, 422, "schema-mismatch", ["'params'"]),
    "split with odd names": ({"columns": [1, 2], "data": [[1, 2]]}, 422, "schema-mismatch", ["got 1"]),
    "split with twice a name": ({"columns": [NAMES[0]] * 4, "data": [[1, 2, 3, 4]]}, 422, "schema-mismatch", ["twice"]),
    "null the model cannot take": ([[1, 2, 3, 4], [1, 2, 3, None]], 422, "schema-mismatch", ["'petal width (cm)' of row 1", "no NaN", "null"]),
}  # fmt: skip


@pytest.mark.parametrize("case", BODIES)
def test_each_bad_body_is_named(iris_server: Any, case: str) -> None:
    body, status, code, words = BODIES[case]
    answer = iris_server.post(body)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert (problem["type"], problem["status"]) == (f"urn:jupyter-mlops:{code}", status)
    assert problem["hint"]
    assert "Traceback" not in problem["detail"]
    assert "\n" not in problem["detail"]
    assert len(problem["detail"]) < 700
    for word in words:
        assert word in problem["detail"], problem["detail"]


def test_the_problem_carries_column_and_row(iris_server: Any) -> None:
    problem = iris_server.post([GOOD, GOOD | {NAMES[2]: "wide"}]).json
    assert (problem["column"], problem["row"]) == ("petal length (cm)", 1)


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        (b"", 400, "empty"),
        (b'"a""b,c\n1,2', 400, "CSV"),
        (b"\xff\xfe", 400, "UTF-8"),
        (b"a,a\n1,2", 400, "'a' twice"),
        (b"a,b\n1,2", 422, "'a'"),
        (",".join(NAMES).encode() + b"\n1,2,3,x", 422, "'petal width (cm)' of row 0"),
        (",".join(NAMES).encode() + b"\n1,2,3,4\n1,2,nan,4", 422, "'petal length (cm)' of row 1"),
        (",".join(NAMES).encode() + b"\n1,2,3,inf", 422, "infinity"),
        (",".join(NAMES).encode() + b"\n1,2,3,4\n1,2,3,4,5", 422, "Row 1 has 5 values"),
    ],
)
def test_bad_csv_is_named(iris_server: Any, body: bytes, status: int, word: str) -> None:
    answer = iris_server.post(body, content_type="text/csv")
    assert answer.status == status
    assert word in answer.json["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "text/plain"},
        {"content_type": "application/json; charset=latin-1"},
        {"content_type": "application/json", "content_encoding": "gzip"},
        {"content_type": "application/vnd.apache.arrow.file"},
        {"content_type": "application/octet-stream"},
        {"content_type": "image/png"},
    ],
)
def test_an_unknown_content_type_is_415(iris_server: Any, headers: dict[str, str]) -> None:
    answer = iris_server.post([[1, 2, 3, 4]], **headers)
    assert answer.status == 415
    assert answer.json["type"] == "urn:jupyter-mlops:unsupported-media-type"


def test_an_unknown_path_is_404_and_a_wrong_method_405(iris_server: Any) -> None:
    missing = iris_server.get("/nope")
    assert (missing.status, missing.json["type"]) == (404, "urn:jupyter-mlops:path-not-found")
    wrong = iris_server.get("/score")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
    assert iris_server.post([], "/health/live").headers["allow"] == "GET, HEAD"
    assert iris_server.request("DELETE", "/score").status == 405
