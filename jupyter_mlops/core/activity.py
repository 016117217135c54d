"""An activity: a long operation with progress, outcome and a notification."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from jupyter_mlops.core.errors import Problem
from jupyter_mlops.core.record import Entry

ActivityState = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED = frozenset({"done", "failed", "cancelled"})


class Activity(Entry, frozen=True, kw_only=True):
    """A long operation. Its name is its id."""

    kind: ClassVar[str] = "activity"
    versioned: ClassVar[bool] = False

    verb: str
    """``services.deploy``, ``images.build``, ...: the key of the agent's table of executors."""
    subject: str
    """What it works on, for a person: ``service churn``."""
    args: dict[str, Any] = {}
    state: ActivityState = "queued"
    progress: float = 0.0
    """0 to 1."""
    message: str = ""
    """The step it is at."""
    cancel_asked: bool = False
    error: Problem | None = None
    result: dict[str, Any] = {}
    node: str = ""
    started_at: float | None = None
    ended_at: float | None = None
