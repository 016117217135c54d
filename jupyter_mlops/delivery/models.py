"""Models: register, find, tag, download and delete versions."""

from __future__ import annotations

import functools
import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Conflict, NotFound, NotWritten, UnknownThing
from jupyter_mlops.core.ids import RunId, check_name
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.where import Field, Found, holds
from jupyter_mlops.core.whereparse import Language
from jupyter_mlops.delivery.bundles import files_below
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.delivery.mlmodel import flavor_of
from jupyter_mlops.ports import World

IMPORTED: Final = "imported"
"""The experiment under which models that were trained elsewhere are kept."""
VERSIONS: Final = Language(
    groups={"tags": "any"},
    fields=dict.fromkeys(("name", "version", "flavor", "created_by", "run", "alias", "service"), "any"),
    example="tags.team = 'risk' and version > 2",
)
_LONGEST_KEY: Final = 250  # MLflow's own limit
_RESERVED_ALIAS: Final = re.compile(r"(v\d+|latest)", re.IGNORECASE)  # MLflow's own, of which it speaks in its words
_SIZE: Final = "mlops.n_bytes"


class NoSource(NotFound):
    """Neither a run nor a file has that name."""

    code = "source-not-found"

    def __init__(self, source: str) -> None:
        super().__init__(
            f"There is no run, file or folder {source!r} to register.",
            hint="List runs with `mlops runs list`, or write a path that begins with `./`.",
        )


class NoLoggedModel(NotFound):
    """A run has no model, or not the one asked for."""

    code = "no-logged-model"


class WhichModel(BadInput):
    """A run logged more than one model."""

    code = "which-model"

    def __init__(self, run: Run, names: Sequence[str]) -> None:
        super().__init__(
            f"Run {run.name!r} logged {len(names)} models: {', '.join(names)}.",
            hint=f"Choose one: `--path {names[0]}`.",
        )


class ModelInUse(Conflict):
    """A service has the model deployed."""

    code = "model-in-use"


class ReservedAlias(BadInput):
    """An alias looks like a version."""

    code = "reserved-alias"

    def __init__(self, alias: str) -> None:
        super().__init__(
            f"{alias!r} cannot be an alias: it could be taken for a version.",
            hint="Say what the version is for: champion, staging, production.",
        )


class WouldOverwrite(Conflict):
    """Something stands where files should go."""

    code = "would-overwrite"


def register_model(
    world: World, source: str, name: str, *, path: str | None = None, tags: Mapping[str, str] | None = None
) -> ModelVersion:
    """Register the next version of model ``name``, from a run, or from a file or folder trained elsewhere.

    Of a run it is the model that the run logged; ``path`` chooses where there are several, and may also name a file
    or folder among the run's artifacts. A file or folder is copied into the workspace, so that it may vanish.
    Raises ``BadName``, ``NoSource``, ``NoLoggedModel``, ``WhichModel``, ``BadModel``.
    """
    check_name("model", name)
    check_tags(tags or {})
    marks = {**(tags or {}), "mlops.actor": world.actor}
    local = Path(source).expanduser()
    looks_local = source.startswith((".", "~")) or os.sep in source
    run = None if looks_local else _run_or_none(world, source)
    if run is not None:
        version = _from_run(world, run, name, path, marks)
    elif local.exists():
        version = _from_files(world, local.resolve(), name, marks)
    else:
        raise NoSource(source)
    world.catalog.record("model", name, "register", {"version": version.version, "run": version.run_id})
    return version


def list_models(world: World, where: str | None = None) -> list[Model]:
    """Return the models by name; with ``where`` those that have versions which match it, and only these versions.

    Raises ``BadWhere``.
    """
    node = None if where is None else VERSIONS.parse(where)
    deployed = _deployed(world)
    found = [_with_services(one, deployed) for one in world.tracking.models()]
    if node is None:
        return found
    kept: list[Model] = []
    for model in found:
        versions = [one for one in model.versions if holds(node, functools.partial(_found, one))]
        if versions:
            kept.append(msgspec.structs.replace(model, versions=versions))
    return kept


def show_model(world: World, name: str) -> Model:
    """Return a model with its versions and where each is deployed. Raises ``UnknownThing``."""
    return _with_services(world.tracking.model(name), _deployed(world))


def show_model_version(world: World, ref: str) -> ModelVersion:
    """Return ``NAME`` (the newest), ``NAME:VERSION`` or ``NAME@ALIAS``, and where it is deployed."""
    return _with_services_of(world.tracking.model_version(ref), _deployed(world))


