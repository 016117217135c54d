"""Runs queued activities, a few at once, and never two on the same thing."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

import msgspec

from jupyter_mlops.agent.executors import executor_of
from jupyter_mlops.agent.progress import Cancelled, Interrupted, Progress
from jupyter_mlops.core.activity import ENDED, Activity
from jupyter_mlops.core.errors import Failed, MlopsError, Problem
from jupyter_mlops.ports import World
from jupyter_mlops.store.databases import system_error

AT_ONCE: Final = 4
MOST_TRIES: Final = 3
"""An activity that was running each time an agent died is not tried for ever."""
log = logging.getLogger(__name__)


class Internal(Failed):
    """A fault of ours."""

    code = "internal"


class Abandoned(Failed):
    """Agents died while they ran it."""

    code = "abandoned"


class Runner:
    """The activities of one node."""

    def __init__(
        self, world: World, as_actor: Callable[[str], World], lock_for: Callable[[str], threading.Lock]
    ) -> None:
        """Take the workspace, a way to act as the one who asked, and the lock of each service by name."""
        self._world = world
        self._as_actor = as_actor
        self._lock_for = lock_for
        self._stopping = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="activity")
        self._running: dict[str, Future[None]] = {}
        self.waiting = False
        """Whether something is queued that could not begin yet."""

    def recover(self) -> None:
        """Queue again what a dead agent was running. Call it once, holding the agent's lock."""
        for activity in self._mine("running"):
            tries = int(activity.result.get("tries", 0)) + 1
            if tries >= MOST_TRIES:
                error = Abandoned(
                    f"The agent died {tries} times while it ran {activity.verb} of {activity.subject}.",
                    hint=f"See {self._world.root / 'agent' / 'log'}.",
                )
                self._end(activity, "failed", error=error.problem())
            else:
                self._edit(activity, state="queued", result={"tries": tries}, message="Waiting for its turn.")

    def start_queued(self) -> None:
        """Begin activities whose subject is free, oldest first."""
        self._running = {subject: one for subject, one in self._running.items() if not one.done()}
        self.waiting = False
        for activity in reversed(self._mine("queued")):
            if len(self._running) >= AT_ONCE or activity.subject in self._running:
                self.waiting = True
            elif self._begin(activity):
                self._running[activity.subject] = self._pool.submit(self._run, activity)

    def busy(self) -> bool:
        """Tell whether something runs."""
        return any(not one.done() for one in self._running.values())

    def stop(self, timeout_s: float) -> bool:
        """Bring what runs to a halt, to be gone on with by the next agent; returns whether all did in time."""
        self._stopping.set()
        self._pool.shutdown(wait=False)
        deadline = time.monotonic() + timeout_s
        while self.busy() and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.busy()

    def _mine(self, state: str) -> list[Activity]:
        return [one for one in self._world.catalog.find(Activity, state=state) if one.node == self._world.node]

    def _begin(self, activity: Activity) -> bool:
        """Take an activity out of the queue, unless it was called off at the last moment."""

        def take(one: Activity) -> Activity:
            if one.state != "queued":
                return one
            if one.cancel_asked:
                return msgspec.structs.replace(one, state="cancelled", ended_at=time.time())
            return msgspec.structs.replace(one, state="running", started_at=time.time(), message="", progress=0.0)

        return self._world.catalog.edit(Activity, activity.name, take, verb="start").state == "running"

    def _run(self, activity: Activity) -> None:
        world = self._as_actor(activity.created_by)
        try:
            execute = executor_of(activity.verb)
            service = activity.args.get("service")
            with self._lock_for(service) if service else contextlib.nullcontext():
                result = execute(world, activity, Progress(world, activity, self._stopping))
            self._end(activity, "done", result=result)
        except Cancelled:
            self._end(activity, "cancelled", message="It was cancelled.")
        except Interrupted:
            self._edit(activity, state="queued", message="It goes on when an agent runs again.")
        except MlopsError as error:
            self._end(activity, "failed", error=error.problem())
        except OSError as error:
            what = f"{error.strerror or error}{f' ({error.filename})' if error.filename else ''}"
            ours = system_error(error) or Failed(f"{activity.verb} of {activity.subject}: {what}.")
            self._end(activity, "failed", error=ours.problem())
        except Exception as error:  # whoever waits must hear of it, whatever it is
            log.exception("%s of %s", activity.verb, activity.subject)
            hint = f"This is a fault in jupyter-mlops; {self._world.root / 'agent' / 'log'} has the details."
            self._end(activity, "failed", error=Internal(f"{type(error).__name__}: {error}", hint=hint).problem())

    def _end(self, activity: Activity, state: str, *, error: Problem | None = None, **fields: Any) -> None:
        if error is not None:
            fields["message"] = error.detail[:500]
        log.info("%s of %s: %s %s", activity.verb, activity.subject, state, error.detail if error else "")
        ended = {"state": state, "error": error, "ended_at": time.time(), **fields}
        self._edit(activity, **ended, **({"progress": 1.0, "message": "Done."} if state == "done" else {}))

    def _edit(self, activity: Activity, **fields: Any) -> None:
        def change(one: Activity) -> Activity:
            return one if one.state in ENDED else msgspec.structs.replace(one, **fields)

        # A full disk or a locked store passes; an outcome that is not written would keep somebody waiting for ever.
        for pause_s in itertools.chain((0.5, 1.0, 2.0, 5.0), itertools.repeat(10.0)):
            try:
                self._world.catalog.edit(Activity, activity.name, change, verb=str(fields.get("state", "update")))
            except MlopsError as error:
                log.warning("%s cannot be written: %s", activity.name, error)
                if self._stopping.wait(pause_s):
                    return
            else:
                return
