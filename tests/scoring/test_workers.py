"""Several workers serve one port: one that dies is replaced while the others answer, and all drain on SIGTERM."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_mlops.scoring.together import added, counters

TWO = ("--port", "0", "--workers", "2")
SCRIPT = """
    import os, time

    def run(data):
        time.sleep(data.get("sleep_s", 0))
        return {"pid": os.getpid(), "threads": os.environ["OMP_NUM_THREADS"], "keys": os.environ.get("MLOPS_KEYS")}
"""


@pytest.fixture(scope="module")
def pids_bundle(tmp_path_factory: pytest.TempPathFactory, script_bundle: Callable[..., Path]) -> Path:
    return script_bundle(tmp_path_factory.mktemp("pids"), SCRIPT)


def seen(server: Any, n_workers: int) -> set[int]:
    """Return the processes that answer, asked until there are so many of them."""
    found: set[int] = set()
    server.wait(lambda: found.add(server.post({}).json["pid"]) or len(found) >= n_workers, f"answers of {n_workers}")
    return found


def test_workers_share_a_port_are_replaced_and_drain(start: Callable[..., Any], pids_bundle: Path) -> None:
    server = start(pids_bundle, address=TWO, env={"OMP_NUM_THREADS": "1"}).ready()
    first = seen(server, 2)
    assert server.process.pid not in first
    dead, other = first
    os.kill(dead, signal.SIGKILL)
    server.wait(lambda: not psutil.pid_exists(dead), "its end")  # until then it may get, and lose, connections
    assert {server.post({}).json["pid"] for _ in range(20)} <= {other} | {c.pid for c in psutil.Process(server.process.pid).children()}  # fmt: skip
    after = seen(server, 2)
    assert other in after
    assert dead not in after
    assert any(f"worker {dead} ended with 137" in line.get("message", "") for line in server.lines())

    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(server.post({"sleep_s": 0.6}).status))
    asking.start()
    time.sleep(0.2)
    assert server.stop() == 0
    asking.join(10)
    assert answers == [200]
    assert not any(psutil.pid_exists(pid) for pid in after)


def test_metrics_of_any_worker_are_those_of_all(start: Callable[..., Any], pids_bundle: Path) -> None:
    server = start(pids_bundle, address=TWO).ready()
    counted = 'mlops_requests_total{route="/score",status="200"}'
    pids: list[int] = []
    while len(set(pids)) < 2:
        pids.append(server.post({}).json["pid"])

    def metrics() -> dict[str, float]:
        lines = [line for line in server.get("/metrics").body.decode().splitlines() if not line.startswith("#")]
        return {key: float(number) for key, _, number in (line.rpartition(" ") for line in lines)}

    for _ in range(3):
        server.wait(lambda: metrics().get(counted) == len(pids), "the sum")
    time.sleep(1.3)  # each writes its numbers once a second
    os.kill(pids[0], signal.SIGKILL)
    server.wait(lambda: not psutil.pid_exists(pids[0]), "its end")
    found = metrics()
    assert found[counted] == len(pids), "what it counted stays"
    assert found["mlops_ready"] == 1


def test_numbers_are_added_and_gauges_of_the_dead_left_out() -> None:
    first = "# TYPE a counter\na 2\n# TYPE g gauge\ng 1\nmlops_ready 1\n"
    second = '# TYPE a counter\na 3\na{x="1"} 5\n# TYPE g gauge\ng 7\nmlops_ready 0\n'
    assert added([first, second]).splitlines() == [
        "# TYPE a counter", "a 5", "# TYPE g gauge", "g 8", "mlops_ready 0", 'a{x="1"} 5',
    ]  # fmt: skip
    assert counters(second).splitlines() == ["# TYPE a counter", "a 3", 'a{x="1"} 5', "# TYPE g gauge", "mlops_ready 0"]


def test_workers_end_with_the_process_that_started_them(start: Callable[..., Any], pids_bundle: Path) -> None:
    server = start(pids_bundle, address=TWO).ready()
    workers = seen(server, 2)
    server.process.kill()
    server.process.wait()
    server.wait(lambda: not any(map(alive, workers)), "the workers' end")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_workers_that_cannot_load_end_it_with_their_reason(
    start: Callable[..., Any], script_bundle: Callable[..., Path], tmp_path: Path
) -> None:
    server = start(script_bundle(tmp_path / "b", "def run(data): return 1 / 0", sample={}), address=TWO)
    assert "does not score: The scoring script raised ZeroDivisionError" in server.failed()


def test_keys_come_from_a_variable_and_the_script_does_not_see_them(pids_bundle: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {**os.environ, "MLOPS_KEYS": "one, two", "PORT": str(port)}
    argv = [sys.executable, "-m", "jupyter_mlops.scoring", "--bundle", str(pids_bundle)]
    with subprocess.Popen(argv, env=env, stderr=subprocess.DEVNULL) as process:
        try:
            found = {}
            for key in ("two", "one", "three"):
                for _ in range(300):
                    connection = http.client.HTTPConnection("127.0.0.1", port)
                    try:
                        connection.request("POST", "/score", b"{}", {"x-api-key": key})
                        answer = connection.getresponse()
                        found[key] = (answer.status, json.loads(answer.read()))
                    except ConnectionRefusedError:
                        time.sleep(0.05)
                        continue
                    finally:
                        connection.close()
                    if found[key][0] != 503:
                        break
                    time.sleep(0.05)
        finally:
            process.terminate()
    assert [status for status, _ in found.values()] == [200, 200, 401]
    assert found["one"][1]["keys"] is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--workers", "0", "--port", "0"), "0 workers cannot serve"),
        (("--workers", "2", "--socket", "x"), "2 workers cannot serve on a UNIX socket"),
    ],
)
def test_workers_that_cannot_be_are_refused(pids_bundle: Path, tmp_path: Path, arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    from jupyter_mlops.scoring.__main__ import main

    assert main(["--bundle", str(pids_bundle), "--keys", str(tmp_path), *arguments]) == 2
    assert words in capsys.readouterr().err
