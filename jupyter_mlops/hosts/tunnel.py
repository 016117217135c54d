"""A tunnel to another machine's sockets and ports: one ssh process for each machine, shared by all that need it.

It is a session of its own, as replicas are: the gateway's requests go through it while no agent runs.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.detached import end, start_detached
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.files import locked, replace_file
from jupyter_mlops.core.host import HostUrl
from jupyter_mlops.core.process import ProcessId, is_alive
from jupyter_mlops.core.record import Record, decode, encode

CONNECT_S: Final = 10
START_S: Final = 20.0
RETRY_S: Final = 5.0
"""A machine that refused is not asked again before; an agent looks at its hosts more often than that."""
OPTIONS: Final = (
    "BatchMode=yes",  # nobody is there to be asked for a password
    f"ConnectTimeout={CONNECT_S}",
    "ControlPersist=no",
    "ExitOnForwardFailure=yes",
    "StreamLocalBindUnlink=yes",  # what a killed one left behind
    "StreamLocalBindMask=0177",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
)
_KEY_HINT: Final = (
    "Let this user's key in: `ssh-copy-id {login}`, and load it with `ssh-add` where it has a passphrase."
)
_TROUBLES: Final[Mapping[str, tuple[str, str]]] = {
    # what ssh says: (what it means, what to do)
    "Permission denied": ("refuses the login", _KEY_HINT),
    "Too many authentication failures": ("refuses the login", _KEY_HINT),
    "Host key verification failed": (
        "is not known to ssh yet, or has another key than before",
        "Check it with `ssh {login}`.",
    ),
    "Could not resolve hostname": ("has no address", "Check the machine's name in the URL."),
    "Connection refused": ("does not listen for ssh", "Start sshd there, or name its port: ssh://USER@MACHINE:PORT."),
    "timed out": ("does not answer", "Check that it runs, and that a firewall lets ssh through."),
    "No route to host": ("cannot be reached", "Check the network."),
    "Network is unreachable": ("cannot be reached", "Check the network."),
    "Bad configuration option": (
        "cannot be reached with this ssh configuration",
        "Check the file given by `--ssh-config`.",
    ),
}


class NoMachine(Unavailable):
    """A machine cannot be reached by ssh."""

    code = "no-machine"


class _State(Record, frozen=True, kw_only=True):
    """What the tunnel's file holds."""

    process: ProcessId
    forwards: dict[str, str] = {}
    """From a socket here to a port there."""


