"""Makes each service what it should be: the right replicas, a gateway that knows them, and the truth in the catalog."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

import msgspec

from jupyter_mlops.agent.probe import is_ready
from jupyter_mlops.agent.replicas import READY_S, last_words, replicas_of, start_replica
from jupyter_mlops.agent.rollout import raze, route
from jupyter_mlops.core.errors import MlopsError, UnknownThing
from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.core.process import ProcessId, is_alive
from jupyter_mlops.core.service import Deployment, Replica, Service, ServiceState
from jupyter_mlops.delivery.restarts import note_restarts
from jupyter_mlops.delivery.services import activities_of, with_withdrawn, withdrawn_models
from jupyter_mlops.ports import Host, Route, World

AT_ONCE: Final = 4
HALF_MADE_S: Final = 60.0
"""A service that nobody is deploying may be this old before it counts as left behind."""
GATEWAY_S: Final = 15.0
"""Asking a gateway costs two requests over its sockets; whether its process runs is seen at every look."""
LONGEST_WAIT_S: Final = 60.0
CALM_S: Final = 120.0
"""A replica that ends when none has for so long is replaced at once, as if it were the first."""
log = logging.getLogger(__name__)


@dataclass
class _Memory:
    """What the agent knows of a service and nobody needs to store."""

    ready: dict[ReplicaId, str] = field(default_factory=dict)
    """Where replicas were seen ready, and in which life: a container that its engine has started again has yet to load."""
    applied: Route | None = None
    ends: dict[str, tuple[int, float]] = field(default_factory=dict)
    """By group: how often in a row replicas have ended, and when last (monotonic seconds)."""
    leaving: dict[ReplicaId, float] = field(default_factory=dict)
    """Replicas that are not wanted any more and have requests to answer, and since when (monotonic seconds)."""
    trouble: str = ""
    """Why the last replica ended."""
    broken: str = ""
    """Why the service cannot be looked after at all: no engine, its port taken by another program."""
    withdrawn: list[str] = field(default_factory=list)
    gateway: list[ProcessId] = field(default_factory=list)
    gateway_seen: float = 0.0
    not_before: float = 0.0
    work: Future[None] | None = None


class Keeper:
    """Keeps the services of one node. ``survey`` is cheap and looks; what needs work is done in threads."""

    def __init__(self, world: World, lock_for: Callable[[str], threading.Lock]) -> None:
        """Take the workspace, and the lock of each service by name, which a roll-out holds."""
        self._world = world
        self._lock_for = lock_for
        self._memory: dict[str, _Memory] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="keeper")
        self._stopping = False

    def survey(self, services: Sequence[Service]) -> None:
        """Look at the services of one host and begin to heal those that need it."""
        found: dict[str, list[Replica]] = {}
        for service in services:
            memory = self._memory.setdefault(service.name, _Memory())
            if (memory.work is not None and not memory.work.done()) or time.monotonic() < memory.not_before:
                continue
            if service.host not in found:
                try:
                    found[service.host] = self._world.hosts[service.host].replicas()
                except MlopsError as error:
                    found[service.host] = []
                    log.warning("host %s: %s", service.host, error)
            mine = [one for one in found[service.host] if one.service == service.name]
            if self._needs_work(service, memory, mine):
                memory.work = self._pool.submit(self._work_on, service.name, memory)

    def forget_others(self, services: Sequence[Service]) -> None:
        """Forget what is known of services that are not among these."""
        for name in self._memory.keys() - {service.name for service in services}:
            self._memory.pop(name, None)

    def look_at_models(self, services: Sequence[Service]) -> None:
        """Notice models that another MLflow client deleted. Waits for the registry."""
        for service in services:
            memory = self._memory.get(service.name)
            if memory is None or not service.deployments:
                continue
            try:
                memory.withdrawn = withdrawn_models(self._world, service)
            except MlopsError as error:
                log.info("models of %s: %s", service.name, error)

    def sweep(self) -> None:
        """Stop replicas and gateways of services that are not there any more."""
        for name, host in self._world.hosts.items():
            try:
                replicas = host.replicas()
                known = {service.name for service in self._world.catalog.find(Service)}
                for replica in replicas:
                    if replica.service not in known:
                        log.info("stopping %s of %s, which is not a service", replica.id, replica.service)
                        host.stop(replica)
            except MlopsError as error:
                log.info("host %s: %s", name, error)
        known = {service.name for service in self._world.catalog.find(Service)}
        for service in set(self._world.gateway.services()) - known:
            log.info("removing the gateway of %s, which is not a service", service)
            self._world.gateway.remove(service)

    def stop(self, timeout_s: float) -> bool:
        """Begin nothing more; replicas and gateways go on. Returns whether what was being done ended in time."""
        self._stopping = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        work = [one.work for one in self._memory.values() if one.work is not None]
        return not wait(work, timeout_s).not_done

    def _needs_work(self, service: Service, memory: _Memory, mine: Sequence[Replica]) -> bool:
        if not service.deployments or service.state == "deleting" or memory.broken:
            return True
        host = self._world.hosts[service.host]
        wanted = Counter({one.group: one.replicas for one in service.deployments})
        well = (
            Counter(one.deployment for one in mine) == wanted
            and all(memory.ready.get(one.id) == _place(one) and host.seen_alive(one) for one in mine)
            and all(map(is_alive, memory.gateway))
            and memory.applied == route(service, _by_deployment(mine))
        )
        if not well:
            return True
        if time.monotonic() - memory.gateway_seen > GATEWAY_S:
            if not self._world.gateway.alive(service.name):
                return True
            memory.gateway_seen = time.monotonic()
            memory.gateway = self._world.gateway.processes(service.name)
        return self._observed(service, memory, len(mine)) != service

    def _work_on(self, name: str, memory: _Memory) -> None:
        lock = self._lock_for(name)
        if self._stopping or not lock.acquire(blocking=False):
            return  # a roll-out is at it
        try:
            service = self._world.catalog.get(Service, name)
            if not service.deployments or service.state == "deleting":
                self._clear_half_made(service, memory)
            else:
                self._heal(service, memory)
        except UnknownThing:
            return
        except (MlopsError, OSError) as error:
            self._note(name, memory, str(error))
        except Exception as error:  # one service's fault must not keep the others from being looked after
            log.exception("service %s", name)
            self._note(name, memory, f"{type(error).__name__}: {error}")
        finally:
            lock.release()

    def _heal(self, service: Service, memory: _Memory) -> None:
        host = self._world.hosts[service.host]
        alive = self._without_dead(service, host, memory)
        wanted = {one.group: one.replicas for one in service.deployments}
        mine, surplus = _split(alive, wanted)
        note_restarts(self._world, service, _note_ready(service, mine, memory))
        ready = [one for one in mine if one.id in memory.ready]
        service = self._route(service, ready, memory)
        self._dismiss(service, host, surplus, memory)
        for deployment in service.deployments:
            missing = deployment.replicas - sum(one.deployment == deployment.group for one in mine)
            for _ in range(missing):
                self._replace(service, deployment, memory)
        memory.broken = ""
        if len(ready) == sum(wanted.values()):
            memory.trouble = ""
        self._observe(service, memory, len(ready))

    def _without_dead(self, service: Service, host: Host, memory: _Memory) -> list[Replica]:
        """Return the replicas that live; clear the others away, and those that never became ready."""
        alive: list[Replica] = []
        ended: list[str] = []
        for replica in replicas_of(host, service.name):
            late = replica.id not in memory.ready and time.time() - replica.started_at > READY_S
            if host.alive(replica) and not (late and not is_ready(replica)):
                alive.append(replica)
                continue
            memory.trouble = f"A replica of {replica.manifest} ended: {last_words(host, replica)[0]}"
            log.warning("%s: %s", service.name, memory.trouble)
            host.stop(replica, grace_s=1.0)
            ended.append(replica.deployment)
        note_restarts(self._world, service, ended)
        _note_ends(set(ended), memory)
        return alive

    def _route(self, service: Service, ready: Sequence[Replica], memory: _Memory) -> Service:
        """Let the gateway know the ready replicas; start it on its port if it is gone."""
        wanted = route(service, _by_deployment(ready))
        if memory.applied == wanted and self._world.gateway.alive(service.name):
            return service
        port = self._world.gateway.apply(wanted)
        memory.gateway = self._world.gateway.processes(service.name)
        memory.applied = msgspec.structs.replace(wanted, port=port)
        if port == service.port:
            return service
        return self._world.catalog.edit(Service, service.name, lambda one: msgspec.structs.replace(one, port=port))

    def _dismiss(self, service: Service, host: Host, surplus: Sequence[Replica], memory: _Memory) -> None:
        """Stop replicas that get no more requests, each when it has answered those that it has."""
        now = time.monotonic()
        memory.leaving = {one.id: memory.leaving.get(one.id, now) for one in surplus}
        for replica in surplus:
            in_time = now - memory.leaving[replica.id] < service.limits.timeout_s  # by then it has given up all of them
            if not in_time or not self._world.gateway.busy(service.name, [replica.address]):
                host.stop(replica)

    def _replace(self, service: Service, deployment: Deployment, memory: _Memory) -> None:
        """Start a missing replica: at once unless they keep ending, then after 2, 4, 8 ... 60 s."""
        if time.monotonic() < _next_start(memory, deployment.group):
            return
        log.info("%s: starting a replica of %s", service.name, deployment.manifest)
        start_replica(self._world, service, deployment, lambda line: log.info("%s: %s", service.name, line))

    def _observe(self, service: Service, memory: _Memory, n_ready: int) -> None:
        self._world.catalog.edit(
            Service,
            service.name,
            lambda one: one if one.state == "deleting" else self._observed(one, memory, n_ready),
            verb="observe",
        )

    def _observed(self, service: Service, memory: _Memory, n_ready: int) -> Service:
        """Return the service with what was seen of it."""
        wanted = sum(one.replicas for one in service.deployments)
        if memory.broken:
            return msgspec.structs.replace(service, state="failed", n_ready=n_ready, message=memory.broken)
        state: ServiceState = "ready" if n_ready >= wanted else "degraded" if n_ready else "failed"
        message = "" if n_ready >= wanted else f"{n_ready} of {wanted} replicas are ready. {memory.trouble}".strip()
        loops = [times for times, _ in memory.ends.values() if times > 1]
        if message and loops:
            message += (
                f" Replicas ended {max(loops)} times in a row; the next start waits up to {_pause(max(loops)):.0f} s."
            )
        if not wanted:
            message = "No replica runs while there is nothing to do; the first request starts one."
        return msgspec.structs.replace(
            service, state=state, n_ready=n_ready, message=with_withdrawn(message, memory.withdrawn)
        )

    def _note(self, name: str, memory: _Memory, trouble: str) -> None:
        """Say in the catalog why a service cannot be healed, and wait a little before the next attempt."""
        log.warning("%s: %s", name, trouble)
        memory.broken = trouble
        memory.applied = None
        memory.not_before = time.monotonic() + 5.0
        try:
            self._observe(self._world.catalog.get(Service, name), memory, len(memory.ready))
        except MlopsError as error:
            log.warning("%s: %s", name, error)

    def _clear_half_made(self, service: Service, memory: _Memory) -> None:
        """Remove what a deployment or deletion left that nobody goes on with."""
        memory.not_before = time.monotonic() + 2.0
        old = time.time() - service.created_at > HALF_MADE_S
        if (old or service.state == "deleting") and not activities_of(self._world, service.name):
            log.info("%s: removing what was left behind", service.name)
            raze(self._world, service)


def _note_ready(service: Service, mine: Sequence[Replica], memory: _Memory) -> list[str]:
    """Note which replicas are ready, and those that ended and were started again by what runs them; return these' groups."""
    again = [one for one in mine if memory.ready.get(one.id, _place(one)) != _place(one)]
    for one in again:
        memory.trouble = f"A replica of {one.manifest} ended, and was started again."
    _note_ends({one.deployment for one in again}, memory)
    known = {one.id: _place(one) for one in mine if memory.ready.get(one.id) == _place(one)}
    asked = [one for one in mine if one.id not in known]
    fresh = [one for one in asked if (is_ready(one) if one in again else _is_ready(service, one))]
    memory.ready = known | {one.id: _place(one) for one in fresh}
    return [one.deployment for one in again]


