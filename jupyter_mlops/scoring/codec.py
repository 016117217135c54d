"""Bodies in and out: content types, JSON, CSV, the forms a table may come in, and answers as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Failed, MlopsError
from jupyter_mlops.scoring.schema import KINDS, Row, SchemaMismatch, TableSchema, short, shown

ENVELOPES: Final = ("columns", "data", "inputs", "instances", "dataframe_split", "dataframe_records")
ARROW: Final = "application/vnd.apache.arrow.stream"
FORMS: Final = (
    'Send {"data": [{COLUMN: VALUE, ...}, ...]}, {"columns": {COLUMN: [VALUES]}}, "dataframe_split", "dataframe_records",'
    ' "inputs", "instances", or text/csv; /openapi.json carries a sample that scores.'
)
TRUE: Final = frozenset({"true", "True", "TRUE", "1"})
FALSE: Final = frozenset({"false", "False", "FALSE", "0"})


class BadBody(BadInput):
    """A body that cannot be read as what its content type says."""

    code = "bad-body"


class UnsupportedMediaType(MlopsError):
    """A content type that this service does not read."""

    code, status = "unsupported-media-type", 415


class AnswerNotJson(Failed):
    """The model or script returned something that has no JSON."""

    code = "answer-not-json"


def media_of(content_type: bytes, encoding: bytes = b"") -> str:
    """Return ``json``, ``csv``, ``arrow`` or ``bytes`` for a request's headers. Raises ``UnsupportedMediaType``."""
    if content_type in {b"application/json", b""} and not encoding:
        return "json"
    media, _, rest = content_type.decode("latin-1").partition(";")
    media = media.strip().lower()
    settings = dict(part.strip().lower().partition("=")[::2] for part in rest.split(";") if part.strip())
    charset = settings.get("charset", "utf-8").strip('"')
    if encoding not in {b"", b"identity"}:
        raise UnsupportedMediaType(
            f"The content encoding {short(encoding.decode('latin-1'))} is not read here.", hint="Send it uncompressed."
        )
    if charset not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType(f"The charset {short(charset)} is not read here.", hint="Send UTF-8.")
    if media == "application/json" or (media.startswith("application/") and media.endswith("+json")):
        return "json"
    if media in {"text/csv", "application/csv"}:
        return "csv"
    if media == ARROW:
        return "arrow"
    if media == "application/octet-stream" or media.startswith("image/"):
        return "bytes"
    raise UnsupportedMediaType(
        f"The content type {short(media)} is not read here.",
        hint=f"Send application/json, text/csv or {ARROW} (curl: -H 'content-type: application/json').",
    )


def read_json(body: bytes) -> Any:
    """Return a body's JSON. Raises ``BadBody``, which says at which byte it goes wrong."""
    if not body.strip():
        raise BadBody("The body is empty.", hint=FORMS)
    try:
        return msgspec.json.decode(body)
    except RecursionError as error:
        raise BadBody("The body's JSON is nested too deeply.", hint=FORMS) from error
    except UnicodeDecodeError as error:
        raise BadBody(f"The body is not UTF-8: {error.reason} in a string.", hint="Send UTF-8.") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise BadBody(
            f"The body is not JSON: {_told(error, body)}.", hint="Numbers that are missing are written null, not NaN."
        ) from error


def _told(error: Exception, body: bytes) -> str:
    words, found, at = str(error).removeprefix("JSON is malformed: ").partition(" (byte ")
    if not found:
        return f"{words[:1].lower()}{words[1:]} (it ends at byte {len(body)})" if "truncated" in words else words
    byte = int(at.rstrip(")"))
    line = body.count(b"\n", 0, byte) + 1
    column = byte - body.rfind(b"\n", 0, byte)
    return f"{words} at byte {byte} (line {line}, column {column})"


def unwrapped(body: Any, columns: Sequence[str]) -> Any:
    """Return what a JSON body holds inside the envelope it may come in (``{"data": ...}``).

    An object whose keys are columns of the schema is no envelope but a row or columns. Raises ``SchemaMismatch``.
    """
    if not isinstance(body, dict) or (body and all(key in columns for key in body)):
        return body
    envelopes = [key for key in ENVELOPES if key in body and key not in columns]
    if isinstance(body.get("columns"), list) and isinstance(body.get("data"), list):
        return body  # pandas' own split form, which has no envelope
    if len(envelopes) > 1:
        raise SchemaMismatch(f"The body has both {envelopes[0]!r} and {envelopes[1]!r}.", hint=FORMS)
    if not envelopes:
        return body
    if body.get("params"):
        raise SchemaMismatch("The body has 'params', which this model does not take.", hint="Leave them out.")
    others = [key for key in body if key not in (*envelopes, "params")]
    if others:
        raise SchemaMismatch(f"The body has {short(others[0])} beside {envelopes[0]!r}.", hint=FORMS)
    return body[envelopes[0]]


def table_rows(body: Any, schema: TableSchema) -> list[Row]:
    """Return the rows of a JSON body in the schema's order, whatever form they come in. Raises ``SchemaMismatch``."""
    content = unwrapped(body, schema.names)
    if isinstance(content, dict):
        return _from_object(content, schema)
    if not isinstance(content, list):
        raise SchemaMismatch(f"The body must hold rows or columns; got {shown(content)}.", hint=FORMS)
    if not content:
        return []
    if isinstance(content[0], dict):
        return schema.from_records(content)
    if isinstance(content[0], list):
        return schema.from_rows(content)
    if len(schema.names) == 1:
        return schema.from_rows([[value] for value in content])
    raise SchemaMismatch(f"Each row must be an object or a list of values; row 0 is {shown(content[0])}.", hint=FORMS)


