"""The Open Inference Protocol v2 in JSON: named tensors in, named tensors out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Failed, Unavailable
from jupyter_mlops.core.manifest import ColumnType, Manifest
from jupyter_mlops.core.record import encode
from jupyter_mlops.scoring import codec
from jupyter_mlops.scoring.schema import SchemaMismatch, short

if TYPE_CHECKING:
    from jupyter_mlops.scoring.tensors import Array

DTYPES: Final = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "FP32": "float32",
    "FP64": "float64",
    "BYTES": "object",
}
"""The protocol's data types, as numpy has them."""
DATATYPES: Final = {dtype: name for name, dtype in DTYPES.items()}
COLUMNS: Final[Mapping[ColumnType, str]] = {
    "boolean": "BOOL",
    "integer": "INT32",
    "long": "INT64",
    "float": "FP32",
    "double": "FP64",
}
OUTPUT: Final = "predictions"
"""The name of an output that has none."""


class BadInference(BadInput):
    """A body that is not a request of the Open Inference Protocol."""

    code = "bad-inference-request"


class NoNumpy(Unavailable):
    """Tensors need numpy."""

    code = "package-missing"


class AnswerNotTensors(Failed):
    """The model's output has no form as tensors."""

    code = "answer-not-tensors"


class InputTensor(msgspec.Struct):
    """One input of a request. ``data`` is flat or nested."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] = {}


class OutputAsked(msgspec.Struct):
    """One output that a request asks for."""

    name: str
    parameters: dict[str, Any] = {}


class InferenceRequest(msgspec.Struct):
    """A request."""

    inputs: list[InputTensor]
    id: str = ""
    parameters: dict[str, Any] = {}
    outputs: list[OutputAsked] = []


def served(manifest: Manifest) -> tuple[str, str]:
    """Return the name and version that a replica answers for: its model's, or the manifest's when it has none."""
    for model in manifest.models[:1]:
        return model.name, str(model.version)
    return manifest.name, str(manifest.version)


def server(manifest: Manifest) -> bytes:
    """Return the server's metadata."""
    return encode({"name": "jupyter-mlops", "version": manifest.ref, "extensions": []})


def metadata(manifest: Manifest) -> bytes:
    """Return the model's metadata."""
    schema = manifest.schema

    def told(columns: Any, tensors: Any) -> list[dict[str, Any]]:
        if tensors:
            return [
                {"name": each.name or "input", "datatype": DATATYPES.get(each.dtype, "BYTES"), "shape": each.shape}
                for each in tensors
            ]
        return [{"name": each.name, "datatype": COLUMNS.get(each.type, "BYTES"), "shape": [-1]} for each in columns]

    outputs = told(schema.output_columns, schema.output_tensors)
    for output in outputs:
        output["name"] = OUTPUT if output["name"] in {"", "input"} else output["name"]
    name, version = served(manifest)
    return encode(
        {
            "name": name,
            "versions": [version],
            "platform": "script" if manifest.script else f"mlflow_{manifest.models[0].flavor}",
            "inputs": told(schema.columns, schema.tensors),
            "outputs": outputs,
        }
    )


def read(body: bytes) -> InferenceRequest:
    """Return a request. Raises ``BadBody`` for what is not JSON and ``BadInference`` for other JSON."""
    content = codec.read_json(body)
    try:
        request = msgspec.convert(content, InferenceRequest)
    except msgspec.ValidationError as error:
        raise BadInference(
            f"The body is not a v2 inference request: {error}.",
            hint='Send {"inputs": [{"name", "shape", "datatype", "data"}]}; GET /v2/models/NAME shows names and types.',
        ) from error
    if not request.inputs:
        raise BadInference("The request has no inputs.")
    return request


def arrays(request: InferenceRequest) -> dict[str, Array]:
    """Return a request's tensors by name. Raises ``BadInference`` and ``SchemaMismatch``."""
    try:
        from jupyter_mlops.scoring.tensors import cast, to_array
    except ImportError as error:
        raise NoNumpy("This image has no numpy, which tensors need.", hint="Send JSON to /score.") from error

    tensors: dict[str, Array] = {}
    for given in request.inputs:
        called = f"input {short(given.name)}"
        dtype = DTYPES.get(given.datatype)
        if dtype is None:
            raise BadInference(
                f"The {called} has the unknown datatype {short(given.datatype)}.",
                hint=f"Use one of {', '.join(DTYPES)}.",
            )
        if given.name in tensors:
            raise BadInference(f"The request has the {called} twice.")
        array = cast(to_array(given.data), dtype)
        if array is None or any(n < 0 for n in given.shape) or array.size != math.prod(given.shape):
            raise SchemaMismatch(
                f"The data of {called} is not {given.datatype} of shape {given.shape}.", column=given.name[:60]
            )
        tensors[given.name] = array.reshape(given.shape)
    return tensors


def answer(output: Any, manifest: Manifest, request: InferenceRequest) -> bytes:
    """Return a model's output as a response. Raises ``AnswerNotTensors``."""
    import numpy as np

    if hasattr(output, "to_dict") and hasattr(output, "columns"):
        named = {str(name): output[name].to_numpy() for name in output.columns}
    elif isinstance(output, dict):
        named = {str(name): np.asarray(values) for name, values in output.items()}
    else:
        outputs = manifest.schema.output_columns or manifest.schema.output_tensors
        name = outputs[0].name if len(outputs) == 1 and outputs[0].name else OUTPUT
        named = {name: np.asarray(output)}
    asked = {each.name for each in request.outputs}
    unknown = sorted(asked - named.keys())
    if unknown:
        raise BadInference(f"There is no output {short(unknown[0])}.", hint=f"The outputs are {', '.join(named)}.")
    model_name, model_version = served(manifest)
    response: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
    if request.id:
        response["id"] = request.id
    response["outputs"] = [_output(name, array) for name, array in named.items() if not asked or name in asked]
    return codec.encode(response)


def _output(name: str, array: Array) -> dict[str, Any]:
    datatype = DATATYPES.get(str(array.dtype))
    flat = array.ravel().tolist()
    if datatype is None or datatype == "BYTES":
        if not all(isinstance(value, str) for value in flat):
            raise AnswerNotTensors(
                f"The output {name!r} ({array.dtype}) cannot be written as a tensor.",
                hint="POST /score answers with JSON.",
            )
        datatype = "BYTES"
    return {"name": name, "datatype": datatype, "shape": list(array.shape), "data": flat}
