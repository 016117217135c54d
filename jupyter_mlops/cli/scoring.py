"""``mlops score``: send rows to a service."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import cut, one_line
from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.scoring.codec import encode

FORMS: Final = "Give JSON in quotes, the path of a .json or .csv file, or in a notebook a variable."
_TYPES: Final = {".json": "application/json", ".csv": "text/csv"}


class BadData(BadInput):
    """What was to be scored is no rows."""

    code = "bad-data"


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.argument("data")
@json_option
@pass_session
def score(session: Session, name: str, data: str) -> Any:
    """Send rows to a service and show its answer.

    DATA is JSON, the path of a .json or .csv file (with or without @), - for standard input, or in a notebook the name
    of a variable that holds a DataFrame, an array or anything that JSON has.

    Example:
      mlops score churn '[{"age": 41, "plan": "basic"}]'
      mlops score churn rows.csv
    """
    from jupyter_mlops.delivery.services import score as send

    body, content_type = body_of(data, session.variables)
    return send(session.world, name, body, content_type)


def body_of(data: str, variables: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the request body that ``data`` stands for, and its content type. Raises ``BadData``."""
    if data.isidentifier() and data in variables:
        return rows_of(variables[data]), _TYPES[".json"]
    if data == "-":
        return _checked(sys.stdin.buffer.read(), "standard input"), _TYPES[".json"]
    path = Path(data.removeprefix("@"))
    if data.startswith("@") or path.suffix in _TYPES:
        return _read(path)
    if data.isidentifier() and data not in {"true", "false", "null"}:
        raise BadData(f"{data!r} is neither a variable nor a file nor JSON.", hint=FORMS)
    return _checked(data.encode(), cut(one_line(data), 60)), _TYPES[".json"]


def rows_of(value: Any) -> bytes:
    """Return a notebook's value as a JSON request body: a DataFrame by columns and rows, an array as inputs.

    Raises ``AnswerNotJson`` naming the type that has no JSON.
    """
    if hasattr(value, "columns") and hasattr(value, "to_numpy"):
        rows = value.astype(object).where(value.notna(), None).to_numpy().tolist()
        value = {"dataframe_split": {"columns": [str(column) for column in value.columns], "data": rows}}
    elif hasattr(value, "to_frame") and hasattr(value, "to_dict"):  # a Series, which is what one row of a frame is
        value = {"dataframe_records": [value.to_dict()]}
    elif hasattr(value, "dtype") and hasattr(value, "tolist"):
        value = {"inputs": value.tolist()}
    return encode(value, by="variable")


def _read(path: Path) -> tuple[bytes, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(
            f"{path} cannot be read: {error.strerror}.", hint="Give the path of a .json or .csv file."
        ) from error
    if path.suffix == ".csv":
        return content, _TYPES[".csv"]
    return _checked(content, str(path)), _TYPES[".json"]


def _checked(content: bytes, what: str) -> bytes:
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{what} is not JSON: {error}.", hint=FORMS) from error
    return content
