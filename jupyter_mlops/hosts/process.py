"""Runs replicas as processes of this machine, on UNIX sockets, in sessions of their own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from jupyter_mlops.core.asking import ask
from jupyter_mlops.core.detached import end, start_detached
from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.ids import ReplicaId, new_id
from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.service import Replica, configuration_file
from jupyter_mlops.core.telemetry import About
from jupyter_mlops.hosts.environment import find_interpreter
from jupyter_mlops.hosts.limiting import how_held, prefix, threads, visible_gpus
from jupyter_mlops.ports import ReplicaSpec

LONGEST_SOCKET = 96
"""HAProxy refuses longer paths."""
STARTING_S = 60.0
"""How long a record without a process may be one that is being started."""
LOGS_KEPT = 20
"""Logs of ended replicas, for each service."""
LOG_BYTES = 10_000_000
"""A log longer than this becomes ``*.old``, in place of the one before."""
ASK_S = 2.0
"""How long a replica may take to say its nonce; one that is too busy is known by its process alone."""


class NotStarted(Failed):
    """A replica's process ended at once."""

    code = "replica-not-started"


class SocketTooLong(Failed):
    """The runtime folder's path leaves no room for a socket."""

    code = "socket-path-too-long"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The socket path {path} has more than {LONGEST_SOCKET} characters.",
            hint="Set XDG_RUNTIME_DIR to a folder with a short path.",
        )


class _Kept(Record, frozen=True, kw_only=True):
    """What ``replicas/<id>.json`` holds. Its pid is 0 while the process is being started."""

    workspace: str
    node: str
    log: str
    """Relative to the service's folder."""
    replica: Replica


class ProcessHost:
    """Replicas as processes. What it knows is in files, so that the next agent goes on where one stopped."""

    name = "process"
    runs_images = False

    def __init__(self, root: Path, runtime: Path, workspace_id: str, node: str) -> None:
        self._root = root
        self._runtime = runtime
        self._workspace = workspace_id
        self._node = node

    def check(self) -> str:
        """Return ``Python 3.11.7``."""
        return "Python {}.{}.{}".format(*sys.version_info)

    def start(self, spec: ReplicaSpec, say: Callable[[str], None]) -> Replica:
        """Start a replica; return as soon as its process runs.

        Raises ``CannotInstall``, ``NoPython``, ``BadRequirement``, ``SocketTooLong`` or ``NotStarted``.
        """
        id_ = ReplicaId(new_id())
        address = self._runtime / f"{id_}.sock"
        if len(str(address)) > LONGEST_SOCKET:
            raise SocketTooLong(address)
        gpus = visible_gpus(spec.resources)
        interpreter = find_interpreter(spec.manifest, self._root / "cache", say)
        if held := how_held(spec.resources):
            say(held)
        kept = _Kept(
            workspace=self._workspace,
            node=self._node,
            log=f"logs/{spec.deployment}-{id_}.log",
            replica=Replica(
                id=id_,
                service=spec.service,
                deployment=spec.deployment,
                manifest=spec.manifest.ref,
                host=self.name,
                address=f"unix:{address}",
                started_at=time.time(),
                nonce=new_id(),
            ),
        )
        self._keep(kept)  # before the process, so that it is found again even if we end right after starting it
        limits = prefix(spec.resources)  # each thread of BLAS has memory of its own, so they are sized to either limit
        argv = [*limits, interpreter.python, *_argv(spec, kept.replica)]
        env = interpreter.env | (threads(spec.resources) if limits else {}) | gpus
        process = self._launch(kept, argv, env, Path(spec.bundle))
        started = _with_process(kept.replica, process)
        self._keep(msgspec.structs.replace(kept, replica=started))
        return started

    def _launch(self, kept: _Kept, argv: list[str], env: dict[str, str], bundle: Path) -> ProcessId:
        log = self._folder(kept.replica.service) / kept.log
        self._prune(log.parent)
        try:
            process = start_detached(argv, log=log, env=env | {"PYTHONUNBUFFERED": "1"}, cwd=bundle)
            why = (_tail(log, 1) or ["it said nothing"])[0]
        except OSError as error:
            process, why = None, f"{error.filename or bundle}: {error.strerror}"
        if process is None:
            self._forget(kept.replica)
            raise NotStarted(f"A replica of {kept.replica.service} could not start: {why}.", hint=f"Read {log}.")
        return process

    def _prune(self, logs: Path) -> None:
        """Keep the newest logs of ended replicas, so that one that ends again and again does not fill the disk."""
        running = {path.stem for path in (logs.parent / "replicas").glob("*.json")}
        ended = [path for path in logs.glob("*.log") if path.stem.rpartition("-")[2] not in running]
        for path in sorted(ended, key=lambda path: path.stat().st_mtime)[:-LOGS_KEPT]:
            path.unlink(missing_ok=True)
            path.with_suffix(".old").unlink(missing_ok=True)

    def alive(self, replica: Replica) -> bool:
        """Tell whether that very process runs in this boot and pid namespace, is no zombie, and answers with its nonce.

        One that does not answer (it is loading, or has much to do) is known by its process alone.
        """
        return self._knows(replica) and is_alive(_process(replica)) and _nonce(replica) in {None, replica.nonce}

    def seen_alive(self, replica: Replica) -> bool:
        """Tell whether its process runs, without asking it anything."""
        return is_alive(_process(replica))

    def stop(self, replica: Replica, *, grace_s: float = 30.0) -> None:
        """End it: SIGTERM, time to drain, SIGKILL after ``grace_s``; then forget it, but for its log. Idempotent."""
        if not self._knows(replica):
            return
        process = _process(replica) if replica.pid else _find(replica.nonce)
        if process is not None:
            end(process, grace_s=grace_s)
        self._forget(replica)

    def replicas(self) -> list[Replica]:
        """Return this node's replicas, whoever started them; ended ones too, until they are stopped.

        Logs that got long meanwhile are put aside, since this is what an agent calls again and again.
        """
        found = []
        for path in sorted(self._root.glob("services/*/replicas/*.json")):
            with contextlib.suppress(FileNotFoundError):  # stopped meanwhile
                kept = decode(path.read_bytes(), _Kept)
                if self._is_ours(kept) and (replica := self._found(kept)):
                    found.append(replica)
                    _shorten(self._folder(replica.service) / kept.log)
        return sorted(found, key=lambda replica: replica.started_at)

    def logs(self, replica: Replica, tail: int = 100) -> list[str]:
        """Return the last lines of what it printed; none when it never ran here."""
        lines: deque[str] = deque(maxlen=tail)
        for suffix in ("old", "log"):
            for path in self._folder(replica.service).glob(f"logs/*-{replica.id}.{suffix}"):
                lines.extend(_tail(path, tail))
        return list(lines)

    def _folder(self, service: str) -> Path:
        return self._root / "services" / service

    def _file(self, replica: Replica) -> Path:
        return self._folder(replica.service) / "replicas" / f"{replica.id}.json"

    def _keep(self, kept: _Kept) -> None:
        replace_file(self._file(kept.replica), encode(kept))

    def _forget(self, replica: Replica) -> None:
        self._file(replica).unlink(missing_ok=True)
        _socket(replica).unlink(missing_ok=True)

    def _is_ours(self, kept: _Kept) -> bool:
        """Other nodes share the folder, and a copied workspace has files of replicas that are not its own."""
        return (kept.workspace, kept.node) == (self._workspace, self._node)

    def _knows(self, replica: Replica) -> bool:
        """Tell whether we keep a record of that very replica; only what we keep is ours to look at and to end."""
        try:
            kept = decode(self._file(replica).read_bytes(), _Kept)
        except FileNotFoundError:
            return False
        return self._is_ours(kept) and kept.replica.nonce == replica.nonce

    def _found(self, kept: _Kept) -> Replica | None:
        """Return the replica with its process, looked for by the nonce if its starter ended before noting it."""
        replica = kept.replica
        if replica.pid:
            return replica
        process = _find(replica.nonce)
        if process is None:
            return replica if time.time() - replica.started_at > STARTING_S else None
        replica = _with_process(replica, process)
        self._keep(msgspec.structs.replace(kept, replica=replica))
        return replica


