"""Copies of requests go to a shadow deployment, and no client notices: not its answers, its slowness nor its end."""

from __future__ import annotations

import http.client
import time

from jupyter_mlops.core.service import Copies
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


def test_what_is_too_large_to_copy_is_counted_and_answered(gateway, runtime) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("shadow", runtime / "2.sock") as two:
        port = gateway.apply(mirrored(one.address, [two.address]))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/score", b"x" * 300_000)
        assert connection.getresponse().read() == b"one"
        connection.request("POST", "/score", iter([b"x", b"y"]), encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
        eventually(gateway, dropped=2)
        assert two.n_requests == 0


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
