"""How many replicas a deployment has and what each may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.record import convert
from jupyter_mlops.core.resources import Resources, resources
from jupyter_mlops.core.scale import MOST_REPLICAS, Scale
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.deployments import choose_name, find_deployment
from jupyter_mlops.delivery.placement import BadReplicas, check_kept_here
from jupyter_mlops.ports import World

_EXAMPLE: Final = "Write for example `mlops services scale NAME --min 1 --max 8 --target-utilization 0.7`."


class BadScale(BadInput):
    """Bounds or a target that no number of replicas can meet."""

    code = "bad-scale"


def wanted_resources(
    world: World,
    name: str,
    deployment: str | None,
    cpus: float | None = None,
    memory: str | None = None,
    *,
    gpus: int | None = None,
) -> Resources | None:
    """Return what each replica of a deployment shall be held to, given what is to change; ``None`` if nothing is.

    Raises ``BadResources`` and ``WhichDeployment``.
    """
    if cpus is None and memory is None and gpus is None:
        return None
    known = Resources()
    try:
        service = world.catalog.get(Service, name)
    except UnknownThing:
        return resources(cpus, memory, known, gpus=gpus)
    part = choose_name(service, deployment)
    for one in service.deployments:
        if one.name == part:
            known = one.resources
    return resources(cpus, memory, known, gpus=gpus)


def scale_to(world: World, name: str, replicas: int, deployment: str | None = None) -> Service:
    """Give a deployment a number of replicas, which then stays; the agent starts and stops them.

    Raises ``UnknownThing``, ``UnknownDeployment``, ``WhichDeployment``, ``BadReplicas`` and ``ServiceBusy``.
    """
    if not 1 <= replicas <= MOST_REPLICAS:
        raise BadReplicas(
            f"{replicas} is no number of replicas.",
            hint=f"Use 1 to {MOST_REPLICAS}; `--min 0` lets the last one stop while there is nothing to do.",
        )
    return _edit(world, name, deployment, lambda one: msgspec.structs.replace(one, replicas=replicas, scale=None))


def scale(
    world: World,
    name: str,
    *,
    deployment: str | None = None,
    min_replicas: int | None = None,
    max_replicas: int | None = None,
    target_utilization: float | None = None,
    concurrency: int | None = None,
    cool_down_s: float | None = None,
) -> Service:
    """Let a deployment's number of replicas follow its load, between two bounds; what is not given stays.

    One that did not scale until now begins with at least 1 and at most what it has. Raises ``BadScale``,
    ``UnknownThing``, ``UnknownDeployment``, ``WhichDeployment`` and ``ServiceBusy``.
    """
    asked = {
        "min_replicas": min_replicas,
        "max_replicas": max_replicas,
        "target_utilization": target_utilization,
        "concurrency": concurrency,
        "cool_down_s": cool_down_s,
    }
    given = {field: value for field, value in asked.items() if value is not None}

    def change(one: Deployment) -> Deployment:
        wanted = _wanted(one.scale or Scale(max_replicas=max(1, one.replicas)), given)
        return msgspec.structs.replace(one, scale=wanted, replicas=bounded(one.replicas, wanted))

    return _edit(world, name, deployment, change)


def bounded(replicas: int, wanted: Scale) -> int:
    """Return the number of replicas nearest to ``replicas`` that is within bounds."""
    return min(max(replicas, wanted.min_replicas), wanted.max_replicas)


def _wanted(known: Scale, given: Mapping[str, float]) -> Scale:
    try:
        wanted = convert({**msgspec.structs.asdict(known), **given}, Scale)
    except msgspec.ValidationError as error:
        raise BadScale(
            f"It cannot scale like that: {str(error).replace(' - at `$.', ', for `')}.", hint=_EXAMPLE
        ) from error
    if wanted.min_replicas > wanted.max_replicas:
        raise BadScale(
            f"At least {wanted.min_replicas} and at most {wanted.max_replicas} replicas cannot be.", hint=_EXAMPLE
        )
    return wanted


def _edit(world: World, name: str, deployment: str | None, change: Callable[[Deployment], Deployment]) -> Service:
    check_kept_here(world, world.catalog.get(Service, name))

    def edited(service: Service) -> Service:
        part = find_deployment(service, choose_name(service, deployment)).name
        parts = [change(one) if one.name == part else one for one in service.deployments]
        return msgspec.structs.replace(service, deployments=parts)

    service = world.catalog.edit(Service, name, edited, verb="scale")
    world.ensure_agent()
    return service
