"""A service's deployments: which there are, what share of its traffic each has, and what served before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, Conflict, NotFound
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.service import Change, Deployment, HostName, Limits, Service
from jupyter_mlops.delivery.placement import check_kept_here
from jupyter_mlops.ports import World

DEPLOY: Final = "services.deploy"
UPDATE: Final = "services.update"
"""The same work, where the deployment is there already."""
REMOVE: Final = "services.remove"
ROLLBACK: Final = "services.rollback"
FIRST: Final = "blue"
"""What the first deployment of a service is called unless it is named."""
ALL: Final = 100
MOST_CHANGES: Final = 20


class Wanted(Record, frozen=True, kw_only=True):
    """What a deploy or an update is asked for: the activity's arguments. What is ``None`` stays as it is when its turn comes."""

    service: str
    manifest: str
    host: HostName
    deployment: str
    """The one to update; added where there is none of that name."""
    traffic: int | None = None
    """Percent of the service's requests."""
    replicas: int | None = None
    resources: Resources | None = None
    limits: Limits | None = None


class UnknownDeployment(NotFound):
    """A service has no deployment of that name."""

    code = "deployment-not-found"

    def __init__(self, service: Service, name: str) -> None:
        known = " and ".join(one.name for one in service.deployments) or "none yet"
        super().__init__(
            f"Service {service.name!r} has no deployment {name!r}.",
            hint=f"It has {known}; `mlops services deploy {service.name} MODEL --deployment {name}` adds one.",
        )


class WhichDeployment(BadInput):
    """A service has several deployments, and none was named."""

    code = "which-deployment"

    def __init__(self, service: Service) -> None:
        names = " and ".join(one.name for one in service.deployments)
        super().__init__(
            f"Service {service.name!r} has the deployments {names}.",
            hint=f"Say which one: `--deployment {service.deployments[0].name}`. A new name in `services deploy` adds one.",
        )


class BadTraffic(BadInput):
    """Shares that the traffic cannot be split into."""

    code = "bad-traffic"


class OneHost(Conflict):
    """A deployment would run elsewhere than the others of its service."""

    code = "one-host"

    def __init__(self, service: Service, host: str) -> None:
        super().__init__(
            f"The deployments of service {service.name!r} run on host {service.host!r} together, not on {host!r}.",
            hint="Remove the other deployments first, or deploy under another service's name.",
        )


class DeploymentServes(Conflict):
    """A deployment that is to be removed still has traffic, or is the only one."""

    code = "deployment-serves"


class NothingBefore(Conflict):
    """A service was never changed, so there is nothing to go back to."""

    code = "nothing-before"


def find_deployment(service: Service, name: str) -> Deployment:
    """Return a service's deployment. Raises ``UnknownDeployment``."""
    for one in service.deployments:
        if one.name == name:
            return one
    raise UnknownDeployment(service, name)


def choose_name(service: Service | None, asked: str | None) -> str:
    """Return the deployment that is meant: the one that is asked for, else the only one.

    Raises ``WhichDeployment`` where there are several, and ``BadName``.
    """
    if asked:
        return check_name("deployment", asked)
    if service is None or not service.deployments:
        return FIRST
    if len(service.deployments) > 1:
        raise WhichDeployment(service)
    return service.deployments[0].name


