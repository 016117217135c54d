"""What runs an exported image elsewhere: a compose file, and a deployment manifest of Azure IoT Edge."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.image import Image
from jupyter_mlops.hosts.docker import SCRATCH
from jupyter_mlops.hosts.image import KEYS, PORT

RUNTIME: Final = "mcr.microsoft.com/azureiotedge-{}:1.5"
"""IoT Edge's own two containers, of the release with long-term support."""
PORT_TAKEN_BY_HUB: Final = ("5671", "8883", "443")
KEYS_THERE: Final = "/etc/mlops/{}/keys"
"""Where the device keeps the folder with the digests."""


def write_beside(file: Path, image: Image, name: str, digests: Sequence[str]) -> list[Path]:
    """Write what starts the image ``name`` beside the archive ``file``; return the files.

    A container takes the keys of ``digests``. ``name`` is the image's own tag where the archive was loaded by hand.
    """
    module = re.sub(r"[^A-Za-z0-9_-]", "-", image.manifest.rpartition(":")[0])
    keys = file.with_suffix(".keys")
    keys.mkdir(exist_ok=True)
    keys.chmod(0o755)  # the container's user is another one, and these are digests
    contents = {
        keys / "digests.json": json.dumps({"digests": list(digests)}),
        file.with_suffix(".compose.yaml"): _compose(file, module, name, keys.name),
        file.with_suffix(".deployment.json"): json.dumps(_deployment(image, module, name), indent=2),
    }
    for path, text in contents.items():
        path.write_text(text + "\n")
        path.chmod(0o644)
    return list(contents)


def _compose(file: Path, module: str, name: str, keys: str) -> str:
    service = {
        "image": name,
        "restart": "unless-stopped",
        "read_only": True,
        "tmpfs": [f"{path}:{options}" for path, options in SCRATCH.items()],
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "ports": [f"{PORT}:{PORT}"],
        "volumes": [f"./{keys}:{KEYS}:ro"],
    }
    lines = [f"# docker load -i {file.name} && docker compose -f {file.with_suffix('.compose.yaml').name} up -d"]
    lines += ["services:", f"  {module}:"]
    lines += [f"    {key}: {json.dumps(value)}" for key, value in service.items()]  # JSON is YAML
    return "\n".join(lines)


def _deployment(image: Image, module: str, name: str) -> dict[str, Any]:
    """Return the desired properties of a device's two system modules; the schema is 1.1 of IoT Edge 1.5."""
    options = {
        "ExposedPorts": {f"{PORT}/tcp": {}},
        "HostConfig": {
            "Binds": [f"{KEYS_THERE.format(module)}:{KEYS}:ro"],
            "PortBindings": {f"{PORT}/tcp": [{"HostPort": str(PORT)}]},
            "ReadonlyRootfs": True,
            "Tmpfs": SCRATCH,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true"],
        },
    }
    hub = {"HostConfig": {"PortBindings": {f"{port}/tcp": [{"HostPort": port}] for port in PORT_TAKEN_BY_HUB}}}
    always = {"status": "running", "restartPolicy": "always"}
    return {
        "modulesContent": {
            "$edgeAgent": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "runtime": {"type": "docker", "settings": {"minDockerVersion": "v1.25"}},
                    "systemModules": {
                        "edgeAgent": _module(RUNTIME.format("agent"), {}),
                        "edgeHub": _module(RUNTIME.format("hub"), hub) | always,
                    },
                    "modules": {
                        module: _module(name, options)
                        | always
                        | {
                            "version": image.manifest.rpartition(":")[2],
                            # An image under its own tag was loaded by hand: no registry has it.
                            "imagePullPolicy": "never" if name == image.tag else "on-create",
                        }
                    },
                }
            },
            "$edgeHub": {
                "properties.desired": {
                    "schemaVersion": "1.1",
                    "routes": {},
                    "storeAndForwardConfiguration": {"timeToLiveSecs": 7200},
                }
            },
        }
    }


def _module(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return a module; its options are JSON inside a string, since that is what the device takes."""
    return {
        "type": "docker",
        "settings": {"image": name, "createOptions": json.dumps(options, separators=(",", ":"))},
    }
