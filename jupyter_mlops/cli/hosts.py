"""``mlops hosts``: where services run."""

from __future__ import annotations

from collections.abc import Sequence

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import host_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Facts, Listing, Note, View, Word, lists, shows
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.delivery.hosts import HostState, add_host, check_host, check_hosts, list_hosts, remove_host


@click.group(cls=Group)
def hosts() -> None:
    """Where services run: this machine, and other machines' Docker engines.

    Example:
      mlops hosts add gpu-box docker ssh://ada@gpu-box
      mlops services deploy churn churn:3 --host gpu-box
    """


@hosts.command()
@click.argument("name")
@click.argument("driver", type=click.Choice(["docker"]))
@click.argument("url")
@click.option(
    "--certificates",
    type=click.Path(exists=True, file_okay=False),
    metavar="DIR",
    help="Folder with ca.pem, cert.pem and key.pem, for a tcp:// URL.",
)
@click.option(
    "--ssh-config",
    type=click.Path(exists=True, dir_okay=False),
    metavar="FILE",
    help="Configuration that ssh reads instead of your own, as with `ssh -F`.",
)
@json_option
@pass_session
def add(
    session: Session, name: str, driver: str, url: str, *, certificates: str | None, ssh_config: str | None
) -> NamedHost:
    """Name another machine's Docker engine, so that services can run there.

    Over ssh, nothing of it listens on the network: requests go through the connection, and whoever may log in and talk to the
    engine may deploy. Over TCP both sides show certificates, and replicas answer on a port of that machine, to requests with
    a key.

    Example:
      mlops hosts add gpu-box docker ssh://ada@gpu-box
      mlops hosts add rack7 docker tcp://rack7.example.org:2376 --certificates ~/.docker/rack7
    """
    del driver  # docker is the only one
    return add_host(session.world, name, url, certificates=certificates or "", ssh_config=ssh_config or "")


@hosts.command("list")
@json_option
@pass_session
def list_(session: Session) -> Listing:
    """List hosts, and the services that run on each.

    Example:
      mlops hosts list
    """
    return Listing(list_hosts(session.world), of=HostState, empty="")


@hosts.command()
@click.argument("name", required=False, shell_complete=host_names)
@json_option
@pass_session
def check(session: Session, name: str | None) -> HostState | Listing:
    """Ask a host, or all of them, whether services can run there; say what is wrong where they cannot.

    Example:
      mlops hosts check gpu-box
    """
    if name is not None:
        state = check_host(session.world, name)
        if not state.answers:
            raise Unavailable(state.detail, hint=state.hint)
        return state
    return Listing(check_hosts(session.world), of=HostState, empty="")


@hosts.command()
@click.argument("name", shell_complete=host_names)
@pass_session
def remove(session: Session, name: str) -> Done:
    """Forget a host that no service runs on. Nothing changes on that machine.

    Example:
      mlops hosts remove gpu-box
    """
    remove_host(session.world, name)
    return Done(message=f"Removed host {name}.", facts={"deleted": {"kind": "host", "name": name}})


def _word(state: HostState) -> Word:
    if state.answers is None:
        return Word("", "plain")
    return Word("answers", "good") if state.answers else Word("does not answer", "bad")


@lists(HostState, "=HOST", "WHERE", "SERVICES", "STATE", "DETAIL")
def _row(state: HostState) -> Sequence[str]:
    return state.name, state.where, " ".join(state.services), _word(state), state.detail


@shows(HostState)
def _view(state: HostState) -> View:
    return [
        Facts(
            pairs=[
                ("host", state.name),
                ("where", state.where),
                ("state", _word(state)),
                ("detail", state.detail),
                ("services", " ".join(state.services)),
            ]
        )
    ]


@shows(NamedHost)
def _entry(entry: NamedHost) -> View:
    return [
        Facts(pairs=[("host", entry.name), ("engine", entry.url), ("certificates", entry.certificates)]),
        Note(text=f"It answers. Deploy there with `mlops services deploy NAME MODEL --host {entry.name}`."),
    ]
