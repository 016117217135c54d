"""How many replicas a deployment has, where that follows its load."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from jupyter_mlops.core.record import Record

MOST_REPLICAS: Final = 64


class Scale(Record, frozen=True, kw_only=True):
    """Bounds, and what a replica should have to do.

    A replica with ``concurrency`` requests in flight is full. There are as many replicas as are needed for each to have
    ``target_utilization`` of that, averaged over a few seconds.
    """

    min_replicas: Annotated[int, Meta(ge=0, le=MOST_REPLICAS)] = 1
    """0: with nothing to do none runs, and the first request starts one."""
    max_replicas: Annotated[int, Meta(ge=1, le=MOST_REPLICAS)] = 1
    target_utilization: Annotated[float, Meta(gt=0, le=1)] = 0.7
    concurrency: Annotated[int, Meta(ge=1, le=100_000)] = 10
    cool_down_s: Annotated[float, Meta(ge=1, le=86_400)] = 60.0
    """A replica is stopped when it was not needed for so long."""
