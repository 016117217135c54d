"""``mlops agent``: the background process of a workspace."""

from __future__ import annotations

import click

from jupyter_mlops.agent.control import AgentStatus, agent_status, start_agent, stop_agent
from jupyter_mlops.agent.unit import Unit, install_agent, uninstall_agent
from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Facts, Note, View, Word, shows
from jupyter_mlops.cli.words import age


@click.group(cls=Group)
def agent() -> None:
    """The background process that keeps services as they should be.

    It starts by itself when there is work for it, and stopping it stops no service.

    Example:
      mlops agent status
    """


@agent.command()
@json_option
@pass_session
def status(session: Session) -> AgentStatus:
    """Tell whether the agent runs.

    Example:
      mlops agent status --json
    """
    return agent_status(session.world)


@agent.command()
@json_option
@pass_session
def start(session: Session) -> AgentStatus:
    """Start the agent, if it does not run. It brings back services that a reboot has ended.

    Example:
      mlops agent start
    """
    return start_agent(session.world)


@agent.command()
@json_option
@pass_session
def install(session: Session) -> Unit:
    """Start the agent whenever this machine starts, by a unit of your own systemd.

    Services then come back after a reboot by themselves, with the same URLs and keys. Without it they come back with
    `mlops agent start`, or the next command that needs the agent.

    Example:
      mlops agent install
    """
    return install_agent(session.world)


@agent.command()
@pass_session
def uninstall(session: Session) -> Done:
    """Take away what `mlops agent install` made. Services go on answering.

    Example:
      mlops agent uninstall
    """
    removed = uninstall_agent(session.world)
    message = "The agent no longer starts with this machine." if removed else "The agent was not installed."
    return Done(message=message, facts={"removed": removed})


@agent.command()
@pass_session
def stop(session: Session) -> Done:
    """Stop the agent. Services go on answering; the next deploy starts it again.

    Example:
      mlops agent stop
    """
    stopped = stop_agent(session.world)
    return Done(message="Stopped the agent." if stopped else "The agent was not running.", facts={"stopped": stopped})


@shows(AgentStatus)
def _view(state: AgentStatus) -> View:
    return [
        Facts(
            pairs=[
                ("agent", Word("running", "good") if state.running else Word("not running", "quiet")),
                ("pid", str(state.pid) if state.pid else ""),
                ("started", age(state.started_at)),
                ("at boot", state.unit),
            ]
        )
    ]


@shows(Unit)
def _unit(unit: Unit) -> View:
    view: View = [
        Facts(
            pairs=[
                ("unit", unit.file),
                (
                    "agent",
                    Word("running", "good") if unit.running else Word("starts at the next login or boot", "quiet"),
                ),
                ("starts", "with this machine" if unit.lingers else f"when {unit.user} logs in"),
            ]
        )
    ]
    if not unit.lingers:
        view.append(Note(text=f"To start it with the machine: `sudo loginctl enable-linger {unit.user}`."))
    return view
