"""REST: registered models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.core.record import Record
from jupyter_mlops.delivery import labels, models
from jupyter_mlops.delivery.comparing import VersionComparison, compare_versions
from jupyter_mlops.delivery.contents import ModelContents, show_contents
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.snapshots import NewFolder
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Body

Version = Annotated[int, Meta(ge=1)]


class RegisterModel(Body, frozen=True, kw_only=True):
    """A model to register: one that a ``run`` logged, or a ``file`` or folder below the server's folder."""

    name: str
    run: str | None = None
    path: str | None = None
    """Which of the run's artifacts, where it logged several models."""
    file: str | None = None
    tags: dict[str, str] = {}


class ChangeModel(Body, frozen=True, kw_only=True):
    """What to write on a model; what is left out stays. ``null`` removes a tag."""

    description: str | None = None
    """Markdown."""
    tags: dict[str, str | None] = {}


class ChangeModelVersion(Body, frozen=True, kw_only=True):
    """What to write on a model version; what is left out stays. ``null`` removes a tag."""

    description: str | None = None
    """Markdown."""
    tags: dict[str, str | None] = {}


class NameVersion(Body, frozen=True, kw_only=True):
    """Which version an alias shall name."""

    version: Version


class OneSource(BadInput):
    """A model to register comes from nowhere, or from two places."""

    code = "one-source"


def list_models(world: World, *, where: str | None = None) -> Sequence[Model]:
    """List registered models; ``where`` is MLflow's filter (``tags.team = 'risk'``)."""
    return models.list_models(world, where)


def register_model(world: World, place: Place, body: RegisterModel) -> ModelVersion:
    """Register a model version from a run or a file."""
    if (body.run is None) == (body.file is None):
        raise OneSource(f"Model {body.name!r} needs one source.", hint="Give `run` or `file`, not both.")
    # A run goes on by its id: as given, it could be read as a path that leads out of the server's folder.
    source = str(place.below(body.file or "")) if body.run is None else world.tracking.run(body.run).id
    return models.register_model(world, source, body.name, path=body.path, tags=body.tags)


def show_model_version(world: World, name: str, version: Version) -> ModelVersion:
    """Show one version of a registered model."""
    return models.show_model_version(world, f"{name}:{version}")


def change_model(world: World, name: str, body: ChangeModel) -> Model:
    """Describe a model, set or remove its tags."""
    if body.tags:
        labels.tag_whole_model(world, name, body.tags)
    if body.description is not None:
        labels.describe_model(world, name, body.description)
    return models.show_model(world, name)


def change_model_version(world: World, name: str, version: Version, body: ChangeModelVersion) -> ModelVersion:
    """Describe a model version, set or remove its tags."""
    ref = f"{name}:{version}"
    if body.tags:
        models.tag_model(world, ref, body.tags)
    if body.description is not None:
        labels.describe_model_version(world, ref, body.description)
    return models.show_model_version(world, ref)


def alias_model(world: World, name: str, alias: str, body: NameVersion) -> ModelVersion:
    """Let an alias name a version of a model, and no other one."""
    return models.alias_model(world, f"{name}:{body.version}", alias)


def show_model_contents(world: World, name: str, version: Version) -> ModelContents:
    """Show what is in a model version: files, signature, sample, requirements."""
    return show_contents(world, f"{name}:{version}")


def compare_model_versions(world: World, name: str, *, versions: str) -> VersionComparison:
    """Compare versions of a model, named by their numbers with commas between them."""
    try:
        numbers = [int(text) for text in versions.split(",") if text]
    except ValueError as error:
        raise BadInput(f"{versions!r} are no versions.", hint="Write numbers, as in versions=1,3.") from error
    return compare_versions(world, name, numbers)


def delete_model_version(world: World, name: str, version: Version) -> None:
    """Delete one version of a registered model, unless a service has it deployed."""
    models.delete_model(world, f"{name}:{version}")


class Downloaded(Record, frozen=True, kw_only=True):
    """Where a model's files are now."""

    path: str


def download_model_version(world: World, place: Place, name: str, version: Version, body: NewFolder) -> Downloaded:
    """Download the files of a model version into a new folder of the server's."""
    into = place.below(body.inside) / check_name("folder", body.name)
    return Downloaded(path=str(models.download_model(world, f"{name}:{version}", into)))
