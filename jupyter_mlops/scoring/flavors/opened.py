"""What a library's module makes of a model's files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.manifest import Tensor
from jupyter_mlops.scoring.mlmodel import Settings


class Unusable(Failed):
    """A model file that its library opens, and that cannot be scored with."""

    code = "model-not-loaded"


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A model that is loaded."""

    predict: Callable[[Any], Any]
    """Takes an array (or a dict of arrays by name, where the schema names several tensors), or a DataFrame."""
    said: str
    """``an ONNX model``."""
    dtype: str | None
    """Of the array that stands for a table of numbers; ``None`` when the model must have a DataFrame."""
    tensors: Sequence[Tensor] = field(default=())
    """The inputs as the file itself names them, for a model without a schema."""
    separate: bool = False
    """Whether each column of a table is an input of its own: ``predict`` then takes a dict of arrays."""


def text(settings: Settings, name: str, default: str = "") -> str:
    """Return a setting that is one value."""
    value = settings.get(name)
    return default if value is None or isinstance(value, list) else value
