"""Events and links: who did what, and what came from what."""

from __future__ import annotations

from typing import Any

from jupyter_mlops.core.record import Record


class Event(Record, frozen=True, kw_only=True):
    """One line of the audit trail, which is also the change feed."""

    seq: int
    at: float
    """Seconds since the epoch."""
    actor: str
    kind: str
    name: str
    verb: str
    body: dict[str, Any] = {}


class Link(Record, frozen=True, kw_only=True):
    """One edge of the lineage: ``service:churn`` *deploys* ``manifest:churn:3``. Ends are ``KIND:NAME[:VERSION]``."""

    source: str
    relation: str
    target: str
