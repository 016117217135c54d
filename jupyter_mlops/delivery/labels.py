"""What people write on models: descriptions, and tags of the model itself."""

from __future__ import annotations

from collections.abc import Mapping

from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.delivery.models import check_tags, show_model, show_model_version
from jupyter_mlops.ports import World


def tag_whole_model(world: World, name: str, tags: Mapping[str, str | None]) -> Model:
    """Set tags of a model itself; ``None`` removes one. Raises ``BadInput`` and ``UnknownThing``."""
    check_tags(tags)
    world.tracking.tag_model(name, None, tags)
    world.catalog.record("model", name, "tag", {"tags": dict(tags)})
    return show_model(world, name)


def describe_model(world: World, name: str, description: str) -> Model:
    """Set the description of a model, Markdown. Raises ``UnknownThing``."""
    world.tracking.describe_model(name, None, description)
    world.catalog.record("model", name, "describe")
    return show_model(world, name)


def describe_model_version(world: World, ref: str, description: str) -> ModelVersion:
    """Set the description of a version, Markdown. Raises ``UnknownThing``."""
    version = world.tracking.model_version(ref)
    world.tracking.describe_model(version.name, version.version, description)
    world.catalog.record("model", version.name, "describe", {"version": version.version})
    return show_model_version(world, f"{version.name}:{version.version}")
