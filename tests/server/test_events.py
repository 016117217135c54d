"""Hints on Jupyter's event bus: from any process, within a second, a few a second at most."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

from jupyter_mlops.server.events import MANY, SCHEMA_ID, merge
from jupyter_mlops.store.feed import Change

WRITER = """
import sys
from pathlib import Path
from jupyter_mlops.workspace import Workspace
workspace = Workspace.open(Path(sys.argv[1]), create=True)
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""


class Bus:
    """What was heard, and when."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, dict[str, Any]]] = []

    async def listen(self, logger, schema_id: str, data: dict[str, Any]) -> None:  # noqa: ARG002  # the bus's
        self.heard.append((time.monotonic(), data))

    async def wait(
        self, wanted: Callable[[dict[str, Any]], bool], timeout_s: float = 10
    ) -> tuple[float, dict[str, Any]]:
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            for at, hint in self.heard:
                if wanted(hint):
                    return at, hint
            await asyncio.sleep(0.01)
        raise AssertionError([hint for _, hint in self.heard])


@pytest.fixture
def bus(server) -> Bus:
    bus = Bus()
    server.event_logger.add_listener(schema_id=SCHEMA_ID, listener=bus.listen)
    return bus


class Writer:
    """Another process with the same workspace open."""

    def __init__(self, home) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    async def ready(self) -> None:
        assert await asyncio.to_thread(self._process.stdout.readline) == "ready\n"

    async def do(self, line: str) -> float:
        """Have it run a line; return when it was done."""
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        assert await asyncio.to_thread(self._process.stdout.readline) == "done\n"
        return time.monotonic()

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def writer(jp_root_dir):
    writer = Writer(jp_root_dir)
    yield writer
    writer.close()


async def test_what_another_process_writes_is_heard_within_a_second(here, bus, writer):
    await writer.ready()
    await bus.wait(lambda hint: hint["verb"] == "open")
    written = await writer.do("workspace.catalog.record('run', 'r1', 'start')")

    heard, hint = await bus.wait(lambda hint: hint["name"] == "r1")

    assert heard - written < 1.0
    assert {key: hint[key] for key in ("workspace", "seq", "kind", "name", "verb")} == {
        "workspace": here.id,
        "seq": here.catalog.last_seq(),
        "kind": "run",
        "name": "r1",
        "verb": "start",
    }


async def test_a_workspace_that_a_kernel_makes_is_heard_of_and_told_to_later_kernels(bus, writer, api):
    await writer.ready()

    _, hint = await bus.wait(lambda hint: hint["kind"] == "workspace")

    assert hint["workspace"] == (await api("GET", "workspace")).body["id"]


async def test_plain_mlflow_in_another_process_is_heard_as_runs_without_a_name(here, bus):
    await bus.wait(lambda hint: hint["verb"] == "open")
    plain = "import sys, mlflow\nclient = mlflow.MlflowClient(tracking_uri=sys.argv[1])\nclient.create_run('0')\n"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", plain, here.tracking_uri], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr

    _, hint = await bus.wait(lambda hint: hint["kind"] == "run")

    assert (hint["name"], hint["workspace"]) == ("", here.id)


@pytest.mark.usefixtures("here")
async def test_a_thousand_writes_a_second_give_a_handful_of_hints(bus, writer):
    await writer.ready()
    await bus.wait(lambda hint: hint["verb"] == "open")
    began = time.monotonic()
    ended = await writer.do("[workspace.catalog.record('run', 'busy', 'log') for _ in range(500)]")
    await writer.do("workspace.catalog.record('run', 'last', 'end')")
    await bus.wait(lambda hint: hint["name"] == "last")

    busy = [hint for _, hint in bus.heard if hint["name"] == "busy"]
    assert 1 <= len(busy) <= (ended - began) / 0.2 + 2
    assert [hint["seq"] for hint in busy] == sorted({hint["seq"] for hint in busy})


@pytest.mark.usefixtures("here", "server")
@pytest.mark.parametrize(
    ("path", "user"),
    [(("api", "events", "subscribe"), "ada"), (("mlops", "api", "hints"), "rita")],
    ids=["bus", "ours"],
)
async def test_a_browser_hears_it_over_a_socket(path, user, jp_ws_fetch, writer):
    socket = await jp_ws_fetch(*path, headers={"Authorization": f"token {user}-secret"})
    await writer.ready()
    await writer.do("workspace.catalog.record('model', 'churn', 'register')")

    async def heard() -> dict[str, Any]:
        while True:
            hint = json.loads(await socket.read_message())
            if hint["kind"] == "model":
                return hint

    hint = await asyncio.wait_for(heard(), 10)
    socket.close()
    assert (hint["schema_id"], hint["name"], hint["verb"]) == (SCHEMA_ID, "churn", "register")


@pytest.mark.usefixtures("server")
async def test_a_socket_is_heard_of_when_nothing_happens(jp_ws_fetch, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.server.socket.BEAT_S", 0.05)
    socket = await jp_ws_fetch("mlops", "api", "hints", headers={"Authorization": "token rita-secret"})
    assert await asyncio.wait_for(socket.read_message(), 10) == "{}"
    socket.close()


@pytest.mark.usefixtures("server")
async def test_a_socket_is_refused_to_a_stranger(jp_ws_fetch):
    with pytest.raises(HTTPClientError, match="403"):
        await jp_ws_fetch("mlops", "api", "hints", headers={"Authorization": "token mallory"})


async def test_what_was_missed_can_be_asked_for(here, api):
    for name in ("a", "b", "c"):
        here.catalog.record("run", name, "start")
    seq = here.catalog.last_seq()

    missed = (await api("GET", "events", after=seq - 2, limit=1)).body["items"]

    assert [event["name"] for event in missed] == ["b"]
    assert (await api("GET", "workspace")).body["seq"] == seq


async def test_hints_go_on_after_the_store_was_away(here, bus, caplog, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.server.events.PAUSE_S", 0.05)
    await bus.wait(lambda hint: hint["verb"] == "open")
    settings = (here.root / "workspace.toml").read_text()
    (here.root / "workspace.toml").write_text("not toml")
    async with asyncio.timeout(10):
        while "cannot be read" not in caplog.text:  # noqa: ASYNC110  # a log sets no event
            await asyncio.sleep(0.01)
    (here.root / "workspace.toml").write_text(settings)
    bus.heard.clear()

    await bus.wait(lambda hint: hint["verb"] == "open")

    assert caplog.text.count("ERROR    ServerApp:events.py") <= 1


@pytest.mark.usefixtures("bus")
async def test_stopping_the_server_ends_the_feed(server):
    await server.extension_manager.stop_all_extensions()

    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("mlops-")]


def change(seq: int, kind: str, name: str, verb: str = "update") -> Change:
    return Change(seq=seq, kind=kind, name=name, verb=verb)


def test_changes_of_one_thing_become_one_hint_with_the_last_verb():
    hints = merge("w", [change(1, "run", "a", "start"), change(2, "model", "m"), change(3, "run", "a", "end")])

    assert [(hint["kind"], hint["name"], hint["seq"], hint["verb"]) for hint in hints] == [
        ("run", "a", 3, "end"),
        ("model", "m", 2, "update"),
    ]


def test_many_things_of_a_kind_become_one_hint_without_a_name():
    hints = merge("w", [change(n, "run", f"r{n}") for n in range(MANY + 1)])

    assert [(hint["kind"], hint["name"], hint["seq"]) for hint in hints] == [("run", "", MANY)]
