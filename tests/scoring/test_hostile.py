"""What is sent to do harm, and scripts that do harm: the replica goes on, and keeps its memory."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

NIGHTLY = bool(os.environ.get("MLOPS_NIGHTLY"))
HEAD = b"POST /score HTTP/1.1\r\nhost: x\r\nx-api-key: a-primary-key\r\ncontent-type: application/json\r\n"
MB = 1_000_000
SCRIPT = """
import os, sys, time

def run(data):
    if not isinstance(data, dict):
        return len(str(data))
    if "hang" in data:
        while os.path.exists(data["hang"]):
            time.sleep(0.05)
    if "print" in data:
        line = "x" * 99_999
        for _ in range(data["print"] // 100_000):
            print(line)
    if "leak" in data:
        kept = []
        while True:
            kept.append(bytearray(20_000_000))
    if "long" in data:
        return "x" * data["long"]
    if "exit" in data:
        os._exit(data["exit"])
    if "deep" in data:
        deep = []
        for _ in range(data["deep"]):
            deep = [deep]
        return deep
    if "cycle" in data:
        cycle = {}
        cycle["self"] = cycle
        return cycle
    if "text" in data:
        return {b"bytes": "\\ud800"}
    return {"ok": True}
"""
QUICK = """
import sys
from jupyter_mlops.scoring import limits
limits.ARRIVE_S, limits.IDLE_S, limits.LINGER_S = 1.0, 1.5, 0.5
from jupyter_mlops.scoring.__main__ import main
sys.exit(main(sys.argv[3:]))
"""
"""A replica that gives clients seconds where they have minutes."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory, script_bundle: Callable[..., Path]) -> Path:
    return script_bundle(tmp_path_factory.mktemp("hostile"), SCRIPT)


@pytest.fixture(scope="module")
def server(hostile: Path, start_shared: Callable[..., Any]) -> Any:
    limits = json.dumps({"timeout_s": 1.0, "max_body_bytes": 10 * MB})
    return start_shared(hostile, limits=limits, python=(sys.executable, "-c", QUICK)).ready()


def rss(server: Any) -> int:
    fields = Path(f"/proc/{server.process.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def dial(server: Any) -> socket.socket:
    host, _, port = server.address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=20)


def sent(server: Any, *parts: bytes) -> bytes:
    """Send all of it, or as much as is taken, and return what is answered before the connection ends."""
    with dial(server) as sock:
        try:
            for part in parts:
                sock.sendall(part)
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it would take no more
        answer = b""
        try:
            while got := sock.recv(65_536):
                answer += got
        except OSError:
            pass
        return answer


def well(server: Any) -> bool:
    """Tell whether it is alive, ready, and scores."""
    return server.get("/health/ready").status == server.post({}).status == 200


@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "in chunks"])
def test_a_body_of_100_mb_is_refused_before_it_takes_memory(server: Any, chunked: bool) -> None:
    before, part = rss(server), b" " * MB
    if chunked:
        parts = [HEAD + b"transfer-encoding: chunked\r\n\r\n"] + [b"%x\r\n%s\r\n" % (MB, part)] * 100
    else:
        parts = [HEAD + b"content-length: %d\r\n\r\n" % (100 * MB)] + [part] * 100
    answer = sent(server, *parts)
    assert not answer or answer.startswith(b"HTTP/1.1 413 ")
    assert rss(server) - before < 30 * MB
    assert well(server)


def test_a_body_in_chunks_of_two_bytes_takes_what_it_weighs(server: Any) -> None:
    before, body = rss(server), b"[" + b"1," * (MB // 2) + b"1]"
    chunks = b"".join(b"2\r\n%s\r\n" % body[at : at + 2] for at in range(0, len(body) - 1, 2))
    last = body[len(body) - len(body) % 2 :]
    answer = sent(server, HEAD + b"transfer-encoding: chunked\r\n\r\n", chunks, b"1\r\n%s\r\n" % last if last else b"", b"0\r\n\r\n")  # fmt: skip
    assert answer.startswith(b"HTTP/1.1 200 "), answer[:300]
    assert rss(server) - before < 15 * MB


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"nested"),
        (b"[" * 10_000, b"nested"),
        (b"[" * 10_000 + b"]" * 10_000, b"nested"),
        (b'"\xff\xfe"', b"UTF-8"),
        ('{"a": 1}'.encode("utf-16"), b"not JSON"),
        (b"", b"empty"),
        (b'{"a": [1, 2', b"truncated"),
    ],
)
@pytest.mark.parametrize("path", ["/score", "/invocations", "/v2/models/iris/infer"])
def test_a_body_that_cannot_be_read_is_400_everywhere(server: Any, path: str, body: bytes, word: bytes) -> None:
    answer = server.post(body, path)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    assert word in answer.body