def _argv(spec: ReplicaSpec, replica: Replica) -> Iterator[str]:
    yield from ("-P", "-m", "jupyter_mlops.scoring", "--bundle", spec.bundle, "--socket", str(_socket(replica)))
    yield from ("--keys", str(Path(spec.folder, "keys")), "--nonce", replica.nonce)
    yield from ("--limits", encode(spec.limits).decode())
    yield from ("--configuration", str(Path(spec.folder, "keys", configuration_file(spec.deployment))))
    about = About(service=spec.service, deployment=spec.called or spec.deployment, replica=replica.id)
    yield from ("--about", encode(about).decode())
    if spec.telemetry:
        yield from ("--telemetry", str(Path(spec.telemetry, replica.id)))


def _socket(replica: Replica) -> Path:
    return Path(replica.address.removeprefix("unix:"))


def _process(replica: Replica) -> ProcessId:
    return ProcessId(pid=replica.pid, started=replica.pid_started, boot_id=replica.boot_id)


def _with_process(replica: Replica, process: ProcessId) -> Replica:
    return msgspec.structs.replace(replica, pid=process.pid, pid_started=process.started, boot_id=process.boot_id)


def _find(nonce: str) -> ProcessId | None:
    """Return the process that was started with ``--nonce NONCE``."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        if re.search(rf"--nonce {nonce}\b", " ".join(process.info["cmdline"] or ())):
            return process_id(process.pid)
    return None


def _nonce(replica: Replica) -> str | None:
    """Return the nonce that the replica's socket answers, ``None`` if nothing answers."""
    try:
        answer = json.loads(ask(replica.address, "GET", "/health/ready", timeout_s=ASK_S)[1])
        return str(answer["nonce"]) if "nonce" in answer else None
    except (OSError, http.client.HTTPException, ValueError, TypeError):
        return None


def _shorten(log: Path) -> None:
    """Put a long log aside. The replica has it open to append, so it goes on at the new end; a line may be lost."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_suffix(".old"))
            os.truncate(log, 0)


def _tail(path: Path, n_lines: int) -> list[str]:
    """Return a file's last lines, reading at most its last 4 MB."""
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - (4 << 20)))
        return [line.decode("utf-8", "replace").rstrip("\r\n") for line in deque(file, maxlen=n_lines)]
    return []
