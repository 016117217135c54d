"""The agent as a unit of the user's systemd: services come back when the machine does."""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from jupyter_mlops.agent.control import stop_agent, unit_file
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.record import Record
from jupyter_mlops.ports import World

PATIENCE_S: Final = 30.0
TARGET: Final = "default.target"
INHERITED: Final = re.compile(
    r"PATH|LANG|LC_ALL|TMPDIR|XDG_RUNTIME_DIR|DOCKER_\w+|SSH_AUTH_SOCK|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|PIP_\w+|UV_\w+"
    r"|(AWS|AZURE|GOOGLE|MLFLOW)_\w+|(?i:\w+_proxy)"
)
"""Variables that an agent needs and systemd does not give it, as they are where it is installed.

Logins to stores are among them, so the unit is for its owner's eyes alone.
"""
UNIT: Final = """\
[Unit]
Description=jupyter-mlops agent of {home}

[Service]
ExecStart={command}
WorkingDirectory={root}
{environment}
# Replicas and gateways are its children, and go on when it ends.
KillMode=process
Restart=on-failure
RestartSec=5

[Install]
WantedBy={target}
"""


class NoSystemd(Unavailable):
    """This machine has no systemd."""

    code = "no-systemd"


class Unit(Record, frozen=True, kw_only=True):
    """The agent's unit."""

    file: str
    running: bool
    """Whether the user's systemd has started it; if not, it does at the next login or boot."""
    lingers: bool
    """Whether it starts with the machine; if not, when the user logs in."""
    user: str


def install_agent(world: World) -> Unit:
    """Let systemd keep the workspace's agent, from now on and after every boot. Idempotent.

    Raises ``NoSystemd``; services come back there too, with the next command that needs an agent.
    """
    if sys.platform != "linux" or shutil.which("systemctl") is None:
        raise NoSystemd(
            "This machine has no systemd to start the agent with.",
            hint="Run `mlops agent start` at boot, from cron's @reboot for instance.",
        )
    file = unit_file(world)
    replace_file(file, _text(world, os.environ).encode())
    wanted = _wanted(file)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.unlink(missing_ok=True)
    wanted.symlink_to(file)
    user, running = getpass.getuser(), False
    if _systemctl("daemon-reload"):
        stop_agent(world)  # one that started by itself gives its place to systemd's
        running = _systemctl("restart", file.name)
    return Unit(file=str(file), running=running, lingers=_lingers(user), user=user)


def uninstall_agent(world: World) -> bool:
    """Take the unit away, and end the agent that it started; services go on. Returns whether there was one."""
    file = unit_file(world)
    if not file.exists():
        return False
    _systemctl("stop", file.name)
    _wanted(file).unlink(missing_ok=True)
    file.unlink(missing_ok=True)
    _systemctl("daemon-reload")
    return True


def _wanted(file: Path) -> Path:
    """Return the link by which systemd knows that a unit is enabled; made here, since no systemd may run now."""
    return file.parent / f"{TARGET}.wants" / file.name


def _text(world: World, environment: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "jupyter_mlops.agent", "--workspace", str(world.root)]
    inherited = {key: value for key, value in sorted(environment.items()) if INHERITED.fullmatch(key)}
    lines = [f"Environment={_quoted(f'{key}={value}')}" for key, value in inherited.items()]
    if "XDG_RUNTIME_DIR" not in inherited:  # the sockets' folder goes by it, and systemd sets it
        lines.append("UnsetEnvironment=XDG_RUNTIME_DIR")
    return UNIT.format(
        home=str(world.home).replace("%", "%%"),
        command=" ".join(_quoted(word).replace("$", "$$") for word in command),
        root=str(world.root).replace("%", "%%"),
        environment="\n".join(lines),
        target=TARGET,
    )


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("%", "%%")
    return f'"{escaped}"'


def _systemctl(*words: str) -> bool:
    """Tell the user's systemd something; returns whether it did it."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            ["systemctl", "--user", *words], capture_output=True, check=False, timeout=PATIENCE_S, text=True
        )
        return done.returncode == 0
    return False


def _lingers(user: str) -> bool:
    """Ask that the user's systemd starts with the machine, which most systems let users choose; tell whether it does."""
    if shutil.which("loginctl") is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            ["loginctl", "--no-ask-password", "enable-linger"], capture_output=True, check=False, timeout=PATIENCE_S
        )
    return Path("/var/lib/systemd/linger", user).exists()
