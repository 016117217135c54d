"""REST: images."""

from __future__ import annotations

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.delivery.images import request_build, request_export, request_push
from jupyter_mlops.delivery.trials import request_trial
from jupyter_mlops.ports import World
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Body


class BuildImage(Body, frozen=True, kw_only=True):
    """The manifest, ``NAME[:VERSION]``, to build an image from, and the platform: ``linux/amd64``, ``linux/arm64`` or empty."""

    manifest: str
    platform: str = ""


def build_image(world: World, body: BuildImage) -> Activity:
    """Build a container image from a manifest."""
    return request_build(world, body.manifest, body.platform)


class PushImage(Body, frozen=True, kw_only=True):
    """Where to: ``REGISTRY/NAME:TAG``."""

    target: str


def push_image(world: World, ref: str, body: PushImage) -> Activity:
    """Push a manifest's image to a registry, with the credentials that `docker login` left on the server's machine."""
    return request_push(world, ref, body.target)


class NewFile(Body, frozen=True, kw_only=True):
    """A file to be made: its ``name``, which ends in ``.tar``, and the folder ``inside`` which, as the file browser names it."""

    name: str
    inside: str = ""


def export_image(world: World, place: Place, ref: str, body: NewFile) -> Activity:
    """Write a manifest's image into a new file of the server's, which `docker load` reads."""
    return request_export(world, ref, place.below(body.inside) / check_name("file", body.name))


def test_image(world: World, ref: str) -> Activity:
    """Start a manifest's image, score its sample, and compare with the recorded prediction; the activity's result tells."""
    return request_trial(world, ref)
