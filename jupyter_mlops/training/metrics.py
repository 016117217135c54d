"""Metrics as a user gives them: checked, numbered and stamped."""

from __future__ import annotations

import operator
import posixpath
import time
from collections.abc import Mapping
from itertools import count
from typing import Any, Final

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.metric import has_metric_letters, is_metric_name
from jupyter_mlops.core.record import wire
from jupyter_mlops.core.run import MetricPoint

_STEPS: Final = range(-(2**63), 2**63)


class Counter:
    """Turns values into points; the step of a key counts up when it is not given. Safe to use from several threads.

    Each process counts for itself: two that log to one run both begin at 0, and both their points are kept. The time
    never goes backwards within a process, whatever the clock does.
    """

    def __init__(self) -> None:
        # A count gives each number once, also to two threads at a time, and needs no lock that a fork could copy held.
        self._next: dict[str, count[int]] = {}
        self._at_ms = 0

    def points(self, values: Mapping[str, Any], step: int | None = None) -> list[MetricPoint]:
        """Return one point for each value, all with the time of now. Raises ``BadInput`` naming a bad key."""
        self._at_ms = at_ms = max(self._at_ms, time.time_ns() // 1_000_000)
        steps = self._next
        numbers = {}
        # All are looked at before one is counted: a call counts whole or not at all.
        for key, value in _items(values):
            if key not in steps:
                check_metric_name(key)
            # The usual value is looked at once; NaN and the infinities, which travel as text, are less than no number.
            numbers[key] = value if type(value) is float and value - value == 0 else wire(number(key, value))
        if step is not None:
            given = whole_step(step)
            for key in numbers:
                steps[key] = count(given + 1)
            return [MetricPoint(key=key, value=value, step=given, at_ms=at_ms) for key, value in numbers.items()]
        return [
            MetricPoint(
                key=key,
                value=value,
                step=next(steps[key] if key in steps else steps.setdefault(key, count())),
                at_ms=at_ms,
            )
            for key, value in numbers.items()
        ]


def _items(values: Any) -> Any:
    if type(values) is dict or isinstance(values, Mapping):
        return values.items()
    kind = type(values).__name__
    raise BadInput(
        f"{_article(kind).capitalize()} {kind} has no names to log its values under.",
        hint="Log names with their values: `ml.log({'loss': 0.31})` or `ml.log(loss=0.31)`.",
    )


def check_metric_name(key: object) -> None:
    """Raise ``BadInput`` for what MLflow would not take as the name of a metric."""
    if not isinstance(key, str) or not key.strip():
        raise BadInput(f"{key!r} is not the name of a metric.", hint="Give names as text: `ml.log({'acc': 0.97})`.")
    if not has_metric_letters(key):
        shown = key if len(key) <= 60 else f"{key[:57]}..."  # noqa: PLR2004  # what fits on a line
        raise BadInput(
            f"{shown!r} is not the name of a metric.",
            hint="Names have up to 250 letters, digits, spaces and `_ - . : /`.",
        )
    if not is_metric_name(key):
        path = posixpath.normpath(key)
        raise BadInput(
            f"{key!r} is not the name of a metric: it is read as a path.",
            hint=f"Leave out `..`, `//` and slashes at its ends: {path.strip('./') or 'train/loss'!r}.",
        )


def whole_step(step: Any) -> int:
    """Return a step as a 64-bit whole number. Raises ``BadInput``."""
    try:
        whole = int(step) if isinstance(step, float) and step.is_integer() else operator.index(step)
    except TypeError:
        whole = None
    if whole is None or whole not in _STEPS:
        raise BadInput(
            f"The step {step!r} is not a whole number.", hint="Give one, or none: steps count by themselves."
        )
    return whole


def number(key: str, value: Any) -> float:
    """Return a number, or a scalar of numpy, torch, jax or TensorFlow, as a float. Raises ``BadInput`` naming the key."""
    try:
        # An array of more than one element refuses item() and float() alike.
        plain = value.item() if hasattr(value, "item") else value
        if not isinstance(plain, (str, bytes, bytearray)):
            return float(plain)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise _not_one_number(key, value) from error
    raise BadInput(
        f"The metric {key!r} is {plain!r}, which is not a number.",
        hint="Log text as a tag, or convert it with float().",
    )


def _not_one_number(key: str, value: Any) -> BadInput:
    kind = type(value).__name__
    return BadInput(
        f"The metric {key!r} is {_article(kind)} {kind}, which is not one number.",
        hint="Log one number a key: `ml.log({'loss': float(loss)})`.",
    )


def _article(kind: str) -> str:
    return "an" if kind[:1].lower() in "aeio" else "a"  # a u is mostly that of a uint8
