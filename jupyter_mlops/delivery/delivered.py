"""What became of a model: the manifests that serve it, their images, and where they are deployed."""

from __future__ import annotations

from typing import Final

from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Service, ServiceState
from jupyter_mlops.ports import World

MOST: Final = 100_000
"""All of them: a catalog finds 1,000 records unless told."""


class MadeImage(Record, frozen=True, kw_only=True):
    """An image of a manifest."""

    name: str
    """What verbs call it: ``NAME:VERSION``, with the processor where it is another than the engine's."""
    tag: str
    image_id: str
    n_bytes: int
    platform: str
    created_at: float
    build_s: float


class MadeManifest(Record, frozen=True, kw_only=True):
    """A manifest that serves a version of the model."""

    ref: str
    """``NAME:VERSION``."""
    model_version: int
    with_models: list[str]
    """The other models in it, ``NAME:VERSION``."""
    created_at: float
    created_by: str
    python: str
    script: str
    """Empty where the model's own library answers."""
    n_packages: int
    n_bytes: int
    has_sample: bool
    images: list[MadeImage]


class Use(Record, frozen=True, kw_only=True):
    """A deployment of the model in a service."""

    service: str
    state: ServiceState
    host: str
    url: str
    deployment: str
    manifest: str
    model_version: int
    weight: int
    """Percent of the service's traffic."""
    mirror: int
    replicas: int


class Delivered(Record, frozen=True, kw_only=True):
    """What became of a model."""

    manifests: list[MadeManifest]
    """Newest first."""
    uses: list[Use]
    """By service and deployment."""


def show_delivered(world: World, name: str) -> Delivered:
    """Return the manifests with any version of model ``name``, their images and deployments."""
    images: dict[str, list[MadeImage]] = {}
    for image in world.catalog.find(Image, limit=MOST):
        images.setdefault(image.manifest, []).append(_image(image))
    manifests = [
        _manifest(manifest, name, version, images.get(manifest.ref, []))
        for manifest in world.catalog.find(Manifest, limit=MOST)
        if (version := _version_in(manifest, name)) is not None
    ]
    versions = {manifest.ref: manifest.model_version for manifest in manifests}
    uses = [
        Use(
            service=service.name, state=service.state, host=service.host, url=service.url, deployment=part.name,
            manifest=part.manifest, model_version=versions[part.manifest], weight=part.weight, mirror=part.mirror,
            replicas=part.replicas,
        )
        for service in world.catalog.find(Service, limit=MOST)
        for part in service.deployments
        if part.manifest in versions
    ]  # fmt: skip
    return Delivered(manifests=manifests, uses=sorted(uses, key=lambda use: (use.service, use.deployment)))


def _version_in(manifest: Manifest, name: str) -> int | None:
    return next((model.version for model in manifest.models if model.name == name), None)


def _manifest(manifest: Manifest, name: str, version: int, images: list[MadeImage]) -> MadeManifest:
    return MadeManifest(
        ref=manifest.ref,
        model_version=version,
        with_models=[f"{one.name}:{one.version}" for one in manifest.models if one.name != name],
        created_at=manifest.created_at,
        created_by=manifest.created_by,
        python=manifest.python,
        script=manifest.script or "",
        n_packages=len(manifest.requirements),
        n_bytes=sum(file.n_bytes for file in manifest.files),
        has_sample=manifest.sample is not None,
        images=images,
    )


def _image(image: Image) -> MadeImage:
    return MadeImage(
        name=image.name,
        tag=image.tag,
        image_id=image.image_id,
        n_bytes=image.n_bytes,
        platform=image.platform,
        created_at=image.created_at,
        build_s=image.build_s,
    )
