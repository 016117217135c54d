"""Manifests: what is needed to serve a model, fixed to the byte."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.ids import NAME, check_name, split_ref
from jupyter_mlops.core.manifest import Manifest, ManifestFile, ManifestModel, Schema
from jupyter_mlops.core.model import ModelVersion
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.bundles import bundle_folder, files_below, store_files
from jupyter_mlops.delivery.frames import without_pandas
from jupyter_mlops.delivery.mlmodel import FILE, ModelFolder, read_model
from jupyter_mlops.delivery.predictions import predict_here
from jupyter_mlops.delivery.requirements import read_conda
from jupyter_mlops.delivery.schemas import check_sample, read_sample, read_schema, sample_in
from jupyter_mlops.delivery.scripts import check_script, files_beside
from jupyter_mlops.delivery.trust import TRUST, check_trust
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.ports import World


class NeedsScript(BadInput):
    """Nothing says how to answer with these models."""

    code = "needs-script"


class ManifestInUse(Conflict):
    """A service has the manifest deployed."""

    code = "manifest-in-use"


class FieldChange(Record, frozen=True, kw_only=True):
    """How one field differs between two manifests; ``None`` where one has it not."""

    field: str
    """``python``, ``requirements.numpy``, ``files.models/churn/model.skops``, ..."""
    before: Any = None
    after: Any = None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What the caller gave by files and options, checked."""

    script: Path | None
    python: str | None
    requirements: list[str] | None
    schema: Schema | None
    sample: Any


@uses_store  # until the manifest is there, no gc may take its files for leftovers
def create_manifest(
    world: World,
    models: Sequence[str],
    *,
    name: str | None = None,
    script: Path | None = None,
    conda: Path | None = None,
    schema: Path | None = None,
    sample: Path | None = None,
    python: str | None = None,
    base_image: str | None = None,
    tags: Mapping[str, str] | None = None,
    trust: bool = False,
) -> Manifest:
    """Fix what is needed to serve ``models`` (``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``) and return it.

    The name defaults to the first model's. The same inputs give the existing version, not a new one. Requirements
    come from the ``conda`` file, else from the models. A scripted manifest has the schema and the sample it is given
    and no others, for a script decides itself what it takes. ``trust`` accepts types in a model's skops file that run
    code of their own when loaded; the manifest records which. What the sample scores to is recorded where it can be
    scored here.

    Raises ``UnknownThing``, ``NeedsScript``, ``BadRequirements``, ``NotOnPip``, ``BadSchema``, ``BadSample``,
    ``BadScript``, ``NeedsTrust`` and ``BadInput``.
    """
    if TRUST in (tags or {}):
        raise BadInput(f"The tag {TRUST!r} is not for you to set.", hint="Use `--trust`.")
    asked = _asked(script, conda, schema, sample, python)
    versions = _versions(world, models)
    name = check_name("manifest", versions[0].name if name is None else name)
    found, files = _collected(world, versions, trust=trust)
    if asked.script is not None:
        files += store_files(world, asked.script.parent.resolve(), files_beside(asked.script), "code")
    draft = msgspec.structs.replace(
        _draft(world, versions, found, asked),
        name=name,
        files=sorted(files, key=lambda one: one.path),
        tags={**(tags or {}), **_accepted(found)},
    )
    if base_image is not None:
        draft = msgspec.structs.replace(draft, base_image=base_image)
    known = _existing(world, draft)
    if known is not None:
        return known
    return _added(world, msgspec.structs.replace(draft, prediction=predict_here(world, draft)))


def list_manifests(world: World, name: str | None = None) -> list[Manifest]:
    """Return manifests, newest first; of one ``name``, its versions. Raises ``UnknownThing`` for a name that has none."""
    found = world.catalog.find(Manifest, name)
    if name is not None and not found:
        raise UnknownThing("manifest", name)
    return found


def show_manifest(world: World, ref: str) -> Manifest:
    """Return ``NAME:VERSION``, or the newest version of ``NAME``. Raises ``UnknownThing``."""
    name, version = split_ref("manifest", ref)
    if version is not None and not version.isdecimal():
        raise BadInput(
            f"A manifest has no aliases: {ref!r}.", hint=f"Write {name}:1, or {name} for the newest version."
        )
    return world.catalog.get(Manifest, name, int(version) if version else None)


