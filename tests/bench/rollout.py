"""How many requests are lost while a service is changed: updated, split, given new keys, reloaded, and robbed of replicas.

    python tests/bench/rollout.py [--host process|docker] [--quick] [--json]

A process of its own keeps 64 connections busy without a pause, and has 40 keep-alive clients that pause 20 ms between
requests, since those meet a server just as it closes what is idle. No client tries a request twice. Failed is every
request that got another status than 200, no answer, or none within 30 s; it counts for the change during which it was
sent. Each change is made ten times (three with ``--quick``) to a service of three replicas behind its gateway.

``failed_kill`` is what ``kill -9`` of a replica cost. HAProxy can send a request again that it could not send, and no
other, so those in flight in that replica are lost: ``in_flight_kill`` is the most that HAProxy counted
there in the 0.3 s before each kill and until it. Containers are killed in both ways that there are: through the engine, which leaves
them dead, and (as root) by their process alone, which the engine starts again.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.service import Replica, Service
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.services import (
    delete_service,
    deploy,
    mirrored,
    regenerate_key,
    service_keys,
    set_mirror,
    set_traffic,
    update,
)
from jupyter_mlops.gateway import admin
from jupyter_mlops.workspace import Workspace

BUSY, CALM = 64, 40
PAUSE_S = 0.02
ANSWER_S = 30.0
REPLICAS = 3
SETTLE_S = 0.3
CHANGES = ("nothing", "update", "traffic", "mirror", "keys", "reload", "kill")
NAME = "bench"


class Tally:
    """What became of the requests, by the change during which they were sent."""

    def __init__(self) -> None:
        self.change = CHANGES[0]
        self.key = ""
        self.over = False
        self.sent: Counter[str] = Counter()
        self.failed: Counter[tuple[str, str]] = Counter()
        self.slowest_s: dict[str, float] = {}

    def note(self, change: str, outcome: str, took_s: float) -> None:
        self.sent[change] += 1
        self.slowest_s[change] = max(took_s, self.slowest_s.get(change, 0.0))
        if outcome != "200":
            self.failed[change, outcome] += 1


class Connection:
    """One keep-alive connection, which is opened again when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, key: str) -> str:
        """Send one request; return the status of the answer, or what came instead of one."""
        try:
            if self._reader is None or self._reader.at_eof():
                self.close()
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            return await asyncio.wait_for(self._exchange(key), ANSWER_S)
        except TimeoutError:
            self.close()
            return "no answer in time"
        except asyncio.IncompleteReadError:
            self.close()
            return "closed without an answer"
        except OSError as error:
            self.close()
            return type(error).__name__

    async def _exchange(self, key: str) -> str:
        assert self._reader is not None
        assert self._writer is not None
        self._writer.write(
            b"POST /score HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\ncontent-length: 7\r\n"
            b"x-api-key: " + key.encode() + b"\r\n\r\n[[1,2]]"
        )
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        await self._reader.readexactly(length)
        if b"\r\nconnection: close\r\n" in head:
            self.close()
        return head.split(b" ", 2)[1].decode()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


async def client(tally: Tally, port: int, pause_s: float) -> None:
    connection = Connection(port)
    while not tally.over:
        change, began = tally.change, time.monotonic()
        outcome = await connection.ask(tally.key)
        tally.note(change, outcome, time.monotonic() - began)
        if pause_s or outcome != "200":
            await asyncio.sleep(pause_s or PAUSE_S)
    connection.close()


async def load(port: int, key: str) -> None:
    """Be the clients: ``CHANGE`` and ``key KEY`` come in by lines; what became of all requests goes out at the end."""
    tally, lines = Tally(), asyncio.StreamReader()
    tally.key = key
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    clients = [asyncio.ensure_future(client(tally, port, 0.0)) for _ in range(BUSY)]
    clients += [asyncio.ensure_future(client(tally, port, PAUSE_S)) for _ in range(CALM)]
    while line := (await lines.readline()).decode().strip():
        words = line.split()
        if words[0] == "key":
            tally.key = words[1]
        else:
            tally.change = words[0]
        print("heard", flush=True)
    tally.over = True
    await asyncio.gather(*clients)
    failed = [[change, outcome, count] for (change, outcome), count in tally.failed.items()]
    print(json.dumps({"sent": tally.sent, "failed": failed, "slowest_s": tally.slowest_s}))