def tag_model(world: World, ref: str, tags: Mapping[str, str | None]) -> ModelVersion:
    """Set tags of a version; ``None`` removes one."""
    check_tags(tags)
    version = world.tracking.model_version(ref)
    world.tracking.tag_model(version.name, version.version, tags)
    world.catalog.record("model", version.name, "tag", {"version": version.version, "tags": dict(tags)})
    return show_model_version(world, f"{version.name}:{version.version}")


def alias_model(world: World, ref: str, alias: str) -> ModelVersion:
    """Let ``alias`` name this version, and no other one of its model any more.

    Raises ``UnknownThing``, ``BadName``, and ``ReservedAlias`` for one that could be taken for a version.
    """
    check_name("alias", alias)
    if _RESERVED_ALIAS.fullmatch(alias):
        raise ReservedAlias(alias)
    version = world.tracking.model_version(ref)
    world.tracking.alias_model(version.name, alias, version.version)
    world.catalog.record("model", version.name, "alias", {"version": version.version, "alias": alias})
    return show_model_version(world, f"{version.name}:{version.version}")


def unalias_model(world: World, name: str, alias: str) -> None:
    """Take an alias away from a model. Raises ``UnknownThing`` where no version has it."""
    world.tracking.model_version(f"{name}@{alias}")
    world.tracking.alias_model(name, alias, None)
    world.catalog.record("model", name, "unalias", {"alias": alias})


def download_model(world: World, ref: str, into: Path) -> Path:
    """Copy a version's files into the new or empty folder ``into``; return it. Raises ``WouldOverwrite``, ``NotWritten``."""
    version = world.tracking.model_version(ref)
    if into.exists() and (not into.is_dir() or any(into.iterdir())):
        raise WouldOverwrite(f"{str(into)!r} exists and is not an empty folder.", hint="Name a new folder.")
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".download-", dir=into.parent) as scratch:
            files = world.tracking.fetch_model(version, Path(scratch) / "model")
            if into.is_dir():
                into.rmdir()
            if files.is_dir():
                files.rename(into)
            else:
                into.mkdir()
                files.rename(into / files.name)
    except OSError as error:
        raise NotWritten(f"The folder {str(into)!r}", error) from error
    return into


def delete_model(world: World, ref: str) -> None:
    """Delete ``NAME:VERSION``, or ``NAME`` with all its versions. Raises ``ModelInUse`` naming the services."""
    name, number = world.tracking.split_model(ref)
    doomed = [show_model_version(world, ref)] if number else show_model(world, name).versions
    users = sorted({service for version in doomed for service in version.services})
    if users:
        raise ModelInUse(
            f"Model {ref} is deployed by {', '.join(users)}.",
            hint=f"Delete the service first: `mlops services delete {users[0]}`.",
        )
    version = doomed[0].version if number else None
    world.tracking.delete_model(name, version)
    world.catalog.record("model", name, "delete", {"version": version})


def _run_or_none(world: World, ref: str) -> Run | None:
    try:
        return world.tracking.run(ref)
    except UnknownThing:
        return None


def _from_run(world: World, run: Run, name: str, path: str | None, tags: Mapping[str, str]) -> ModelVersion:
    logged: dict[str, str] = {}
    for model_name, uri in world.tracking.logged_models(run.id):
        logged.setdefault(model_name, uri)  # newest first: logged again under one name, the last one counts
    if path is not None and path not in logged:
        return _from_artifact(world, run, name, path.strip("/"), tags)
    if not logged:
        raise NoLoggedModel(
            f"Run {run.name!r} logged no model.",
            hint="Log one in the run, for instance `mlflow.sklearn.log_model(model, name='model')`, or give `--path`.",
        )
    if path is None and len(logged) > 1:
        raise WhichModel(run, list(logged))
    source = logged[path] if path else next(iter(logged.values()))
    version = world.tracking.register(name, source, run_id=run.id, tags=tags, flavor="")
    with _undone(world, version), _scratch(world) as scratch:
        files = world.tracking.fetch_model(version, scratch)
        flavor, n_bytes = flavor_of(files), _n_bytes(files)
        world.tracking.tag_model(name, version.version, {"mlops.flavor": flavor, _SIZE: str(n_bytes)})
    return msgspec.structs.replace(version, flavor=flavor, n_bytes=n_bytes)


