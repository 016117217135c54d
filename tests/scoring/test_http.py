"""The replica speaks HTTP/1.1 right: framing, order, limits and endings, whatever way the bytes arrive."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

KEY = "a-primary-key"
ROW = b'{"data":[[5.1,3.5,1.4,0.2]]}'
BAD = b'{"data":[[5.1,3.5,1.4,null]]}'
GET = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"


def post(body: bytes = ROW, *headers: str, path: str = "/score") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: x", f"x-api-key: {KEY}", "content-type: application/json", *headers]
    if not any(header.startswith(("content-length", "transfer-encoding")) for header in headers):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Wire:
    """A raw connection whose answers are read one by one."""

    def __init__(self, server: Any, connect: Any) -> None:
        self.sock = connect(server.address)
        self.file = self.sock.makefile("rb")

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def status(self) -> int:
        return self.answer()[0]

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        line = self.file.readline()
        assert line, "the connection was closed"
        status = int(line.split()[1])
        headers = {}
        while (line := self.file.readline()) not in {b"\r\n", b""}:
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def closed(self) -> bool:
        return self.file.read(1) == b""


@pytest.fixture
def wire(iris_server: Any) -> Any:
    from socket import create_connection

    made = []

    def connect(address: str) -> Any:
        host, _, port = address.rpartition(":")
        made.append(create_connection((host, int(port)), timeout=30))
        return made[-1]

    one = Wire(iris_server, connect)
    yield one
    one.file.close()
    for sock in made:
        sock.close()


def test_many_requests_use_one_connection(wire: Wire) -> None:
    for _ in range(3):
        wire.send(post())
        status, headers, body = wire.answer()
        assert (status, json.loads(body)["predictions"]) == (200, [0])
        assert "connection" not in headers
        assert headers["date"].endswith("GMT")


def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    """A health check behind a scoring request is ready first, and must wait for its turn."""
    wire.send(post() + GET + post(b"nope") + post(b"[[6.7,3,5.2,2.3]]") + GET)
    answers = [wire.answer() for _ in range(5)]
    assert [status for status, _, _ in answers] == [200, 200, 400, 200, 200]
    assert json.loads(answers[0][2])["predictions"] == [0]
    assert json.loads(answers[1][2]) == {"status": "live"}
    assert json.loads(answers[3][2])["predictions"] == [2]


def test_a_bad_row_fails_its_own_request_alone(wire: Wire) -> None:
    """Pipelined requests are scored as one batch: the one with null must not take the others with it."""
    wire.send(post() + post(BAD) + post(b"[[6.7,3,5.2,2.3]]"))
    answers = [wire.answer() for _ in range(3)]
    assert [status for status, _, _ in answers] == [200, 422, 200]
    assert json.loads(answers[2][2])["predictions"] == [2]


def test_hundreds_of_pipelined_requests_are_all_answered(wire: Wire) -> None:
    wire.send(post() * 200)
    statuses = [wire.status() for _ in range(200)]
    assert set(statuses) == {200}


def test_a_request_may_arrive_byte_by_byte(wire: Wire) -> None:
    for at in range(len(request := post())):
        wire.send(request[at : at + 1])
    assert wire.status() == 200


def test_a_chunked_body_is_put_together(wire: Wire) -> None:
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (ROW[:5], ROW[5:])) + b"0\r\n\r\n"
    wire.send(post(chunks, "transfer-encoding: chunked") + GET)
    assert [wire.status(), wire.status()] == [200, 200]


@pytest.mark.parametrize("body", [ROW, b""])
def test_an_upgrade_that_is_not_offered_is_ignored(wire: Wire, body: bytes) -> None:
    """Java's client asks for h2c with every first request, body or not."""
    upgrade = ("connection: Upgrade, HTTP2-Settings", "upgrade: h2c", "http2-settings: AAMAAABkAARAAAAAAAIAAAAA")
    wire.send(post(body, *upgrade) + GET)
    assert [wire.status(), wire.status()] == [200 if body else 400, 200]


