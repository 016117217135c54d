"""Metrics as a user gives them: checked, numbered and stamped."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.record import wire
from jupyter_mlops.core.run import MetricPoint


class Counter:
    """Turns values into points; the step of a key counts up when it is not given."""

    def __init__(self) -> None:
        self._next: defaultdict[str, int] = defaultdict(int)

    def points(self, values: Mapping[str, Any], step: int | None = None) -> list[MetricPoint]:
        """Return one point for each value, all with the time of now. Raises ``BadInput`` naming a bad key."""
        at_ms = time.time_ns() // 1_000_000
        points = []
        for key, value in values.items():
            number = _number(key, value)
            at = self._next[key] if step is None else int(step)
            self._next[key] = at + 1
            points.append(MetricPoint(key=key, value=wire(number), step=at, at_ms=at_ms))
        return points


def _number(key: object, value: Any) -> float:
    if not isinstance(key, str) or not key.strip():
        raise BadInput(f"{key!r} is not the name of a metric.", hint="Give names as text: `ml.log({'acc': 0.97})`.")
    if isinstance(value, (str, bytes)):
        raise BadInput(
            f"The metric {key!r} is {value!r}, which is not a number.",
            hint="Log text as a tag, or convert it with float().",
        )
    try:
        # Scalars of numpy, torch and jax have item(); an array of more than one element refuses.
        return float(value.item()) if hasattr(value, "item") else float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadInput(
            f"The metric {key!r} is a {type(value).__name__}, which is not one number.",
            hint="Log one number a key: `ml.log({'loss': float(loss)})`.",
        ) from error
