"""``mlops events``: the audit trail."""

from __future__ import annotations

from collections.abc import Sequence

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.options import json_option, limit_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Listing, lists
from jupyter_mlops.cli.words import pairs, when
from jupyter_mlops.core.event import Event


@click.group(cls=Group)
def events() -> None:
    """The audit trail: who did what, when.

    Example:
      mlops events list
    """


@events.command("list")
@click.option("--after", type=click.IntRange(min=0), metavar="SEQ", help="Only events after this number, oldest first.")
@limit_option(50)
@json_option
@pass_session
def list_(session: Session, after: int | None, limit: int) -> Listing:
    """List the last events, oldest first; those after a number with `--after`.

    Example:
      mlops events list --after 120 --json
    """
    catalog = session.world.catalog
    start = max(0, catalog.last_seq() - limit) if after is None else after
    return Listing(catalog.events(start, limit), of=Event, empty="No events.")


@lists(Event, ">SEQ", "AT", "WHO", "VERB", "KIND", "NAME", "DETAILS")
def _row(event: Event) -> Sequence[str]:
    return str(event.seq), when(event.at), event.actor, event.verb, event.kind, event.name, pairs(event.body, most=4)