def test_an_upgrade_with_a_chunked_body_in_pieces_is_read(wire: Wire) -> None:
    upgrade = ("connection: upgrade", "upgrade: h2c", "transfer-encoding: chunked")
    wire.send(post(b"", *upgrade) + b"5\r\n" + ROW[:5])
    time.sleep(0.05)
    wire.send(b"\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(ROW) - 5, ROW[5:]) + post())
    assert [wire.status(), wire.status()] == [200, 200]


def test_expect_100_continue_is_answered_before_the_body(wire: Wire) -> None:
    request = post(ROW, "expect: 100-continue")
    wire.send(request[: -len(ROW)])
    assert wire.file.readline() == b"HTTP/1.1 100 Continue\r\n"
    assert wire.file.readline() == b"\r\n"
    wire.send(ROW)
    assert wire.status() == 200


def test_expect_100_continue_without_a_key_is_refused_at_once(wire: Wire) -> None:
    wire.send(b"POST /score HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 9\r\n\r\n")
    assert wire.status() == 401


def test_head_has_the_headers_and_no_body(wire: Wire) -> None:
    wire.send(GET.replace(b"GET", b"HEAD") + GET)
    line = wire.file.readline()
    assert line.startswith(b"HTTP/1.1 200")
    headers = [wire.file.readline() for _ in range(5)]
    assert b"content-length: 17\r\n" in headers
    assert headers[-1] == b"\r\n"
    assert wire.status() == 200


def test_http_1_0_is_closed_unless_it_asks_otherwise(wire: Wire) -> None:
    old = GET.replace(b"1.1", b"1.0")
    wire.send(old.replace(b"host: x", b"connection: keep-alive"))
    assert wire.answer()[1]["connection"] == "keep-alive"
    wire.send(old)
    assert wire.answer()[1]["connection"] == "close"
    assert wire.closed()


def test_connection_close_is_honoured(wire: Wire) -> None:
    wire.send(post(ROW, "connection: close") + b"what follows is no request")
    assert wire.answer()[1]["connection"] == "close"
    assert wire.closed()


def test_a_half_closed_connection_gets_its_answer(wire: Wire) -> None:
    wire.send(post())
    wire.sock.shutdown(1)
    assert wire.status() == 200
    assert wire.closed()


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /score HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /score HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST /score HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_400_and_closed(wire: Wire, garbage: bytes) -> None:
    wire.send(garbage)
    status, headers, body = wire.answer()
    assert status in {400, 401}
    assert headers["connection"] == "close"
    assert json.loads(body)["type"].startswith("urn:jupyter-mlops:")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /health/live HTTP/1.1\r\nx: " + b"a" * 40_000 + b"\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nx: " + b"a" * 400_000,
        b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\n" + b"x: 1\r\n" * 200 + b"\r\n",
    ],
)
def test_a_head_that_is_too_large_is_431(wire: Wire, head: bytes) -> None:
    wire.send(head)
    status, _, body = wire.answer()
    assert (status, json.loads(body)["code"]) == (431, "headers-too-large")


def test_request_ids_are_echoed_or_made(iris_server: Any) -> None:
    assert iris_server.get("/health/live", x_request_id="mine-7").headers["x-request-id"] == "mine-7"
    made = [iris_server.get("/health/live").headers["x-request-id"] for _ in range(2)]
    assert made[0] != made[1]
    assert len(made[0]) == 16
    assert iris_server.get("/health/live", x_request_id="a" * 500).headers["x-request-id"] != "a" * 500


def test_query_strings_and_escapes_do_not_hide_a_path(iris_server: Any) -> None:
    assert iris_server.get("/health/live?probe=1").status == 200
    assert iris_server.get("/health%2Flive").status == 200
    assert iris_server.get("http://elsewhere/health/live").status == 200