def test_a_head_that_dribbles_in_is_given_up(server: Any) -> None:
    with dial(server) as sock:
        began = time.monotonic()
        sock.sendall(b"POST /score HTTP/1.1\r\n")
        with pytest.raises(OSError):  # noqa: PT011, PT012 - reset or closed, as the system has it
            for at in range(100):
                sock.sendall(b"x-%d: 1\r\n" % at)
                time.sleep(0.05)
                if sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK) == b"":
                    raise OSError
        assert 0.9 < time.monotonic() - began < 4
    assert well(server)


def _dribbled(send: Callable[[bytes], Any], look: Callable[[], bytes], parts: list[bytes]) -> None:
    for part in parts:
        send(part)
        time.sleep(0.05)
        try:
            if look() == b"":
                raise ConnectionResetError
        except BlockingIOError:
            continue


def test_a_body_that_dribbles_in_is_given_up_while_others_are_answered(server: Any) -> None:
    with dial(server) as sock:
        began = time.monotonic()
        sock.sendall(HEAD + b"content-length: 1000\r\n\r\n")
        look = lambda: sock.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK)  # noqa: E731
        with pytest.raises(OSError):  # noqa: PT011 - the same
            _dribbled(sock.sendall, look, [b" "] * 100)
        assert 0.9 < time.monotonic() - began < 4
    assert well(server)


def test_clients_that_send_nothing_are_hung_up_on(server: Any) -> None:
    socks = [dial(server) for _ in range(50)]
    assert well(server)
    for sock in socks:
        assert sock.recv(1) == b""
        sock.close()
    server.wait(lambda: b"mlops_connections 1\n" in server.get("/metrics").body, "the end of the connections")


def test_a_client_that_does_not_read_its_answer_is_given_up(server: Any) -> None:
    body = b'{"long": 20000000}'
    with dial(server) as sock:
        sock.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        server.wait(lambda: b"mlops_connections 2\n" in server.get("/metrics").body, "the connection")
        server.wait(lambda: b"mlops_connections 1\n" in server.get("/metrics").body, "its end")
    answer = server.post({"long": 20_000_000})  # who reads gets all of it
    assert (answer.status, len(answer.body)) == (200, 20_000_002)


@pytest.mark.parametrize("cut", [5, 30, len(HEAD) + 5, len(HEAD) + 25])
def test_a_connection_that_is_cut_anywhere_leaves_nothing_behind(server: Any, cut: int) -> None:
    request = HEAD + b"content-length: 20\r\n\r\n" + b" " * 20
    assert sent(server, request[:cut]) in {b"", b"HTTP/1.1 400"} or cut == len(request)
    with dial(server) as sock:
        sock.sendall(request[:cut])
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # ends with a reset
    server.wait(lambda: b"mlops_connections 1\n" in server.get("/metrics").body, "the end of the connections")
    assert b"mlops_requests_in_flight 0" in server.get("/metrics").body


