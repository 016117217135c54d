"""Images: built from a manifest by the workspace's builder."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import tempfile
import time
from pathlib import Path

import msgspec

from jupyter_mlops.core.activity import ENDED, Activity
from jupyter_mlops.core.errors import BadInput, Conflict, FileThere, NotFound, Unavailable, UnknownThing
from jupyter_mlops.core.image import Exported, Image, Pushed
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.bundles import materialize
from jupyter_mlops.delivery.manifests import services_using, show_manifest
from jupyter_mlops.ports import Say, World

BUILD = "images.build"
PUSH = "images.push"
EXPORT = "images.export"
"""The verbs of the activities."""


class NotBuilt(NotFound):
    """A manifest has no image yet."""

    code = "image-not-found"


class ImageDeployed(Conflict):
    """A service runs the image."""

    code = "image-deployed"


def request_build(world: World, manifest_ref: str, platform: str = "") -> Activity:
    """Ask the agent to build a manifest's image. Raises ``UnknownThing``, and ``Unavailable`` without an engine."""
    manifest = show_manifest(world, manifest_ref)
    try:
        world.builder.check()
    except Unavailable as error:
        error.hint += f" Without an engine, build into a file: `mlops images build {manifest.ref} --output FILE.tar`."
        raise
    return world.submit(BUILD, f"image {manifest.ref}", {"manifest": manifest.ref, "platform": platform})


def build_image(world: World, manifest_ref: str, say: Say, *, platform: str = "") -> Image:
    """Build a manifest's image and record it; what the engine has already is returned at once.

    ``platform`` is ``linux/amd64`` or ``linux/arm64``, the engine's own if empty. Images of older versions that no
    service has deployed are removed.
    """
    manifest = show_manifest(world, manifest_ref)
    known = find_image(world, manifest, platform)
    if known is not None and world.builder.is_current(known.image_id):
        say("The image is there already.", 1.0)
        return known
    say("Laying out the files.", 0.0)
    bundle = materialize(world, manifest)
    began = time.monotonic()
    built = world.builder.build(manifest, bundle, say, platform=platform)
    image = Image(
        name=f"{manifest.ref}-{built.variant}" if built.variant else manifest.ref,
        manifest=manifest.ref,
        image_id=built.image_id,
        tag=built.tag,
        n_bytes=built.n_bytes,
        build_s=round(time.monotonic() - began, 3),
        platform=built.platform,
        lock=built.lock,
    )
    with contextlib.suppress(UnknownThing):
        world.catalog.remove(Image, image.name)
    added = world.catalog.add(image)
    world.catalog.link(f"image:{image.name}", "built from", f"manifest:{manifest.ref}")
    _remove_superseded(world, added)
    return added


def find_image(world: World, manifest: Manifest, platform: str = "") -> Image | None:
    """Return the image recorded for a manifest and a platform, the engine's own if empty."""
    if not platform:
        with contextlib.suppress(UnknownThing):
            return world.catalog.get(Image, manifest.ref)
        return None
    of_it = (image for image in list_images(world) if image.manifest == manifest.ref)
    return next((image for image in of_it if image.platform == platform), None)


def _remove_superseded(world: World, newest: Image) -> None:
    """Remove the images of older versions of a manifest that no service has deployed and nothing is being done with.

    To roll back to one takes as long as to build it again: what it shares with the newest is kept.
    """
    name, _, version = newest.manifest.rpartition(":")
    going_on = [one for one in world.catalog.find(Activity) if one.state not in ENDED]
    if any(one.verb == "services.rollback" for one in going_on):  # it does not say to what
        return
    busy = {str(value) for one in going_on for value in one.args.values()}
    for image in list_images(world):
        if {image.name, image.manifest} & busy or services_using(world, image.manifest):
            continue
        other, _, number = image.manifest.rpartition(":")
        if other == name and int(number) < int(version) and image.platform == newest.platform:
            with contextlib.suppress(Conflict, UnknownThing):  # it is in use, or another process was faster
                delete_image(world, image.name)


def write_image(
    world: World, manifest_ref: str, file: Path, say: Say, *, platform: str = "", base: Path | None = None
) -> Exported:
    """Build a manifest's image into a new file, a tar, which takes no engine; `push_image` takes it from there.

    ``base`` is the base image in a file, of `docker save` or an OCI layout; without, it comes out of its registry.
    """
    _check_tar(file)
    manifest = show_manifest(world, manifest_ref)
    bundle = materialize(world, manifest)
    built = world.builder.write(manifest, bundle, file, say, platform=platform, base=base)
    world.catalog.record("manifest", manifest.ref, "build", {"file": str(file.resolve()), "image": built.image_id})
    return Exported(image=built.tag, file=str(file), n_bytes=built.n_bytes, platform=built.platform)


