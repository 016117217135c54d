"""``mlops services update|traffic|mirror|remove|rollback``: which of a service's deployments answers, and with what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import deployment_names, deployment_shares, manifest_names, model_names, service_names
from jupyter_mlops.cli.follow import follow
from jupyter_mlops.cli.options import json_option, key_values, no_wait_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Listing, lists
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.deployments import BadTraffic, remove_deployment
from jupyter_mlops.delivery.deployments import rollback as rollback_service
from jupyter_mlops.delivery.services import show_service
from jupyter_mlops.delivery.services import update as update_service
from jupyter_mlops.delivery.traffic import Mirrored, mirrored, set_mirror, set_traffic


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.argument("model", metavar="MODEL[:VERSION]", required=False, default="", shell_complete=model_names)
@click.option(
    "--manifest", metavar="NAME[:VERSION]", shell_complete=manifest_names, help="Serve this manifest instead."
)
@click.option(
    "--deployment", metavar="NAME", shell_complete=deployment_names, help="Which one; the only one otherwise."
)
@click.option("--replicas", type=click.IntRange(min=1), metavar="N", help="How many copies; as many as now otherwise.")
@no_wait_option
@json_option
@pass_session
def update(
    session: Session,
    name: str,
    model: str,
    *,
    manifest: str | None,
    deployment: str | None,
    replicas: int | None,
    no_wait: bool,
) -> Service | Activity:
    """Serve another model, without a lost request.

    Starts new replicas beside the old ones, waits until they are ready and score the manifest's own sample, moves the
    traffic, and stops the old ones when they have answered. If a new one does not get that far, nothing changes.

    Example:
      mlops services update churn churn:4
      mlops services update churn churn:5 --deployment green
    """
    activity = update_service(session.world, name, model, manifest=manifest, deployment=deployment, replicas=replicas)
    return _followed(session, name, activity, no_wait=no_wait)


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.argument("shares", metavar="DEPLOYMENT=PERCENT...", nargs=-1, required=True, shell_complete=deployment_shares)
@json_option
@pass_session
def traffic(session: Session, name: str, shares: tuple[str, ...]) -> Service:
    """Split a service's requests between its deployments. A deployment that is not named gets none.

    It takes effect at once, and no request is lost. The header `x-mlops-deployment: NAME` asks one whatever its share.

    Example:
      mlops services traffic churn blue=90 green=10
      mlops services traffic churn green=100
    """
    return set_traffic(session.world, name, _percents(shares, f"mlops services traffic {name} blue=90 green=10"))


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.argument("shares", metavar="[DEPLOYMENT=PERCENT...]", nargs=-1, shell_complete=deployment_shares)
@json_option
@pass_session
def mirror(session: Session, name: str, shares: tuple[str, ...]) -> Listing:
    """Copy some requests to a shadow deployment.

    Shows what became of the copies.

    Clients get their answer from the others, no later than without; answers to copies are discarded. Copies have the
    request's id, so telemetry has both answers. Bodies of any length that replicas take are copied, and not more at once than the
    deployment takes; what was dropped is counted. 0 ends it.

    Example:
      mlops services mirror churn green=10
      mlops services mirror churn
    """
    if shares:
        set_mirror(session.world, name, _percents(shares, f"mlops services mirror {name} green=10"))
    return Listing(
        mirrored(session.world, name),
        of=Mirrored,
        empty=f"No request is copied. Begin with `mlops services mirror {name} DEPLOYMENT=10`.",
    )


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.argument("deployment", shell_complete=deployment_names)
@no_wait_option
@json_option
@pass_session
def remove(session: Session, name: str, deployment: str, *, no_wait: bool) -> Service | Activity:
    """Remove a deployment without traffic, when it has answered. Its model, manifest and image stay.

    Example:
      mlops services traffic churn blue=100
      mlops services remove churn green
    """
    return _followed(session, name, remove_deployment(session.world, name, deployment), no_wait=no_wait)


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@no_wait_option
@json_option
@pass_session
def rollback(session: Session, name: str, *, no_wait: bool) -> Service | Activity:
    """Go back to what served before the last change.

    That is an update, a removal or a change of traffic. Twice, and it is as before.

    Example:
      mlops services rollback churn
    """
    return _followed(session, name, rollback_service(session.world, name), no_wait=no_wait)


COMMANDS = (update, traffic, mirror, remove, rollback)


def _followed(session: Session, name: str, activity: Activity, *, no_wait: bool) -> Service | Activity:
    if no_wait:
        return activity
    follow(session, activity)
    return show_service(session.world, name)


def _percents(shares: Iterable[str], example: str) -> Mapping[str, int]:
    """Read ``NAME=PERCENT`` texts. Raises ``NotKeyValue`` and ``BadTraffic``."""
    found = {}
    for name, text in key_values(shares, what="a share", example=example).items():
        try:
            found[name] = int(text.removesuffix("%"))
        except ValueError:
            raise BadTraffic(f"{text!r} is no percent, for {name!r}.", hint=f"Write for example `{example}`.") from None
    return found


@lists(Mirrored, "=DEPLOYMENT", ">COPIED", ">ANSWERED", ">FAILED", ">DROPPED")
def _row(one: Mirrored) -> Sequence[str]:
    copies = one.copies
    return one.deployment, f"{one.percent}%", str(copies.answered), str(copies.failed), str(copies.dropped)
