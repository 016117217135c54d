"""A gateway in a workspace's folders, removed at the end whatever happened."""

from __future__ import annotations

import http.client
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from jupyter_mlops.gateway.runtime import HaproxyGateway
from jupyter_mlops.ports import Backend, Route


@pytest.fixture
def runtime() -> Iterator[Path]:
    """A folder with a short path; pytest's own are longer than HAProxy takes."""
    folder = Path(tempfile.mkdtemp(prefix="gw"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def make_gateway(tmp_path: Path, runtime: Path) -> Iterator[Callable[..., HaproxyGateway]]:
    """Return a function that gives the gateway of a workspace."""
    made: list[HaproxyGateway] = []

    def make(workspace: str = "ws1") -> HaproxyGateway:
        sockets = runtime / workspace
        sockets.mkdir(exist_ok=True)
        made.append(HaproxyGateway(tmp_path / workspace, sockets, workspace))
        return made[-1]

    yield make
    for gateway in made:
        for service in gateway.services():
            gateway.remove(service)


@pytest.fixture
def gateway(make_gateway) -> HaproxyGateway:
    return make_gateway()


def route(
    *backends: tuple[str, int, list[str]], service: str = "churn", bind: str = "127.0.0.1", port: int = 0
) -> Route:
    """Return a route to ``(deployment, weight, addresses)``."""
    given = [Backend(deployment=name, weight=weight, addresses=addresses) for name, weight, addresses in backends]
    return Route(service=service, bind=bind, port=port, backends=given)


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    text: str
    headers: dict[str, str]


class Client:
    """One keep-alive connection, which follows the server's ``connection: close`` and never tries a request twice."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

    def get(self, **headers: str) -> Answer:
        self._connection.request(
            "POST", "/score", b"{}", {key.replace("_", "-"): text for key, text in headers.items()}
        )
        response = self._connection.getresponse()
        text = response.read().decode()
        return Answer(status=response.status, text=text, headers={k.lower(): v for k, v in response.getheaders()})

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def connect() -> Iterator[Callable[[int], Client]]:
    opened: list[Client] = []

    def make(port: int) -> Client:
        opened.append(Client(port))
        return opened[-1]

    yield make
    for client in opened:
        client.close()
