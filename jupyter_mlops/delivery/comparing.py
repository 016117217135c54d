"""Comparing versions of a model: what their runs measured, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.manifest import Schema
from jupyter_mlops.core.model import ModelVersion
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Run
from jupyter_mlops.delivery.contents import ModelContents, show_contents
from jupyter_mlops.delivery.models import show_model_version
from jupyter_mlops.ports import World
from jupyter_mlops.training.compare import LEAST, Line, MetricLine, lines, metric_lines


class TooFewVersions(BadInput):
    """Fewer than two versions were to be compared."""

    code = "too-few-versions"


class FileLine(Record, frozen=True, kw_only=True):
    """One file in each version; ``None`` where a version does not have it."""

    path: str
    n_bytes: list[int | None]
    digests: list[str | None]
    differs: bool


class VersionComparison(Record, frozen=True, kw_only=True):
    """Two versions of a model or more, side by side."""

    versions: list[ModelVersion]
    sizes: list[int]
    metrics: list[MetricLine]
    """Of the runs they come from."""
    params: list[Line]
    """The same, those that differ first."""
    signature: list[Line]
    requirements: list[Line]
    """Those that differ first; by package."""
    files: list[FileLine]
    notes: list[str] = []
    """What could not be compared, and why."""


def compare_versions(world: World, name: str, versions: Sequence[int]) -> VersionComparison:
    """Compare versions of a model. Raises ``TooFewVersions``, and ``UnknownThing`` for one that does not exist."""
    numbers = list(dict.fromkeys(versions))
    if len(numbers) < LEAST:
        raise TooFewVersions(f"There is nothing to compare a version of {name!r} with.", hint="Choose two or more.")
    found = [show_model_version(world, f"{name}:{number}") for number in numbers]
    contents = [show_contents(world, f"{name}:{number}") for number in numbers]
    notes = [f"Version {one.version}: {problem.detail}" for one in contents for problem in one.problems]
    runs = [_run(world, version, notes) for version in found]
    return VersionComparison(
        versions=found,
        sizes=[one.n_bytes for one in contents],
        metrics=metric_lines([run.results if run else {} for run in runs]),
        params=_differing_first(lines([run.params if run else {} for run in runs])),
        signature=lines([_signature(one.schema) for one in contents]),
        requirements=_differing_first(lines([_packages(one) for one in contents])),
        files=_files(contents),
        notes=notes,
    )


def _run(world: World, version: ModelVersion, notes: list[str]) -> Run | None:
    if version.run_id is None:
        notes.append(f"Version {version.version} comes from no run, so it has no metrics and parameters.")
        return None
    try:
        return world.tracking.run(version.run_id)
    except UnknownThing:
        notes.append(f"The run of version {version.version} is gone, and its metrics and parameters with it.")
        return None


def _differing_first(found: Sequence[Line]) -> list[Line]:
    return sorted(found, key=lambda line: not line.differs)


def _signature(schema: Schema | None) -> dict[str, str]:
    if schema is None:
        return {}
    parts: dict[str, str] = {}
    for what, columns in (("input", schema.columns), ("output", schema.output_columns)):
        parts |= {f"{what} {one.name}".strip(): one.type + ("" if one.required else "?") for one in columns}
    for what, tensors in (("input", schema.tensors), ("output", schema.output_tensors)):
        parts |= {f"{what} {one.name}".strip(): f"{one.dtype}{list(one.shape)}" for one in tensors}
    return parts | {f"parameter {one.name}": f"{one.type} = {one.default}" for one in schema.params}


def _packages(contents: ModelContents) -> Mapping[str, str]:
    found = {"python": contents.python} if contents.python else {}
    for text in contents.requirements:
        try:
            one = Requirement(text)
        except InvalidRequirement:
            found[text] = text
        else:
            found[canonicalize_name(one.name)] = str(one.specifier).removeprefix("==") or one.url or ""
    return found


def _files(contents: Sequence[ModelContents]) -> list[FileLine]:
    by_path = [{file.path: file for file in one.files} for one in contents]
    rows = []
    for path in sorted({path for files in by_path for path in files}):
        each = [files.get(path) for files in by_path]
        digests = [None if file is None else file.digest for file in each]
        sizes = [None if file is None else file.n_bytes for file in each]
        differs = len(set(zip(digests, sizes, strict=True))) > 1
        rows.append(FileLine(path=path, n_bytes=sizes, digests=digests, differs=differs))
    return rows