@pytest.mark.parametrize(
    "flood",
    [
        b"GET /health/live HTTP/1.1\r\n" + b"".join(b"x-%d: 1\r\n" % at for at in range(100_000)),
        b"GET /health/live HTTP/1.1\r\nx: " + b"a" * 5 * MB,
        b"GET /" + b"a" * 5 * MB,
        HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"".join(b"x-%d: 1\r\n" % at for at in range(100_000)),
        HEAD + b"transfer-encoding: chunked\r\n\r\n2;" + b"a" * 5 * MB,
    ],
    ids=["headers", "one header", "target", "trailers", "chunk extension"],
)  # fmt: skip
def test_a_flood_of_headers_takes_no_memory(server: Any, flood: bytes) -> None:
    before = rss(server)
    answers = [sent(server, flood) for _ in range(4)]
    assert all(not answer or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 400")) for answer in answers), answers
    assert rss(server) - before < 20 * MB
    assert well(server)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"])
def test_a_wrong_method_is_refused(server: Any, method: str) -> None:
    answer = sent(server, f"{method} /score HTTP/1.1\r\nhost: x\r\nx-api-key: a-primary-key\r\n\r\n".encode())
    assert answer.split(b" ")[1] in {b"405", b"400"}, answer
    assert well(server)


def test_a_script_that_hangs_holds_up_nobody_else(server: Any, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.touch()
    with ThreadPoolExecutor(2) as pool:
        hung = pool.submit(server.post, {"hang": str(there)})
        server.wait(lambda: b"mlops_requests_in_flight 1" in server.get("/metrics").body, "the request")
        assert server.get("/health/ready").status == 200
        behind = pool.submit(server.post, {})
        assert hung.result().json["code"] == "timeout"
        assert behind.result().status in {200, 504}  # it came in the second that the first one had
    server.wait(lambda: server.post({}).status == 200, "the next answer")
    assert "hangs" in next(line["message"] for line in server.lines() if "hangs" in line.get("message", ""))
    there.unlink()
    assert well(server)


def test_a_replica_whose_threads_all_hang_ends_to_be_started_again(start: Callable[..., Any], hostile: Path) -> None:
    server = start(hostile, limits='{"timeout_s": 0.3}').ready()
    statuses = []
    while server.process.poll() is None and len(statuses) < 20:
        try:
            statuses.append(server.post({"hang": "/"}).status)
        except OSError:
            break
    assert server.process.wait(40) == 1
    assert set(statuses) <= {504, 503}
    assert len(statuses) >= 4


@pytest.mark.parametrize(
    ("asked", "word"), [({"deep": 100_000}, "nested"), ({"cycle": 1}, "nested"), ({"text": 1}, "returned")]
)
def test_an_answer_that_has_no_json_is_500_and_said(server: Any, asked: Any, word: str) -> None:
    answer = server.post(asked)
    assert (answer.status, answer.json["code"]) == (500, "answer-not-json")
    assert word in answer.json["detail"]
    assert well(server)


def test_a_script_without_memory_fails_its_request_alone(start: Callable[..., Any], hostile: Path) -> None:
    limited = "import resource; resource.setrlimit(resource.RLIMIT_AS, (900_000_000, 900_000_000))"
    code = f"{limited}{QUICK}"
    server = start(hostile, python=(sys.executable, "-c", code)).ready()
    answer = server.post({"leak": 1})
    assert (answer.status, "MemoryError" in answer.json["detail"]) == (500, True)
    assert well(server)


def test_a_script_that_ends_the_process_ends_its_request_alone(start: Callable[..., Any], hostile: Path) -> None:
    """Its host starts another one: tests/agent/test_healing.py."""
    server = start(hostile).ready()
    assert sent(server, HEAD + b"content-length: 11\r\n\r\n" + b'{"exit": 7}') == b""
    assert server.process.wait(10) == 7


def test_a_script_that_prints_a_lot_fills_neither_memory_nor_disk(server: Any) -> None:
    """Its host keeps the newest ten million bytes of what gets through: tests/hosts/test_process.py."""
    before, written, began = rss(server), server.log.stat().st_size, time.monotonic()
    answer = server.post({"print": 1_000_000_000 if NIGHTLY else 20_000_000})
    assert answer.status in {200, 504}
    assert rss(server) - before < 20 * MB
    assert server.log.stat().st_size - written < 11 * MB * (1 + time.monotonic() - began)
    server.wait(lambda: well(server), "the next answer")


@pytest.mark.parametrize(
    "request_", [b"hello\r\n\r\n", HEAD + b"content-length: 99999999999\r\n\r\n{}", HEAD + b"content-length: 2\r\n\r\n{}"],
    ids=["no HTTP", "too large", "good"],
)  # fmt: skip
def test_connections_leave_no_memory_behind(server: Any, request_: bytes) -> None:
    for _ in range(100):
        sent(server, request_)
    before = rss(server)
    for _ in range(1000):
        sent(server, request_)
    assert rss(server) - before < 2 * MB
