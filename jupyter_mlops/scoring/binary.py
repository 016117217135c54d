"""Tensors as bytes behind a JSON head: the Open Inference Protocol's binary form, as Triton's clients send it."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from jupyter_mlops.scoring.schema import SchemaMismatch, short

if TYPE_CHECKING:
    from jupyter_mlops.scoring.tensors import Array

LENGTH: Final = struct.Struct("<I")
"""Stands before each element of a BYTES tensor."""


def from_bytes(name: str, data: bytes | memoryview, datatype: str, dtype: str, shape: Sequence[int]) -> Array:
    """Return a tensor of little-endian bytes, row by row; BYTES become ``bytes`` objects. Raises ``SchemaMismatch``."""
    n_values = math.prod(shape)
    if datatype == "BYTES":
        elements = _elements(name, data)
        if len(elements) != n_values:
            raise _unfit(name, f"{len(elements)} elements", datatype, shape)
        array = np.empty(n_values, object)
        array[:] = elements
        return array.reshape(shape)
    wanted = np.dtype(dtype).newbyteorder("<")
    if len(data) != n_values * wanted.itemsize:
        raise _unfit(name, f"{len(data)} bytes", datatype, shape)
    if datatype == "BOOL":  # numpy would take any byte for a truth and count with it
        wanted = np.dtype(np.uint8)
    return np.frombuffer(data, wanted).reshape(shape).astype(dtype)  # a copy: the model may write into it


def to_bytes(array: Array) -> bytes:
    """Return a tensor as ``from_bytes`` reads it; strings are written as UTF-8."""
    if array.dtype != object:
        return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    parts = [value.encode() if isinstance(value, str) else value for value in array.ravel().tolist()]
    return b"".join(LENGTH.pack(len(part)) + part for part in parts)


def _elements(name: str, data: bytes | memoryview) -> list[bytes]:
    found, at = [], 0
    while at < len(data):
        begin = at + LENGTH.size
        if begin > len(data):
            raise SchemaMismatch(f"The data of input {short(name)} ends within a length.", column=name[:60])
        (n_bytes,) = LENGTH.unpack_from(data, at)
        at = begin + n_bytes
        if at > len(data):
            raise SchemaMismatch(f"The data of input {short(name)} ends within an element.", column=name[:60])
        found.append(bytes(data[begin:at]))
    return found


def _unfit(name: str, got: str, datatype: str, shape: Sequence[int]) -> SchemaMismatch:
    return SchemaMismatch(
        f"The data of input {short(name)} is not {datatype} of shape {list(shape)}: it has {got}.", column=name[:60]
    )


def texts(array: Array) -> Array:
    """Return a tensor of ``bytes`` as one of strings where every element is UTF-8, and any other as it is."""
    if array.dtype != object or not all(isinstance(value, bytes) for value in array.ravel()):
        return array
    values: list[Any] = array.ravel().tolist()
    try:
        decoded = [value.decode() for value in values]
    except UnicodeDecodeError:
        return array
    strings = np.empty(len(decoded), object)
    strings[:] = decoded
    return strings.reshape(array.shape)
