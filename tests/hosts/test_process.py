"""Replicas as processes: they outlive who started them, are found again, and nobody else is ever signalled."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer

import msgspec
import pytest

from jupyter_mlops.agent.probe import ask, is_ready
from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.core.service import Limits, Replica
from jupyter_mlops.hosts.process import LOGS_KEPT, NotStarted, ProcessHost, SocketTooLong, _Kept, _process
from jupyter_mlops.ports import ReplicaSpec

KEY = "the key"
ECHO = "def init(): ...\ndef run(data): return data\n"
HERE = "{}.{}".format(*sys.version_info)


def quiet(line: str) -> None:
    """Listen to the steps and say nothing."""


@pytest.fixture
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder whose path is short, through a link if need be."""
    folder = tmp_path_factory.mktemp("r")
    short = Path("/tmp", f"ho{os.getpid()}{time.monotonic_ns() % 10**6}")
    short.symlink_to(folder)
    yield short
    short.unlink()


@pytest.fixture
def host(tmp_path: Path, runtime: Path) -> Iterator[ProcessHost]:
    made = ProcessHost(tmp_path, runtime, "ws1", "node1")
    yield made
    for replica in made.replicas():
        made.stop(replica, grace_s=0)


@pytest.fixture
def make_spec(tmp_path: Path) -> Callable[..., ReplicaSpec]:
    """Return a function that gives a spec of a scoring script."""

    def make(script: str = ECHO, **changes: object) -> ReplicaSpec:
        bundle = tmp_path / "bundle"
        (bundle / "code").mkdir(parents=True, exist_ok=True)
        (bundle / "code/score.py").write_text(script)
        manifest = Manifest(name="echo", version=1, models=[], files=[], script="code/score.py", python=HERE)
        manifest = msgspec.structs.replace(manifest, **changes)
        (bundle / "manifest.json").write_bytes(encode(manifest))
        folder = tmp_path / "services/echo"
        (folder / "keys").mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        (folder / "keys/digests.json").write_text(json.dumps({"digests": [digest]}))
        return ReplicaSpec(
            service="echo",
            deployment="m1",
            manifest=manifest,
            bundle=str(bundle),
            image="",
            folder=str(folder),
            limits=Limits(),
        )

    return make


def until_ready(host: ProcessHost, replica: Replica) -> Replica:
    while not is_ready(replica):
        assert host.alive(replica), host.logs(replica)
        time.sleep(0.02)
    return replica


def record_of(tmp_path: Path, replica: Replica) -> Path:
    return tmp_path / "services/echo/replicas" / f"{replica.id}.json"


def edit_record(tmp_path: Path, replica: Replica, **changes: object) -> Replica:
    """Change what the host's file says of a replica."""
    path = record_of(tmp_path, replica)
    changed = msgspec.structs.replace(replica, **changes)
    path.write_bytes(encode(msgspec.structs.replace(decode(path.read_bytes(), _Kept), replica=changed)))
    return changed


