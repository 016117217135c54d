"""Scoring as a data scientist does it: a DataFrame, an array or a picture goes in, and the like comes back."""

from __future__ import annotations

import asyncio
import base64
import importlib.util
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.record import Record
from jupyter_mlops.delivery import inferring
from jupyter_mlops.delivery.calls import JSON, PATIENCE_S, Answer, Caller, Endpoint, ServiceDown, endpoint_of
from jupyter_mlops.ports import World
from jupyter_mlops.scoring.codec import ARROW, AnswerNotJson, encode

BULK: Final = 10_000
"""From so many values on, a DataFrame travels as an Arrow stream where the service reads those, an array as its bytes."""
AT_ONCE: Final = 64
"""Requests that one service object has under way by ``score_async``."""
PICTURES: Final = {
    b"\x89PNG\r\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
}
"""How files of pictures begin."""
DEPLOYMENT: Final = "x-mlops-deployment"
"""The header by which the gateway lets a request choose its deployment."""
BYTES: Final = "application/octet-stream"


class Unscorable(BadInput):
    """Data that have no form as a request."""

    code = "bad-data"


class Health(Record, frozen=True, kw_only=True):
    """Whether a service answers, and what it says of itself."""

    ready: bool
    status: str
    """``ready``, ``loading`` or ``draining``; otherwise why it does not answer."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """A request body, and how its answer becomes the like of what was asked with."""

    body: bytes
    back: Callable[[Any], Any]
    media: str = JSON


def asked(data: Any) -> Question:
    """Return the request for DataFrames, Series, arrays, pictures, bytes, and whatever JSON has. Raises ``Unscorable``."""
    if hasattr(data, "to_pandas"):  # of polars or pyarrow
        data = data.to_pandas()
    if hasattr(data, "columns") and hasattr(data, "to_numpy"):
        return Question(body=_json(_split(data)), back=lambda answer: _like_frame(answer, data.index))
    if hasattr(data, "to_frame") and hasattr(data, "to_dict"):  # a Series, which is what one row of a frame is
        return Question(body=_json({"dataframe_records": [data.to_dict()]}), back=_only)
    if (question := _of_pictures(data)) is not None:
        return question
    if hasattr(data, "__array__"):
        return Question(body=_json({"inputs": _list(data)}), back=_like_array)
    if isinstance(data, dict) and data and all(hasattr(each, "__array__") for each in data.values()):
        inputs = {str(name): _list(each) for name, each in data.items()}
        return Question(body=_json({"inputs": inputs}), back=_like_array)
    return Question(body=_json(data), back=lambda answer: answer)


def _of_pictures(data: Any) -> Question | None:
    """Return the request for a picture, or a list of them; ``None`` for anything else."""
    if (picture := _picture(data)) is not None:
        return Question(body=picture, back=_only, media=_media(picture))
    pictures = [_picture(each) for each in data] if isinstance(data, list) else []
    written = [{"b64": base64.b64encode(each).decode()} for each in pictures if each is not None]
    if not written or len(written) < len(pictures):
        return None
    return Question(body=_json({"inputs": written}), back=_predictions)


class Consumer:
    """A service as its users see it. Safe to use from several threads and tasks."""

    def __init__(self, find: Callable[[], Endpoint], *, patience_s: float = PATIENCE_S, deployment: str = "") -> None:
        """``find`` says where it answers, when that is first needed; a full service is asked again for ``patience_s``.

        ``deployment`` names the one that shall answer, whatever its share of the traffic.
        """
        self._caller = Caller(find, patience_s=patience_s, headers={DEPLOYMENT: deployment} if deployment else {})
        self._threads: ThreadPoolExecutor | None = None
        self._paths: dict[str, Any] | None = None

    @property
    def url(self) -> str:
        """Where it answers, without a trailing slash."""
        return self._caller.endpoint.url

    def score(self, data: Any) -> Any:
        """Score ``data`` and return the like.

        - a DataFrame comes back as a Series of predictions with its index, or as a DataFrame where there are several
          columns of them; a row of one (a Series) as its one prediction;
        - an array comes back as an array; a dict of arrays (named inputs) as an array, or a dict of the named outputs;
        - a picture (PIL's, or the bytes of a file) comes back as its one prediction, a list of pictures as a list;
        - anything else that JSON has is sent as it is, and the service's whole answer comes back.

        What a scoring script answers comes back as it is where it is none of those. A service that is full is asked again
        after the pause that it names. Raises ``ServiceDown``, ``BadAnswer``, ``Unscorable``, and ``Remote`` with the
        service's own error, which names column, row and expectation.
        """
        arrays = inferring.inputs_of(data, BULK)
        if arrays is not None and (path := self._infer_path()):
            body, headers = inferring.request(arrays)
            return inferring.outputs(self._caller.score(body, BYTES, accept="*/*", path=path, headers=headers))
        if _is_bulk(data) and self._reads_arrow():
            stream = _stream(data)
            if stream is not None:
                answer = self._caller.score(stream, ARROW, accept=f"{ARROW}, {JSON}")
                return _from_stream(answer.body, data.index) if answer.media == ARROW else self._told(answer, data)
        question = asked(data)
        return question.back(self._caller.decoded(self._caller.score(question.body, question.media)))

    async def score_async(self, data: Any) -> Any:
        """Score as ``score`` does, without holding up other tasks: ``await asyncio.gather(*map(service.score_async, many))``."""
        if self._threads is None:
            self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="score")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.score, data)

    def health(self) -> Health:
        """Ask whether the service is ready. One that does not answer is not; raises what finding it raises."""
        try:
            answer = self._caller.ask("GET", "/health/ready")
        except ServiceDown as error:
            return Health(ready=False, status=error.message)
        told = self._caller.decoded(answer) if answer.media == JSON else {}
        status = str(told.get("status") or f"its gateway answered {answer.status}")
        return Health(ready=answer.status == 200, status=status)  # noqa: PLR2004 - HTTP's own

    def metrics(self) -> dict[str, float]:
        """Return what one of the service's replicas counts, by name and labels, as Prometheus reads it."""
        lines = self._caller.ask("GET", "/metrics").body.decode().splitlines()
        samples = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
        return {name: float(value) for name, _, value in samples}

    def close(self) -> None:
        """Close the connections that are kept."""
        if self._threads is not None:
            self._threads.shutdown()
        self._caller.close()

    def _told(self, answer: Answer, data: Any) -> Any:
        return _like_frame(self._caller.decoded(answer), data.index)

    def _reads_arrow(self) -> bool:
        """Tell whether the service takes and gives Arrow streams."""
        return ARROW in self._described()["/score"]["post"]["responses"]["200"]["content"]

    def _infer_path(self) -> str:
        """Return where the service takes binary tensors; empty for a scoring script, which gets them in another form."""
        paths = self._described()
        schema = paths["/score"]["post"]["responses"]["200"]["content"][JSON]["schema"]
        found = (
            [path for path in paths if path.endswith("/infer")] if "predictions" in schema.get("required", []) else []
        )
        return quote(found[0]) if found else ""

    def _described(self) -> dict[str, Any]:
        """Return the paths that the service's own document describes."""
        if self._paths is None:
            document = self._caller.decoded(self._caller.ask("GET", "/openapi.json"))
            self._paths = document["paths"]
        return self._paths


def consumer(world: World, name: str) -> Consumer:
    """Return a service of the workspace. It is looked up when it is first asked."""
    return Consumer(lambda: endpoint_of(world, name))


def _json(value: Any) -> bytes:
    try:
        return encode(value, what=f"This {type(value).__name__}")
    except AnswerNotJson as error:
        raise Unscorable(error.message, hint="Give a DataFrame, an array, a picture, or lists and dicts.") from error


def _split(frame: Any) -> dict[str, Any]:
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"dataframe_split": {"columns": [str(column) for column in frame.columns], "data": rows}}


