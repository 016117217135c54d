"""Arrays in bulk: numbers travel as the bytes that they are, by the Open Inference Protocol's binary tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from jupyter_mlops.delivery.calls import Answer, BadAnswer
from jupyter_mlops.scoring.inference import DATATYPES, DTYPES, HEAD

NUMBERS: Final = "biuf"
"""numpy's kinds of what is sent so."""


def inputs_of(data: Any, many: int) -> dict[str, Any] | None:
    """Return arrays of numbers by name where they have ``many`` values, ``None`` for anything else."""
    import numpy as np

    if isinstance(data, dict):
        given = {str(name): each for name, each in data.items() if hasattr(each, "__array__")}
        if len(given) < len(data):
            return None
    elif hasattr(data, "__array__") and not hasattr(data, "columns") and not hasattr(data, "to_frame"):
        given = {"input": data}
    else:
        return None
    if sum(getattr(each, "size", 0) for each in given.values() if isinstance(getattr(each, "size", 0), int)) < many:
        return None
    arrays = {name: np.asarray(each) for name, each in given.items()}
    fit = all(a.ndim and a.dtype.kind in NUMBERS and str(a.dtype) in DATATYPES for a in arrays.values())
    return arrays if fit else None


def request(arrays: Mapping[str, Any]) -> tuple[bytes, dict[str, str]]:
    """Return the body and the header that says how long its JSON is."""
    from jupyter_mlops.scoring.binary import to_bytes

    inputs, behind = [], []
    for name, array in arrays.items():
        behind.append(to_bytes(array))
        told = {"name": name, "shape": list(array.shape), "datatype": DATATYPES[str(array.dtype)]}
        inputs.append({**told, "parameters": {"binary_data_size": len(behind[-1])}})
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return b"".join([head, *behind]), {HEAD: str(len(head))}


def outputs(answer: Answer) -> Any:
    """Return the one output as an array, several by name. Raises ``BadAnswer``."""
    import numpy as np

    from jupyter_mlops.scoring.binary import from_bytes, texts

    found = {}
    try:
        n_head = int(answer.headers.get(HEAD.lower(), len(answer.body)))
        at = n_head
        for output in json.loads(answer.body[:n_head])["outputs"]:
            name, datatype, shape = output["name"], output["datatype"], output["shape"]
            if "data" in output:
                found[name] = np.array(output["data"], DTYPES[datatype]).reshape(shape)
                continue
            n_bytes = output["parameters"]["binary_data_size"]
            part = answer.body[at : at + n_bytes]
            found[name] = texts(from_bytes(name, part, datatype, DTYPES[datatype], shape))
            at += n_bytes
    except (ValueError, KeyError, TypeError) as error:
        raise BadAnswer(f"The service answered tensors that cannot be read: {error}.") from error
    return next(iter(found.values())) if len(found) == 1 else found