def _from_object(content: Mapping[str, Any], schema: TableSchema) -> list[Row]:
    names, data = content.get("columns"), content.get("data")
    if isinstance(names, list) and isinstance(data, list) and set(content) <= {"columns", "data", "index"}:
        bad = [name for name in names if not isinstance(name, str)]
        if bad or len(set(names)) < len(names):
            raise SchemaMismatch(
                f"'columns' must name each column once, as strings; got {shown(bad[0])}."
                if bad
                else "'columns' names a column twice.",
                hint=FORMS,
            )
        return schema.from_rows(data, names)
    if content and all(isinstance(value, list) for value in content.values()):
        return schema.from_columns(content)
    if any(isinstance(value, list) for key, value in content.items() if key in schema.names):
        return schema.from_columns(content)
    return schema.from_records([content])


def csv_rows(body: bytes, schema: TableSchema) -> list[Row]:
    """Return the rows of a CSV body whose first line names the columns. Raises ``BadBody`` and ``SchemaMismatch``."""
    names, lines = read_csv(body)
    kinds = {column.name: column.type for column in schema.columns}
    readers = [_FROM_TEXT.get(kinds.get(name, "any"), _as_is) for name in names]
    rows = [
        [None if text == "" else read(text) for read, text in zip(readers, line, strict=False)]
        + [None] * (len(names) - len(line))
        if len(line) <= len(names)
        else line
        for line in lines
    ]
    return schema.from_rows(rows, names)


def read_csv(body: bytes) -> tuple[list[str], list[list[str]]]:
    """Return the names and the lines of a CSV body. Raises ``BadBody``."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadBody(f"The body is not UTF-8: {error.reason} at byte {error.start}.", hint="Send UTF-8.") from error
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise BadBody(f"The body is not CSV: {error}.", hint="Quote values that hold quotes or line ends.") from error
    if not lines:
        raise BadBody("The body is empty.", hint="The first line of a CSV names the columns.")
    names = [name.strip() for name in lines[0]]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise BadBody(f"The CSV's first line names {short(twice)} twice.", hint="Name each column once.")
    return names, lines[1:]


def csv_records(body: bytes) -> list[dict[str, Any]]:
    """Return a CSV body as objects, for models without a schema: numbers where the text is one. Raises ``BadBody``."""
    names, lines = read_csv(body)
    return [{name: _guess(text) for name, text in zip(names, line, strict=False)} for line in lines]


def _as_is(text: str) -> Any:
    return text


def _guess(text: str) -> Any:
    return None if text == "" else _whole(text)


def _to(kind: Callable[[str], Any]) -> Callable[[Any], Any]:
    def read(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        try:
            return kind(text)
        except ValueError:
            return text  # the schema's check says what is wrong with it

    return read


def _whole(text: str) -> Any:
    """Return a whole number, however it is written: programs write 2.0 where a column had gaps once."""
    return _to(float)(_to(int)(text))


def _truth(text: str) -> Any:
    return True if text in TRUE else False if text in FALSE else text


_FROM_TEXT: Final[Mapping[str, Callable[[str], Any]]] = {
    "boolean": _truth,
    "integer": _whole,
    "long": _whole,
    "float": _to(float),
    "double": _to(float),
}
assert _FROM_TEXT.keys() <= KINDS.keys()


def _plain(value: Any) -> Any:
    """Return numpy's and pandas' values as Python's. NaN, NaT and infinities become null: JSON has none of them."""
    if hasattr(value, "to_dict") and hasattr(value, "columns"):
        return value.to_dict("records")
    if type(value).__name__ in {"NaTType", "NAType"}:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if getattr(getattr(value, "dtype", None), "kind", "") == "M":
        value = value.astype("datetime64[us]")  # in nanoseconds numpy gives a number instead of a time
    if hasattr(value, "tolist"):
        plain = value.tolist()
        if type(plain) is not type(value):
            return plain
    raise NotImplementedError(f"a {type(value).__module__}.{type(value).__qualname__}")


_NUMBERS: Final = frozenset("fiub")
_encoder: Final = msgspec.json.Encoder(enc_hook=_plain)


def encode(value: Any, *, what: str = "What the model returned") -> bytes:
    """Return a value as JSON. Raises ``AnswerNotJson``, which says ``what`` it is and names the type that has none."""
    if type(value).__name__ == "ndarray" and value.dtype.kind in _NUMBERS:
        value = value.tolist()  # what nearly all answers are, without the questions that _plain asks
    try:
        return _encoder.encode(value)
    except NotImplementedError as error:
        why = f"it holds {error}"
    except RecursionError:
        why = "it is nested too deeply, or holds itself"
    except (TypeError, ValueError, msgspec.EncodeError) as error:
        why = str(error)
    raise AnswerNotJson(
        f"{what} cannot be written as JSON: {why}.",
        hint="Return numbers, strings, lists, dicts, arrays or DataFrames.",
    )
