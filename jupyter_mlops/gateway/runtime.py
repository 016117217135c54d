"""Runs one HAProxy in front of each service, changes it while it serves, and finds it again after a restart of ours."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import msgspec

from jupyter_mlops.core.figures import Answered
from jupyter_mlops.core.files import locked
from jupyter_mlops.core.process import ProcessId
from jupyter_mlops.core.service import Copies
from jupyter_mlops.gateway import admin, holding, tcp
from jupyter_mlops.gateway.config import Sockets, plan_route, server
from jupyter_mlops.gateway.instance import LOG, GatewayFailed, Instance, NoHaproxy, State, find_haproxy, read_state
from jupyter_mlops.gateway.tcp import PortTaken
from jupyter_mlops.ports import Load, Route

__all__ = ["GatewayFailed", "HaproxyGateway", "NoHaproxy", "PortTaken", "find_haproxy"]

TRIES = 5
PATIENCE_S = 2.0
"""Replacing a gateway that only had no time to answer would cost its clients their requests."""


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

    def answered(self, service: str) -> Answered | None:
        """Return what came in at a service's address since its gateway was loaded; ``None`` where none answers."""
        try:
            found = admin.answered(self._sockets(service))
        except OSError:
            return None
        held = sum(holding.held(self._folder(service)).values())
        return msgspec.structs.replace(found, in_flight=found.in_flight + held)

    def copies(self, service: str) -> dict[str, Copies]:
        """Return what became of copied requests, by deployment, since the first one."""
        return self._one(service).copies()

    def alive(self, service: str) -> bool:
        """Tell whether the service's own gateway runs and answers, and what holds its requests if they are held."""
        state = self._one(service).find()
        holds = state is not None and state.route is not None and state.route.holds
        return state is not None and (not holds or holding.is_held(self._folder(service)))

    def processes(self, service: str) -> list[ProcessId]:
        """Return what runs for a service, so that its end can be seen without asking it anything."""
        state = read_state(self._folder(service))
        mine = [state.process if state is not None else None, holding.process_of(self._folder(service))]
        return [one for one in mine if one is not None]

    def remove(self, service: str) -> None:
        """Stop it after it finished what it has, but at most for a few seconds, and forget its files. Idempotent."""
        with self._working_on(service) as gateway:
            gateway.stop()
            holding.let_go(self._folder(service), self._sockets(service))
            shutil.rmtree(self._folder(service), ignore_errors=True)

    def services(self) -> list[str]:
        """Return the services that have a gateway or its files."""
        return sorted(path.parent.name for path in self._root.glob("services/*/gateway"))

    def _start(self, gateway: Instance, route: Route) -> int:
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

    def _change(self, gateway: Instance, route: Route, state: State) -> int:
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

    def _states(self) -> Iterator[tuple[str, State]]:
        for service in self.services():
            if state := read_state(self._folder(service)):
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

    def _one(self, service: str) -> Instance:
        return Instance(self._folder(service), self._sockets(service), self._label(service))

    @contextlib.contextmanager
    def _working_on(self, service: str) -> Iterator[Instance]:
        """Give the service's gateway to one process at a time. Raises ``GatewayFailed`` for what the system refuses."""
        try:
            with locked(self._stem(service).with_suffix(".lock")):
                yield self._one(service)
        except OSError as error:
            raise GatewayFailed(
                f"The gateway of service {service!r} cannot be changed: {error.strerror or error}.",
                hint=f"Read {self._folder(service) / LOG}.",
            ) from error
