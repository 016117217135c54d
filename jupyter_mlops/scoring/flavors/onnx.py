"""ONNX models, which is also how models of .NET and R come in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from jupyter_mlops.core.manifest import Tensor
from jupyter_mlops.scoring.flavors.opened import Opened
from jupyter_mlops.scoring.processors import n_threads

DTYPES: Final = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "int64": "int64",
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "uint64": "uint64",
    "bool": "bool",
    "string": "object",
}
PREFERRED: Final = ("CUDAExecutionProvider", "CPUExecutionProvider")
"""A GPU where onnxruntime was built for one and finds it."""


def open_onnx(file: Path) -> Opened:
    """Open a model; each batch is one run of the graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads()
    available = onnxruntime.get_available_providers()
    providers = [name for name in PREFERRED if name in available]
    session = onnxruntime.InferenceSession(str(file), options, providers=providers)
    inputs = {each.name: each for each in session.get_inputs()}
    outputs = [each.name for each in session.get_outputs()]

    def predict(given: Any) -> Any:
        feed = given if isinstance(given, dict) else {next(iter(inputs)): given}
        found = session.run(outputs, {name: _fitted(array, inputs[name]) for name, array in feed.items()})
        plain = [_plain(each) for each in found]
        return plain[0] if len(plain) == 1 else dict(zip(outputs, plain, strict=True))

    return Opened(
        predict=predict,
        said=f"an ONNX model on {session.get_providers()[0].removesuffix('ExecutionProvider')}",
        dtype=_dtype(next(iter(inputs.values()))),
        tensors=[_tensor(each) for each in inputs.values()],
        separate=len(inputs) > 1,
    )


def _tensor(given: Any) -> Tensor:
    return Tensor(name=given.name, dtype=_dtype(given), shape=[n if isinstance(n, int) else -1 for n in given.shape])


def _dtype(given: Any) -> str:
    return DTYPES[given.type.removeprefix("tensor(").removesuffix(")")]


def _fitted(array: Any, wanted: Any) -> Any:
    """Return an array of the input's type; a column where the graph wants one."""
    fitted = np.asarray(array).astype(_dtype(wanted), copy=False)
    if fitted.ndim == 1 and len(wanted.shape) == 2:  # noqa: PLR2004 - a matrix
        return fitted.reshape(-1, 1)
    return fitted


def _plain(output: Any) -> Any:
    """Return an output by rows: a list of maps (class to probability) has keys that JSON wants as strings."""
    if isinstance(output, list) and output and isinstance(output[0], Mapping):
        return [{str(key): value for key, value in row.items()} for row in output]
    return output
