"""Which deployment of a service gets how many of its requests, and of how many a copy. Changed while it serves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Copies, Service
from jupyter_mlops.delivery.deployments import ALL, BadTraffic, changed, find_deployment, with_weights
from jupyter_mlops.delivery.placement import check_kept_here
from jupyter_mlops.ports import World


class Mirrored(Record, frozen=True, kw_only=True):
    """A deployment that gets copies of requests, or got some, and what became of them."""

    deployment: str
    percent: int
    """Of the service's requests."""
    copies: Copies


def set_traffic(world: World, name: str, weights: Mapping[str, int]) -> Service:
    """Split a service's traffic between its deployments, by percents; one that is not named gets none.

    Takes effect before it returns, without a reload or a lost request. Raises ``UnknownThing``, ``UnknownDeployment``,
    ``BadTraffic`` and ``ServiceBusy``; and what the gateway raises, then nothing has changed.
    """
    before = world.catalog.get(Service, name)
    check_kept_here(world, before)
    said = " ".join(f"{deployment}={weight}" for deployment, weight in weights.items())

    def change(one: Service) -> Service:
        wanted = with_weights(one, weights)
        return one if wanted == one.deployments else changed(one, wanted, what=f"traffic {said}", by=world.actor)

    return _change(world, before, change, "traffic")


def set_mirror(world: World, name: str, percents: Mapping[str, int]) -> Service:
    """Copy a percent of a service's requests to deployments; 0 ends it. One that is not named keeps its percent.

    The clients' answers are neither slowed nor changed by it. Raises ``UnknownThing``, ``UnknownDeployment``,
    ``BadTraffic`` and ``ServiceBusy``; and what the gateway raises, then nothing has changed.
    """
    before = world.catalog.get(Service, name)
    check_kept_here(world, before)

    def change(one: Service) -> Service:
        for deployment, percent in percents.items():
            find_deployment(one, deployment)
            if not 0 <= percent <= ALL:
                raise BadTraffic(f"{percent} is no percent of requests, for {deployment!r}.", hint="Use 0 to 100.")
        wanted = [
            msgspec.structs.replace(each, mirror=percents.get(each.name, each.mirror)) for each in one.deployments
        ]
        if sum(each.mirror for each in wanted) > ALL:
            raise BadTraffic(
                "More than every request would be copied.",
                hint="A request is copied to one deployment at most: let the percents sum to 100 or less.",
            )
        return msgspec.structs.replace(one, deployments=wanted)

    return _change(world, before, change, "mirror")


def mirrored(world: World, name: str) -> list[Mirrored]:
    """Return the deployments that get copies of requests or got some, and what became of those. Raises ``UnknownThing``."""
    service = world.catalog.get(Service, name)
    counts = world.gateway.copies(name)
    return [
        Mirrored(deployment=one.name, percent=one.mirror, copies=counts.get(one.name, Copies()))
        for one in service.deployments
        if one.mirror or one.name in counts
    ]


def _change(world: World, before: Service, change: Callable[[Service], Service], verb: str) -> Service:
    """Change the record, and let the gateway know at once: the agent may be busy rolling out, or not there.

    What the gateway refuses is taken back.
    """
    service = world.catalog.edit(Service, before.name, change, verb=verb)
    try:
        world.gateway.reweigh(
            service.name,
            {one.name: one.weight for one in service.deployments},
            {one.name: one.mirror for one in service.deployments},
        )
    except MlopsError:
        shares = {one.name: (one.weight, one.mirror) for one in before.deployments}

        def undo(stored: Service) -> Service:
            deployments = []
            for one in stored.deployments:
                weight, mirror = shares.get(one.name, (one.weight, one.mirror))
                deployments.append(msgspec.structs.replace(one, weight=weight, mirror=mirror))
            return msgspec.structs.replace(stored, deployments=deployments, history=before.history)

        world.catalog.edit(Service, before.name, undo, verb=f"undo-{verb}")
        raise
    return service
