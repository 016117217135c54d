"""A replica takes what its limits allow, says so when they are reached, and ends without losing an answer."""

from __future__ import annotations

import json
import signal
import socket
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

NARROW = json.dumps({"max_concurrent": 1, "max_queue": 2, "max_body_bytes": 1000, "timeout_s": 1.0})


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, behaviour_bundle: Path, script_server: Any) -> Any:
    server = type(script_server)(behaviour_bundle, tmp_path_factory.mktemp("narrow"), limits=NARROW)
    yield server.ready()
    server.stop()


def test_what_is_beyond_the_queue_is_429_with_retry_after(narrow: Any) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: narrow.post({"sleep_s": 0.3}), range(8)))
    statuses = sorted(answer.status for answer in answers)
    assert statuses.count(200) >= 3, statuses
    assert set(statuses) <= {200, 429}
    assert 429 in statuses
    shed = next(answer for answer in answers if answer.status == 429)
    assert shed.headers["retry-after"] == "1"
    assert "max_concurrent" in shed.json["detail"]
    assert narrow.post({}).status == 200


def test_health_answers_while_the_model_is_busy(narrow: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(narrow.post, {"sleep_s": 0.8})
        narrow.wait(lambda: b"mlops_requests_in_flight 1" in narrow.get("/metrics").body, "the request")
        assert narrow.get("/health/ready").status == 200
        assert not busy.done()
        assert busy.result().status == 200


def test_an_answer_that_takes_too_long_is_504(narrow: Any) -> None:
    slow = narrow.post({"sleep_s": 1.6})
    assert (slow.status, slow.json["code"]) == (504, "timeout")
    assert "timeout_s" in slow.json["detail"]
    narrow.wait(lambda: narrow.post({}).status == 200, "the script's next answer")


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_413_although_it_was_sent_whole(narrow: Any, chunked: bool) -> None:
    body = b"[" + b"1," * 2_000_000 + b"1]"
    head = b"POST /score HTTP/1.1\r\nhost: x\r\nx-api-key: a-primary-key\r\n"
    if chunked:
        data = head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        data = head + b"content-length: %d\r\n\r\n%s" % (len(body), body)
    host, _, port = narrow.address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=30) as sock:
        sock.sendall(data)
        answer = sock.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"body-too-large" in answer
    assert b"1000 bytes" in answer


def test_a_client_that_leaves_frees_its_place(narrow: Any) -> None:
    body = b'{"sleep_s": 0.4}'
    head = b"POST /score HTTP/1.1\r\nhost: x\r\nx-api-key: a-primary-key\r\ncontent-length: %d\r\n\r\n" % len(body)
    host, _, port = narrow.address.rpartition(":")
    for _ in range(5):
        with socket.create_connection((host, int(port)), timeout=30) as sock:
            sock.sendall(head + body)
    narrow.wait(lambda: b"mlops_requests_in_flight 0" in narrow.get("/metrics").body, "the end of the requests")
    assert narrow.post({}).status == 200


def test_sigterm_answers_what_is_in_and_then_ends(start: Callable[..., Any], behaviour_bundle: Path) -> None:
    server = start(behaviour_bundle).ready()
    with ThreadPoolExecutor(3) as pool:
        busy = [pool.submit(server.post, {"sleep_s": 0.4}) for _ in range(3)]
        server.wait(lambda: b"mlops_requests_in_flight 3" in server.get("/metrics").body, "the requests")
        server.process.send_signal(signal.SIGTERM)
        answers = [each.result() for each in busy]
    assert [answer.status for answer in answers] == [200] * 3
    assert {answer.headers["connection"] for answer in answers} == {"close"}
    assert server.process.wait(30) == 0
    assert server.lines()[-1] | {"at": 0} == {"at": 0, "level": "info", "message": "ended", "unanswered": 0}


def test_sigterm_while_loading_ends_at_once(
    start: Callable[..., Any], script_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    bundle = script_bundle(tmp_path / "b", "import time\ntime.sleep(60)\ndef run(data): return 1\n")
    server = start(bundle).listening()
    loading = server.get("/health/ready")
    assert (loading.status, loading.json) == (503, {"status": "loading", "nonce": "n0nce"})
    assert server.get("/health/live").status == 200
    refused = server.post({})
    assert (refused.status, refused.json["code"], refused.headers["retry-after"]) == (503, "not-ready", "1")
    assert server.stop() == 0


def test_a_unix_socket_is_its_owners_alone_and_removed_at_the_end(
    start: Callable[..., Any], behaviour_bundle: Path, tmp_path: Path
) -> None:
    path = tmp_path / "s"
    server = start(behaviour_bundle, address=("--socket", str(path))).ready()
    assert server.address == f"unix:{path}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert server.get("/health/ready").json == {"status": "ready", "nonce": "n0nce"}
    second = start(behaviour_bundle, address=("--socket", str(path)))
    assert "answers on the socket" in second.failed()
    assert server.post({}).status == 200, "the second must leave the first alone"
    assert server.stop() == 0
    assert not path.exists()


def test_a_stale_socket_is_replaced_and_other_files_are_not(
    start: Callable[..., Any], behaviour_bundle: Path, tmp_path: Path
) -> None:
    stale, file = tmp_path / "stale", tmp_path / "file"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(stale))
    file.write_text("mine")
    assert start(behaviour_bundle, address=("--socket", str(stale))).ready().post({}).status == 200
    assert "not a socket" in start(behaviour_bundle, address=("--socket", str(file))).failed()
    assert file.read_text() == "mine"
    assert "folder must exist" in start(behaviour_bundle, address=("--socket", str(tmp_path / "no" / "s"))).failed()
    assert "103 bytes" in start(behaviour_bundle, address=("--socket", str(tmp_path / ("s" * 104)))).failed()


def test_a_taken_port_is_named(start: Callable[..., Any], behaviour_bundle: Path, script_server: Any) -> None:
    port = script_server.address.rpartition(":")[2]
    server = start(behaviour_bundle, address=("--port", port))
    assert f"Port {port}" in server.failed()
    assert server.process.returncode == 4


def test_port_and_keys_may_come_from_the_environment(start: Callable[..., Any], behaviour_bundle: Path) -> None:
    assert start(behaviour_bundle, address=(), env={"PORT": "0"}).ready().post({}).status == 200


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system has no /proc")
def test_files_and_threads_do_not_grow_with_connections(script_server: Any) -> None:
    of = Path(f"/proc/{script_server.process.pid}")

    def counts() -> tuple[int, int]:
        return len(list((of / "fd").iterdir())), len(list((of / "task").iterdir()))

    before = counts()
    with ThreadPoolExecutor(8) as pool:
        assert {answer.status for answer in pool.map(lambda _: script_server.post({}), range(40))} == {200}
    script_server.wait(lambda: counts() <= before, "the end of the connections")
