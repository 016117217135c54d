"""REST: activities, events and the agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from jupyter_mlops import activities
from jupyter_mlops.core.activity import Activity, ActivityState
from jupyter_mlops.core.event import Event
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Most


def list_activities(world: World, *, state: ActivityState | None = None, limit: Most = 100) -> Sequence[Activity]:
    """List activities, newest first."""
    return activities.list_activities(world, state=state, limit=limit)


def list_events(world: World, *, after: Annotated[int, Meta(ge=0)] = 0, limit: Most = 1000) -> Sequence[Event]:
    """List what happened after an event's number, oldest first."""
    return world.catalog.events(after, limit)
