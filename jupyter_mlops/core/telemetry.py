"""Telemetry: what is kept of a service's requests, and one request as it is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from jupyter_mlops.core.record import Record


class Telemetry(Record, frozen=True, kw_only=True):
    """What is kept of the requests that a service scores, and where."""

    enabled: bool = True
    sample: Annotated[float, Meta(ge=0, le=1)] = 1.0
    """The share of requests that is kept, drawn by lot.

    All of them unless told otherwise: most services are asked seldom, and what was not kept is not there when a drift or
    a complaint is looked into. Keeping one costs the replica some microseconds beside its answer and some tens of bytes.
    """
    hash: list[str] = []
    """Columns whose values are kept as a keyed digest: equal values stay equal, and nobody can tell what they were."""
    drop: list[str] = []
    """Columns that are not kept."""
    store: str = ""
    """An fsspec URL; empty for the workspace's own folder."""
    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 0
    """What is older is deleted from the store; 0 keeps it for good."""


class About(Record, frozen=True, kw_only=True):
    """What a replica is told of itself, for its telemetry and its logs."""

    service: str = ""
    deployment: str = ""
    replica: str = ""


class Scored(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One request, a line of a replica's file."""

    at: float
    """When it was answered, in seconds since the epoch."""
    id: str
    """The request's ``x-request-id``."""
    route: str
    status: int
    ms: float
    """From its first byte to its answer."""
    rows: int = 0
    inputs: msgspec.Raw = msgspec.Raw(b"null")
    """JSON as it was sent; CSV as a string."""
    outputs: msgspec.Raw = msgspec.Raw(b"null")
    collected: dict[str, msgspec.Raw] = {}
    """What ``ml.collect`` added."""
    left_out: str = ""
    """Why inputs or outputs are not there."""
    service: str = ""
    deployment: str = ""
    replica: str = ""
    manifest: str = ""
    model: str = ""
    """``NAME:VERSION``."""


FILE_SUFFIX = ".jsonl.zst"
"""Files of a replica that are complete: frames of zstd, each holding whole lines."""
PART_SUFFIX = ".part"
"""The file that a replica is writing; its last frame may be cut off."""


PROOF_ID = "mlops-proof"
"""The id of requests by which new replicas are proved; what is read of telemetry is without them."""


def incoming_folder(root: Path, service: str) -> Path:
    """Return where a service's replicas leave their files, each in a folder named for its id, in the workspace at ``root``."""
    return root / "telemetry" / service / "incoming"


def file_hour(name: str) -> str:
    """Return the hour (``2026112119``, UTC) that a replica's file belongs to, from its name."""
    return name.partition("-")[0]
