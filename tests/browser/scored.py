"""The service that its view shows: what it scores with, the service itself, and who asks it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.delivery.calls import Caller, endpoint_of
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.services import delete_service, deploy, list_services
from jupyter_mlops.workspace import Workspace

NAME = "churn-eu"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGO4oKCAFTEMLQkAvk5EAfjoixEAAAAASUVORK5CYII="
)
"""A PNG of 8 by 8 red pixels."""
SAMPLE = {"columns": ["age"], "data": [[20.0], [50.0]]}
# Refuses a body without rows in its own words, as scoring scripts do, and gives bytes back as it got them.
SCRIPT = """
import base64
import time

def init():
    pass

def run(data):
    time.sleep(0.002)
    if isinstance(data, bytes):
        return {{"n_bytes": len(data), "picture": base64.b64encode(data).decode()}}
    return {{"predictions": [{score}] * len(data["data"])}}
"""


def manifest(world: Workspace, files: Path, name: str, score: float) -> str:
    script, sample = files / f"{name}.py", files / f"{name}.json"
    script.write_text(SCRIPT.format(score=score), "utf-8")
    sample.write_text(json.dumps(SAMPLE), "utf-8")
    return create_manifest(world, ["churn"], name=name, script=script, sample=sample).ref


@contextmanager
def served(folder: Path, files: Path) -> Iterator[Workspace]:
    """Give the workspace of a folder with a service of two deployments, which its own agent keeps."""
    with closing(Workspace.open(folder, create=True)) as world:
        weights = files / "weights.bin"
        weights.write_bytes(b"weights")
        register_model(world, str(weights), "churn")
        for deployment, score, traffic in (("blue", 0.25, None), ("green", 0.75, 10)):
            ref = manifest(world, files, deployment, score)
            asked = deploy(world, NAME, manifest=ref, deployment=deployment, traffic=traffic)
            wait_activity(world, asked.name, timeout_s=90)
        manifest(world, files, "blue", 0.5)
        yield world
        for service in list_services(world):
            wait_activity(world, delete_service(world, service.name).name, timeout_s=60)
        stop_agent(world)


@contextmanager
def asking(world: Workspace) -> Iterator[None]:
    """Send requests all the time, one in twenty of them bad."""
    over = threading.Event()

    def ask() -> None:
        with closing(Caller(lambda: endpoint_of(world, NAME))) as caller:
            n = 0
            while not over.wait(0.02):
                n += 1
                caller.tried(b"{" if n % 20 == 0 else json.dumps(SAMPLE).encode())

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    over.set()
    thread.join()