def diff_manifests(world: World, a: str, b: str) -> list[FieldChange]:
    """Return what differs from ``a`` to ``b``, field by field, sorted. Files are told apart by digest."""
    before, after = _flat(show_manifest(world, a)), _flat(show_manifest(world, b))
    return [
        FieldChange(field=key, before=before.get(key), after=after.get(key))
        for key in sorted(before.keys() | after.keys())
        if before.get(key) != after.get(key)
    ]


def delete_manifest(world: World, ref: str) -> None:
    """Delete ``NAME:VERSION``, or every version of ``NAME``. Raises ``ManifestInUse`` while a service has it deployed.

    Its stored files stay in the blob store, where another manifest may share them.
    """
    newest = show_manifest(world, ref)
    doomed = [newest] if ":" in ref else list_manifests(world, newest.name)
    for manifest in doomed:
        users = services_using(world, manifest.ref)
        if users:
            raise ManifestInUse(
                f"Manifest {manifest.ref} is deployed by {_named(users)}.",
                hint=f"Delete the service first: `mlops services delete {users[0]}`.",
            )
    for manifest in doomed:
        world.catalog.remove(Manifest, manifest.name, manifest.version)
        shutil.rmtree(bundle_folder(world, manifest), ignore_errors=True)


def services_using(world: World, manifest_ref: str) -> list[str]:
    """Return the names of the services that have a manifest deployed."""
    services = world.catalog.find(Service)
    return sorted(one.name for one in services if any(part.manifest == manifest_ref for part in one.deployments))


def manifest_for(world: World, model: str) -> Manifest:
    """Return the newest manifest of just this model version, scripted ones included; made if there is none."""
    version = world.tracking.model_version(model)
    for manifest in list_manifests(world):
        if [(one.name, one.version) for one in manifest.models] == [(version.name, version.version)]:
            return manifest
    return create_manifest(world, [f"{version.name}:{version.version}"])


def _asked(
    script: Path | None, conda: Path | None, schema: Path | None, sample: Path | None, python: str | None
) -> _Asked:
    if script is not None:
        check_script(script)
    conda_python, requirements = read_conda(conda) if conda else (None, None)
    if python is not None and not re.fullmatch(r"3\.(1[1-9]|[2-9]\d)", python):
        raise BadInput(
            f"{python!r} is no Python version to serve with.",
            hint="Write the minor version, 3.11 or newer: --python 3.11.",
        )
    return _Asked(
        script=script,
        python=python or conda_python,
        requirements=requirements,
        schema=read_schema(schema) if schema else None,
        sample=read_sample(sample) if sample else sample_in(schema) if schema else None,
    )


def _collected(
    world: World, versions: Sequence[ModelVersion], *, trust: bool
) -> tuple[list[ModelFolder], list[ManifestFile]]:
    """Fetch the models' files, store them as blobs and read what they say of themselves."""
    found: list[ModelFolder] = []
    files: list[ManifestFile] = []
    (world.root / "cache").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="manifest-", dir=world.root / "cache") as scratch:
        for version in versions:
            fetched = world.tracking.fetch_model(version, Path(scratch) / version.name)
            folder = fetched if fetched.is_dir() else fetched.parent
            found.append(read_model(folder))
            check_trust(version, found[-1].untrusted, found[-1].vouched, actor=world.actor, trust=trust)
            files += store_files(world, folder, files_below(folder), f"models/{version.name}")
    return found, files


def _accepted(found: Sequence[ModelFolder]) -> dict[str, str]:
    types = sorted({name for one in found for name in one.untrusted})
    return {TRUST: ", ".join(types)} if types else {}


class NotServable(BadInput):
    """A model has a name that clients could not call it by: another program registered it."""

    code = "model-not-servable"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Model {name[:100]!r} cannot be served under this name, which is a part of addresses.",
            hint="Register its run, or its files, under a name of letters, digits, dots, underscores and dashes.",
        )


def _servable(name: str) -> str:
    if not NAME.fullmatch(name):
        raise NotServable(name)
    return name


