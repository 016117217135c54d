"""What an agent costs that looks after a hundred services with nothing to do, and how soon it sees that one changes.

    python tests/bench/idle.py [--quick] [--json]

Each service has its gateway, a real HAProxy that checks its replica every second, and a replica. Replicas are stand-ins: the
sockets of all are served by one process, so that a hundred interpreters are not needed; the agent knows each by its own record
and nonce as ever. Two services have real ones, which are killed and scaled. ``--quick`` measures for 10 s instead of 60.

Targets: ``idle_agent_core_percent`` at most 5, ``change_seen_s`` at most 2.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import agent_status, stop_agent
from jupyter_mlops.core.ids import ReplicaId, new_id
from jupyter_mlops.core.process import process_id
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.service import Deployment, Replica, Service
from jupyter_mlops.delivery.deployments import FIRST
from jupyter_mlops.delivery.keys import digests, fresh_keys
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.scaling import scale_to
from jupyter_mlops.delivery.services import deploy
from jupyter_mlops.hosts.process import _Kept
from jupyter_mlops.workspace import Workspace

REAL = ("killed", "scaled")
TICKS = os.sysconf("SC_CLK_TCK")
SCRIPT = "def init(): ...\ndef run(data): return data\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="measure for 10 s instead of 60")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--services", type=int, default=100, help="how many (%(default)s)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--profile", help="file for py-spy's profile of the idle agent")
    arguments = parser.parse_args()
    if arguments.serve:
        listing = Path(arguments.serve)
        until(listing.exists, 60)
        asyncio.run(serve(json.loads(listing.read_text())))
        return
    home = Path(tempfile.mkdtemp(prefix="mlops-idle-"))
    os.environ["XDG_RUNTIME_DIR"] = str(home)
    try:
        found = measure(home, arguments.services, 10.0 if arguments.quick else 60.0, arguments.profile)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if arguments.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{name:<28} {value}" for name, value in found.items()))


def measure(home: Path, n_services: int, seconds: float, profile: str | None) -> dict[str, float]:
    """Set it up, measure and take it down."""
    workspace = Workspace.open(home, create=True)
    ref = a_manifest(workspace, home)
    served = subprocess.Popen([sys.executable, __file__, "--serve", str(home / "stand-ins.json")])
    try:
        stand_in(workspace, home / "stand-ins.json", served.pid, n_services - len(REAL), ref)
        for name in REAL:
            wait_activity(workspace, deploy(workspace, name, manifest=ref).name, timeout_s=120)
        until(lambda: n_ready(workspace) == n_services, 300)
        agent = agent_status(workspace).pid
        time.sleep(3)  # the last gateways have just come up
        if profile:
            subprocess.Popen(
                ["py-spy", "record", "-t", "-d", "8", "-r", "200", "-f", "raw", "-o", profile, "-p", str(agent)]
            )
        before, began = cpu_s(agent), time.monotonic()
        time.sleep(seconds)
        used = (cpu_s(agent) - before) / (time.monotonic() - began)
        seen = [after_kill(workspace), after_scaling(workspace)]
        return {
            "services": n_services,
            "idle_agent_core_percent": round(100 * used, 2),
            "kill_seen_s": round(seen[0], 2),
            "scaling_seen_s": round(seen[1], 2),
            "change_seen_s": round(max(seen), 2),
            "agent_rss_mb": round(rss_bytes(agent) / 1e6),
        }
    finally:
        stop_agent(workspace)
        for service in workspace.catalog.find(Service):
            if service.name in REAL:
                for replica in workspace.hosts["process"].replicas():
                    if replica.service == service.name:
                        workspace.hosts["process"].stop(replica, grace_s=0)
        for service in workspace.gateway.services():
            workspace.gateway.remove(service)
        served.kill()
        served.wait()
        workspace.close()


def a_manifest(workspace: Workspace, home: Path) -> str:
    """Return the ref of a manifest whose replicas start in no time."""
    (home / "weights.bin").write_bytes(b"weights")
    (home / "score.py").write_text(SCRIPT)
    register_model(workspace, str(home / "weights.bin"), "model")
    return create_manifest(workspace, ["model"], name="idle", script=home / "score.py").ref


def stand_in(workspace: Workspace, listing: Path, pid: int, n_services: int, ref: str) -> None:
    """Enter services with replicas that a process of ours answers for."""
    process = process_id(pid)
    assert process is not None
    sockets = {}
    for number in range(n_services):
        name, id_, nonce = f"idle-{number:03}", ReplicaId(new_id()), new_id()
        keys = digests(fresh_keys())
        folder = workspace.root / "services" / name
        replica = Replica(
            id=id_,
            service=name,
            deployment=FIRST,
            manifest=ref,
            host="process",
            address=f"unix:{workspace.runtime / f'{id_}.sock'}",
            started_at=time.time(),
            pid=process.pid,
            pid_started=process.started,
            boot_id=process.boot_id,
            nonce=nonce,
        )
        sockets[str(workspace.runtime / f"{id_}.sock")] = nonce
        (folder / "replicas").mkdir(parents=True)
        (folder / "keys").mkdir()
        (folder / "keys" / "digests.json").write_bytes(encode({"digests": keys}))
        kept = _Kept(workspace=workspace.id, node=workspace.node, log=f"logs/{FIRST}-{id_}.log", replica=replica)
        (folder / "replicas" / f"{id_}.json").write_bytes(encode(kept))
        part = Deployment(name=FIRST, manifest=ref)
        workspace.catalog.add(
            Service(name=name, host="process", deployments=[part], node=workspace.node, key_digests=keys, state="ready")
        )
    part = listing.with_suffix(".part")
    part.write_text(json.dumps(sockets))
    part.rename(listing)
    until(lambda: all(Path(path).exists() for path in sockets), 30)


async def serve(nonces: dict[str, str]) -> None:
    """Answer every health check with the nonce of the socket that it came to."""

    def answering(nonce: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], object]:
        body = json.dumps({"status": "ready", "nonce": nonce}).encode()
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body)

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(whole)
                await writer.drain()
            except (OSError, asyncio.IncompleteReadError):
                pass
            writer.close()

        return answer

    for path, nonce in nonces.items():
        await asyncio.start_unix_server(answering(nonce), path)
    await asyncio.Event().wait()


def after_kill(workspace: Workspace) -> float:
    """Kill a replica; return the seconds until its service says so, or has another one."""
    (replica,) = [one for one in workspace.hosts["process"].replicas() if one.service == "killed"]
    began = time.monotonic()
    os.kill(replica.pid, signal.SIGKILL)
    until(lambda: replica.id not in {one.id for one in workspace.hosts["process"].replicas()}, 30)
    return time.monotonic() - began


def after_scaling(workspace: Workspace) -> float:
    """Ask for a second replica; return the seconds until its process runs."""
    began = time.monotonic()
    scale_to(workspace, "scaled", 2)
    until(lambda: sum(one.service == "scaled" for one in workspace.hosts["process"].replicas()) > 1, 30)
    return time.monotonic() - began


def n_ready(workspace: Workspace) -> int:
    return sum(one.n_ready == 1 and bool(one.port) for one in workspace.catalog.find(Service))


def until(holds: Callable[[], bool], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"not within {within_s:.0f} s: {holds}")
        time.sleep(0.02)


def cpu_s(pid: int) -> float:
    """Return the CPU time of a process and the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2].split()
    return sum(map(int, fields[11:15])) / TICKS


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
