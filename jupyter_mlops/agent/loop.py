"""The agent: one background process per workspace and node that makes what is into what should be."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from jupyter_mlops.agent.autoscale import Autoscaler
from jupyter_mlops.agent.reconcile import Keeper
from jupyter_mlops.agent.runner import Runner
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.certificates import renew_due
from jupyter_mlops.monitoring.compaction import collect
from jupyter_mlops.store.feed import ChangeFeed
from jupyter_mlops.training.reaper import Reaper
from jupyter_mlops.workspace import Workspace

TICK_S: Final = 0.2
SURVEY_S: Final = 0.4
ENGINE_SURVEY_S: Final = 1.0
"""Listing a hundred containers costs the engine and us more than looking at as many processes."""
SCALE_S: Final = 0.4
RUNS_S: Final = 2.0
SWEEP_S: Final = 60.0
TELEMETRY_S: Final = 30.0
CERTIFICATES_S: Final = 3600.0
JOBS: Final = 8
HALT_S: Final = 30.0
TROUBLE_S: Final = 5.0
log = logging.getLogger(__name__)


class Agent:
    """Everything the agent does, in one loop and a few threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._stopping = threading.Event()
        self._keeper = Keeper(workspace, self._locks.__getitem__)
        self._runner = Runner(workspace, workspace.for_actor, self._locks.__getitem__)
        self._scaler = Autoscaler(workspace)
        self._reaper = Reaper(workspace, patient=True)
        self._services: list[Service] = []
        self._due: dict[str, float] = {}
        self._jobs: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(JOBS, thread_name_prefix="agent")
        self._tracking_changed = True

    def stop(self) -> None:
        """Ask the loop to end. May be called from a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Work until stopped or until the workspace's folder vanishes; returns whether all came to a halt in time."""
        feed: ChangeFeed | None = None
        recovered = False
        while not self._stopping.is_set() and (self._workspace.root / "workspace.toml").exists():
            try:
                if not recovered:
                    self._runner.recover()
                    recovered = True
                fresh = feed is None
                feed = feed or self._workspace.feed()
                self._step(feed, fresh=fresh)
                self._stopping.wait(TICK_S)
            except (MlopsError, OSError) as error:
                log.warning("%s", error)  # a full disk, a database that is away: services go on, we try again
                self._stopping.wait(TROUBLE_S)
            except Exception:  # the loop must outlive any one fault
                log.exception("the loop")
                self._stopping.wait(TROUBLE_S)
        halted = self._runner.stop(HALT_S)
        self._pool.shutdown(wait=False, cancel_futures=True)
        halted = self._keeper.stop(HALT_S) and halted and all(one.done() for one in self._jobs.values())
        if feed is not None:
            feed.close()
        return halted

    def _step(self, feed: ChangeFeed, *, fresh: bool) -> None:
        changes = feed.poll()
        if fresh or any(one.kind in {"service", "activity"} for one in changes):
            found = self._workspace.catalog.find(Service)
            self._services = [one for one in found if one.node == self._workspace.node]
            self._keeper.forget_others(self._services)
        if fresh or self._runner.waiting or any(one.kind == "activity" for one in changes):
            self._runner.start_queued()
        if any(one.kind in {"run", "model"} for one in changes):
            self._tracking_changed = True
        changed = {one.name for one in changes if one.kind == "service"}
        for host in {one.host for one in self._services}:
            mine = [one for one in self._services if one.host == host]
            if any(one.name in changed for one in mine):
                self._due.pop(f"survey {host}", None)
            every_s = SURVEY_S if host == "process" else ENGINE_SURVEY_S
            self._every(f"survey {host}", every_s, functools.partial(self._keeper.survey, mine))
        if any(part.scale is not None for one in self._services for part in one.deployments):
            self._every("scale", SCALE_S, functools.partial(self._scaler.look, self._services))
        self._every("sweep", SWEEP_S, self._keeper.sweep)
        self._every("telemetry", TELEMETRY_S, functools.partial(collect, self._workspace))
        self._every("certificates", CERTIFICATES_S, functools.partial(renew_due, self._workspace))
        self._every("runs", RUNS_S, self._look_at_tracking)

    def _look_at_tracking(self) -> None:
        if self._tracking_changed:
            self._tracking_changed = False
            try:
                self._reaper.refresh()
                self._keeper.look_at_models(self._services)
            except MlopsError:
                self._tracking_changed = True
                raise
        self._reaper.reap()

    def _every(self, what: str, seconds: float, do: Callable[[], None]) -> None:
        """Do something in a thread if it was not done for so long. What hangs (an engine, a server) hangs alone."""
        now = time.monotonic()
        last = self._jobs.get(what)
        if now < self._due.get(what, 0.0) or (last is not None and not last.done()):
            return
        self._due[what] = now + seconds
        self._jobs[what] = self._pool.submit(self._do, what, do)

    def _do(self, what: str, do: Callable[[], None]) -> None:
        try:
            do()
        except (MlopsError, OSError) as error:
            log.warning("%s: %s", what, error)
            self._due[what] = time.monotonic() + TROUBLE_S
        except Exception:  # the same as in the loop
            log.exception("%s", what)
            self._due[what] = time.monotonic() + TROUBLE_S
