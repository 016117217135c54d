"""Images: built from a manifest by the workspace's builder."""

from __future__ import annotations

import hashlib
import secrets
import time
from pathlib import Path

import msgspec

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, Conflict, NotFound, UnknownThing
from jupyter_mlops.core.image import Exported, Image, Pushed
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.bundles import materialize
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.ports import Say, World

BUILD = "images.build"
PUSH = "images.push"
"""The verbs of the activities."""


class NotBuilt(NotFound):
    """A manifest has no image yet."""

    code = "image-not-found"


class ImageDeployed(Conflict):
    """A service runs the image."""

    code = "image-deployed"


def request_build(world: World, manifest_ref: str) -> Activity:
    """Ask the agent to build a manifest's image. Raises ``UnknownThing``, and ``Unavailable`` without an engine."""
    manifest = show_manifest(world, manifest_ref)
    world.builder.check()
    return world.submit(BUILD, f"image {manifest.ref}", {"manifest": manifest.ref})


def build_image(world: World, manifest_ref: str, say: Say) -> Image:
    """Build a manifest's image and record it; what the engine has already is returned at once."""
    manifest = show_manifest(world, manifest_ref)
    known = find_image(world, manifest)
    if known is not None and world.builder.is_current(known.image_id):
        say("The image is there already.", 1.0)
        return known
    say("Laying out the files.", 0.0)
    bundle = materialize(world, manifest)
    began = time.monotonic()
    image_id, tag, n_bytes = world.builder.build(manifest, bundle, say)
    image = Image(
        name=manifest.ref,
        manifest=manifest.ref,
        image_id=image_id,
        tag=tag,
        n_bytes=n_bytes,
        build_s=round(time.monotonic() - began, 3),
    )
    if known is not None:
        world.catalog.remove(Image, known.name)
    added = world.catalog.add(image)
    world.catalog.link(f"image:{manifest.ref}", "built from", f"manifest:{manifest.ref}")
    return added


def list_images(world: World) -> list[Image]:
    """Return the images that were built, newest first."""
    return world.catalog.find(Image)


def show_image(world: World, ref: str) -> Image:
    """Return the image of a manifest, ``NAME:VERSION`` or ``NAME`` for its newest. Raises ``UnknownThing``, ``NotBuilt``."""
    name, colon, _ = ref.partition(":")
    for image in list_images(world):
        if image.manifest == ref or (not colon and image.manifest.rpartition(":")[0] == name):
            return image
    try:
        manifest = show_manifest(world, ref)
    except UnknownThing as error:
        raise UnknownThing("image", ref) from error
    raise NotBuilt(
        f"Manifest {manifest.ref} has no image yet.", hint=f"Build it with `mlops images build {manifest.ref}`."
    )


def push_image(world: World, source: str, target: str, say: Say) -> Pushed:
    """Push a manifest's image, or a saved one (``FILE.tar``, which takes no engine), to ``REGISTRY/NAME:TAG``."""
    file = Path(source)
    if file.suffix == ".tar" and file.is_file():
        return world.builder.push(file, target, say)
    image = show_image(world, source)
    pushed = world.builder.push(image, target, say)
    world.catalog.record("image", image.name, "push", {"target": pushed.target, "digest": pushed.digest})
    return pushed


def export_image(
    world: World, ref: str, file: Path, say: Say, *, edge: bool = False, as_name: str | None = None
) -> Exported:
    """Write a manifest's image into a new file, a tar.

    With ``edge``, beside it what starts it on another machine: a compose file, a deployment manifest of IoT Edge, and
    the digest of a new key. ``as_name`` is the image's name there, if it comes out of a registry.
    """
    if file.suffix != ".tar":
        raise BadInput(f"{file.name!r} does not end in .tar.", hint=f"Write {file.name}.tar.")
    image = show_image(world, ref)
    exported = Exported(image=image.name, file=str(file), n_bytes=world.builder.export(image, file, say))
    if edge:
        key = secrets.token_urlsafe(32)
        digests = [hashlib.sha256(key.encode()).hexdigest()]
        beside = world.builder.export_for_edge(image, file, as_name or image.tag, digests)
        exported = msgspec.structs.replace(exported, key=key, beside=[str(path) for path in beside])
    world.catalog.record("image", image.name, "export", {"file": str(file.resolve())})
    return exported


def request_push(world: World, ref: str, target: str) -> Activity:
    """Ask the agent to push a manifest's image. Raises ``UnknownThing``, ``NotBuilt``, and ``Unavailable`` without an engine."""
    image = show_image(world, ref)
    world.builder.check()
    return world.submit(PUSH, f"image {image.manifest}", {"image": image.manifest, "target": target})


def delete_image(world: World, ref: str) -> None:
    """Delete a manifest's image, from the engine and from the catalog. Raises ``ImageDeployed`` while a service runs it."""
    image = show_image(world, ref)
    services = world.catalog.find(Service)
    users = sorted(one.name for one in services if any(part.image == image.image_id for part in one.deployments))
    if users:
        raise ImageDeployed(
            f"The image of {image.manifest} is deployed by {' and '.join(users)}.",
            hint=f"Delete the service first: `mlops services delete {users[0]}`.",
        )
    world.builder.remove(image.image_id)
    world.catalog.remove(Image, image.name)


def find_image(world: World, manifest: Manifest) -> Image | None:
    """Return the image recorded for a manifest."""
    try:
        return world.catalog.get(Image, manifest.ref)
    except UnknownThing:
        return None
