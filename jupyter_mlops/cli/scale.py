"""``mlops services scale``: how many replicas a service has."""

from __future__ import annotations

from typing import Final

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import deployment_names, service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.scale import MOST_REPLICAS
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.scaling import scale as scale_service
from jupyter_mlops.delivery.scaling import scale_to
from jupyter_mlops.hosts.limiting import how_held

_COUNT: Final = click.IntRange(0, MOST_REPLICAS)


def held_to(service: Service) -> str:
    """Return in words what each replica of a service may use, and how it is held to that; empty without limits."""
    said = {}
    for one in service.deployments:
        if service.host == "process":
            gpus = f" {one.resources.gpus} GPUs each." if one.resources.gpus else ""
            said[one.name] = f"{how_held(one.resources)}{gpus}".strip()
        elif one.resources != Resources():
            amounts = [f"{one.resources.cpus:g} processors"] if one.resources.cpus else []
            amounts += [f"{one.resources.memory_bytes >> 20} MB"] if one.resources.memory_bytes else []
            amounts += [f"{one.resources.gpus} GPUs"] if one.resources.gpus else []
            said[one.name] = f"Each replica has {' and '.join(amounts)}, by the Docker engine."
    limited = {name: text for name, text in said.items() if text}
    if len(service.deployments) == 1:
        return "".join(limited.values())
    return " ".join(f"{name}: {text}" for name, text in limited.items())


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.option("--replicas", type=click.IntRange(min=1), metavar="N", help="As many, whatever the load.")
@click.option(
    "--min", "least", type=_COUNT, metavar="N", help="At least as many. 0: none while there is nothing to do."
)
@click.option("--max", "most", type=_COUNT, metavar="N", help="At most as many.")
@click.option(
    "--target-utilization",
    "target",
    type=float,
    metavar="U",
    help="How full replicas should be, 0 to 1; 0.7 otherwise.",
)
@click.option("--concurrency", type=int, metavar="N", help="Requests in flight that make a replica full; 10 otherwise.")
@click.option("--cool-down", type=float, metavar="S", help="Seconds of less load before one is stopped; 60 otherwise.")
@click.option(
    "--deployment", metavar="NAME", shell_complete=deployment_names, help="Which one; the only one otherwise."
)
@json_option
@pass_session
def scale(
    session: Session,
    name: str,
    *,
    replicas: int | None,
    least: int | None,
    most: int | None,
    target: float | None,
    concurrency: int | None,
    cool_down: float | None,
    deployment: str | None,
) -> Service:
    """Let a service's number of replicas follow its load, or fix it.

    The agent looks at the requests in flight, adds replicas within seconds, and stops those that were not needed for a
    while. With `--min 0` the last one is stopped too, and the first request after that waits until one is ready.

    Example:
      mlops services scale churn --min 1 --max 8 --target-utilization 0.7
      mlops services scale churn --min 0 --max 2 --cool-down 600
      mlops services scale churn --replicas 3
    """
    bounds = {
        "min_replicas": least,
        "max_replicas": most,
        "target_utilization": target,
        "concurrency": concurrency,
        "cool_down_s": cool_down,
    }
    given = any(value is not None for value in bounds.values())
    if (replicas is None) != given:
        raise click.UsageError("Give either --replicas, or --min, --max and how it follows the load.")
    if replicas is not None:
        return scale_to(session.world, name, replicas, deployment)
    return scale_service(session.world, name, deployment=deployment, **bounds)  # type: ignore[arg-type]  # each of its kind
