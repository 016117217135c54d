"""Real replicas: bundles made of real models and scripts, served by real processes over real HTTP."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.core.manifest import Manifest, ManifestFile, ManifestModel, Schema
from jupyter_mlops.core.record import encode

KEY = "a-primary-key"
START_S = 90.0


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def connect(address: str) -> socket.socket:
    """Open a connection to ``unix:PATH`` or ``HOST:PORT``."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(30)
        sock.connect(address.removeprefix("unix:"))
        return sock
    host, _, port = address.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def read_answer(sock: socket.socket, method: str = "POST") -> Answer:
    response = http.client.HTTPResponse(sock, method=method)
    response.begin()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


class Server:
    """A replica's process."""

    def __init__(self, bundle: Path, folder: Path, *, limits: str = "{}", address: tuple[str, ...] = ("--port", "0"), python: tuple[str, ...] = (sys.executable,), env: Mapping[str, str] | None = None) -> None:  # fmt: skip
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "log.jsonl"
        self.keys = folder / "keys"
        self.keys.mkdir(exist_ok=True)
        self.set_keys(KEY)
        self.errors = folder / "stderr"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*python, "-m", "jupyter_mlops.scoring", "--bundle", bundle, "--keys", self.keys, "--nonce", "n0nce",
                 "--limits", limits, "--log-file", self.log, *address],
                stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, cwd=folder, env={**os.environ, **(env or {})},
            )  # fmt: skip
        self.address = ""

    def set_keys(self, *keys: str) -> None:
        fresh = self.keys / "digests.new"
        fresh.write_text(json.dumps({"digests": [hashlib.sha256(key.encode()).hexdigest() for key in keys]}))
        fresh.replace(self.keys / "digests.json")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []

    def wait(self, until: Callable[[], Any], what: str) -> Any:
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            found = until()
            if found:
                return found
            time.sleep(0.02)
        raise AssertionError(f"{what} did not come: {self.errors.read_text()}")

    def listening(self) -> Server:
        def address() -> str | None:
            assert self.process.poll() is None, self.errors.read_text()
            return next((line["address"] for line in self.lines() if line.get("message") == "listening"), None)

        self.address = self.wait(address, "the address")
        return self

    def ready(self) -> Server:
        self.listening()
        self.wait(self._is_ready, "readiness")
        return self

    def _is_ready(self) -> bool:
        try:
            return self.get("/health/ready").status == 200
        except ConnectionRefusedError:  # it names its address a moment before it listens
            return False

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        with connect(self.address) as sock:
            lines = [f"{method} {path} HTTP/1.1", "host: x"]
            lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
            if body is not None:
                lines.append(f"content-length: {len(body)}")
            sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
            return read_answer(sock, method)

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def post(self, body: Any, path: str = "/score", **headers: str) -> Answer:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.request("POST", path, data, **{"content_type": "application/json", "x_api_key": KEY, **headers})

    def stop(self) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        finally:
            self.process.kill()

    def failed(self) -> str:
        """Wait until it gives up; return what it wrote on standard error."""
        assert self.process.wait(START_S) not in {0, None}
        return self.errors.read_text()


def write_bundle(folder: Path, **settings: Any) -> Path:
    """Write ``manifest.json`` over the files that are in ``folder``."""
    files = [
        ManifestFile(path=str(p.relative_to(folder)), digest=hashlib.sha256(p.read_bytes()).hexdigest(), n_bytes=p.stat().st_size)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.json"
    ]  # fmt: skip
    models = settings.pop("models", [ManifestModel(name="iris", version=3, flavor="sklearn")])
    manifest = Manifest(**{"name": "iris", "version": 1, "models": models, "files": files, **settings})
    (folder / "manifest.json").write_bytes(encode(manifest))
    return folder


@pytest.fixture(scope="session")
def bundle_of() -> Callable[..., Path]:
    return write_bundle


@pytest.fixture(scope="session")
def script_bundle() -> Callable[..., Path]:
    def make(folder: Path, source: str, **settings: Any) -> Path:
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "score.py").write_text(textwrap.dedent(source))
        (folder / "models" / "iris").mkdir(parents=True)
        (folder / "models" / "iris" / "words.txt").write_text("hello")
        return write_bundle(folder, script="code/score.py", models=[ManifestModel(name="iris", version=3)], **settings)

    return make


