"""REST: manifests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.delivery import manifests
from jupyter_mlops.delivery.manifests import FieldChange
from jupyter_mlops.ports import World
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Body


class CreateManifest(Body, frozen=True, kw_only=True):
    """What to serve. Files are named relative to the server's folder."""

    models: list[str]
    """``NAME:VERSION`` each."""
    name: str | None = None
    script: str | None = None
    conda: str | None = None
    schema: str | None = None
    sample: str | None = None
    python: str | None = None
    base_image: str | None = None
    tags: dict[str, str] = {}
    trust: bool = False
    """Accept types in a model's file that run code of their own when loaded."""


def list_manifests(world: World, *, name: str | None = None) -> Sequence[Manifest]:
    """List manifests, newest first."""
    return manifests.list_manifests(world, name)


def create_manifest(world: World, place: Place, body: CreateManifest) -> Manifest:
    """Create a manifest from model versions."""

    def file(path: str | None) -> Path | None:
        return None if path is None else place.below(path)

    return manifests.create_manifest(
        world,
        body.models,
        name=body.name,
        script=file(body.script),
        conda=file(body.conda),
        schema=file(body.schema),
        sample=file(body.sample),
        python=body.python,
        base_image=body.base_image,
        tags=body.tags,
        trust=body.trust,
    )


def diff_manifests(world: World, ref: str, *, b: str) -> Sequence[FieldChange]:
    """Tell how manifest ``b`` differs from a manifest."""
    return manifests.diff_manifests(world, ref, b)
