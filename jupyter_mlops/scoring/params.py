"""Parameters of a prediction beside its rows, as MLflow's signatures name them: ``{"inputs": ..., "params": {...}}``."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jupyter_mlops.core.manifest import Param
from jupyter_mlops.scoring import codec
from jupyter_mlops.scoring.schema import KINDS, SchemaMismatch, Unfit, short, shown

if TYPE_CHECKING:
    from jupyter_mlops.scoring.intake import Intake
    from jupyter_mlops.scoring.tensors import Arrays

PARAMS: Final = "params"


class ParamsIntake:
    """An intake whose bodies may carry parameters. Data: the data of the rows, and every parameter's value by name."""

    joins = False

    def __init__(self, rows: Intake, params: Sequence[Param]) -> None:
        """``rows`` reads what is beside the parameters."""
        self._rows = rows
        self._params = {param.name: param for param in params}

    def read(self, body: bytes, media: str) -> tuple[tuple[Any, dict[str, Any]], int]:
        """Read rows in any form; parameters stand in JSON objects alone."""
        given: Any = None
        if media == "json":
            content = codec.read_json(body)
            if isinstance(content, dict) and PARAMS in content:
                given = content.pop(PARAMS)
                body = msgspec.json.encode(content)
        data, n_rows = self._rows.read(body, media)
        return (data, self._values(given)), n_rows

    def read_tensors(self, tensors: Arrays) -> tuple[tuple[Any, dict[str, Any]], int]:
        """Read tensors by name; parameters have their defaults."""
        data, n_rows = self._rows.read_tensors(tensors)
        return (data, self._values(None)), n_rows

    def join(self, data: Sequence[tuple[Any, dict[str, Any]]]) -> tuple[Any, dict[str, Any]]:
        """Return the one request's input and its parameters."""
        ((rows, values),) = data
        return self._rows.join([rows]), values

    def _values(self, given: Any) -> dict[str, Any]:
        """Return every parameter's value, the default where none is given. Raises ``SchemaMismatch``."""
        if given is None:
            given = {}
        if not isinstance(given, dict):
            raise SchemaMismatch(f"'params' must be an object; got {shown(given)}.", column=PARAMS)
        for name in given:
            if name not in self._params:
                near = difflib.get_close_matches(name, self._params, n=1)
                meant = f"did you mean {near[0]!r}?" if near else f"they are {', '.join(map(repr, self._params))}."
                raise SchemaMismatch(f"There is no parameter {short(name)}; {meant}", column=short(name))
        return {
            name: _value(given[name], param) if name in given else param.default for name, param in self._params.items()
        }


def _value(given: Any, param: Param) -> Any:
    """Return a parameter as the model gets it. Raises ``SchemaMismatch``."""
    kind = KINDS[param.type]
    if given is None and param.default is None:
        return None
    values = given if param.shape is not None else [given]
    if not isinstance(values, list) or (param.shape not in (None, [-1]) and [len(values)] != param.shape):
        of = "of any length" if param.shape == [-1] else f"of {(param.shape or [0])[0]}"
        raise SchemaMismatch(f"Parameter {param.name!r} must be a list {of}; got {shown(given)}.", column=param.name)
    try:
        read = [kind.read(value) for value in values]
    except Unfit:
        of = "a list, each " if param.shape is not None else ""
        raise SchemaMismatch(
            f"Parameter {param.name!r} must be {of}{kind.words}; got {shown(given)}.", column=param.name
        ) from None
    return read if param.shape is not None else read[0]
