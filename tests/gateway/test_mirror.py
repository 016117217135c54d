"""Copies of requests go to a shadow deployment, and no client notices: not its answers, its slowness nor its end."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from jupyter_mlops.core.service import Copies
from jupyter_mlops.gateway import mirror
from jupyter_mlops.ports import Backend, Route

from .upstreams import upstream


def mirrored(address: str, shadow: list[str], percent: int = 100, service: str = "churn") -> Route:
    """Return a route whose deployment ``m2`` takes no traffic and gets copies."""
    backends = [
        Backend(deployment="m1", weight=100, addresses=[address]),
        Backend(deployment="m2", weight=0, addresses=shadow, mirror=percent),
    ]
    return Route(service=service, bind="127.0.0.1", port=0, backends=backends)


def eventually(gateway, **counts: int) -> None:
    deadline = time.monotonic() + 10
    while (found := gateway.copies("churn").get("m2")) != Copies(**counts):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def test_each_request_is_copied_as_it_came_and_the_client_gets_the_first_answer(gateway, runtime) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("shadow", runtime / "2.sock") as two:
        port = gateway.apply(mirrored(one.address, [two.address]))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"x-api-key": "secret", "content-type": "text/csv", "x-request-id": "mine"}
        for body in (b"a,b\n1,2\n", b"x" * 50_000):
            connection.request("POST", "/score?x=1", body, headers)
            assert connection.getresponse().read() == b"one"
        connection.close()
        eventually(gateway, answered=2)
        kept = ("x-api-key", "content-type", "x-request-id")
        seen = [(path, {name: sent[name] for name in kept}, body) for path, sent, body in two.seen]
    assert sorted(seen, key=lambda each: len(each[2])) == [
        ("/score?x=1", headers, b"a,b\n1,2\n"),
        ("/score?x=1", headers, b"x" * 50_000),
    ]


def test_about_the_percent_that_was_asked_for_is_copied_and_of_direct_calls_none(gateway, connect) -> None:
    with upstream("one") as one, upstream("shadow") as two:
        client = connect(gateway.apply(mirrored(one.address, [two.address], percent=20)))
        assert {client.get().text for _ in range(500)} == {"one"}
        assert client.get(x_mlops_deployment="m1").text == "one"
        gateway.reweigh("churn", {}, {"m2": 0})
        time.sleep(0.2)
        n_copied = two.n_requests
        assert 55 <= n_copied <= 145  # five standard deviations
        assert {client.get().text for _ in range(50)} == {"one"}
        assert two.n_requests == n_copied


def test_a_shadow_that_is_slow_or_gone_costs_clients_nothing_and_is_counted(gateway, runtime, connect) -> None:
    with upstream("one", runtime / "1.sock") as one:
        with upstream("shadow", runtime / "2.sock", pause_s=0.5) as two:
            client = connect(gateway.apply(mirrored(one.address, [two.address])))
            began = time.monotonic()
            assert {client.get().text for _ in range(200)} == {"one"}
            assert time.monotonic() - began < 2.0  # 200 of 0.5 s each would be 100 s, or 6 s for 16 senders
            dropped = gateway.copies("churn")["m2"].dropped
            assert 200 - 128 - 16 - 16 <= dropped <= 200 - 128 + 1
        assert {client.get().text for _ in range(20)} == {"one"}
        gateway.apply(mirrored(one.address, []))  # nobody is ready there: nothing is copied
        assert client.get().text == "one"


def test_bodies_are_copied_whatever_their_length_and_in_chunks_too(gateway, runtime) -> None:
    bodies = [b"", b"x", os.urandom(70_000), os.urandom(3_000_000), os.urandom(9_990_000)]
    with upstream("one", runtime / "1.sock") as one, upstream("shadow", runtime / "2.sock") as two:
        port = gateway.apply(mirrored(one.address, [two.address]))
        for body in bodies:
            assert post(port, body) == b"one"
            assert post(port, body, in_parts_of=30_000) == b"one"
        eventually(gateway, answered=2 * len(bodies))
        assert sorted(body for _, _, body in two.seen) == sorted(2 * bodies)


def test_a_body_that_no_replica_takes_is_not_copied_but_counted(gateway, runtime) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("shadow", runtime / "2.sock") as two:
        route = msgspec.structs.replace(mirrored(one.address, [two.address]), max_body_bytes=1000)
        port = gateway.apply(route)
        for size in (1000, 1001):
            assert post(port, b"x" * size) == b"one"
            assert post(port, b"x" * size, in_parts_of=300) == b"one"
        eventually(gateway, answered=2, dropped=2)
        gateway.apply(msgspec.structs.replace(route, max_body_bytes=2000))
        assert post(port, b"x" * 1001) == b"one"
        eventually(gateway, answered=3, dropped=2)


def test_a_shadow_that_hangs_and_ends_takes_bounded_memory_and_fails_only_its_copies(gateway, runtime) -> None:
    body = os.urandom(9_000_000)
    with upstream("one", runtime / "1.sock") as one, hanging(runtime / "2.sock") as address:
        port = gateway.apply(mirrored(one.address, [address]))
        for _ in range(14):
            assert post(port, body) == b"one"
            one.seen.clear()
        eventually(gateway, dropped=14 - mirror.HELD_BYTES // len(body))
        assert memory_bytes(gateway) < 4 * mirror.HELD_BYTES
    with upstream("one", runtime / "3.sock") as one, upstream("shadow", runtime / "4.sock") as two:
        eventually(gateway, dropped=7, failed=7)  # the other one has ended
        gateway.apply(mirrored(one.address, [two.address]))
        assert post(port, body) == b"one"
        eventually(gateway, dropped=7, failed=7, answered=1)


def test_of_a_request_that_its_client_breaks_off_nothing_is_kept(gateway, runtime) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("shadow", runtime / "2.sock") as two:
        port = gateway.apply(mirrored(one.address, [two.address]))
        for _ in range(1 + mirror.HELD_BYTES // 5_000_000):
            with socket.create_connection(("127.0.0.1", port)) as broken:
                broken.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n" + bytes(5_000_000))
        assert post(port, bytes(9_000_000)) == b"one"
        eventually(gateway, answered=1)
        assert two.n_requests == 1


def post(port: int, body: bytes, *, in_parts_of: int = 0) -> bytes:
    """Send a body, whole or as chunks; return the answer's."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        if in_parts_of:
            parts = (body[at : at + in_parts_of] for at in range(0, len(body), in_parts_of))
            connection.request("POST", "/score", parts, encode_chunked=True)
        else:
            connection.request("POST", "/score", body)
        return connection.getresponse().read()
    finally:
        connection.close()


