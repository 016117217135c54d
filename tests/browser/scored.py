"""What the service scores with that its view shows: a scoring script, its sample and manifests of both."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from jupyter_mlops.delivery.manifests import create_manifest
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