def _place(replica: Replica) -> str:
    return f"{replica.address} {replica.life}"


def _note_ends(groups: set[str], memory: _Memory) -> None:
    """Count that replicas of these ended; several that end together are one mishap, and one after a calm is the first."""
    now = time.monotonic()
    for group in groups:
        times, last = memory.ends.get(group, (0, now))
        memory.ends[group] = (1 if now - last > CALM_S else times + 1, now)


def _pause(times: int) -> float:
    """Return how long to wait before a replica is started when so many have ended in a row."""
    return min(2.0 ** (times - 1), LONGEST_WAIT_S) if times > 1 else 0.0


def _next_start(memory: _Memory, group: str) -> float:
    times, last = memory.ends.get(group, (0, 0.0))
    return last + _pause(times)


def _is_ready(service: Service, replica: Replica) -> bool:
    """Ask a replica that this agent does not know. One that long served an agent before may be too busy to answer."""
    return is_ready(replica) or (service.state == "ready" and time.time() - replica.started_at > HALF_MADE_S)


def _split(alive: Sequence[Replica], wanted: dict[str, int]) -> tuple[list[Replica], list[Replica]]:
    """Return the replicas that should be, oldest first, and those that should not."""
    left = dict(wanted)
    mine: list[Replica] = []
    surplus: list[Replica] = []
    for replica in sorted(alive, key=lambda one: one.started_at):
        keep = left.get(replica.deployment, 0) > 0
        (mine if keep else surplus).append(replica)
        left[replica.deployment] = left.get(replica.deployment, 0) - 1
    return mine, surplus


def _by_deployment(replicas: Sequence[Replica]) -> dict[str, list[Replica]]:
    groups: dict[str, list[Replica]] = {}
    for replica in replicas:
        groups.setdefault(replica.deployment, []).append(replica)
    return groups
