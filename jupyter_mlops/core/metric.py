"""What the name of a metric may be: the rule of MLflow's stores, which both ends of the journal keep."""

from __future__ import annotations

import posixpath
import re
from typing import Final

_NAME: Final = re.compile(r"[/\w.\- :]{1,250}")


def has_metric_letters(key: str) -> bool:
    """Tell whether a name has only letters that MLflow takes, and not too many of them."""
    return _NAME.fullmatch(key) is not None


def is_metric_name(key: str) -> bool:
    """Tell whether MLflow takes a name: its letters, and no path that leads elsewhere (``a//b``, ``../a``)."""
    path = posixpath.normpath(key)
    return has_metric_letters(key) and path == key and path != "." and not path.startswith(("..", "/"))