def _versions(world: World, models: Sequence[str]) -> list[ModelVersion]:
    if not models:
        raise BadInput("A manifest needs a model.", hint="Write `mlops manifests create MODEL:VERSION`.")
    versions = [world.tracking.model_version(ref) for ref in models]
    names = [_servable(version.name) for version in versions]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"Model {name!r} is named twice.", hint="A manifest holds one version of each model.")
    return versions


_WITH_SCRIPT: Final = (
    "Write `init()` and `run(data)` in a file, and `mlops manifests create {} --script score.py`; then deploy."
)


def _draft(world: World, versions: Sequence[ModelVersion], found: Sequence[ModelFolder], asked: _Asked) -> Manifest:
    """Return the manifest as the models and the caller's files have it, without its files and name."""
    scripted = asked.script is not None
    if not scripted and len(versions) > 1:
        raise NeedsScript(
            f"Nothing says how {_named([version.name for version in versions])} answer together.",
            hint=_WITH_SCRIPT.format(" ".join(f"{one.name}:{one.version}" for one in versions)),
        )
    if not scripted and found[0].flavor == FILE:
        raise NeedsScript(
            f"Model {versions[0].name!r} is plain files: nothing says how to load it.",
            hint=_WITH_SCRIPT.format(f"{versions[0].name}:{versions[0].version}"),
        )
    schema = asked.schema or (Schema() if scripted else found[0].schema)
    sample = asked.sample if asked.sample is not None or scripted else found[0].sample
    if sample is not None:
        check_sample(schema, sample)
    needed = asked.requirements
    if needed is None:
        needed = sorted({line for one in found for line in one.requirements}, key=str.lower)
        if not scripted and asked.schema is None and not found[0].needs_frames:
            needed = without_pandas(needed)
    own = next((one.python for one in found if one.python), None)
    python = asked.python or own or f"{sys.version_info.major}.{sys.version_info.minor}"
    return Manifest(
        name="",
        models=[_served(world, version, one.flavor) for version, one in zip(versions, found, strict=True)],
        files=[],
        script=f"code/{asked.script.name}" if asked.script else None,
        requirements=needed,
        python=python,
        base_image=f"python:{python}-slim",
        schema=schema,
        sample=sample,
    )


def _served(world: World, version: ModelVersion, flavor: str) -> ManifestModel:
    """Return a model version as a manifest has it, with what its run started from."""
    tags: Mapping[str, str] = {}
    if version.run_id is not None:
        with contextlib.suppress(UnknownThing):  # the run was deleted
            tags = world.tracking.run(version.run_id).tags
    return ManifestModel(
        name=version.name,
        version=version.version,
        run_id=version.run_id,
        flavor=flavor,
        snapshot=tags.get("mlops.snapshot", ""),
        commit=tags.get("mlops.git.commit", ""),
    )


def _existing(world: World, draft: Manifest) -> Manifest | None:
    """Return the newest version that says the same."""
    for known in world.catalog.find(Manifest, draft.name):
        if msgspec.structs.replace(known, version=0, created_at=0.0, created_by="", prediction=None) == draft:
            return known
    return None


def _added(world: World, draft: Manifest) -> Manifest:
    manifest = world.catalog.add(draft)
    for model in manifest.models:
        world.catalog.link(f"manifest:{manifest.ref}", "serves", f"model:{model.name}:{model.version}")
    return manifest


def _flat(manifest: Manifest) -> dict[str, Any]:
    """Return the fields that mean something, one level deep where a part can change alone."""
    flat: dict[str, Any] = {f"files.{one.path}": one.digest for one in manifest.files}
    flat |= {f"models.{one.name}": one.version for one in manifest.models}
    flat |= {f"requirements.{re.split(r'[ =<>!~@;[]', line)[0]}": line for line in manifest.requirements}
    flat |= {f"tags.{key}": value for key, value in manifest.tags.items()}
    for field in ("script", "python", "base_image", "schema", "sample", "prediction"):
        flat[field] = msgspec.to_builtins(getattr(manifest, field))
    return flat


def _named(names: Sequence[str]) -> str:
    return " and ".join(
        [", ".join(repr(name) for name in names[:-1]), repr(names[-1])] if names[1:] else [repr(names[0])]
    )
