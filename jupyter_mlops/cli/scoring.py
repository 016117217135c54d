"""``mlops score``: send rows to a service."""

from __future__ import annotations

import contextlib
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
from jupyter_mlops.delivery.calls import score as send
from jupyter_mlops.delivery.consuming import asked, consumer
from jupyter_mlops.scoring.codec import ARROW

FORMS: Final = "Give JSON in quotes, the path of a .json, .csv, .arrow, .png or .jpg file, or in a notebook a variable."
_TYPES: Final = {
    ".json": "application/json",
    ".csv": "text/csv",
    ".arrow": ARROW,
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


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

    DATA is JSON, the path of a file (.json, .csv, .arrow, .png, .jpg; with or without @), - for JSON on standard input, or
    in a notebook the name of a variable: a DataFrame, an array or a picture, which comes back as the like. While the
    service is full it is asked again, for a minute.

    Example:
      mlops score churn '[{"age": 41, "plan": "basic"}]'
      mlops score churn rows.csv
    """
    if data.isidentifier() and data in session.variables and not session.as_json:
        with contextlib.closing(consumer(session.world, name)) as service:
            return service.score(session.variables[data])
    body, content_type = body_of(data, session.variables)
    return send(session.world, name, body, content_type)


def body_of(data: str, variables: Mapping[str, Any]) -> tuple[bytes, str]:
    """Return the request body that ``data`` stands for, and its content type. Raises ``BadData``."""
    if data.isidentifier() and data in variables:
        question = asked(variables[data])
        return question.body, question.media
    if data == "-":
        return _checked(sys.stdin.buffer.read(), "standard input"), _TYPES[".json"]
    path = Path(data.removeprefix("@"))
    if data.startswith("@") or path.suffix.lower() in _TYPES:
        return _read(path)
    if data.isidentifier() and data not in {"true", "false", "null"}:
        raise BadData(f"{data!r} is neither a variable nor a file nor JSON.", hint=FORMS)
    return _checked(data.encode(), cut(one_line(data), 60)), _TYPES[".json"]


def _read(path: Path) -> tuple[bytes, str]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadData(f"{path} cannot be read: {error.strerror}.", hint=FORMS) from error
    media = _TYPES.get(path.suffix.lower(), _TYPES[".json"])
    return _checked(content, str(path)) if media == _TYPES[".json"] else content, media


def _checked(content: bytes, what: str) -> bytes:
    try:
        msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{what} is not JSON: {error}.", hint=FORMS) from error
    return content
