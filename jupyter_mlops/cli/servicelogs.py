"""``mlops services logs``: what a service's replicas wrote, and what they go on to write."""

from __future__ import annotations

import sys

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.delivery.logs import follow_logs, service_logs


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.option("--tail", type=click.IntRange(min=1), metavar="N", help="The last N lines; 100 unless --since is given.")
@click.option("--since", metavar="TIME", help="Lines of the last 15m, 1h or 7d, or since a date.")
@click.option("--replica", default="", metavar="ID", help="Of this replica alone; the beginning of its id will do.")
@click.option("-f", "--follow", is_flag=True, help="Go on showing what replicas write.")
@json_option
@pass_session
def logs(
    session: Session, name: str, tail: int | None, since: str | None, replica: str, *, follow: bool
) -> list[str] | str | None:
    """Print what a service's replicas wrote, those that are gone too, in the order of time.

    A line is JSON: its replica, time, level and message, or a request's id, route, status and milliseconds. The id is
    what the answer's x-request-id said.

    Example:
      mlops services logs churn --tail 20
      mlops services logs churn --since 15m | jq 'select(.level == "error")'
      mlops services logs -f churn
    """
    lines = service_logs(session.world, name, tail or (None if since else 100), replica=replica, since=since)
    if not follow:
        return lines if session.as_json else "\n".join(lines)
    _print(lines)
    try:
        for fresh in follow_logs(session.world, name, replica=replica):
            _print(fresh)
    except KeyboardInterrupt:
        session.tell("The service goes on.")
    return None


def _print(lines: list[str]) -> None:
    if lines:
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