def _list(array: Any) -> Any:
    import numpy as np

    values = np.asarray(array)
    if values.dtype.kind == "c":
        raise Unscorable("Complex numbers cannot be scored.", hint="Give real and imaginary parts as two columns.")
    return values.tolist()


def _picture(data: Any) -> bytes | None:
    """Return the bytes of a picture, ``None`` for what is none."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data)
    if hasattr(data, "save") and hasattr(data, "getbands"):  # PIL's
        written = io.BytesIO()
        data.save(written, "PNG")
        return written.getvalue()
    return None


def _media(content: bytes) -> str:
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((media for begin, media in PICTURES.items() if content.startswith(begin)), BYTES)


def _is_bulk(data: Any) -> bool:
    return (
        hasattr(data, "columns")
        and hasattr(data, "index")
        and getattr(data, "size", 0) >= BULK
        and importlib.util.find_spec("pyarrow") is not None
    )


def _stream(frame: Any) -> bytes | None:
    """Return a DataFrame as an Arrow stream, ``None`` where Arrow has no type for one of its columns."""
    import pyarrow as pa

    try:
        table = pa.Table.from_pandas(frame.rename(columns=str), preserve_index=False).replace_schema_metadata()
    except (pa.ArrowException, ValueError):
        return None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _from_stream(body: bytes, index: Any) -> Any:
    import pyarrow as pa

    table = pa.ipc.open_stream(body).read_all()
    frame = table.to_pandas()
    if len(frame) == len(index):
        frame.index = index
    form = (table.schema.metadata or {}).get(b"mlops.form")
    if form == b"matrix":
        frame.columns = range(len(frame.columns))
    return frame.iloc[:, 0].rename(None) if form == b"values" else frame


def _predictions(answer: Any) -> Any:
    """Return what is inside the envelope that a model's answers come in."""
    return answer["predictions"] if isinstance(answer, dict) and "predictions" in answer else answer


def _only(answer: Any) -> Any:
    """Return the one prediction of one row."""
    found = _predictions(answer)
    return found[0] if isinstance(found, list) and len(found) == 1 else found


def _like_frame(answer: Any, index: Any) -> Any:
    import pandas as pd

    found = _predictions(answer)
    if isinstance(found, dict) and found and all(isinstance(values, list) for values in found.values()):
        lengths = {len(values) for values in found.values()}
        return pd.DataFrame(found, index=index if lengths == {len(index)} else None) if len(lengths) == 1 else found
    if not isinstance(found, list):
        return found
    of_rows = bool(found) and isinstance(found[0], (dict, list))
    kind = pd.DataFrame if of_rows else pd.Series
    return kind(found, index=index if len(found) == len(index) else None)


def _like_array(answer: Any) -> Any:
    found = _predictions(answer)
    if isinstance(found, dict) and found and all(isinstance(values, list) for values in found.values()):
        return {name: _array(values) for name, values in found.items()}
    return _array(found) if isinstance(found, list) else found


def _array(values: list[Any]) -> Any:
    """Return a list as an array; null among numbers is NaN, and what is no array stays a list."""
    import numpy as np

    try:
        array = np.array(values)
        return np.array(values, np.float64) if array.dtype == object else array
    except (ValueError, TypeError):
        return values
