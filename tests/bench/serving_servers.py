"""The servers of the serving bench: how each is installed, started and asked, and what its processes cost."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import psutil

from jupyter_mlops.gateway.runtime import HaproxyGateway, find_haproxy
from jupyter_mlops.ports import Backend, Route

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter-mlops-bench"
"""Where the rivals' virtual environments are kept."""
RIVALS = Path(__file__).parent / "rivals"
KEY = "bench-key"
SERVER_CORE, LOAD_CORE = 0, 1
START_S = 90.0
SHARED = ("scikit-learn", "numpy", "scipy", "pandas")
"""What a model is unpickled with, in the versions that it was pickled with."""
REQUIREMENTS = {
    "fastapi": ["fastapi", "uvicorn[standard]"],
    "mlflow": ["mlflow==3.17.2", "uvicorn", "uvloop", "httptools"],
    "bentoml": ["bentoml"],
    "litserve": ["litserve", "uvloop", "httptools"],
    "mlserver": ["mlserver", "mlserver-sklearn"],
}


class CannotRun(Exception):
    """A server that cannot be installed or does not come up, and why."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """A server that answers."""

    port: int
    path: str
    form: str
    """Which of ``serving_models.bodies`` it takes."""
    pids: tuple[int, ...]
    """Processes that it consists of, with their children."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def cpu_s(self) -> float:
        """Return the CPU time of its processes so far."""
        total = 0.0
        for process in self._processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                used = process.cpu_times()
                total += used.user + used.system
        return total

    def resident_mb(self) -> float:
        """Return its processes' resident memory."""
        return sum(process.memory_info().rss for process in self._processes()) / 1e6

    def ask(self, body: bytes) -> bytes:
        """Return the answer to a body; raise ``CannotRun`` unless it is a 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", self.path, body, {"content-type": "application/json", **self.headers})
            answer = connection.getresponse()
            said = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise CannotRun(f"answers {answer.status}: {said[:200]!r}")
        return said

    def _processes(self) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        for pid in self.pids:
            process = psutil.Process(pid)
            found |= {each.pid: each for each in [process, *process.children(recursive=True)]}
        return list(found.values())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wanted(rival: str) -> list[str]:
    return [*REQUIREMENTS[rival], *(f"{name}=={metadata.version(name)}" for name in SHARED)]


def _folder(rival: str) -> Path:
    digest = hashlib.sha256(" ".join([sys.version, *_wanted(rival)]).encode()).hexdigest()[:12]
    return CACHE / f"{rival}-{digest}"


def is_made(rival: str) -> bool:
    """Tell whether its environment is there."""
    return _folder(rival).exists()


def python_of(rival: str) -> Path:
    """Return the interpreter of a rival's environment, made when it is not there. Raises ``CannotRun``."""
    folder = _folder(rival)
    if not folder.exists():
        sys.stderr.write(f"installing {rival}\n")
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _run("uv", "venv", "-q", "--relocatable", "--python", sys.executable, str(fresh))
            _run("uv", "pip", "install", "-q", "--python", str(fresh / "bin/python"), *_wanted(rival))
        except CannotRun:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        fresh.rename(folder)
    return folder / "bin" / "python"


def version_of(rival: str) -> str:
    """Return the version that its environment has."""
    code = f"from importlib.metadata import version; print(version('{rival}'))"
    return output_of([str(python_of(rival)), "-c", code]).strip()


def _run(*argv: str) -> None:
    ended = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise CannotRun(f"cannot be installed: {ended.stderr.strip().splitlines()[-1][:200]}")


