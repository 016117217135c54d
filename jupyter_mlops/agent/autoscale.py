"""Lets the number of a deployment's replicas follow the requests that they have in flight."""

from __future__ import annotations

import logging
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.scale import Scale
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.scaling import bounded
from jupyter_mlops.ports import Load, World

WINDOW_S: Final = 2.0
"""Load is averaged over so long: a burst that is over before a replica could start needs none."""
log = logging.getLogger(__name__)


@dataclass
class Trend:
    """What a deployment had to do lately, and how many replicas that took."""

    since: float
    """When it was first looked at; times are monotonic seconds."""
    seen: deque[tuple[float, int]] = field(default_factory=deque)
    """Times and requests in flight within the last ``WINDOW_S``."""
    needed: deque[tuple[float, int]] = field(default_factory=deque)
    """Times and numbers of replicas within the cool-down, each number less than the one before it."""
    total: int = 0

    def note(self, load: Load, scale: Scale, now: float) -> int:
        """Take a look into account; return how many replicas are needed now."""
        self.seen.append((now, load.in_flight))
        while self.seen[0][0] < now - WINDOW_S:
            self.seen.popleft()
        mean = sum(in_flight for _, in_flight in self.seen) / len(self.seen)
        # A request that came and went between two looks needs a replica too.
        came = load.total > self.total
        self.total = load.total
        needed = max(math.ceil(mean / (scale.target_utilization * scale.concurrency)), int(came))
        while self.needed and self.needed[-1][1] <= needed:
            self.needed.pop()
        self.needed.append((now, needed))
        return needed

    def wanted(self, replicas: int, scale: Scale, now: float) -> int:
        """Return how many there should be: more at once, fewer when the cool-down has seen no need for them."""
        while self.needed[0][0] < now - scale.cool_down_s:
            self.needed.popleft()
        most = self.needed[0][1]
        if most < replicas and now - self.since < scale.cool_down_s:
            return bounded(replicas, scale)  # what there was to do before the first look is not known
        return bounded(max(most, self.needed[-1][1]), scale)


class Autoscaler:
    """The deployments of one node that scale."""

    def __init__(self, world: World, now: Callable[[], float] = time.monotonic) -> None:
        self._world = world
        self._now = now
        self._trends: dict[tuple[str, str], Trend] = {}

    def look(self, services: Sequence[Service]) -> None:
        """Look once at the load of each deployment that scales, and change the number of those that need another one."""
        scaled = [(service, one) for service in services for one in service.deployments if one.scale is not None]
        self._trends = {
            (service.name, one.name): self._trends.get((service.name, one.name)) or Trend(since=self._now())
            for service, one in scaled
        }
        loads = {name: self._world.gateway.load(name) for name in {service.name for service, _ in scaled}}
        for service, one in scaled:
            load = loads[service.name].get(one.name)
            if load is not None and service.state != "deleting":
                self._follow(service, one, load)

    def _follow(self, service: Service, deployment: Deployment, load: Load) -> None:
        scale, trend, now = deployment.scale, self._trends[service.name, deployment.name], self._now()
        assert scale is not None  # those that do not scale are not looked at
        trend.note(load, scale, now)
        wanted = trend.wanted(deployment.replicas, scale, now)
        if wanted == deployment.replicas:
            return
        log.info(
            "%s: %d replicas of %s instead of %d, with %d requests in flight",
            *(service.name, wanted, deployment.name, deployment.replicas, load.in_flight),
        )
        self._set(service.name, deployment.name, wanted)

    def _set(self, service: str, deployment: str, replicas: int) -> None:
        def change(one: Service) -> Service:
            parts = [
                msgspec.structs.replace(each, replicas=bounded(replicas, each.scale))
                if each.name == deployment and each.scale is not None
                else each
                for each in one.deployments
            ]
            return msgspec.structs.replace(one, deployments=parts)

        try:
            self._world.catalog.edit(Service, service, change, verb="autoscale")
        except UnknownThing:
            return  # deleted this moment