def test_a_replica_outlives_the_process_that_started_it(host, make_spec, tmp_path, runtime) -> None:
    (tmp_path / "spec.json").write_bytes(encode(make_spec()))
    script = (
        "from pathlib import Path; from jupyter_mlops.hosts.process import ProcessHost\n"
        "from jupyter_mlops.core.record import decode; from jupyter_mlops.ports import ReplicaSpec\n"
        f"host = ProcessHost(Path({str(tmp_path)!r}), Path({str(runtime)!r}), 'ws1', 'node1')\n"
        f"host.start(decode(Path({str(tmp_path / 'spec.json')!r}).read_bytes(), ReplicaSpec), print)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, start_new_session=True)
    (replica,) = host.replicas()
    until_ready(host, replica)
    assert os.getsid(replica.pid) != os.getsid(0)
    host.stop(replica)
    assert not is_alive(_process(replica))
    assert host.replicas() == []


def test_one_that_ends_by_itself_is_listed_until_it_is_stopped_and_its_log_says_why(host, make_spec) -> None:
    replica = host.start(make_spec("raise RuntimeError('no such weather')\n"), quiet)
    while host.alive(replica):
        time.sleep(0.02)
    assert host.replicas() == [replica]
    host.stop(replica)
    assert host.replicas() == []
    assert "no such weather" in "\n".join(host.logs(replica))


def test_one_whose_starter_died_before_noting_its_process_is_found_by_its_nonce(host, make_spec, tmp_path) -> None:
    replica = host.start(make_spec(), quiet)
    edit_record(tmp_path, replica, pid=0, pid_started=0, boot_id="")
    assert host.replicas() == [replica]
    unnoted = edit_record(tmp_path, replica, pid=0, pid_started=0, boot_id="")
    host.stop(unnoted)
    assert not is_alive(_process(replica))


def test_one_that_is_just_being_started_is_not_taken_for_an_ended_one(host, make_spec, tmp_path) -> None:
    replica = host.start(make_spec(), quiet)
    host.stop(replica)
    host._keep(_Kept(workspace="ws1", node="node1", log="", replica=msgspec.structs.replace(replica, pid=0)))
    assert host.replicas() == []
    long_ago = edit_record(tmp_path, replica, pid=0, started_at=time.time() - 3600)
    assert host.replicas() == [long_ago]


@pytest.mark.parametrize("change", [{"pid_started": 1}, {"boot_id": "before the reboot"}])
def test_a_process_that_took_over_the_pid_is_neither_it_nor_signalled(host, make_spec, tmp_path, change) -> None:
    replica = host.start(make_spec(), quiet)
    host.stop(replica)
    with subprocess.Popen(["sleep", "60"]) as stranger:
        try:
            host._keep(_Kept(workspace="ws1", node="node1", log="", replica=replica))
            found = process_id(stranger.pid)
            assert found is not None
            taken = {"pid": found.pid, "pid_started": found.started, "boot_id": found.boot_id} | change
            lying = edit_record(tmp_path, replica, **taken)
            assert not host.alive(lying)
            host.stop(lying)
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert host.replicas() == []


def test_a_zombie_is_not_alive(host, make_spec, tmp_path) -> None:
    replica = host.start(make_spec(), quiet)
    host.stop(replica)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    found = process_id(child.pid)
    assert found is not None
    host._keep(_Kept(workspace="ws1", node="node1", log="", replica=replica))
    zombie = edit_record(tmp_path, replica, pid=found.pid, pid_started=found.started, boot_id=found.boot_id)
    assert host.alive(zombie)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays a zombie
    assert not host.alive(zombie)
    child.wait()


class _Impostor(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    class RequestHandlerClass(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"status": "ready", "nonce": "another"}')

        def log_message(self, *_: object) -> None:
            pass

    def __init__(self, path: str) -> None:
        super().__init__(path, self.RequestHandlerClass)


def test_a_socket_that_answers_another_nonce_is_not_it(host, make_spec) -> None:
    replica = until_ready(host, host.start(make_spec(), quiet))
    path = Path(replica.address.removeprefix("unix:"))
    path.unlink()
    with _Impostor(str(path)) as impostor:
        thread = threading.Thread(target=impostor.serve_forever, args=(0.02,))
        thread.start()
        assert not host.alive(replica)
        impostor.shutdown()
        thread.join()
    host.stop(replica)


def test_one_that_is_frozen_is_alive_and_killed_after_the_grace(host, make_spec, monkeypatch) -> None:
    monkeypatch.setattr("jupyter_mlops.hosts.process.ASK_S", 0.1)
    replica = until_ready(host, host.start(make_spec(), quiet))
    os.kill(replica.pid, signal.SIGSTOP)
    assert host.alive(replica)
    host.stop(replica, grace_s=0.1)
    assert not is_alive(_process(replica))


def test_stopping_lets_it_finish_what_it_scores(host, make_spec, tmp_path) -> None:
    entered = tmp_path / "entered"
    go_on = tmp_path / "go_on"
    script = (
        "import pathlib, time\ndef init(): ...\ndef run(data):\n"
        f"    pathlib.Path({str(entered)!r}).touch()\n"
        f"    while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.01)\n"
        "    return 'finished'\n"
    )
    replica = until_ready(host, host.start(make_spec(script), quiet))
    answers: list[tuple[int, bytes]] = []
    asking = threading.Thread(
        target=lambda: answers.append(ask(replica, "POST", "/score", b"{}", key=KEY, timeout_s=30))
    )
    asking.start()
    while not entered.exists():
        time.sleep(0.01)
    stopping = threading.Thread(target=host.stop, args=(replica,))
    stopping.start()
    go_on.touch()
    stopping.join()
    asking.join()
    assert answers[0][0] == 200
    assert b"finished" in answers[0][1]


def test_a_runtime_folder_with_a_long_path_is_said_with_the_way_out(tmp_path, make_spec) -> None:
    with pytest.raises(SocketTooLong) as caught:
        ProcessHost(tmp_path, tmp_path / ("x" * 90), "ws1", "node1").start(make_spec(), quiet)
    assert "XDG_RUNTIME_DIR" in caught.value.hint


def test_a_bundle_that_is_gone_leaves_nothing_behind(host, make_spec) -> None:
    spec = msgspec.structs.replace(make_spec(), bundle="/no/such/bundle")
    with pytest.raises(NotStarted, match="/no/such/bundle"):
        host.start(spec, quiet)
    assert host.replicas() == []


def test_a_requirement_that_is_none_leaves_nothing_behind(host, make_spec) -> None:
    with pytest.raises(BadInput, match="'a b c' is no requirement"):
        host.start(make_spec(requirements=["a b c"]), quiet)
    assert host.replicas() == []


def test_logs_of_replicas_that_end_again_and_again_do_not_pile_up(host, make_spec, tmp_path) -> None:
    logs = tmp_path / "services/echo/logs"
    logs.mkdir(parents=True)
    for number in range(LOGS_KEPT + 10):
        (logs / f"m1-old{number}.log").touch()
    replica = host.start(make_spec(), quiet)
    assert len(list(logs.iterdir())) == LOGS_KEPT + 1
    host.stop(replica)


def test_a_long_log_is_put_aside_and_goes_on(host, make_spec, monkeypatch) -> None:
    monkeypatch.setattr("jupyter_mlops.hosts.process.LOG_BYTES", 100)
    replica = until_ready(host, host.start(make_spec("print('x' * 200, flush=True)\n" + ECHO), quiet))
    (log,) = (host._folder("echo") / "logs").glob("*.log")
    assert host.replicas() == [replica]
    assert log.stat().st_size == 0
    assert ask(replica, "GET", "/none", timeout_s=10)[0] == 404
    while not log.stat().st_size:
        time.sleep(0.01)
    assert b"\0" not in log.read_bytes()
    assert any("x" * 200 in line for line in host.logs(replica))
    assert "404" in host.logs(replica, tail=1)[0]


def test_a_socket_left_by_a_stopped_replica_is_removed(host, make_spec) -> None:
    replica = until_ready(host, host.start(make_spec(), quiet))
    path = replica.address.removeprefix("unix:")
    host.stop(replica)
    with socket.socket(socket.AF_UNIX) as connection, pytest.raises(FileNotFoundError):
        connection.connect(path)


def test_processes_are_told_apart_by_more_than_their_pid() -> None:
    mine = process_id(os.getpid())
    assert mine is not None
    assert not is_alive(ProcessId(pid=mine.pid, started=mine.started + 1, boot_id=mine.boot_id))