def _from_artifact(world: World, run: Run, name: str, path: str, tags: Mapping[str, str]) -> ModelVersion:
    with _scratch(world) as scratch:
        try:
            files = world.tracking.fetch(run.id, path, scratch)
            flavor, tags = flavor_of(files), {**tags, _SIZE: str(_n_bytes(files))}
        except UnknownThing as error:
            logged = [model for model, _ in world.tracking.logged_models(run.id)]
            raise NoLoggedModel(
                f"Run {run.name!r} has no model and no artifact {path!r}"
                + (f"; it logged {', '.join(dict.fromkeys(logged))}." if logged else "."),
                hint=f"See what it stored with `mlops runs show {run.id[:8]}`.",
            ) from error
    return world.tracking.register(name, f"{run.artifact_uri}/{path}", run_id=run.id, tags=tags, flavor=flavor)


def _from_files(world: World, source: Path, name: str, tags: Mapping[str, str]) -> ModelVersion:
    """Keep a copy as the artifacts of a small run of its own, so that lineage has a beginning."""
    files = [source] if source.is_file() else list(files_below(source))
    if not files:
        raise BadInput(f"The folder {str(source)!r} holds no files.", hint="Name the folder that holds the model.")
    flavor = flavor_of(source)
    origin = {"mlops.imported_from": str(source), "mlflow.user": world.actor, "mlops.node": world.node}
    run = world.tracking.create_run(IMPORTED, name, tags=origin, params={})
    try:
        for file in files:
            below = file.relative_to(source).parent if source.is_dir() else Path()
            world.tracking.store(run.id, file, str(Path("model") / below))
        marks = {**tags, _SIZE: str(_n_bytes(source))}
        version = world.tracking.register(name, f"{run.artifact_uri}/model", run_id=run.id, tags=marks, flavor=flavor)
    except BaseException as error:
        world.tracking.end_run(run.id, "FAILED", reason=str(error) or type(error).__name__)
        raise
    world.tracking.end_run(RunId(run.id), "FINISHED")
    return version


def _n_bytes(files: Path) -> int:
    return sum(file.stat().st_size for file in ([files] if files.is_file() else files_below(files)))


@contextmanager
def _undone(world: World, version: ModelVersion) -> Iterator[None]:
    """Take back a registration that turns out to be of no use."""
    try:
        yield
    except BaseException:
        world.tracking.delete_model(version.name, version.version)
        if not world.tracking.model(version.name).versions:
            world.tracking.delete_model(version.name)
        raise


@contextmanager
def _scratch(world: World) -> Iterator[Path]:
    cache = world.root / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="model-", dir=cache) as folder:
        yield Path(folder)


def check_tags(tags: Mapping[str, str | None]) -> None:
    """Raise ``BadInput`` for keys that MLflow refuses, and for our own."""
    for key in tags:
        if not key.strip() or len(key) > _LONGEST_KEY or key.startswith(("mlops.", "mlflow.")):
            raise BadInput(
                f"{key[:80]!r} cannot be the key of a tag.",
                hint="Use up to 250 characters that do not begin with `mlops.` or `mlflow.`.",
            )


def _deployed(world: World) -> dict[tuple[str, int], set[str]]:
    """Return the services of each model version that some service has deployed."""
    users: dict[tuple[str, int], set[str]] = defaultdict(set)
    for service in world.catalog.find(Service):
        for deployment in service.deployments:
            try:
                manifest = show_manifest(world, deployment.manifest)
            except UnknownThing:
                continue  # the service itself says so; the other models are still to be seen
            for model in manifest.models:
                users[model.name, model.version].add(service.name)
    return users


def _with_services(model: Model, deployed: Mapping[tuple[str, int], set[str]]) -> Model:
    versions = [_with_services_of(version, deployed) for version in model.versions]
    services = sorted({service for version in versions for service in version.services})
    return msgspec.structs.replace(model, versions=versions, services=services)


def _with_services_of(version: ModelVersion, deployed: Mapping[tuple[str, int], set[str]]) -> ModelVersion:
    users = deployed.get((version.name, version.version), set())
    return msgspec.structs.replace(version, services=sorted(users))


def _found(version: ModelVersion, field: Field) -> Found:
    if field.group:
        return version.tags.get(field.key)
    attributes: dict[str, Found] = {
        "name": version.name,
        "version": version.version,
        "flavor": version.flavor,
        "created_by": version.created_by,
        "run": version.run_id,
        "alias": version.aliases,
        "service": version.services,
    }
    return attributes[field.key]
