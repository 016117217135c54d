"""REST: how many replicas a service has."""

from __future__ import annotations

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.delivery import scaling
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.services import Service, with_url
from jupyter_mlops.server.row import Body


class ScaleService(Body, frozen=True, kw_only=True):
    """A fixed number of ``replicas``, or bounds between which it follows the load. What is left out stays as it is."""

    deployment: str | None = None
    """Which one; may be left out where there is one."""
    replicas: int | None = None
    min_replicas: int | None = None
    """0: none while there is nothing to do."""
    max_replicas: int | None = None
    target_utilization: float | None = None
    concurrency: int | None = None
    """Requests in flight that make a replica full."""
    cool_down_s: float | None = None


def scale_service(world: World, name: str, body: ScaleService) -> Service:
    """Fix a deployment's number of replicas, or let it follow the load."""
    bounds = {
        "min_replicas": body.min_replicas,
        "max_replicas": body.max_replicas,
        "target_utilization": body.target_utilization,
        "concurrency": body.concurrency,
        "cool_down_s": body.cool_down_s,
    }
    if (body.replicas is None) != any(value is not None for value in bounds.values()):
        raise BadInput("Both or neither of a number of replicas and of bounds are given.", hint="Give one of the two.")
    if body.replicas is not None:
        return with_url(scaling.scale_to(world, name, body.replicas, body.deployment))
    return with_url(scaling.scale(world, name, deployment=body.deployment, **bounds))  # type: ignore[arg-type]  # each of its kind
