"""Requests that no replica can take wait for one, if they have a key, and lose nothing by it."""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.gateway.runtime import HaproxyGateway
from jupyter_mlops.ports import Route

from .conftest import route
from .upstreams import upstream

KEY = "the key"


def sleeping() -> Route:
    """A service whose deployments have no replicas."""
    found = route(("blue", 100, []), ("green", 0, []))
    backends = [msgspec.structs.replace(one, asleep=True) for one in found.backends]
    return msgspec.structs.replace(found, backends=backends, holds=True)


@pytest.fixture
def port(gateway: HaproxyGateway, tmp_path: Path) -> Iterator[int]:
    """The port of a service that sleeps. An agent seems to run, so none is started."""
    keys = tmp_path / "ws1" / "services" / "churn" / "keys"
    keys.mkdir(parents=True)
    (keys / "digests.json").write_text(json.dumps({"digests": [hashlib.sha256(KEY.encode()).hexdigest()]}))
    (tmp_path / "ws1" / "agent").mkdir()
    with hold(tmp_path / "ws1"):
        yield gateway.apply(sleeping())


def post(port: int, body: bytes = b"{}", *, key: str = KEY, path: str = "/score", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST", path, body, {"x-api-key": key, **named})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def wake(gateway: HaproxyGateway, address: str, deployment: str = "blue") -> None:
    """Let one deployment have a replica, as the agent does it when one is ready."""
    asleep = sleeping()
    backends = [
        msgspec.structs.replace(one, addresses=[address], asleep=False) if one.deployment == deployment else one
        for one in asleep.backends
    ]
    gateway.apply(msgspec.structs.replace(asleep, backends=backends))


def held(gateway: HaproxyGateway, deployment: str = "blue") -> int:
    return gateway.load("churn")[deployment].in_flight


def test_requests_wait_and_are_answered_whole_when_there_is_a_replica(gateway, port, runtime) -> None:
    body = json.dumps(["x" * 300_000]).encode()
    answers: list[tuple[int, str]] = []
    threads = [threading.Thread(target=lambda: answers.append(post(port, body))) for _ in range(5)]
    for thread in threads:
        thread.start()
    while held(gateway) < 5:
        time.sleep(0.01)
    assert held(gateway, "green") == 0
    with upstream("awake", runtime / "awake.sock") as server:
        wake(gateway, f"unix:{runtime / 'awake.sock'}")
        for thread in threads:
            thread.join()
        assert answers == [(200, "awake")] * 5
        assert {seen[2] for seen in server.seen} == {body}
        assert held(gateway) == 0
        assert post(port) == (200, "awake")
        assert "x-mlops-held" not in server.seen[-1][1]


def test_a_deployment_that_is_asked_for_by_name_is_the_one_that_is_waited_for(gateway, port, runtime) -> None:
    answers: list[tuple[int, str]] = []
    waiting = threading.Thread(target=lambda: answers.append(post(port, x_mlops_deployment="green")))
    waiting.start()
    while held(gateway, "green") < 1:
        time.sleep(0.01)
    with upstream("green", runtime / "green.sock"):
        wake(gateway, f"unix:{runtime / 'green.sock'}", "green")
        waiting.join()
    assert answers == [(200, "green")]


def test_nobody_without_a_key_waits_and_health_is_answered_at_once(gateway, port) -> None:
    assert post(port, key="wrong")[0] == 401
    assert json.loads(post(port, key="")[1])["code"] == "key-needed"
    assert post(port, path="/health/ready", key="") == (200, '{"status":"asleep"}')
    assert held(gateway) == 0


def test_a_client_that_gives_up_and_one_that_sends_nonsense_hold_nothing_up(gateway, port, runtime) -> None:
    with socket.create_connection(("127.0.0.1", port)) as impatient:
        head = f"POST /score HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-length: 1000000\r\n\r\n"
        impatient.sendall(head.encode() + b"x" * 1000)
        while held(gateway) < 1:
            time.sleep(0.01)
    with socket.socket(socket.AF_UNIX) as nonsense:
        nonsense.connect(gateway._sockets("churn").activator)
        nonsense.sendall(b"\x00\xff" * 100_000)
        nonsense.settimeout(10)
        assert nonsense.recv(10) == b""
    with upstream("awake", runtime / "awake.sock"):
        wake(gateway, f"unix:{runtime / 'awake.sock'}")
        assert post(port) == (200, "awake")
        while held(gateway):
            time.sleep(0.01)


def test_what_is_held_is_told_to_come_again_when_holding_ends(gateway, port) -> None:
    answers: list[tuple[int, str]] = []
    waiting = threading.Thread(target=lambda: answers.append(post(port)))
    waiting.start()
    while held(gateway) < 1:
        time.sleep(0.01)
    gateway.apply(route(("blue", 100, [])))
    waiting.join()
    assert answers[0][0] in {502, 503}
    assert json.loads(answers[0][1])["hint"]
    assert post(port)[0] == 503