@pytest.fixture(scope="session")
def save_sklearn() -> Callable[..., Path]:
    """Save a model as MLflow does into a bundle, with the schema and sample that the manifest would have."""

    def save(folder: Path, model: Any, example: Any, *, form: str = "skops", **settings: Any) -> Path:
        import mlflow.sklearn
        from mlflow.models import infer_signature

        at = folder / "models" / "iris"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            signature = infer_signature(example, model.predict(example))
            mlflow.sklearn.save_model(
                model, str(at), signature=signature, serialization_format=form, pip_requirements=["scikit-learn"]
            )
        return write_bundle(folder, **{"schema": schema_of(signature.to_dict()), **settings})

    return save


def schema_of(signature: Mapping[str, Any]) -> Schema:
    import msgspec

    found: dict[str, list[Any]] = {}
    for prefix, key in (("", "inputs"), ("output_", "outputs")):
        for spec in json.loads(signature[key] or "[]"):
            if spec["type"] == "tensor":
                found.setdefault(f"{prefix}tensors", []).append({"name": spec.get("name", ""), **spec["tensor-spec"]})
            else:
                found.setdefault(f"{prefix}columns", []).append({"name": spec.get("name", ""), "type": spec["type"]})
    found["params"] = json.loads(signature.get("params") or "[]")
    return msgspec.convert(found, Schema)


@pytest.fixture(scope="session")
def iris() -> Any:
    from sklearn.datasets import load_iris

    return load_iris(as_frame=True)


@pytest.fixture(scope="session")
def iris_model(iris: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=500).fit(iris.data, iris.target)


@pytest.fixture(scope="session")
def iris_bundle(tmp_path_factory: pytest.TempPathFactory, save_sklearn: Callable[..., Path], iris: Any, iris_model: Any) -> Path:  # fmt: skip
    sample = {"dataframe_split": json.loads(iris.data.head(3).to_json(orient="split"))}
    return save_sklearn(tmp_path_factory.mktemp("iris"), iris_model, iris.data, sample=sample)


@pytest.fixture(scope="session")
def iris_server(tmp_path_factory: pytest.TempPathFactory, iris_bundle: Path) -> Iterator[Server]:
    server = Server(iris_bundle, tmp_path_factory.mktemp("iris-server"))
    yield server.ready()
    assert server.stop() == 0


def starting(folder: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(bundle: Path, **settings: Any) -> Server:
        servers.append(Server(bundle, folder / f"server{len(servers)}", **settings))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start further servers; they are ended after the test."""
    yield from starting(tmp_path)


@pytest.fixture(scope="module")
def start_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Server]]:
    """Start servers that all tests of a module ask."""
    yield from starting(tmp_path_factory.mktemp("shared"))


@pytest.fixture(scope="session")
def signed_schema() -> Callable[[Mapping[str, Any]], Schema]:
    """Return the schema that a manifest has for a model's signature."""
    return schema_of


BEHAVIOUR = """
    import os, sys, time
    from pathlib import Path

    def init():
        global words
        words = (Path(os.environ["MLOPS_MODEL_DIR"]) / "iris" / "words.txt").read_text()

    def run(data):
        if "sleep_s" in data:
            time.sleep(data["sleep_s"])
        if "raise" in data:
            raise LookupError(data["raise"])
        if "exit" in data:
            sys.exit(data["exit"])
        if "object" in data:
            return {"answer": [object()]}
        if "nan" in data:
            return [float("nan"), float("inf"), 1.5]
        return {"said": words, "got": data}
"""


@pytest.fixture(scope="session")
def behaviour_bundle(tmp_path_factory: pytest.TempPathFactory, script_bundle: Callable[..., Path]) -> Path:
    return script_bundle(tmp_path_factory.mktemp("behaviour"), BEHAVIOUR)


@pytest.fixture(scope="session")
def script_server(tmp_path_factory: pytest.TempPathFactory, behaviour_bundle: Path) -> Iterator[Server]:
    server = Server(behaviour_bundle, tmp_path_factory.mktemp("behaviour-server"))
    yield server.ready()
    assert server.stop() == 0