class Tunnel:
    """The tunnel to one machine. What it knows is in files, so that every process finds the same one."""

    def __init__(self, runtime: Path, url: HostUrl, ssh_config: str) -> None:
        self._url = url
        self._options = ["-F", ssh_config] if ssh_config else []
        key = hashlib.sha256(f"{url} {ssh_config}".encode()).hexdigest()[:10]
        self._stem = runtime / f"t-{key}"
        self.socket = f"{self._stem}.sock"
        """Where the other machine's engine answers on this one."""
        self._trouble: tuple[float, NoMachine] | None = None

    def hold(self) -> None:
        """See that the tunnel is there; make it if it is not. Raises ``NoMachine``."""
        if self._state() is not None:
            return
        if self._trouble is not None and time.monotonic() - self._trouble[0] < RETRY_S:
            raise NoMachine(self._trouble[1].message, hint=self._trouble[1].hint)
        try:
            with self._locked():
                if self._state() is None:
                    self._dig()
        except NoMachine as error:
            self._trouble = (time.monotonic(), error)
            raise

    def forward(self, wanted: Mapping[str, str]) -> None:
        """Lead sockets here to ports there (``127.0.0.1:PORT``). Cheap where they are led so. Raises ``NoMachine``."""
        self.hold()
        if self._leads(wanted):
            return
        with self._locked():
            state = self._state()
            if state is None:
                return  # it ended this moment; the next look makes it anew
            forwards = dict(state.forwards)
            for path, target in wanted.items():
                if forwards.get(path) != target:
                    self._cancel(path, forwards.pop(path, ""))
                    if self._control("forward", "-L", f"{path}:{target}"):
                        forwards[path] = target
            self._keep(msgspec.structs.replace(state, forwards=forwards))

    def forget(self, path: str) -> None:
        """Lead a socket nowhere. Idempotent."""
        with self._locked():
            state = self._state()
            if state is not None and path in state.forwards:
                self._cancel(path, state.forwards[path])
                left = {each: target for each, target in state.forwards.items() if each != path}
                self._keep(msgspec.structs.replace(state, forwards=left))

    def run(self, command: str) -> str:
        """Run a command of the other machine's shell through the tunnel; return what it printed."""
        argv = ["ssh", *self._options, "-S", f"{self._stem}.ctl", *self._where(), command]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=START_S)
        return done.stdout.decode("utf-8", "replace").strip()

    def said(self) -> str:
        """Return the last line that ssh wrote."""
        lines = self._log().read_text("utf-8", "replace").splitlines() if self._log().exists() else []
        return lines[-1].strip().rstrip(".") if lines else ""

    def close(self) -> None:
        """End it, and forget its files. Idempotent."""
        with self._locked():
            state = self._state()
            if state is not None:
                end(state.process, grace_s=0.2)
                for path in state.forwards:
                    Path(path).unlink(missing_ok=True)
        for suffix in (".sock", ".ctl", ".log", ".json", ".lock"):
            self._stem.with_suffix(suffix).unlink(missing_ok=True)

    def _leads(self, wanted: Mapping[str, str]) -> bool:
        state = self._state()
        return state is not None and wanted.items() <= state.forwards.items()

    def _cancel(self, path: str, target: str) -> None:
        if target:
            self._control("cancel", "-L", f"{path}:{target}")
        Path(path).unlink(missing_ok=True)

    def _dig(self) -> None:
        if shutil.which("ssh") is None:
            raise NoMachine(
                "There is no ssh on this machine.", hint="Install it: `sudo apt-get install openssh-client`."
            )
        self._log().unlink(missing_ok=True)
        options = [word for option in OPTIONS for word in ("-o", option)]
        argv = ["ssh", *self._options, "-N", "-T", "-M", "-S", f"{self._stem}.ctl", *options]
        argv += ["-L", f"{self.socket}:{self._url.socket}", *self._where()]
        Path(f"{self._stem}.ctl").unlink(missing_ok=True)
        process = start_detached(argv, log=self._log(), env=os.environ, cwd=Path("/"))
        ends = time.monotonic() + START_S
        while not (process is not None and _listens(self.socket) and self._control("check")):
            if process is None or not is_alive(process) or time.monotonic() > ends:
                if process is not None:
                    end(process, grace_s=0.0)
                raise self._why()
            time.sleep(0.02)
        self._keep(_State(process=process))

    def _why(self) -> NoMachine:
        """Return the error for what ssh said when it gave up."""
        text = self._log().read_text("utf-8", "replace") if self._log().exists() else ""
        for words, (meaning, hint) in _TROUBLES.items():
            if words in text:
                return NoMachine(
                    f"{self._url.machine} {meaning}: {self.said()}.", hint=hint.format(login=self._url.login)
                )
        return NoMachine(
            f"There is no ssh connection to {self._url.machine}: {self.said() or 'it did not say why'}.",
            hint=f"Try `ssh {self._url.login}`.",
        )

    def _control(self, verb: str, *words: str) -> bool:
        argv = ["ssh", *self._options, "-S", f"{self._stem}.ctl", "-O", verb, *words, *self._where()]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=START_S)
        return done.returncode == 0

    def _where(self) -> list[str]:
        url = self._url
        port = ["-p", str(url.port)] if url.port else []
        user = ["-l", url.user] if url.user else []
        return [*port, *user, "--", url.machine]

    def _log(self) -> Path:
        return self._stem.with_suffix(".log")

    def _locked(self) -> contextlib.AbstractContextManager[bool]:
        return locked(self._stem.with_suffix(".lock"))

    def _keep(self, state: _State) -> None:
        replace_file(self._stem.with_suffix(".json"), encode(state))

    def _state(self) -> _State | None:
        """Return what runs."""
        try:
            state = decode(self._stem.with_suffix(".json").read_bytes(), _State)
        except FileNotFoundError:
            return None
        return state if is_alive(state.process) else None


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True
