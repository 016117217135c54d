"""What an image of ours says of itself: how it starts and as whom, its labels and its tag."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts.engine import WORKSPACE
from jupyter_mlops.hosts.layers import BUNDLE, LIBRARIES, VENV, runtime_key
from jupyter_mlops.hosts.rootfs import PATH

if TYPE_CHECKING:
    from jupyter_mlops.hosts.bases import Base

PORT: Final = 8080
"""Where it answers, unless PORT says otherwise."""
KEYS: Final = "/run/mlops/keys"
"""Where the folder with ``digests.json`` is mounted."""
USER: Final = "10001:10001"
"""Nobody in particular; a number, so that Kubernetes can see that it is not root."""
PYTHON: Final = f"/{VENV}/bin/python"
READY: Final = (
    "import os,socket,sys;"
    "s=socket.create_connection(('127.0.0.1',int(os.environ['PORT'])),3);"
    "s.sendall(b'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n');"
    "sys.exit(b' 200 ' not in s.recv(64))"
)
"""The health check, on bare sockets: it starts in a third of the time that an HTTP client takes."""
MANIFEST: Final = "mlops.manifest"
"""The label that names the manifest that an image is built from."""
RUNTIME: Final = "mlops.runtime"
"""The label with the digest of the scoring server in an image."""
SECOND: Final = 1_000_000_000
"""Docker counts in nanoseconds."""


def settings(base: Base, labels: Mapping[str, str]) -> dict[str, Any]:
    """Return Docker's image configuration: the base's own variables and labels, and how a replica starts."""
    inherited = [each.partition("=") for each in base.config.get("Env") or []]
    environment = {key: value for key, _, value in inherited}
    environment |= {
        "PATH": f"/{VENV}/bin:{environment.get('PATH') or PATH}",
        "LD_LIBRARY_PATH": ":".join(filter(None, [f"/{LIBRARIES}", environment.get("LD_LIBRARY_PATH", "")])),
        "HOME": "/tmp",  # noqa: S108  # the one place that can be written
        "PORT": str(PORT),
        "MLOPS_KEYS_DIR": KEYS,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {
        "User": USER,
        "WorkingDir": f"/{BUNDLE}",
        "Env": [f"{key}={value}" for key, value in environment.items()],
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "Entrypoint": [PYTHON, "-m", "jupyter_mlops.scoring", "--bundle", f"/{BUNDLE}", "--bind", "0.0.0.0"],  # noqa: S104  # inside a container
        "Cmd": None,
        "Healthcheck": {
            "Test": ["CMD", PYTHON, "-ISc", READY],
            "Interval": 30 * SECOND,
            "Timeout": 5 * SECOND,
            "StartPeriod": 60 * SECOND,
            "Retries": 3,
        },
        "Labels": {**(base.config.get("Labels") or {}), **labels},
    }


def labels(manifest: Manifest, workspace_id: str) -> dict[str, str]:
    """Return an image's labels: whose it is, what is in it and where that came from."""
    found = {
        WORKSPACE: workspace_id,
        MANIFEST: manifest.ref,
        RUNTIME: runtime_key(),
        "mlops.models": ",".join(f"{model.name}:{model.version}" for model in manifest.models),
        "mlops.runs": ",".join(model.run_id for model in manifest.models if model.run_id),
        "mlops.snapshots": ",".join(model.snapshot for model in manifest.models if model.snapshot),
        "mlops.commits": ",".join(model.commit for model in manifest.models if model.commit),
        "org.opencontainers.image.title": manifest.name,
        "org.opencontainers.image.version": str(manifest.version),
    }
    commits = {model.commit for model in manifest.models}
    if len(commits) == 1 and (revision := commits.pop()):
        found["org.opencontainers.image.revision"] = revision
    return {key: value for key, value in sorted(manifest.tags.items()) if key.startswith("mlops.")} | found


def tag(manifest: Manifest) -> str:
    """Return ``mlops/NAME:VERSION``; a name that Docker does not take is made one, and told apart by a digest."""
    name = re.sub(r"[^a-z0-9]+", lambda match: match.group()[0], manifest.name.lower()).strip("._-")
    if name != manifest.name:
        name = f"{name}-{hashlib.sha256(manifest.name.encode()).hexdigest()[:6]}"
    return f"mlops/{name}:{manifest.version}"
