"""The tensors a model takes: nested lists become arrays of the schema's dtype and shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from jupyter_mlops.core.manifest import Tensor
from jupyter_mlops.scoring import arrow, codec, pictures
from jupyter_mlops.scoring.binary import texts
from jupyter_mlops.scoring.schema import SchemaMismatch, short, shown

Array = np.ndarray[Any, Any]
Arrays = Mapping[str, Array]


class TensorIntake:
    """Tensors of known dtype and shape. Data: a dict of arrays by name (one unnamed tensor has the name ``""``)."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = {tensor.name: tensor for tensor in tensors}
        self.joins = all(tensor.shape[:1] == [-1] for tensor in tensors)

    def read(self, body: bytes, media: str) -> tuple[dict[str, Array], int]:
        """Read nested lists, of the one tensor or by name; rows of CSV and Arrow; or one picture."""
        content: Any
        if media == "bytes":
            return self._picture(body)
        if media == "csv":
            content = codec.csv_records(body)
        elif media == "arrow":
            content = arrow.values(arrow.read(body))
        else:
            content = codec.unwrapped(codec.read_json(body), list(self._tensors))
        content = self._pivoted(content)
        if len(self._tensors) == 1 and not (isinstance(content, dict) and set(content) == set(self._tensors)):
            content = {next(iter(self._tensors)): _positional(content)}
        if not isinstance(content, dict):
            raise SchemaMismatch(f"The body must hold the inputs {self._told()} by name; got {shown(content)}.")
        return self._checked(content)

    def read_tensors(self, tensors: Arrays) -> tuple[dict[str, Array], int]:
        """Read tensors by name; a single one may have any name."""
        if len(tensors) == len(self._tensors) == 1:
            tensors = {next(iter(self._tensors)): next(iter(tensors.values()))}
        return self._checked({name: texts(array) for name, array in tensors.items()})

    def join(self, data: Sequence[dict[str, Array]]) -> Any:
        """Put tensors one after the other along their first axis."""
        joined = data[0]
        if len(data) > 1:
            joined = {name: np.concatenate([each[name] for each in data]) for name in self._tensors}
        return joined[""] if set(joined) == {""} else joined

    def _checked(self, given: Mapping[str, Any]) -> tuple[dict[str, Array], int]:
        for name in given:
            if name not in self._tensors:
                raise SchemaMismatch(f"There is no input {short(name)}; the inputs are {self._told()}.")
        checked = {}
        for name, tensor in self._tensors.items():
            if name not in given:
                raise SchemaMismatch(f"Input {name!r} ({expectation(tensor)}) is missing.", column=name)
            checked[name] = _fitted(given[name], tensor)
        lengths = {len(array) if array.ndim else 1 for array in checked.values()}
        if self.joins and len(lengths) > 1:
            raise SchemaMismatch("All inputs must have the same number of rows.")
        return checked, max(lengths, default=0)

    def _pivoted(self, content: Any) -> Any:
        """Return rows that are objects with one value for each input (TensorFlow Serving's) as one list per input."""
        if not (isinstance(content, list) and content and all(isinstance(row, dict) for row in content)):
            return content
        if any(row.keys() != self._tensors.keys() for row in content):
            return content
        return {name: [row[name] for row in content] for name in self._tensors}

    def _picture(self, body: bytes) -> tuple[dict[str, Array], int]:
        (name, tensor), *others = self._tensors.items()
        if others:
            raise codec.UnsupportedMediaType(
                f"The body is bytes, and this model takes the inputs {self._told()}.",
                hint="Send them by name in JSON, pictures as base64.",
            )
        return self._checked({name: pictures.pixels(body, tensor)[np.newaxis]})

    def _told(self) -> str:
        return ", ".join(repr(name) for name in self._tensors)


def expectation(tensor: Tensor) -> str:
    """Return a tensor's dtype and shape in words."""
    shape = " x ".join("any" if n == -1 else str(n) for n in tensor.shape)
    return f"{tensor.dtype} of shape {shape or 'of one value'}"


