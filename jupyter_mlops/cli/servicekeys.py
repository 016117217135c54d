"""``mlops services keys``: the two keys of a service, shown and regenerated."""

from __future__ import annotations

from typing import get_args

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Facts, View, shows
from jupyter_mlops.delivery.keys import Keys, Which
from jupyter_mlops.delivery.services import regenerate_key, service_keys


class _Keys(Group):
    """Shows the keys where a service's name stands instead of a verb."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``keys NAME`` as ``keys list NAME``."""
        words = [arg for arg in args if not arg.startswith("-")]
        if len(words) == 1 and words[0] not in self.commands and not ctx.resilient_parsing:
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Keys)
def keys() -> None:
    """A service's two keys. Either opens it; two, so that one can be changed while the other works.

    Example:
      mlops services keys churn
      mlops services keys regenerate churn secondary
    """


@keys.command("list")
@click.argument("name", shell_complete=service_names)
@click.option("--primary", "which", flag_value="primary", help="Print the primary key alone, for scripts.")
@click.option("--secondary", "which", flag_value="secondary", help="Print the secondary key alone.")
@json_option
@pass_session
def list_keys(session: Session, name: str, which: Which | None) -> Keys | str:
    """Show a service's two keys, or print one of them. `services keys NAME` is short for it.

    Example:
      mlops services keys list churn
      curl -H "Authorization: Bearer $(mlops services keys list churn --primary)" ...
    """
    both = service_keys(session.world, name)
    if which is None:
        return both
    return both.primary if which == "primary" else both.secondary


@keys.command()
@click.argument("name", shell_complete=service_names)
@click.argument("which", type=click.Choice(get_args(Which)))
@json_option
@pass_session
def regenerate(session: Session, name: str, which: Which) -> Keys:
    """Replace one of a service's keys, and show both. Nothing restarts, and the other key opens all along.

    To change both without a break: move the clients to the secondary key, regenerate the primary one, move them back,
    regenerate the secondary one.

    Example:
      mlops services keys regenerate churn primary
    """
    return regenerate_key(session.world, name, which)


@shows(Keys)
def _keys(keys: Keys) -> View:
    return [Facts(pairs=[("primary", keys.primary), ("secondary", keys.secondary)])]