def with_share(deployments: Sequence[Deployment], name: str, percent: int) -> list[Deployment]:
    """Return deployments of which ``name`` has ``percent`` of the traffic; the others share the rest as they did.

    Raises ``BadTraffic``.
    """
    if not 0 <= percent <= ALL:
        raise BadTraffic(f"{percent} is no percent of the traffic.", hint="Use 0 to 100.")
    others = {one.name: one.weight for one in deployments if one.name != name}
    rest, total = ALL - percent, sum(others.values())
    if rest and not total:
        raise BadTraffic(
            f"{name!r} has to take all of the traffic: no other deployment has any.",
            hint="Leave out `--traffic`, or give it 100.",
        )
    shares = {other: weight * rest // total if total else 0 for other, weight in others.items()}
    by_remainder = sorted(others, key=lambda other: -(others[other] * rest % total) if total else 0)
    for other in by_remainder[: rest - sum(shares.values())]:
        shares[other] += 1
    shares[name] = percent
    return [msgspec.structs.replace(one, weight=shares[one.name]) for one in deployments]


def with_weights(service: Service, weights: Mapping[str, int]) -> list[Deployment]:
    """Return a service's deployments with these shares; one that is not named has none.

    Raises ``UnknownDeployment``, and ``BadTraffic`` unless they are percents that sum to 100.
    """
    for name, weight in weights.items():
        find_deployment(service, name)
        if not 0 <= weight <= ALL:
            raise BadTraffic(f"{weight} is no percent of the traffic, for {name!r}.", hint="Use 0 to 100.")
    if sum(weights.values()) != ALL:
        raise BadTraffic(
            f"The shares sum to {sum(weights.values())} and not to 100.",
            hint=f"Write for example `mlops services traffic {service.name} {_example(service)}`.",
        )
    return [msgspec.structs.replace(one, weight=weights.get(one.name, 0)) for one in service.deployments]


def changed(
    service: Service, deployments: Sequence[Deployment], *, what: str, by: str, host: HostName | None = None
) -> Service:
    """Return a service with other deployments, which remembers those that it had."""
    history = service.history
    if service.deployments:
        before = Change(at=time.time(), by=by, what=what, host=service.host, deployments=service.deployments)
        history = [before, *history][:MOST_CHANGES]
    return msgspec.structs.replace(service, deployments=list(deployments), host=host or service.host, history=history)


def next_revision(service: Service) -> int:
    """Return a number that no replica of the service is known by."""
    known = [*service.deployments, *(one for change in service.history for one in change.deployments)]
    return 1 + max((one.revision for one in known), default=0)


def check_removable(service: Service, name: str) -> None:
    """Raise ``UnknownDeployment`` or ``DeploymentServes`` unless the deployment may go."""
    deployment = find_deployment(service, name)
    if len(service.deployments) == 1:
        raise DeploymentServes(
            f"{name!r} is the only deployment of service {service.name!r}.",
            hint=f"Delete the service: `mlops services delete {service.name}`.",
        )
    if deployment.weight:
        others = " ".join(f"{one.name}=..." for one in service.deployments if one.name != name)
        raise DeploymentServes(
            f"Deployment {name!r} of service {service.name!r} has {deployment.weight}% of the traffic.",
            hint=f"Give that to another first: `mlops services traffic {service.name} {others} {name}=0`.",
        )


def remove_deployment(world: World, name: str, deployment: str) -> Activity:
    """Ask the agent to stop a deployment when it has answered what it has. Its model, manifest and image stay.

    Raises ``UnknownThing``, ``UnknownDeployment``, ``DeploymentServes`` (it has traffic, or is the only one) and
    ``ServiceBusy``.
    """
    service = world.catalog.get(Service, name)
    check_kept_here(world, service)
    check_removable(service, deployment)
    return world.submit(REMOVE, f"service {name}", {"service": name, "deployment": deployment})


def rollback(world: World, name: str) -> Activity:
    """Ask the agent to let a service serve what it did before the last change of its deployments or their traffic.

    That is a change too: rolling back twice leads back to the start. Raises ``UnknownThing``, ``NothingBefore`` and
    ``ServiceBusy``.
    """
    service = world.catalog.get(Service, name)
    check_kept_here(world, service)
    if not service.history:
        raise NothingBefore(
            f"Service {name!r} has served the same since it was made.",
            hint=f"See what it serves with `mlops services show {name}`.",
        )
    return world.submit(ROLLBACK, f"service {name}", {"service": name, "at": service.history[0].at})


def _example(service: Service) -> str:
    names = [one.name for one in service.deployments]
    return f"{names[0]}=100" if len(names) == 1 else f"{names[0]}=90 {names[1]}=10"
