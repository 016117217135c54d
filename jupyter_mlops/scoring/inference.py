"""The Open Inference Protocol v2, in JSON and with binary tensors behind it: named tensors in, named tensors out."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Failed, Unavailable
from jupyter_mlops.core.manifest import ColumnType, Manifest
from jupyter_mlops.core.record import convert, encode
from jupyter_mlops.scoring import codec
from jupyter_mlops.scoring.schema import SchemaMismatch, short, shown

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
MAX_DIMENSIONS: Final = 32
MAX_VALUES: Final = 2**40
"""A shape may name more than a body holds, as long as one of its dimensions is 0."""
HEAD: Final = "Inference-Header-Content-Length"
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
    """One input of a request. ``data`` is flat or nested; without it the data are ``binary_data_size`` bytes behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
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
    return encode({"name": "jupyter-mlops", "version": manifest.ref, "extensions": ["binary_tensor_data"]})


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


def read(body: bytes, media: str, head: bytes | None = None) -> tuple[InferenceRequest, memoryview]:
    """Return a request, and the bytes of its tensors that stand behind its JSON.

    ``head`` is the length of the JSON, from the header ``Inference-Header-Content-Length``. Raises ``BadBody`` for what
    is not JSON, ``BadInference`` for other JSON and ``UnsupportedMediaType``.
    """
    if media != "json" and not (media == "bytes" and head is not None):
        raise codec.UnsupportedMediaType(
            "A v2 inference request is JSON, or JSON with binary tensors behind it.",
            hint=f"Send application/json, or the header {HEAD} with the length of the JSON.",
        )
    n_json = len(body) if head is None else _length(head, len(body))
    content = codec.read_json(body[:n_json])
    try:
        request = convert(content, InferenceRequest)
    except msgspec.ValidationError as error:
        raise BadInference(
            f"The body is not a v2 inference request: {error}.",
            hint='Send {"inputs": [{"name", "shape", "datatype", "data"}]}; GET /v2/models/NAME shows names and types.',
        ) from error
    if not request.inputs:
        raise BadInference("The request has no inputs.")
    return request, memoryview(body)[n_json:]


def _length(head: bytes, most: int) -> int:
    digits = head.decode("latin-1").strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < len(str(2**63)) and int(digits) <= most):
        raise BadInference(f"The header {HEAD} is {short(digits)}, and the body has {most} bytes.")
    return int(digits)


def arrays(request: InferenceRequest, behind: memoryview) -> dict[str, Array]:
    """Return a request's tensors by name; ``behind`` are the bytes behind its JSON.

    Raises ``BadInference`` and ``SchemaMismatch``.
    """
    if importlib.util.find_spec("numpy") is None:
        raise NoNumpy("This image has no numpy, which tensors need.", hint="Send JSON to /score.")
    tensors: dict[str, Array] = {}
    at = 0
    for given in request.inputs:
        if given.datatype not in DTYPES:
            raise BadInference(
                f"The input {short(given.name)} has the unknown datatype {short(given.datatype)}.",
                hint=f"Use one of {', '.join(DTYPES)}.",
            )
        if given.name in tensors:
            raise BadInference(f"The request has the input {short(given.name)} twice.")
        n_bytes = 0 if given.data is not None else _binary_size(given, len(behind) - at)
        tensors[given.name] = _tensor(given, behind[at : at + n_bytes])
        at += n_bytes
    if at < len(behind):
        raise BadInference(f"The body has {len(behind) - at} bytes more than its inputs' 'binary_data_size' say.")
    return tensors


def _binary_size(given: InputTensor, most: int) -> int:
    n_bytes = given.parameters.get("binary_data_size")
    if n_bytes is None:
        raise BadInference(
            f"The input {short(given.name)} has neither 'data' nor the parameter 'binary_data_size'.",
            hint="Shared memory is not read here.",
        )
    if type(n_bytes) is not int or not 0 <= n_bytes <= most:
        raise BadInference(
            f"The 'binary_data_size' of input {short(given.name)} is {shown(n_bytes)}; {most} bytes are left in the body."
        )
    return n_bytes


def _tensor(given: InputTensor, behind: memoryview) -> Array:
    from jupyter_mlops.scoring.binary import from_bytes
    from jupyter_mlops.scoring.tensors import cast, to_array

    array = None
    if _is_shape(given.shape):
        if given.data is None:
            return from_bytes(given.name, behind, given.datatype, DTYPES[given.datatype], given.shape)
        array = cast(to_array(given.data), DTYPES[given.datatype])
    if array is None or array.size != math.prod(given.shape):
        raise SchemaMismatch(
            f"The data of input {short(given.name)} is not {given.datatype} of shape {given.shape}.",
            column=given.name[:60],
        )
    return array.reshape(given.shape)


def _is_shape(shape: list[int]) -> bool:
    """Tell whether numpy has arrays of a shape, and rows without values are none: there could be any number of them."""
    return (
        len(shape) <= MAX_DIMENSIONS
        and all(n >= 0 for n in shape)
        and math.prod(max(n, 1) for n in shape) < MAX_VALUES
        and (0 not in shape or shape[0] == 0)
    )


def answer(output: Any, manifest: Manifest, request: InferenceRequest) -> tuple[bytes, int | None]:
    """Return a model's output as a response, and the length of its JSON where binary tensors stand behind it.

    Raises ``AnswerNotTensors`` and, when there is no such output, ``BadInference``.
    """
    named = _named(output, manifest)
    asked = {each.name: each.parameters for each in request.outputs}
    unknown = sorted(asked.keys() - named.keys())
    if unknown:
        raise BadInference(f"There is no output {short(unknown[0])}.", hint=f"The outputs are {', '.join(named)}.")
    model_name, model_version = served(manifest)
    response: dict[str, Any] = {"model_name": model_name, "model_version": model_version}
    if request.id:
        response["id"] = request.id
    every = request.parameters.get("binary_data_output") is True
    behind: list[bytes] = []
    response["outputs"] = [
        _output(name, array, behind if asked.get(name, {}).get("binary_data", every) is True else None)
        for name, array in named.items()
        if not asked or name in asked
    ]
    head = codec.encode(response)
    return (b"".join([head, *behind]), len(head)) if behind else (head, None)


def _named(output: Any, manifest: Manifest) -> dict[str, Array]:
    import numpy as np

    if hasattr(output, "to_dict") and hasattr(output, "columns"):
        return {str(name): output[name].to_numpy() for name in output.columns}
    if isinstance(output, dict):
        return {str(name): np.asarray(values) for name, values in output.items()}
    outputs = manifest.schema.output_columns or manifest.schema.output_tensors
    name = outputs[0].name if len(outputs) == 1 and outputs[0].name else OUTPUT
    return {name: np.asarray(output)}


def _output(name: str, array: Array, behind: list[bytes] | None) -> dict[str, Any]:
    """Return one output; its bytes go to ``behind``, where there is one."""
    from jupyter_mlops.scoring.binary import to_bytes

    datatype = DATATYPES.get(str(array.dtype), "BYTES")
    flat = array.ravel().tolist() if datatype == "BYTES" or behind is None else []
    if datatype == "BYTES" and not all(isinstance(value, str) for value in flat):
        raise AnswerNotTensors(
            f"The output {name!r} ({array.dtype}) cannot be written as a tensor.",
            hint="POST /score answers with JSON.",
        )
    told = {"name": name, "datatype": datatype, "shape": list(array.shape)}
    if behind is None:
        return {**told, "data": flat}
    behind.append(to_bytes(array.astype(object) if datatype == "BYTES" else array))
    return {**told, "parameters": {"binary_data_size": len(behind[-1])}}
