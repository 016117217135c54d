"""REST: a service's deployments and which of them gets its requests."""

from __future__ import annotations

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.delivery import services, traffic
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.services import Service, with_url
from jupyter_mlops.server.row import Body


class UpdateService(Body, frozen=True, kw_only=True):
    """What a deployment shall serve, a ``model`` or a ``manifest``."""

    model: str = ""
    """``NAME[:VERSION]``."""
    manifest: str | None = None
    """``NAME[:VERSION]``, where the model's own will not do."""
    deployment: str | None = None
    """Which one; may be left out where there is one."""
    replicas: int | None = None
    """As many as now where it is left out."""


class SetTraffic(Body, frozen=True, kw_only=True):
    """Who answers."""

    weights: dict[str, int]
    """Percent of the requests by deployment, 100 together; one that is left out gets none."""


class SetMirror(Body, frozen=True, kw_only=True):
    """Who gets copies of requests; nobody gets the answers to them."""

    percents: dict[str, int]
    """Percent of the requests by deployment; one that is left out keeps what it has."""


def update_service(world: World, name: str, body: UpdateService) -> Activity:
    """Let a deployment serve another model, without a lost request."""
    return services.update(
        world, name, body.model, manifest=body.manifest, deployment=body.deployment, replicas=body.replicas
    )


def set_traffic(world: World, name: str, body: SetTraffic) -> Service:
    """Split a service's requests between its deployments."""
    return with_url(traffic.set_traffic(world, name, body.weights))


def set_mirror(world: World, name: str, body: SetMirror) -> Service:
    """Copy a percent of a service's requests to deployments."""
    return with_url(traffic.set_mirror(world, name, body.percents))