@contextlib.contextmanager
def running(argv: list[str | os.PathLike[str]], **env: str) -> Iterator[int]:
    """Run a server on its core, and end it and its children."""
    with tempfile.NamedTemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(SERVER_CORE), *argv],
            env={**os.environ, "OMP_NUM_THREADS": "1", **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            yield process.pid
        except CannotRun as error:
            tail = Path(log.name).read_text()[-300:].strip().replace("\n", " | ")
            raise CannotRun(f"{error} ({tail})") from error
        finally:
            family = [process, *psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            for each in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()


def output_of(argv: list[str]) -> str:
    """Return what a program prints."""
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def until_ready(site: Site, body: bytes, every_s: float = 0.05) -> Site:
    """Wait until it answers 200. Raises ``CannotRun``."""
    end = time.monotonic() + START_S
    while True:
        try:
            site.ask(body)
        except (OSError, http.client.HTTPException, CannotRun) as error:
            if time.monotonic() > end or not psutil.pid_exists(site.pids[0]):
                raise CannotRun(f"does not come up: {error}") from error
            time.sleep(every_s)
        else:
            return site


Start = Callable[[Path, str], contextlib.AbstractContextManager[Site]]
"""Takes the folder of the models and a model's kind."""


@contextlib.contextmanager
def ours(folder: Path, kind: str, limits: str = "{}") -> Iterator[Site]:
    """Start a replica as hosts do, with key check, schema check and telemetry, on a port of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        keys = Path(name) / "keys"
        keys.mkdir()
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        (keys / "digests.json").write_text(json.dumps({"digests": [digest]}))
        argv = [
            "-m",
            "jupyter_mlops.scoring",
            "--bundle",
            folder / f"{kind}-bundle",
            "--keys",
            keys,
            "--port",
            str(port),
        ]
        argv += ["--telemetry", Path(name) / "telemetry"]
        with running([sys.executable, "-P", *argv, "--log-file", Path(name) / "log", "--limits", limits]) as pid:
            yield Site(port=port, path="/score", form="records", pids=(pid,), headers={"x-api-key": KEY})


@contextlib.contextmanager
def gateway(folder: Path, kind: str) -> Iterator[Site]:
    """Start a replica and its HAProxy, configured as an agent does."""
    with ours(folder, kind) as site, tempfile.TemporaryDirectory(prefix="gw") as name:
        one = HaproxyGateway(Path(name) / "files", Path(name), "bench")
        backend = Backend(deployment="m1", weight=100, addresses=[f"127.0.0.1:{site.port}"])
        mine = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {SERVER_CORE})  # HAProxy inherits it
        try:
            port = one.apply(Route(service="bench", bind="127.0.0.1", port=0, backends=[backend]))
        finally:
            os.sched_setaffinity(0, mine)
        try:
            pids = [
                each.pid for each in psutil.process_iter(["cmdline"]) if name in " ".join(each.info["cmdline"] or ())
            ]
            yield Site(port=port, path="/score", form="records", pids=(*site.pids, *pids), headers=site.headers)
        finally:
            one.remove("bench")


@contextlib.contextmanager
def fastapi(folder: Path, kind: str) -> Iterator[Site]:
    port = free_port()
    argv = ["-m", "uvicorn", "--app-dir", RIVALS, "fastapi_app:app", "--port", str(port), "--no-access-log"]
    env = {"BENCH_MODEL": str(folder / f"{kind}.pkl"), "BENCH_KEY": KEY}
    with running([python_of("fastapi"), *argv, "--loop", "uvloop", "--http", "httptools"], **env) as pid:
        yield Site(port=port, path="/score", form="records", pids=(pid,), headers={"x-api-key": KEY})


@contextlib.contextmanager
def mlflow(folder: Path, kind: str) -> Iterator[Site]:
    port, python = free_port(), python_of("mlflow")
    model = folder / f"{kind}-bundle" / "models" / "bench"
    argv = ["-m", "mlflow", "models", "serve", "-m", model, "--env-manager", "local", "-p", str(port), "-w", "1"]
    path = f"{python.parent}:{os.environ['PATH']}"  # it starts uvicorn by name
    with running([python, *argv], PATH=path, MLFLOW_DISABLE_TELEMETRY="true") as pid:
        yield Site(port=port, path="/invocations", form="split", pids=(pid,))


@contextlib.contextmanager
def bentoml(folder: Path, kind: str) -> Iterator[Site]:
    port = free_port()
    argv = ["-m", "bentoml", "serve", "bentoml_service:Bench", "--working-dir", RIVALS, "--port", str(port)]
    env = {"BENCH_MODEL": str(folder / f"{kind}.pkl"), "BENTOML_DO_NOT_TRACK": "True"}
    with running([python_of("bentoml"), *argv, "--host", "127.0.0.1"], **env) as pid:
        yield Site(port=port, path="/score", form="arrays", pids=(pid,))


@contextlib.contextmanager
def litserve(folder: Path, kind: str) -> Iterator[Site]:
    port = free_port()
    env = {"BENCH_MODEL": str(folder / f"{kind}.pkl")}
    with running([python_of("litserve"), RIVALS / "litserve_app.py", str(port)], **env) as pid:
        yield Site(port=port, path="/score", form="arrays", pids=(pid,))


@contextlib.contextmanager
def mlserver(folder: Path, kind: str) -> Iterator[Site]:
    ports = [free_port() for _ in range(3)]
    python = python_of("mlserver")
    with tempfile.TemporaryDirectory(prefix="mlserver") as name:
        shutil.copy(folder / f"{kind}.pkl", Path(name) / "model.pickle")
        names = ("http_port", "grpc_port", "metrics_port")
        settings = {"parallel_workers": 0, "host": "127.0.0.1", "debug": False, **dict(zip(names, ports, strict=True))}
        (Path(name) / "settings.json").write_text(json.dumps(settings))
        parameters = {"uri": "./model.pickle"}
        about = {"name": "bench", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": parameters}
        (Path(name) / "model-settings.json").write_text(json.dumps(about))
        with running([python.parent / "mlserver", "start", name]) as pid:
            yield Site(port=ports[0], path="/v2/models/bench/infer", form="infer", pids=(pid,))


@contextlib.contextmanager
def constant(folder: Path, kind: str) -> Iterator[Site]:
    """Our HTTP server answering a constant."""
    del folder, kind
    port = free_port()
    with running([sys.executable, "-P", RIVALS / "constant.py", str(port)]) as pid:
        yield Site(port=port, path="/score", form="records", pids=(pid,), headers={"x-api-key": KEY})


@contextlib.contextmanager
def haproxy_constant(folder: Path, kind: str) -> Iterator[Site]:
    """HAProxy answering a constant."""
    del folder, kind
    port = free_port()
    with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
        answer = "http-request return status 200 content-type application/json string '{\"predictions\":[1]}'"
        times = "timeout client 75s\n timeout http-keep-alive 75s"
        lines = ["global", " nbthread 1", " fd-hard-limit 4096", "defaults", " mode http", f" {times}"]
        lines += ["frontend f", f" bind 127.0.0.1:{port}", f" {answer}"]
        file.write("\n".join(lines) + "\n")
        file.flush()
        with running([find_haproxy(), "-db", "-f", file.name]) as pid:
            yield Site(port=port, path="/score", form="records", pids=(pid,))


SERVERS: dict[str, Start] = {
    "ours": ours,
    "ours, gateway": gateway,
    "mlflow": mlflow,
    "fastapi": fastapi,
    "bentoml": bentoml,
    "litserve": litserve,
    "mlserver": mlserver,
    "our HTTP, constant": constant,
    "haproxy, constant": haproxy_constant,
}
