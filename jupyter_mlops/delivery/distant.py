"""What reaches replicas on another machine: an image built there, and what lies in the service's ``keys/``."""

from __future__ import annotations

import contextlib
from pathlib import Path

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.bundles import materialize
from jupyter_mlops.delivery.images import build_image
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.ports import Distant, Say, World


def image_for(world: World, host: str, manifest_ref: str, say: Say) -> str:
    """Return the id of a manifest's image in the host's engine, built now if it is not there; empty where none is needed.

    Images of other machines are not listed: each is built into the engine that runs it, which takes over the layers that it
    lacks alone.
    """
    where = world.hosts[host]
    if not where.runs_images:
        return ""
    if not isinstance(where, Distant):
        return build_image(world, manifest_ref, say).image_id
    manifest = show_manifest(world, manifest_ref)
    return where.builder.build(manifest, materialize(world, manifest), say).image_id


def bring(world: World, service: str, folder: Path) -> None:
    """Bring what was written below ``folder/keys`` to the service's replicas, if they are on another machine.

    Raises ``Unavailable`` when that machine does not answer.
    """
    with contextlib.suppress(UnknownThing):
        name = world.catalog.get(Service, service).host
        host: object = world.hosts.get(name)
        if isinstance(host, Distant):
            host.publish(service, str(folder))