class Clients:
    """The process of the clients, from here."""

    def __init__(self, port: int, key: str) -> None:
        argv = [sys.executable, __file__, "load", str(port), key]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        self._process.stdout.readline()

    def end(self) -> dict[str, dict[str, float] | list[list[str | int]]]:
        out, _ = self._process.communicate()
        found: dict[str, dict[str, float] | list[list[str | int]]] = json.loads(out)
        return found


class Bench:
    """A service, its clients and the changes."""

    def __init__(self, home: Path, times: int, host: str) -> None:
        self.world = Workspace.open(home, create=True)
        self._home = home
        self._host = host
        self._times = times
        self._n_manifests = 0
        self.in_flight = 0
        (home / "weights.bin").write_bytes(b"weights")
        register_model(self.world, str(home / "weights.bin"), "model")
        self._done(deploy(self.world, NAME, manifest=self._manifest(), replicas=REPLICAS, host=host))
        self.clients = Clients(self.service.port, service_keys(self.world, NAME).secondary)

    @property
    def service(self) -> Service:
        return self.world.catalog.get(Service, NAME)

    def _manifest(self) -> str:
        """Make another manifest; return its ref."""
        self._n_manifests += 1
        folder = self._home / f"m{self._n_manifests}"
        folder.mkdir()
        (folder / "score.py").write_text(
            f"def init():\n    pass\n\ndef run(data):\n    return [{self._n_manifests}, data]\n"
        )
        (folder / "sample.json").write_text("[[1,2]]")
        sample, script = folder / "sample.json", folder / "score.py"
        return create_manifest(self.world, ["model"], name=NAME, script=script, sample=sample).ref

    def _done(self, activity: Activity) -> None:
        wait_activity(self.world, activity.name, timeout_s=180)

    def nothing(self) -> None:
        time.sleep(1.0)

    def update(self) -> None:
        for _ in range(self._times):
            self._done(update(self.world, NAME, manifest=self._manifest(), deployment="blue"))

    def traffic(self) -> None:
        self._done(deploy(self.world, NAME, manifest=self._manifest(), deployment="green", traffic=0))
        for number in range(self._times):
            green = (100, 10, 50, 0, 90)[number % 5]
            set_traffic(self.world, NAME, {"blue": 100 - green, "green": green})
            time.sleep(SETTLE_S)
        set_traffic(self.world, NAME, {"blue": 100})

    def mirror(self) -> None:
        set_mirror(self.world, NAME, {"green": 20})
        time.sleep(2 * SETTLE_S)
        self._end(next(one for one in self._replicas() if one.deployment.startswith("green")), 0)
        time.sleep(2 * SETTLE_S)
        assert mirrored(self.world, NAME)[0].copies.answered
        set_mirror(self.world, NAME, {"green": 0})

    def keys(self) -> None:
        """Regenerate the key that no client uses, and let all of them use it from then on."""
        for number in range(self._times):
            fresh = regenerate_key(self.world, NAME, "primary" if number % 2 == 0 else "secondary")
            self.clients.tell(f"key {fresh.primary if number % 2 == 0 else fresh.secondary}")
            time.sleep(SETTLE_S)

    def reload(self) -> None:
        sockets = self.world.gateway._sockets(NAME)  # type: ignore[attr-defined]  # no port has it: nobody else reloads
        for _ in range(self._times):
            assert "Success=1" in admin.ask(sockets.master, "reload")
            time.sleep(SETTLE_S)

    def kill(self) -> None:
        """Kill one after the other. What ends again and again is started with longer and longer pauses: not what is new."""
        for number in range(self._times):
            if number and number % 2 == 0:
                self._done(update(self.world, NAME, manifest=self._manifest(), deployment="blue"))
            self._await_all()
            replica = next(one for one in self._replicas() if one.deployment.startswith("blue"))
            with self._watched(replica.address):
                time.sleep(SETTLE_S)
                self._end(replica, number)
            while replica in self._replicas():
                time.sleep(SETTLE_S / 3)
        self._await_all()

    def _end(self, replica: Replica, number: int) -> None:
        """Kill what a replica is."""
        if not replica.container:
            return os.kill(replica.pid, signal.SIGKILL)
        import docker

        engine = docker.from_env()
        if number % 2 or os.geteuid():
            engine.api.kill(replica.container, "KILL")
        else:
            os.kill(engine.api.inspect_container(replica.container)["State"]["Pid"], signal.SIGKILL)
        return engine.close()

    @contextlib.contextmanager
    def _watched(self, address: str) -> Iterator[None]:
        """Count the most that a replica had to answer at once, until a moment after the block."""
        ended = threading.Event()

        def watch() -> int:
            peak = 0
            while not ended.is_set():
                peak = max(peak, self.world.gateway.busy(NAME, [address]))
            return peak

        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(watch)
            yield
            time.sleep(SETTLE_S / 10)
            ended.set()
            self.in_flight += watching.result()

    def _replicas(self) -> list[Replica]:
        return [one for one in self.world.hosts[self._host].replicas() if one.service == NAME]

    def _await_all(self) -> None:
        """Wait until what was killed is replaced, as the agent does it."""
        deadline = time.monotonic() + 120
        while self.service.n_ready < sum(one.replicas for one in self.service.deployments):
            assert time.monotonic() < deadline, self.service.message
            time.sleep(0.1)

    def close(self) -> None:
        self._done(delete_service(self.world, NAME))
        stop_agent(self.world)
        self.world.close()


