"""A workspace with its own agent, and models that load in no time, for all tests of the agent."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.service import Replica, Service
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.services import delete_service, deploy, list_services, service_keys
from jupyter_mlops.workspace import Workspace

SCRIPT = """
import time

def init():
    {init}

def run(data):
    {run}
"""


class House:
    """One workspace, and what tests do with it."""

    def __init__(self, world: Workspace, files: Path) -> None:
        self.world = world
        self._files = files
        weights = files / "weights.bin"
        weights.write_bytes(b"weights")
        register_model(world, str(weights), "model")

    def manifest(self, name: str, *, init: str = "pass", run: str = "return data", sample: Any = None) -> str:
        """Make a manifest of a scoring script; return its ref."""
        folder = self._files / f"{name}-{time.monotonic_ns()}"
        folder.mkdir()
        script, sample_file = folder / "score.py", folder / "sample.json"
        script.write_text(SCRIPT.format(init=init, run=run))
        if sample is not None:
            sample_file.write_text(json.dumps(sample))
        given = sample_file if sample is not None else None
        return create_manifest(self.world, ["model"], name=name, script=script, sample=given).ref

    def deploy(self, name: str, manifest: str, **options: Any) -> Activity:
        """Deploy and wait until it ended. Raises ``Remote`` when it failed."""
        activity = deploy(self.world, name, manifest=manifest, **options)
        return wait_activity(self.world, activity.name, timeout_s=90)

    def delete(self, name: str) -> None:
        wait_activity(self.world, delete_service(self.world, name).name, timeout_s=60)

    def service(self, name: str) -> Service:
        return self.world.catalog.get(Service, name)

    def replicas(self, name: str) -> list[Replica]:
        return [one for one in self.world.hosts["process"].replicas() if one.service == name]

    def post(self, name: str, body: Any, *, key: str | None = None) -> tuple[int, Any]:
        """Send one request to the service's URL; return status and JSON."""
        service = self.service(name)
        secret = service_keys(self.world, name).primary if key is None else key
        return self.post_to(service.port, body, secret)

    @staticmethod
    def post_to(port: int, body: Any, key: str) -> tuple[int, Any]:
        """Send one request to a port of this machine; return status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
            connection.request("POST", "/score", json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content.startswith((b"{", b"[", b'"')) else content
        finally:
            connection.close()

    @staticmethod
    def eventually(holds: Callable[[], Any], timeout_s: float = 30.0) -> Any:
        """Wait until something holds, and return it."""
        deadline = time.monotonic() + timeout_s
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                found = holds()
                if found:
                    return found
            assert time.monotonic() < deadline, "it never came to hold"
            time.sleep(0.05)

    @staticmethod
    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture(scope="session")
def make_house(open_workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], House]]:
    """Return a function that makes a workspace; at the end its services are deleted and its agent is stopped."""
    houses: list[House] = []

    def make(name: str) -> House:
        home = tmp_path_factory.mktemp(name)
        houses.append(House(open_workspace(home), home))
        return houses[-1]

    yield make
    for house in houses:
        for service in list_services(house.world):
            house.delete(service.name)
        stop_agent(house.world)
        house.world.close()


@pytest.fixture(scope="session")
def house(make_house) -> House:
    return make_house("house")


@pytest.fixture(scope="session")
def sklearn_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted scikit-learn model as MLflow lays it out."""
    import skops.io
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("sklearn") / "model"
    folder.mkdir()
    skops.io.dump(
        LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0], [2.0, 1.0], [3.0, 0.0]], [0, 0, 1, 1]), folder / "model.skops"
    )
    columns = [{"type": "double", "name": name, "required": True} for name in ("a", "b")]
    (folder / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n"
        "saved_input_example_info:\n  artifact_path: input_example.json\n  type: dataframe\n"
        f"signature:\n  inputs: '{json.dumps(columns)}'\n"
    )
    (folder / "input_example.json").write_text('{"columns": ["a", "b"], "data": [[0.0, 1.0]]}')
    (folder / "requirements.txt").write_text("scikit-learn\nskops\nnumpy\n")
    return folder
