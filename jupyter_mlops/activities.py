"""Activities: looking at long operations, waiting for them and calling them off."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from jupyter_mlops.core.activity import ENDED, Activity, ActivityState
from jupyter_mlops.core.errors import Conflict, Remote, Unavailable
from jupyter_mlops.ports import World

POLL_S: Final = 0.1
AGENT_CHECK_S: Final = 2.0


def list_activities(world: World, *, state: ActivityState | None = None, limit: int = 100) -> list[Activity]:
    """Return activities, newest first."""
    return world.catalog.find(Activity, state=state, limit=limit)


def show_activity(world: World, activity_id: str) -> Activity:
    """Return one activity. Raises ``UnknownThing``."""
    return world.catalog.get(Activity, activity_id)


def wait_activity(
    world: World,
    activity_id: str,
    *,
    timeout_s: float | None = None,
    on_change: Callable[[Activity], None] | None = None,
) -> Activity:
    """Wait until it ended; ``on_change`` sees each new state.

    Raises ``Remote`` with the error it failed with, ``Conflict`` if it was cancelled, ``Unavailable`` after ``timeout_s``.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    check_agent_at = time.monotonic() + AGENT_CHECK_S
    seen: Activity | None = None
    while True:
        activity = show_activity(world, activity_id)
        if activity != seen and on_change is not None:
            on_change(activity)
        seen = activity
        if activity.state in ENDED:
            return _outcome(activity)
        if deadline is not None and time.monotonic() > deadline:
            raise Unavailable(
                f"{activity.verb} of {activity.subject} has not ended after {timeout_s:.0f} s.",
                hint=f"It goes on; follow it with `mlops activities wait {activity_id}`.",
            )
        if time.monotonic() > check_agent_at and activity.node in {"", world.node}:
            check_agent_at += AGENT_CHECK_S
            world.ensure_agent()  # one that was killed left the activity where it was; the next one goes on with it
        time.sleep(POLL_S)


def cancel_activity(world: World, activity_id: str) -> Activity:
    """Ask that an activity be called off. Raises ``Conflict`` if it has ended."""

    def ask(activity: Activity) -> Activity:
        if activity.state in ENDED:
            raise Conflict(
                f"The activity {activity_id} is {activity.state} already.", hint="See `mlops activities list`."
            )
        if activity.state == "queued":
            return msgspec.structs.replace(activity, state="cancelled", cancel_asked=True, ended_at=time.time())
        return msgspec.structs.replace(activity, cancel_asked=True)

    return world.catalog.edit(Activity, activity_id, ask, verb="cancel")


def _outcome(activity: Activity) -> Activity:
    if activity.error is not None:
        raise Remote(activity.error)
    if activity.state == "cancelled":
        raise Conflict(f"{activity.verb} of {activity.subject} was cancelled.", hint="Start it again if you need it.")
    return activity
