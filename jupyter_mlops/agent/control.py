"""Looking at the workspace's agent, and stopping it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

from jupyter_mlops.core.agentlock import START_S, holder_of, starting, wait_free
from jupyter_mlops.core.detached import send_signal, wait_ended
from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.record import Record
from jupyter_mlops.ports import World

STOP_S: Final = 60.0
"""An agent lets its activities come to a halt before it ends."""


class AgentStatus(Record, frozen=True, kw_only=True):
    """Whether an agent keeps this workspace's services on this node."""

    running: bool
    pid: int = 0
    started_at: float = 0.0
    """Seconds since the epoch."""
    unit: str = ""
    """The systemd unit that starts it with the machine; empty where none is installed."""


class AgentStays(Failed):
    """The agent does not end."""

    code = "agent-stays"


class AgentFails(Failed):
    """The agent does not start."""

    code = "agent-fails"


def unit_file(world: World) -> Path:
    """Return where the systemd unit of a workspace's agent is, or would be."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user" / f"mlops-agent-{world.id}.service"


def agent_status(world: World) -> AgentStatus:
    """Tell whether the agent runs, and since when."""
    holder, unit = holder_of(world.root), unit_file(world)
    installed = str(unit) if unit.exists() else ""
    if holder is None:
        return AgentStatus(running=False, unit=installed)
    return AgentStatus(running=True, pid=holder.pid, started_at=holder.started_at, unit=installed)


def start_agent(world: World) -> AgentStatus:
    """Start the agent if it does not run, and wait until it does. Raises ``AgentFails``."""
    world.ensure_agent()
    deadline = time.monotonic() + START_S
    while not (found := agent_status(world)).running:
        if time.monotonic() > deadline:
            raise AgentFails(
                f"The agent does not run {START_S:.0f} s after it was started.",
                hint=f"Read {world.root / 'agent' / 'log'}.",
            )
        time.sleep(0.05)
    return found


def stop_agent(world: World) -> bool:
    """Stop the agent, also one that only starts, and wait until it ended; services go on. Returns whether there was one.

    Raises ``AgentStays``.
    """
    found = holder_of(world.root) or starting(world.root)
    if found is None or not send_signal(found.process, signal.SIGTERM):
        return False
    pid = found.process.pid
    if not wait_ended(found.process, STOP_S) or not wait_free(world.root, STOP_S):
        raise AgentStays(
            f"The agent (process {pid}) has not ended within {STOP_S:.0f} s.",
            hint=f"See what it does in {world.root / 'agent' / 'log'}, or end it with `kill -9 {pid}`: services go on.",
        )
    return True
