"""Scorers: a model or a scoring script, given a batch of requests' data and asked for one outcome each."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any

from jupyter_mlops.core.errors import Failed, MlopsError
from jupyter_mlops.scoring.collect import Asked, within
from jupyter_mlops.scoring.intake import Intake

SHOWN = 500
"""Of an exception's message, this many characters go into an answer."""
Log = Callable[[str, str], None]
"""Takes a message and the stack that belongs to it."""


class ModelRefused(MlopsError):
    """The model raised for a request's input although its sample scores: the input is what it cannot take."""

    code, status = "model-refused", 422


class ScriptFailed(Failed):
    """The scoring script raised."""

    code = "script-failed"


class ModelFailed(Failed):
    """The model failed for a reason that is not its input."""

    code = "model-failed"


class ModelScorer:
    """A model with ``predict``: one input for the whole batch, the output split by rows."""

    def __init__(
        self,
        intake: Intake,
        predict: Callable[[Any], Any],
        log: Log,
        *,
        inline: bool,
        quick: Callable[[Any], Any] | None = None,
    ) -> None:
        """``quick`` may answer instead of ``predict``; where it returns ``None``, ``predict`` is asked."""
        self.intake = intake
        self.inline = inline
        self.batches = intake.joins
        self._predict = predict
        self._quick = quick
        self._log = log

    def score(self, data: Sequence[Any], n_rows: Sequence[int]) -> list[Any]:
        """Return each request's part of the output, or its exception. A bad row fails its own request only."""
        if len(data) == 1:
            return [self._alone(data[0])]
        try:
            parts = split(self._output(data), n_rows)
        except Exception:  # noqa: BLE001 - whose fault it is shows when each is scored alone
            return [self._alone(each) for each in data]
        if parts is None:
            self.batches = False  # its output cannot be told apart by rows
            return [self._alone(each) for each in data]
        return parts

    def _output(self, data: Sequence[Any]) -> Any:
        given = self.intake.join(data)
        if self._quick is not None:
            output = self._quick(given)
            if output is not None:
                return output
        return self._predict(given)

    def _alone(self, data: Any) -> Any:
        try:
            return self._output([data])
        except (MemoryError, OSError) as error:
            self._log(f"the model failed: {told(error)}", traceback.format_exc())
            return ModelFailed(f"The model failed: {told(error)}.", hint="The replica's log has the stack.")
        except BaseException as error:  # noqa: BLE001 - whatever a model raises is the answer to this request
            why = told(error).splitlines()[0]
            # ValueError is how models say that an input is bad; its stack would only let clients fill the log
            self._log(f"the model refused an input: {why}", "" if type(error) is ValueError else traceback.format_exc())
            return ModelRefused(
                f"The model refused this input: {why}", hint="/openapi.json carries a sample that scores."
            )


class ScriptScorer:
    """A scoring script's ``run(data)``: one request at a time, always in the model's thread."""

    inline = False
    batches = False

    def __init__(self, intake: Intake, run: Callable[[Any], Any], log: Log) -> None:
        self.intake = intake
        self._run = run
        self._log = log

    def score(self, data: Sequence[Any], n_rows: Sequence[int]) -> list[Any]:
        """Return what ``run`` returned for each request's data, or its exception."""
        del n_rows  # a script knows best
        return [self._asked(each) if isinstance(each, Asked) else self._one(each) for each in data]

    def _asked(self, asked: Asked) -> Any:
        with within(asked.scope):
            return self._one(asked.data)

    def _one(self, data: Any) -> Any:
        try:
            return self._run(self.intake.join([data]))
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the replica
            self._log(f"the scoring script raised {told(error)}", traceback.format_exc())
            return ScriptFailed(
                f"The scoring script raised {told(error)}",
                hint="The replica's log (`mlops services logs NAME`) has the stack.",
            )


def told(error: BaseException) -> str:
    """Return an exception's type and message."""
    message = str(error).strip()
    if len(message) > SHOWN:
        message = message[:SHOWN] + "..."
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def split(output: Any, n_rows: Sequence[int]) -> list[Any] | None:
    """Return each request's rows of an output, ``None`` when it has not one row per row of input."""
    total = sum(n_rows)
    if isinstance(output, dict):
        columns = {key: split(values, n_rows) for key, values in output.items()}
        if not columns or any(parts is None for parts in columns.values()):
            return None
        return [{key: parts[at] for key, parts in columns.items() if parts} for at in range(len(n_rows))]
    if getattr(output, "ndim", 1) == 0 or isinstance(output, (str, bytes)) or not hasattr(output, "__len__"):
        return None
    if len(output) != total:
        return None
    rows = output.iloc if hasattr(output, "iloc") else output
    parts, begin = [], 0
    for n in n_rows:
        parts.append(rows[begin : begin + n])
        begin += n
    return parts