@contextlib.contextmanager
def running(times: int, host: str) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), times, host)
        try:
            yield bench
        finally:
            bench.close()


def run(*, quick: bool, host: str) -> tuple[dict[str, float], Callable[[], None]]:
    """Make all changes; return the figures and what prints them."""
    took_s: dict[str, float] = {}
    with running(3 if quick else 10, host) as bench:
        try:
            for change in CHANGES:
                began = time.monotonic()
                bench.clients.tell(change)
                getattr(bench, change)()
                time.sleep(SETTLE_S)
                took_s[change] = time.monotonic() - began
        finally:
            found = bench.clients.end()
        in_flight = bench.in_flight
    sent, failures, slowest_s = found["sent"], found["failed"], found["slowest_s"]
    assert isinstance(sent, dict)
    assert isinstance(slowest_s, dict)
    failed = Counter[str]()
    for change, _, count in failures:
        failed[str(change)] += int(count)
    figures: dict[str, float] = {f"failed_{change}": failed[change] for change in CHANGES}
    figures |= {"in_flight_kill": in_flight, "requests": sum(sent.values())}
    figures |= {f"requests_{change}": sent[change] for change in CHANGES}
    figures |= {f"slowest_{change}_ms": slowest_s[change] * 1000 for change in CHANGES}

    def show() -> None:
        print(f"{'':<10}{'seconds':>9}{'requests':>11}{'failed':>8}{'slowest ms':>12}")
        for change in CHANGES:
            why = ", ".join(f"{count} x {outcome}" for where, outcome, count in failures if where == change)
            row = f"{change:<10}{took_s[change]:>9.1f}{sent[change]:>11,}{failed[change]:>8}"
            print(f"{row}{slowest_s[change] * 1000:>12.0f}  {why}".rstrip())
        print(f"In flight in the killed replicas: at most {in_flight}.")

    return figures, show


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="process", choices=("process", "docker"), help="where its replicas run")
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="a flat object of numbers")
    options = parser.parse_args()
    figures, show = run(quick=options.quick, host=options.host)
    if options.json:
        print(json.dumps(figures))
    else:
        show()


if __name__ == "__main__":
    if sys.argv[1:2] == ["load"]:
        asyncio.run(load(int(sys.argv[2]), sys.argv[3]))
    else:
        main()
