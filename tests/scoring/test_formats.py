"""Every form of a request that the contract names scores, and gives what the model itself predicts."""

from __future__ import annotations

import json
from typing import Any

import pytest

ROWS = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 3.0, 4.2, 1.5]]
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
RECORDS = [dict(zip(NAMES, row, strict=True)) for row in ROWS]
COLUMNS = {name: [row[at] for row in ROWS] for at, name in enumerate(NAMES)}
BACKWARDS = {"columns": NAMES[::-1], "data": [row[::-1] for row in ROWS]}
FORMS = {
    "data of records": {"data": RECORDS},
    "data of rows": {"data": ROWS},
    "data of columns": {"data": COLUMNS},
    "columns": {"columns": COLUMNS},
    "bare columns": COLUMNS,
    "bare records": RECORDS,
    "bare rows": ROWS,
    "dataframe_split": {"dataframe_split": {"columns": NAMES, "index": [0, 1, 2], "data": ROWS}},
    "dataframe_split in another order": {"dataframe_split": BACKWARDS},
    "split without envelope": BACKWARDS,
    "dataframe_records": {"dataframe_records": RECORDS},
    "inputs of columns": {"inputs": COLUMNS},
    "inputs of records": {"inputs": RECORDS},
    "inputs of rows": {"inputs": ROWS},
    "instances of rows": {"instances": ROWS},
    "instances of records": {"instances": RECORDS},
    "records in another order": [dict(reversed(record.items())) for record in RECORDS],
    "no params": {"inputs": ROWS, "params": None},
}


@pytest.fixture(scope="module")
def wanted(iris_model: Any) -> list[int]:
    import pandas as pd

    return iris_model.predict(pd.DataFrame(ROWS, columns=NAMES)).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_each_json_form_scores_like_the_model(iris_server: Any, wanted: list[int], form: str) -> None:
    answer = iris_server.post(FORMS[form])
    assert answer.status == 200, answer.body
    assert answer.json == {"predictions": wanted, "model": "iris:3"}
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("form", ["dataframe_split", "dataframe_records", "inputs of columns", "instances of rows"])
def test_invocations_answers_as_mlflow_does(iris_server: Any, wanted: list[int], form: str) -> None:
    assert iris_server.post(FORMS[form], "/invocations").json == {"predictions": wanted}


@pytest.mark.parametrize("path", ["/score", "/invocations"])
def test_csv_scores_with_columns_in_any_order(iris_server: Any, wanted: list[int], path: str) -> None:
    lines = [",".join(f'"{name}"' for name in NAMES[::-1])] + [",".join(map(str, row[::-1])) for row in ROWS]
    answer = iris_server.post("\n".join(lines).encode(), path, content_type="text/csv; charset=utf-8")
    assert answer.json["predictions"] == wanted


def test_one_bare_record_is_one_row(iris_server: Any, wanted: list[int]) -> None:
    assert iris_server.post(RECORDS[1]).json["predictions"] == wanted[1:2]


def test_no_rows_give_no_predictions(iris_server: Any) -> None:
    assert iris_server.post({"data": []}).json["predictions"] == []


def test_json_needs_no_content_type(iris_server: Any, wanted: list[int]) -> None:
    body = json.dumps(ROWS).encode()
    assert iris_server.request("POST", "/score", body, x_api_key="a-primary-key").json["predictions"] == wanted


def test_v2_takes_a_matrix_and_says_its_types(iris_server: Any, wanted: list[int]) -> None:
    flat = [value for row in ROWS for value in row]
    tensor = {"name": "input", "shape": [3, 4], "datatype": "FP64", "data": flat}
    for path in ("/v2/models/iris/infer", "/v2/models/iris/versions/3/infer"):
        answer = iris_server.post({"id": "7", "inputs": [tensor]}, path)
        assert answer.json == {
            "model_name": "iris",
            "model_version": "3",
            "id": "7",
            "outputs": [{"name": "predictions", "datatype": "INT64", "shape": [3], "data": wanted}],
        }


def test_v2_takes_one_tensor_per_column(iris_server: Any, wanted: list[int]) -> None:
    tensors = [{"name": n, "shape": [3, 1], "datatype": "FP32", "data": values} for n, values in COLUMNS.items()]
    answer = iris_server.post({"inputs": tensors}, "/v2/models/iris/infer")
    assert answer.json["outputs"][0]["data"] == wanted


def test_v2_describes_server_and_model_without_a_key(iris_server: Any) -> None:
    assert iris_server.get("/v2").json["name"] == "jupyter-mlops"
    model = iris_server.get("/v2/models/iris").json
    assert [each["name"] for each in model["inputs"]] == NAMES
    assert {each["datatype"] for each in model["inputs"]} == {"FP64"}
    assert iris_server.get("/v2/models/iris/ready").json == {"name": "iris", "ready": True}
    assert iris_server.get("/v2/health/live").status == iris_server.get("/v2/health/ready").status == 200


@pytest.mark.parametrize(
    ("tensor", "status", "named"),
    [
        ({"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [1, 2, 3]}, 422, "'x'"),
        ({"name": "x", "shape": [1, 4], "datatype": "FP65", "data": [1, 2, 3, 4]}, 400, "'FP65'"),
        ({"name": "x", "shape": [1, 4], "datatype": "INT64", "data": [1, 2, 3, 4.5]}, 422, "INT64"),
        ({"name": "x", "shape": [1, -4], "datatype": "FP64", "data": [1, 2, 3, 4]}, 422, "'x'"),
        ({"name": "x", "shape": [1, 4], "datatype": "FP64", "data": [1, 2, 3, "a"]}, 422, "'x'"),
        ({"name": "x", "shape": [4], "datatype": "FP64", "data": [[1], [2, 3]]}, 422, "lengths"),
        ({"name": "x", "shape": [1, 4], "datatype": "FP64"}, 400, "data"),
    ],
)
def test_v2_names_what_is_wrong_with_a_tensor(iris_server: Any, tensor: Any, status: int, named: str) -> None:
    answer = iris_server.post({"inputs": [tensor]}, "/v2/models/iris/infer")
    assert answer.status == status
    assert named in answer.json["detail"]


def test_v2_refuses_another_models_name(iris_server: Any) -> None:
    answer = iris_server.post({"inputs": []}, "/v2/models/other/infer")
    assert answer.status == 404
    assert "'iris'" in answer.json["hint"]
