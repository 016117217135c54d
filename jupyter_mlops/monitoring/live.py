"""Live figures of a service: its gateway asked over its socket, each replica for its ``/metrics``. Cheap enough for every second."""

from __future__ import annotations

import http.client
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import msgspec

from jupyter_mlops.core.agentlock import holder_of
from jupyter_mlops.core.asking import ask
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.figures import Figures, Latencies, ReplicaFigures, ReplicaState, ServiceCounts
from jupyter_mlops.core.service import Replica, Service, name_of_group
from jupyter_mlops.delivery.restarts import restarts_of
from jupyter_mlops.ports import Host, World

PATIENCE_S: Final = 1.0
"""A replica that does not say its figures in so long is busy; who looks asks again soon."""
STARTING_S: Final = 60.0
"""A replica that does not answer may be loading for so long."""
AT_ONCE: Final = 8
_SCORING: Final = re.compile(r"/score|/invocations|/v2/models/.+/infer")
_LINE: Final = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
_LABEL: Final = re.compile(r'(\w+)="([^"]*)"')


def service_figures(world: World, name: str) -> Figures:
    """Return what a service's gateway and replicas have counted until now. Raises ``UnknownThing``."""
    service = world.catalog.get(Service, name)
    if service.node != world.node:
        trouble = f"It is kept on {service.node}, and its figures are seen there."
        return Figures(at=time.time(), answered=None, replicas=[], trouble=trouble)
    trouble, replicas = "", []
    try:
        host = world.hosts[service.host]
        replicas = _look(service, host)
    except KeyError:
        trouble = f"Its host {service.host} is no longer there."
    except MlopsError as error:
        trouble = error.message
    answered = world.gateway.answered(name)
    agent = holder_of(world.root) is not None
    return Figures(
        at=time.time(),
        answered=answered,
        replicas=replicas,
        restarts=restarts_of(world, service),
        agent=agent,
        trouble=trouble,
    )


def all_counts(world: World) -> list[ServiceCounts]:
    """Return what the clients of each service were answered, of those whose gateway runs on this machine."""
    found = []
    for name in sorted(service.name for service in world.catalog.find(Service) if service.node == world.node):
        answered = world.gateway.answered(name)
        if answered is not None:
            found.append(ServiceCounts(service=name, at=time.time(), answered=answered))
    return found


def _look(service: Service, host: Host) -> list[ReplicaFigures]:
    replicas = sorted((one for one in host.replicas() if one.service == service.name), key=lambda one: one.started_at)
    if not replicas:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(replicas))) as pool:
        return list(pool.map(lambda one: _figures(service, host, one), replicas))


def _figures(service: Service, host: Host, replica: Replica) -> ReplicaFigures:
    figures = ReplicaFigures(
        id=replica.id,
        deployment=name_of_group(replica.deployment, service.deployments),
        current=any(one.group == replica.deployment for one in service.deployments),
        manifest=replica.manifest,
        host=replica.host,
        started_at=replica.started_at,
        state="starting",
        pid=replica.pid,
        container=replica.container[:12],
    )
    try:
        _, text = ask(replica.address, "GET", "/metrics", timeout_s=PATIENCE_S)
    except (OSError, http.client.HTTPException):
        return msgspec.structs.replace(figures, state=_silent(host, replica))
    return read_metrics(text.decode("utf-8", "replace"), figures)


def _silent(host: Host, replica: Replica) -> ReplicaState:
    if not host.seen_alive(replica):
        return "ended"
    return "starting" if time.time() - replica.started_at < STARTING_S else "busy"


def read_metrics(text: str, replica: ReplicaFigures) -> ReplicaFigures:
    """Return a replica's figures with what its ``/metrics`` say, in Prometheus' text format."""
    single: dict[str, float] = {}
    statuses: dict[str, int] = {}
    below: dict[float, int] = {}
    for name, labels, value in _LINE.findall(text):
        told = dict(_LABEL.findall(labels))
        if not labels:
            single[name] = float(value)
        elif _SCORING.fullmatch(told.get("route", "")):
            if name == "mlops_requests_total":
                statuses[told["status"]] = statuses.get(told["status"], 0) + int(float(value))
            elif name == "mlops_request_seconds_bucket":
                bound = float(told["le"])
                below[bound] = below.get(bound, 0) + int(float(value))
    return msgspec.structs.replace(
        replica,
        state="ready" if single.get("mlops_ready") else "starting",
        in_flight=int(single.get("mlops_requests_in_flight", 0)),
        statuses=statuses,
        latencies=_latencies(below),
        cpu_s=single.get("process_cpu_seconds_total", 0.0),
        memory_bytes=int(single.get("process_resident_memory_bytes", 0)),
        n_kept=int(single.get("mlops_telemetry_kept_total", 0)),
        n_lost=int(single.get("mlops_telemetry_dropped_total", 0)),
    )


def _latencies(below: dict[float, int]) -> Latencies:
    """Return counts between bounds, of counts below bounds; the last of those is infinity."""
    bounds = sorted(below)
    counts = [below[bound] - (below[bounds[at - 1]] if at else 0) for at, bound in enumerate(bounds)]
    return Latencies(bounds_s=bounds[:-1], counts=counts)
