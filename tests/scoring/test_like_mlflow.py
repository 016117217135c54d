"""``/invocations`` answers the bodies that MLflow's own scoring server answers, and with the same."""

from __future__ import annotations

import asyncio
import json
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from jupyter_mlops.core.manifest import ManifestModel

ROW = {"d": 1.5, "f": 0.5, "l": 2**40, "i": 3, "s": "a", "b": True, "t": "2026-01-02T03:04:05", "raw": "YWI="}
TYPES = {
    "d": "double", "f": "float", "l": "long", "i": "integer", "s": "string", "b": "boolean", "t": "datetime", "raw": "binary",
}  # fmt: skip
FEW = {name: value for name, value in ROW.items() if name not in {"t", "raw"}}
CSV = "text/csv"


def split(*rows: Any) -> Any:
    return {"dataframe_split": {"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}}


def csv(*rows: Any) -> bytes:
    return pd.DataFrame(rows).to_csv(index=False).encode()


BODIES: dict[str, tuple[str, Any]] = {
    "split": ("all", split(ROW, ROW | {"s": "é", "b": False})),
    "split with an index": ("all", {"dataframe_split": {**split(ROW)["dataframe_split"], "index": [7]}}),
    "split in another order": ("all", split(dict(reversed(ROW.items())))),
    "split, whole number for a float": ("all", split(ROW | {"d": 1})),
    "split, day for a time": ("all", split(ROW | {"t": "2026-01-02"})),
    "split, null for a number": ("all", split(ROW | {"d": None})),
    "split, null for a string": ("all", split(ROW | {"s": None})),
    "records": ("all", {"dataframe_records": [ROW, ROW]}),
    "records in another order": ("all", {"dataframe_records": [ROW, dict(reversed(ROW.items()))]}),
    "inputs of records": ("few", {"inputs": [FEW, FEW]}),
    "inputs of one record": ("few", {"inputs": FEW}),
    "inputs of columns": ("few", {"inputs": {name: [value, value] for name, value in FEW.items()}}),
    "instances of records": ("few", {"instances": [FEW, FEW]}),
    "CSV": ("few", csv(FEW, FEW | {"d": -2.25})),
    "CSV in another order": ("few", csv(dict(reversed(FEW.items())))),
    "inputs of a matrix": ("matrix", {"inputs": [[1, 2], [3, 4]]}),
    "instances of a matrix": ("matrix", {"instances": [[1, 2.5]]}),
    "a matrix with null": ("matrix", {"inputs": [[1, None]]}),
    "split for a matrix": ("matrix", split({"a": 1, "b": 2})),
    "records for a matrix": ("matrix", {"dataframe_records": [{"a": 1, "b": 2}]}),
    "params left out": ("tuned", {"inputs": [{"d": 1.5}]}),
    "params": ("tuned", {"inputs": [{"d": 1.5}], "params": {"heat": 0.25, "stop": ["x", "é"]}}),
    "one param, whole for a float": (
        "tuned",
        {"dataframe_split": {"columns": ["d"], "data": [[1]]}, "params": {"heat": 2}},
    ),
    "no params": ("tuned", {"dataframe_records": [{"d": 1.5}], "params": {}}),
    "inputs by name": ("named", {"inputs": {"x": [[1, 2], [3, 4]], "k": [1, 2], "s": ["a", "b"]}}),
    "instances by name": ("named", {"instances": [{"x": [1, 2], "k": 1, "s": "a"}, {"x": [3, 4], "k": 2, "s": "é"}]}),
}
REFUSED: dict[str, tuple[str, Any]] = {
    "empty": ("all", b""),
    "not JSON": ("all", b'{"inputs": [[1, '),
    "two envelopes": ("few", {"inputs": [FEW], "instances": [FEW]}),
    "missing column": ("all", {"dataframe_records": [FEW]}),
    "word for a number": ("all", split(ROW | {"d": "x"})),
    "rows of different lengths": ("all", {"dataframe_split": {"columns": list(ROW), "data": [[1]]}}),
    "another width": ("matrix", {"inputs": [[1, 2, 3]]}),
    "param of another type": ("tuned", {"inputs": [{"d": 1.5}], "params": {"heat": "hot"}}),
    "param that is no list": ("tuned", {"inputs": [{"d": 1.5}], "params": {"stop": "x"}}),
    "missing input": ("named", {"inputs": {"x": [[1, 2]]}}),
    "words for numbers": ("matrix", {"inputs": [["a", "b"]]}),
}


@pytest.fixture(scope="module")
def servers(
    tmp_path_factory: pytest.TempPathFactory,
    start_shared: Callable[..., Any],
    bundle_of: Callable[..., Path],
    signed_schema: Callable[[Any], Any],
) -> dict[str, tuple[Any, Any]]:
    """For each kind of signature our replica, and MLflow's own app, with one model in both."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.pyfunc.scoring_server import init
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec

    class Echo(mlflow.pyfunc.PythonModel):
        def predict(self, context: Any, model_input, params=None):  # type: ignore[no-untyped-def]  # noqa: ARG002 - MLflow calls it so
            if isinstance(model_input, pd.DataFrame):
                if params:
                    return model_input.assign(heat=params["heat"], stop=",".join(params["stop"]))
                dtypes = ",".join(map(str, model_input.dtypes))
                return model_input.assign(dtypes=dtypes.replace("object", "str"))  # it makes both, of CSV and JSON
            return model_input

    signatures = {
        "all": Schema([ColSpec(TYPES[name], name) for name in ROW]),
        "few": Schema([ColSpec(TYPES[name], name) for name in FEW]),
        "tuned": Schema([ColSpec("double", "d")]),
        "matrix": Schema([TensorSpec(np.dtype("float64"), (-1, 2))]),
        "named": Schema(
            [
                TensorSpec(np.dtype("float32"), (-1, 2), "x"),
                TensorSpec(np.dtype("int64"), (-1,), "k"),
                TensorSpec(np.dtype("str"), (-1,), "s"),
            ]
        ),
    }
    params = ParamSchema([ParamSpec("heat", "double", 0.5), ParamSpec("stop", "string", ["a"], shape=(-1,))])
    both = {}
    for kind, inputs in signatures.items():
        folder = tmp_path_factory.mktemp(kind)
        files, signature = (
            folder / "models" / "echo",
            ModelSignature(inputs=inputs, params=params if kind == "tuned" else None),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.pyfunc.save_model(str(files), python_model=Echo(), signature=signature, pip_requirements=["mlflow"])
            theirs = init(mlflow.pyfunc.load_model(str(files)))
        models = [ManifestModel(name="echo", version=1, flavor="python_function")]
        ours = start_shared(bundle_of(folder, schema=signed_schema(signature.to_dict()), models=models))
        both[kind] = (ours, theirs)
    for ours, _ in both.values():
        ours.ready()
    return both


def asked_for(app: Any, path: str) -> httpx.Response:
    """Ask MLflow's app for something else."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mlflow") as client:
            return await client.get(path)

    return asyncio.run(ask())


def asked(app: Any, data: bytes, media: str) -> httpx.Response:
    """Ask MLflow's app."""

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://mlflow") as client:
            return await client.post("/invocations", content=data, headers={"content-type": media})

    return asyncio.run(ask())


def sent(servers: Any, kind: str, body: Any) -> tuple[Any, Any]:
    """Send a body to both."""
    ours, theirs = servers[kind]
    media = CSV if isinstance(body, bytes) and body[:1].isalpha() else "application/json"
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ours.post(data, "/invocations", content_type=media), asked(theirs, data, media)


def alike(answer: Any) -> Any:
    """MLflow writes NaN, which is no JSON, where ours is null, and ends base64 with a line end."""
    if isinstance(answer, dict):
        return {name: alike(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [alike(value) for value in answer]
    if isinstance(answer, float) and math.isnan(answer):
        return None
    return answer.removesuffix("\n") if isinstance(answer, str) else answer


@pytest.mark.parametrize("name", BODIES)
def test_the_same_body_gets_the_same_answer(servers: Any, name: str) -> None:
    ours, theirs = sent(servers, *BODIES[name])
    assert theirs.status_code == 200, theirs.text
    assert ours.status == 200, ours.body
    assert ours.json == alike(theirs.json())


@pytest.mark.parametrize("name", REFUSED)
def test_what_mlflow_refuses_is_refused(servers: Any, name: str) -> None:
    ours, theirs = sent(servers, *REFUSED[name])
    assert theirs.status_code == 400, theirs.text
    assert ours.status in {400, 422}, ours.body


def test_what_is_asked_beside_scoring_is_answered_as_mlflow_does(servers: Any) -> None:
    ours, theirs = servers["matrix"]
    for path in ("/ping", "/health", "/version"):
        found = asked_for(theirs, path)
        answer = ours.get(path)
        assert (answer.status, found.status_code) == (200, 200)
        expected = found.text.rpartition(".")[0] if path == "/version" else found.text
        assert answer.body.decode() == expected


def test_a_parameter_that_the_model_does_not_have_is_named(servers: Any) -> None:
    """MLflow only writes a warning into its log."""
    answer = servers["tuned"][0].post({"inputs": [{"d": 1}], "params": {"haet": 1}}, "/invocations")
    assert answer.status == 422
    assert "no parameter 'haet'; did you mean 'heat'" in answer.json["detail"]


@pytest.mark.parametrize("form", ["dataframe_split", "inputs", "instances", "dataframe_records"])
def test_a_model_of_a_library_answers_alike(iris_server: Any, iris_bundle: Path, iris: Any, form: str) -> None:
    import mlflow
    from mlflow.pyfunc.scoring_server import init

    content = iris.data.to_dict(orient="split" if form == "dataframe_split" else "records")
    body = json.dumps({form: content}).encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = init(mlflow.pyfunc.load_model(str(iris_bundle / "models" / "iris")))
        answer = asked(theirs, body, "application/json")
    assert iris_server.post(body, "/invocations").json == answer.json()