@contextlib.contextmanager
def hanging(path: Path) -> Iterator[str]:
    """Take connections, say that all is well, and read no request; end them all at the end."""
    with socket.socket(socket.AF_UNIX) as listener, contextlib.ExitStack() as taken:
        listener.bind(str(path))
        listener.listen(64)

        def take() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection = taken.enter_context(listener.accept()[0])
                    if b"/health/" in connection.recv(30):
                        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        taking = threading.Thread(target=take)
        taking.start()
        yield f"unix:{path}"
        listener.shutdown(socket.SHUT_RDWR)
        taking.join()


def memory_bytes(gateway) -> int:
    (process,) = gateway.processes("churn")
    return sum(one.memory_info().rss for one in psutil.Process(process.pid).children())


def test_counts_outlive_a_reload(gateway, runtime, connect) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("shadow", runtime / "2.sock") as two:
        route = mirrored(one.address, [two.address])
        port = gateway.apply(route)
        connect(port).get()
        eventually(gateway, answered=1)
        gateway.apply(mirrored(one.address, [two.address], percent=0))  # another frame
        gateway.apply(route)
        connect(port).get()
        eventually(gateway, answered=2)


def test_what_a_replica_has_yet_to_answer_is_known_by_its_address(gateway, runtime) -> None:
    with upstream("one", runtime / "1.sock", pause_s=0.3) as one:
        port = gateway.apply(
            Route(
                service="churn",
                bind="127.0.0.1",
                port=0,
                backends=[Backend(deployment="m1", weight=100, addresses=[one.address])],
            )
        )
        assert gateway.busy("churn", [one.address]) == 0
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/score", b"{}")
        time.sleep(0.1)
        assert gateway.busy("churn", [one.address, "unix:/none"]) == 1
        connection.getresponse().read()
        assert gateway.busy("churn", [one.address]) == 0
        connection.close()
    assert gateway.busy("nobody", [one.address]) == 0