def list_images(world: World) -> list[Image]:
    """Return the images that were built, newest first."""
    return world.catalog.find(Image)


def show_image(world: World, ref: str) -> Image:
    """Return the image of a manifest, ``NAME:VERSION`` or ``NAME`` for its newest; ``NAME:VERSION-arm64`` that for ARM.

    Raises ``UnknownThing`` or ``NotBuilt``.
    """
    name, colon, _ = ref.partition(":")
    for image in list_images(world):
        if image.name == ref or (not colon and image.name == image.manifest and image.manifest.startswith(f"{name}:")):
            return image
    try:
        manifest = show_manifest(world, ref)
    except UnknownThing as error:
        raise UnknownThing("image", ref) from error
    raise NotBuilt(
        f"Manifest {manifest.ref} has no image yet.", hint=f"Build it with `mlops images build {manifest.ref}`."
    )


def push_image(world: World, source: str, target: str, say: Say) -> Pushed:
    """Push a manifest's image, or a saved one (``FILE.tar``), to ``REGISTRY/NAME:TAG``.

    Where no engine answers, a manifest's image is built for it: that gives the same one.
    """
    file = Path(source)
    if file.suffix == ".tar" and file.is_file():
        return world.builder.push(file, target, say)
    if _has_engine(world):
        image = show_image(world, source)
        ref = image.name
        pushed = world.builder.push(image, target, say)
    else:
        ref = show_manifest(world, source).ref
        (world.root / "cache").mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pushing-", dir=world.root / "cache") as folder:
            built = Path(folder, "image.tar")
            _written(world, ref, built, lambda line, done: say(line, done / 2))
            pushed = world.builder.push(built, target, lambda line, done: say(line, 0.5 + done / 2))
    world.catalog.record("image", ref, "push", {"target": pushed.target, "digest": pushed.digest})
    return pushed


def _has_engine(world: World) -> bool:
    try:
        world.builder.check()
    except Unavailable:
        return False
    return True


def _written(world: World, manifest_ref: str, file: Path, say: Say) -> Image:
    """Build a manifest's image into a file; return what would be recorded of it."""
    manifest = show_manifest(world, manifest_ref)
    built = world.builder.write(manifest, materialize(world, manifest), file, say)
    return Image(
        name=manifest.ref, manifest=manifest.ref, image_id=built.image_id, tag=built.tag, n_bytes=built.n_bytes
    )


def export_image(
    world: World, ref: str, file: Path, say: Say, *, edge: bool = False, as_name: str | None = None
) -> Exported:
    """Write a manifest's image into a new file, a tar; where no engine answers it is built into it, which gives the same.

    With ``edge``, beside it what starts it on another machine: a compose file, a deployment manifest of IoT Edge, and
    the digest of a new key. ``as_name`` is the image's name there, if it comes out of a registry.
    """
    _check_tar(file)
    if _has_engine(world):
        image = show_image(world, ref)
        n_bytes = world.builder.export(image, file, say)
    else:
        image = _written(world, ref, file, say)
        n_bytes = image.n_bytes
    exported = Exported(image=image.name, file=str(file), n_bytes=n_bytes)
    if edge:
        key = secrets.token_urlsafe(32)
        digests = [hashlib.sha256(key.encode()).hexdigest()]
        beside = world.builder.export_for_edge(image, file, as_name or image.tag, digests)
        exported = msgspec.structs.replace(exported, key=key, beside=[str(path) for path in beside])
    world.catalog.record("image", image.name, "export", {"file": str(file.resolve())})
    return exported


def _check_tar(file: Path) -> None:
    if file.suffix != ".tar":
        raise BadInput(f"{file.name!r} does not end in .tar.", hint=f"Write {file.name}.tar.")


def request_push(world: World, ref: str, target: str) -> Activity:
    """Ask the agent to push a manifest's image. Raises ``UnknownThing`` or ``NotBuilt``."""
    image = show_image(world, ref).name if _has_engine(world) else show_manifest(world, ref).ref
    return world.submit(PUSH, f"image {image}", {"image": image, "target": target})


def request_export(world: World, ref: str, file: Path) -> Activity:
    """Ask the agent to write a manifest's image into a new file. Raises ``UnknownThing``, ``NotBuilt``, ``BadInput`` or ``FileThere``."""
    _check_tar(file)
    if file.exists():
        raise FileThere(file)
    image = show_image(world, ref).name if _has_engine(world) else show_manifest(world, ref).ref
    return world.submit(EXPORT, f"image {image}", {"image": image, "file": str(file)})


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