def to_array(content: Any) -> Array:
    """Return nested lists as an array; null among numbers is NaN. Raises ``SchemaMismatch``."""
    try:
        array = np.asarray(content)
        if array.dtype == object and _numbers(content):
            array = np.asarray(content, dtype=np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise SchemaMismatch("The input must be an array; its lists have different lengths or depths.") from error
    return array


def cast(array: Array, to: str) -> Array | None:
    """Return an array as another dtype, ``None`` where that would lose something or makes no sense."""
    dtype = np.dtype(to)
    if array.dtype == dtype or not array.size:
        return array.astype(dtype)
    if dtype.kind in "iu":
        return array.astype(dtype) if _whole(array, dtype) else None
    if array.dtype.kind == "O" and dtype.kind != "O":
        return None
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        return None
    with np.errstate(over="ignore"):
        fitting = array.astype(dtype)
    if dtype.kind == "f" and bool((np.isinf(fitting) & np.isfinite(array)).any()):
        return None  # too large for so few bits
    return fitting


def _fitted(given: Any, tensor: Tensor) -> Array:
    """Return what was given with the tensor's dtype and shape, where nothing is lost. Raises ``SchemaMismatch``."""
    texts = None if isinstance(given, np.ndarray) or not pictures.takes_pictures(tensor) else pictures.written(given)
    try:
        if texts is not None:
            given = pictures.from_base64(texts, tensor)
        array = given if isinstance(given, np.ndarray) else to_array(given)
    except SchemaMismatch:
        if texts is not None:
            raise
        _explain(given, tensor)
    fitting = cast(array, tensor.dtype)
    if fitting is None:
        _explain(given, tensor)
    array = fitting
    if len(tensor.shape) == array.ndim + 1 and tensor.shape[0] == -1 and array.size:
        array = array[np.newaxis]  # one row, without the brackets around it
    if not array.size:
        return np.empty([0 if n == -1 else n for n in tensor.shape], tensor.dtype)
    same = len(tensor.shape) == array.ndim
    if not same or any(want not in (-1, have) for want, have in zip(tensor.shape, array.shape, strict=True)):
        _explain(given, tensor, f"the shape {' x '.join(map(str, array.shape))}")
    return array


def _explain(given: Any, tensor: Tensor, got: str = "") -> NoReturn:
    """Raise ``SchemaMismatch`` with the first row and position that does not fit."""
    called = f"Input {tensor.name!r}" if tensor.name else "The input"
    rows = given if isinstance(given, list) and len(tensor.shape) == 2 and tensor.shape[1] > 0 else []  # noqa: PLR2004 - a table
    for number, row in enumerate(rows):
        if not isinstance(row, list):
            break
        if len(row) != tensor.shape[1]:
            raise SchemaMismatch(f"Row {number} has {len(row)} values instead of {tensor.shape[1]}.", row=number)
        for at, value in enumerate(row):
            if not _numbers(value) or isinstance(value, list):
                raise SchemaMismatch(
                    f"Value {at} of row {number} must be {tensor.dtype}; got {shown(value)}.",
                    column=str(at),
                    row=number,
                )
    if not got:
        got = "numbers that do not fit" if _numbers(given) else "other values, or lists of different lengths or depths"
    raise SchemaMismatch(f"{called} must be {expectation(tensor)}; got {got}.", column=tensor.name or None)


def _whole(array: Array, dtype: np.dtype[Any]) -> bool:
    """Tell whether numbers fit an integer dtype without losing anything."""
    if array.dtype.kind not in "iuf":
        return False
    limits = np.iinfo(dtype)
    fits = (array >= limits.min) & (array <= limits.max) & (array == np.floor(array))
    return bool(fits.all())


def _numbers(content: Any) -> bool:
    if isinstance(content, list):
        return all(_numbers(each) for each in content)
    return content is None or (isinstance(content, (int, float)) and not isinstance(content, bool))


def _positional(content: Any) -> Any:
    """Return the rows of a table for a model that knows positions only: in the order of the first row's names."""
    if isinstance(content, dict) and isinstance(content.get("data"), list):
        return content["data"]
    if isinstance(content, dict) and content and all(isinstance(values, list) for values in content.values()):
        lengths = {len(values) for values in content.values()}
        if len(lengths) > 1:
            raise SchemaMismatch("All columns must have the same number of values.")
        return [list(row) for row in zip(*content.values(), strict=True)]
    if isinstance(content, dict) and content and set(content) != {pictures.B64}:
        content = [content]
    if isinstance(content, list) and content and isinstance(content[0], dict) and set(content[0]) != {pictures.B64}:
        names = list(content[0])
        for number, row in enumerate(content):
            if not isinstance(row, dict) or set(row) != set(names):
                raise SchemaMismatch(f"Row {number} does not have the columns of row 0.", row=number)
        return [[row[name] for name in names] for row in content]
    return content
