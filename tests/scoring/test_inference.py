"""The Open Inference Protocol's real client scores here, in JSON and with binary tensors, and bad ones are refused by name."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.manifest import Column, ManifestModel, Schema, Tensor
from jupyter_mlops.scoring import assemble, inference
from jupyter_mlops.scoring.binary import from_bytes, texts, to_bytes
from jupyter_mlops.scoring.intake import TableIntake
from jupyter_mlops.scoring.schema import TableSchema
from jupyter_mlops.scoring.tensors import TensorIntake

ROWS = np.array([[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3], [5.9, 3.0, 4.2, 1.5]])
KEYS = {"x-api-key": "a-primary-key"}
"""Copied for each call: the client adds its own headers to the dict it is given."""
ECHO = """
    import numpy as np

    def run(data):
        return {name: np.array(values) for name, values in data.items()}
"""


def triton() -> Any:
    return pytest.importorskip("tritonclient.http", reason="tritonclient[http] is not installed")


@pytest.fixture
def client_of() -> Iterator[Callable[[Any], Any]]:
    clients = []

    def make(server: Any) -> Any:
        clients.append(triton().InferenceServerClient(server.address))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def wanted(iris_model: Any) -> list[int]:
    import pandas as pd

    return iris_model.predict(pd.DataFrame(ROWS, columns=iris_model.feature_names_in_)).tolist()


@pytest.mark.parametrize("sent", [True, False], ids=["binary input", "JSON input"])
@pytest.mark.parametrize("answered", [True, False, None], ids=["binary output", "JSON output", "outputs not named"])
def test_tritons_client_scores_a_matrix(
    iris_server: Any, client_of: Any, wanted: list[int], *, sent: bool, answered: bool | None
) -> None:
    given = triton().InferInput("input", ROWS.shape, "FP64")
    given.set_data_from_numpy(ROWS, binary_data=sent)
    outputs = None if answered is None else [triton().InferRequestedOutput("predictions", binary_data=answered)]
    result = client_of(iris_server).infer("iris", [given], outputs=outputs, headers=dict(KEYS), request_id="7")
    predictions = result.as_numpy("predictions")
    assert (predictions.dtype, predictions.tolist()) == (np.int64, wanted)
    response = result.get_response()
    assert (response["model_name"], response["model_version"], response["id"]) == ("iris", "3", "7")
    assert ("data" in response["outputs"][0]) == (answered is False)


def test_tritons_client_sees_server_and_model(iris_server: Any, client_of: Any) -> None:
    client = client_of(iris_server)
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("iris", "3")
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    assert client.get_model_metadata("iris")["outputs"][0]["datatype"] == "INT64"


def test_tritons_client_is_told_what_is_wrong(iris_server: Any, client_of: Any) -> None:
    given = triton().InferInput("input", [1, 3], "FP64")
    given.set_data_from_numpy(ROWS[:1, :3])
    with pytest.raises(triton().InferenceServerException, match="Row 0 has 3 values instead of 4"):
        client_of(iris_server).infer("iris", [given], headers=dict(KEYS))


def test_every_type_comes_back_as_it_was_sent(
    tmp_path: Path, start: Callable[..., Any], client_of: Any, script_bundle: Callable[..., Path]
) -> None:
    server = start(script_bundle(tmp_path / "bundle", ECHO)).ready()
    from tritonclient.utils import np_to_triton_dtype

    arrays = {
        "i": np.array([[-1, 2**31 - 1]], np.int32), "l": np.array([2**63 - 1, -(2**63)]), "u": np.array([2**64 - 1], np.uint64),
        "f": np.array([[1.5], [-0.25]], np.float32), "b": np.array([True, False]), "none": np.empty((0, 3)),
        "s": np.array(["héllo", "", "x"], object),
    }  # fmt: skip
    inputs = []
    for name, array in arrays.items():
        inputs.append(triton().InferInput(name, array.shape, np_to_triton_dtype(array.dtype)))
        inputs[-1].set_data_from_numpy(array)
    result = client_of(server).infer("iris", inputs, headers=dict(KEYS))
    for name, array in arrays.items():
        back = result.as_numpy(name)
        told = [each.decode() for each in back] if name == "s" else back.tolist()
        assert told == array.tolist(), name


def post(server: Any, request: Any, behind: bytes = b"", **headers: str) -> Any:
    head = json.dumps(request).encode()
    settings = {
        "content_type": "application/octet-stream",
        "inference_header_content_length": str(len(head)),
        **headers,
    }
    return server.post(head + behind, "/v2/models/iris/infer", **settings)


def matrix(n_bytes: Any, shape: list[int] | None = None, datatype: str = "FP64") -> Any:
    parameters = {} if n_bytes is None else {"binary_data_size": n_bytes}
    return {"inputs": [{"name": "x", "shape": shape or [1, 4], "datatype": datatype, "parameters": parameters}]}


@pytest.mark.parametrize(
    ("request_", "behind", "status", "words"),
    [
        (matrix(31), bytes(31), 422, "FP64 of shape [1, 4]: it has 31 bytes"),
        (matrix(32), bytes(31), 400, "31 bytes are left"),
        (matrix(32), bytes(33), 400, "1 bytes more"),
        (matrix(-1), bytes(32), 400, "'binary_data_size' of input 'x' is -1"),
        (matrix("32"), bytes(32), 400, "the string '32'"),
        (matrix(None), bytes(32), 400, "neither 'data' nor"),
        (matrix(32, [-1, 4]), bytes(32), 422, "shape [-1, 4]"),
        (matrix(3, [1], "BYTES"), bytes(3), 422, "within a length"),
        (matrix(5, [1], "BYTES"), struct.pack("<I", 2) + b"a", 422, "within an element"),
        (matrix(5, [2], "BYTES"), struct.pack("<I", 1) + b"a", 422, "1 elements"),
        (matrix(5, [1, 1], "BYTES"), struct.pack("<I", 1) + b"a", 422, "Row 0 has 1 value"),
    ],
)  # fmt: skip
def test_bad_binary_tensors_are_named(iris_server: Any, request_: Any, behind: bytes, status: int, words: str) -> None:
    answer = post(iris_server, request_, behind)
    assert answer.status == status, answer.body
    assert words in answer.json["detail"]


@pytest.mark.parametrize(
    ("shape", "status"), [([0], 200), ([0, 4], 200), ([], 422), ([10**9, 0], 422), ([0, 10**30], 422), ([0] * 99, 422)]
)
def test_a_shape_without_values_has_no_rows_or_is_refused(iris_server: Any, shape: list[int], status: int) -> None:
    request = {"inputs": [{"name": "x", "shape": shape, "datatype": "FP64", "data": [] if shape else [1]}]}
    answer = iris_server.post(request, "/v2/models/iris/infer")
    assert answer.status == status, answer.body
    assert post(iris_server, matrix(0 if shape else 8, shape), b"" if shape else bytes(8)).status == status


@pytest.mark.parametrize("length", ["", "-1", "x", "99999", "9" * 5000, "²"])
def test_a_bad_length_of_the_json_is_named(iris_server: Any, length: str) -> None:
    answer = post(iris_server, matrix(32), bytes(32), inference_header_content_length=length)
    assert answer.status == 400
    assert "Inference-Header-Content-Length" in answer.json["detail"]


@pytest.mark.parametrize("media", ["text/csv", "application/octet-stream"])
def test_what_is_not_json_needs_the_header(iris_server: Any, media: str) -> None:
    answer = iris_server.post(b"{}", "/v2/models/iris/infer", content_type=media)
    assert answer.status == 415
    assert "Inference-Header-Content-Length" in answer.json["hint"]


def test_byte_tensors_fill_columns_of_strings_times_and_bytes() -> None:
    columns = [Column(name=kind, type=kind) for kind in ("string", "datetime", "binary")]
    table = TableIntake(Schema(columns=columns), assemble.frames(TableSchema(columns)))
    tensors = {
        "string": texts(np.array(["ä"], object)), "datetime": np.array([b"2026-01-02"], object), "binary": np.array([b"\xff\0"], object)
    }  # fmt: skip
    ((text, at, raw),), _ = table.read_tensors({**tensors, "string": np.array(["ä".encode()], object)})
    assert (text, at.isoformat(), raw) == ("ä", "2026-01-02T00:00:00", b"\xff\0")
    with pytest.raises(MlopsError, match="'string' of row 0 must be a string; got 1 bytes"):
        table.read_tensors({**tensors, "string": np.array([b"\xff"], object)})


def test_a_models_named_tensors_are_checked_by_name_and_type() -> None:
    intake = TensorIntake(
        [Tensor(name="x", dtype="float32", shape=[-1, 2]), Tensor(name="s", dtype="object", shape=[-1])]
    )
    data, n_rows = intake.read_tensors({"x": np.zeros((2, 2), np.float32), "s": np.array([b"a", b"b"], object)})
    assert (n_rows, data["s"].tolist()) == (2, ["a", "b"])
    with pytest.raises(MlopsError, match="'x' must be float32 of shape any x 2; got the shape 2 x 3"):
        intake.read_tensors({"x": np.zeros((2, 3), np.float32), "s": np.array([b"a", b"b"], object)})


def test_bytes_are_read_as_they_are_written() -> None:
    for datatype, dtype in inference.DTYPES.items():
        array = np.array([["a", "bc"]], object) if datatype == "BYTES" else np.array([[0, 1]]).astype(dtype)
        back = texts(from_bytes("x", to_bytes(array), datatype, dtype, (1, 2)))
        assert (back.dtype, back.tolist()) == (array.dtype, array.tolist())


def test_the_answer_of_a_frame_is_one_output_per_column() -> None:
    import pandas as pd

    from jupyter_mlops.core.manifest import Manifest

    manifest = Manifest(name="m", version=1, models=[ManifestModel(name="m", version=2)], files=[])
    request, _ = inference.read(
        b'{"inputs": [{"name": "x", "shape": [0], "datatype": "FP32", "data": []}], "outputs": [{"name": "b"}]}', "json"
    )
    body, n_json = inference.answer(pd.DataFrame({"a": [1], "b": ["x"]}), manifest, request)
    assert n_json is None
    assert json.loads(body)["outputs"] == [{"name": "b", "datatype": "BYTES", "shape": [1], "data": ["x"]}]
