"""Upkeep of runs: tags and notes, the trash and the way back out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World

NOTE: Final = "mlflow.note.content"
"""Where MLflow keeps a run's description, in Markdown."""
OURS: Final = ("mlops.", "mlflow.")


class ReservedTag(BadInput):
    """A tag was to be changed that says where a run comes from."""

    code = "reserved-tag"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The tag {key!r} is not yours to change: names that begin with `mlops.` or `mlflow.` are kept for facts.",
            hint="Choose another name; a run's description is set with `mlops runs tag RUN --note TEXT`.",
        )


def tag_run(world: World, ref: str, tags: Mapping[str, str | None], *, note: str | None = None) -> Run:
    """Set tags of a run (``None`` removes one) and its note, in Markdown; return it.

    Raises ``ReservedTag``, ``UnknownThing``, and ``BadInput`` when there is nothing to change.
    """
    if not tags and note is None:
        raise BadInput("There is no tag to change.", hint="Give one: `mlops runs tag RUN team=risk`.")
    _check_keys(tags)
    run = world.tracking.run(ref)
    new = {key: value for key, value in tags.items() if value is not None}
    if note is not None:
        new[NOTE] = note
    world.tracking.log(run.id, tags=new)
    for key in [key for key, value in tags.items() if value is None]:
        world.tracking.untag(run.id, key)
    world.catalog.record("run", run.id, "tag", {"name": run.name, "tags": sorted(tags), "note": note is not None})
    return world.tracking.run(run.id)


def tag_runs(world: World, refs: Sequence[str], tags: Mapping[str, str | None]) -> list[Run]:
    """Set tags of several runs (``None`` removes one); return them. None is changed where one of them is not known."""
    _check_keys(tags)
    runs = {run.id: run for run in map(world.tracking.run, refs)}
    return [tag_run(world, run_id, tags) for run_id in runs]


def _check_keys(tags: Mapping[str, str | None]) -> None:
    for key in tags:
        if key.startswith(OURS) or not key.strip():
            raise ReservedTag(key)


def delete_run(world: World, ref: str) -> Run:
    """Put a run in the trash; return it. Raises ``Conflict`` while it is running."""
    return delete_runs(world, [ref])[0]


def delete_runs(world: World, refs: Sequence[str]) -> list[Run]:
    """Put runs in the trash, all or, where one of them cannot be, none; return them. Raises what ``delete_run`` does.

    Nothing is lost: ``restore_run`` brings them back, and their snapshots and files stay.
    """
    runs = {run.id: run for run in map(world.tracking.run, refs)}
    for run in runs.values():
        if run.deleted:
            raise Conflict(
                f"The run {run.name} is deleted already.", hint=f"Bring it back: `mlops runs restore {run.id}`."
            )
        if run.status in {"RUNNING", "SCHEDULED"}:
            raise Conflict(
                f"The run {run.name} is {run.status}, so it is not deleted.",
                hint=f"End it: `mlops runs cancel {run.id}`.",
            )
    for run in runs.values():
        world.tracking.delete_run(run.id)
        world.catalog.record("run", run.id, "delete", {"name": run.name})
    return [world.tracking.run(run_id) for run_id in runs]


def restore_run(world: World, ref: str) -> Run:
    """Take a run out of the trash; return it. Raises ``UnknownThing``, and ``Conflict`` for one that is not in there."""
    return restore_runs(world, [ref])[0]


def restore_runs(world: World, refs: Sequence[str]) -> list[Run]:
    """Take runs out of the trash, all or none; return them. Raises what ``restore_run`` does."""
    runs = {run.id: run for run in (_in_trash(world, ref) for ref in refs)}
    for run in runs.values():
        world.tracking.restore_run(run.id)
        world.catalog.record("run", run.id, "restore", {"name": run.name})
    return [world.tracking.run(run_id) for run_id in runs]


def _in_trash(world: World, ref: str) -> Run:
    try:
        return world.tracking.deleted_run(ref)
    except UnknownThing:
        run = world.tracking.run(ref)
        raise Conflict(
            f"The run {run.name} ({run.id[:8]}) is not deleted.",
            hint="`mlops runs list --deleted` shows those that are.",
        ) from None
