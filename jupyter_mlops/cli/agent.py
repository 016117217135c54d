"""``mlops agent``: the background process of a workspace."""

from __future__ import annotations

import click

from jupyter_mlops.agent.control import AgentStatus, agent_status, stop_agent
from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Facts, View, Word, shows
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
            ]
        )
    ]
