"""What of a run can be restored: looked at before anything is executed, so that nothing is found out half-way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, Literal

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import BadInput, Conflict, MlopsError, UnknownThing
from jupyter_mlops.core.record import Record, decode
from jupyter_mlops.core.run import Run, RunDataset
from jupyter_mlops.inputs.environments import installed_packages
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.restore import WouldOverwrite, look_for_originals, open_inside
from jupyter_mlops.inputs.stored import SnapshotDetail
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.ports import Fit, Say, World
from jupyter_mlops.training.session import ENVIRONMENT, NOTEBOOK, REPRODUCES_TAG, replayed

Choice = Literal["recorded", "current"]
_NAMED: Final = 5
"""Packages that a sentence names at most."""


class NotReproducible(Conflict):
    """A run did not store what executing it again would take."""

    code = "not-reproducible"


class Note(Record, frozen=True, kw_only=True):
    """Something that will not be as it was."""

    about: Literal["code", "file", "secret", "environment", "data"]
    text: str
    fatal: bool = False
    """Whether the run cannot be executed again because of it."""
    hint: str = ""


class Restorable(Record, frozen=True, kw_only=True):
    """What of a run can be restored, and what cannot."""

    run: Run
    way: Literal["script", "notebook", "session"]
    """``session``: all that the kernel executed up to and with the run's cell."""
    file: str
    """The script or notebook, below the snapshot's top."""
    snapshot: str
    n_files: int
    linked: list[str] = []
    """Files that the snapshot does not store, present as they were, which the run will see as links."""
    environment: Choice = "recorded"
    fit: Fit | None = None
    """``None`` where the recorded packages cannot be had."""
    notes: list[Note] = []
    possible: bool
    """Whether nothing stands in the way."""


def find_original(world: World, ref: str) -> Run:
    """Return the run to be executed again.

    Raises:
        UnknownThing: There is no such run.
        Conflict: It is deleted, or still running.
        NotReproducible: It is a part of another run, or was not captured by us.
    """
    try:
        run = world.tracking.run(ref)
    except UnknownThing as unknown:
        try:
            run = world.tracking.deleted_run(ref)
        except UnknownThing:
            raise unknown from None
    if run.deleted:
        raise Conflict(
            f"The run {run.name} is deleted.", hint=f"Bring it back first: `mlops runs restore {run.id[:8]}`."
        )
    if run.status in {"RUNNING", "SCHEDULED"}:
        raise Conflict(
            f"The run {run.name} is {run.status}, so there is nothing yet to compare with.",
            hint=f"Wait until it has ended: `mlops runs logs -f {run.id[:8]}`.",
        )
    _check_captured(world, run)
    return run


def _check_captured(world: World, run: Run) -> None:
    is_file = "mlops.file" in run.tags
    if run.parent is not None and not is_file:
        parent = world.tracking.run(run.parent)
        if {"mlops.file", REPRODUCES_TAG} & parent.tags.keys() or "mlops.cell" not in run.tags:
            raise NotReproducible(
                f"The run {run.name} is a part of the run {parent.name}, which executed it.",
                hint=f"Reproduce that one: `mlops runs reproduce {parent.id[:8]}`.",
            )
    if not is_file and "mlops.cell" not in run.tags:
        raise NotReproducible(
            f"The run {run.name} was logged with plain MLflow, which stores neither its code nor its folder.",
            hint="Run the file with `mlops run FILE`, or the cell with `%%ml run`: such runs can be reproduced.",
        )
    if not run.tags.get("mlops.snapshot"):
        raise NotReproducible(
            f"The run {run.name} has no snapshot, so what it executed is not known.",
            hint="It was begun with `--no-snapshot`; run it again without, and reproduce that run.",
        )


@uses_store
def look(
    world: World, run: Run, *, environment: Choice = "recorded", into: Path | None = None, say: Say | None = None
) -> Restorable:
    """Look what of a run can be restored; everything that cannot is a note.

    Raises ``WouldOverwrite`` for a folder ``into`` that has something in it, and ``NoSession``.
    """
    if into is not None and (into.is_symlink() or (into.exists() and (not into.is_dir() or any(into.iterdir())))):
        raise WouldOverwrite(into)
    file = run.tags.get("mlops.file", "")
    if not file:
        replayed(world.tracking.read(run.id, NOTEBOOK), run.name)
    notes: list[Note] = []
    n_files, linked = _files(world, run, notes, say)
    fit = _packages(world, run, environment, notes, say)
    notes += [note for one in world.tracking.datasets(run.id) if (note := _data(one, run)) is not None]
    return Restorable(
        run=run,
        way="session" if not file else "notebook" if file.endswith(".ipynb") else "script",
        file=file,
        snapshot=run.tags["mlops.snapshot"],
        n_files=n_files,
        linked=linked,
        environment=environment,
        fit=fit,
        notes=notes,
        possible=not any(note.fatal for note in notes),
    )


def _files(world: World, run: Run, notes: list[Note], say: Say | None) -> tuple[int, list[str]]:
    """Read all of the snapshot, since a damage is found in no other way; return how many files, and those to link."""
    try:
        detail, packs = open_inside(world, run.tags["mlops.snapshot"])
        _read_all(detail, packs, say)
    except MlopsError as error:
        notes.append(Note(about="code", text=error.message, fatal=True, hint=error.hint))
        return 0, []
    found, missing = look_for_originals(detail)
    for one in missing:
        about: Literal["secret", "file"] = "secret" if one.code == "secret-gone" else "file"
        notes.append(Note(about=about, text=one.message, fatal=True, hint=one.hint))
    return detail.snapshot.n_files, sorted(found)


def _read_all(detail: SnapshotDetail, packs: Packs, say: Say | None) -> None:
    sizes = {bytes.fromhex(file.digest): file.n_bytes for file in detail.files if file.kind == "file"}
    total, done = sum(sizes.values()) or 1, 0
    for _, chunk in packs.read_all(sizes):
        done += len(chunk)
        if say is not None:
            say("Checking the snapshot", done / total)


def _packages(world: World, run: Run, choice: Choice, notes: list[Note], say: Say | None) -> Fit | None:
    data = world.tracking.read(run.id, ENVIRONMENT)
    if not data:
        hint = "" if choice == "current" else "Use what is here: --environment current"
        text = "The run recorded no packages."
        notes.append(Note(about="environment", text=text, fatal=choice == "recorded", hint=hint))
        return None
    wanted = decode(data, Environment)
    if choice == "current":
        _say_differences(wanted, installed_packages(), notes)
        return None
    try:
        fit = world.environments.fit(wanted, lambda line: say(line, 0.0) if say is not None else None)
    except MlopsError as error:
        notes.append(Note(about="environment", text=error.message, fatal=True, hint=error.hint))
        return None
    if fit.left_out:
        text = f"No index has {', '.join(fit.left_out)}, so the run will not see {_them(fit.left_out)}."
        notes.append(Note(about="environment", text=text))
    if fit.version != wanted.python and fit.how != "kept":
        notes.append(Note(about="environment", text=f"Python is {fit.version} here; the run had {wanted.python}."))
    if wanted.platform and wanted.platform != (here := installed_packages().platform):
        notes.append(Note(about="environment", text=f"The system is {here}; the run had {wanted.platform}."))
    return fit


def _them(names: list[str]) -> str:
    return "it" if len(names) == 1 else "them"


def _say_differences(wanted: Environment, here: Environment, notes: list[Note]) -> None:
    """Name what is not as recorded in the interpreter that is used as it is."""
    before, now = {"python": wanted.python, **wanted.packages}, {"python": here.python, **here.packages}
    other = [f"{name} {now.get(name, 'missing')} for {old}" for name, old in before.items() if now.get(name) != old]
    if other:
        more = f" and {len(other) - _NAMED} more" if len(other) > _NAMED else ""
        text = f"Packages are not as recorded: {', '.join(other[:_NAMED])}{more}."
        notes.append(Note(about="environment", text=text))


def _data(one: RunDataset, run: Run) -> Note | None:
    """Return what is known of a dataset's source that is not in the snapshot; ``None`` when there is nothing to say."""
    place = _local_place(one)
    if place is None:
        return Note(about="data", text=f"The data {one.name} come from {_source(one)}, which keeps no version for us.")
    top = Path(run.tags.get("mlops.folder", ""))
    if place.is_relative_to(top) or f"/work/{run.id}/" in place.as_posix():
        return None  # in the snapshot, stored or linked
    if not place.exists():
        return Note(
            about="data",
            text=f"The data {one.name} were read from {place}, which is not there any more.",
            fatal=True,
            hint="Put them back where they were.",
        )
    return None


def _local_place(one: RunDataset) -> Path | None:
    """Return the file or folder that data were read from; ``None`` for data from elsewhere, or made in memory."""
    try:
        source = json.loads(one.source)
    except ValueError:
        return None
    uri = str(source.get("uri", "")) if isinstance(source, dict) else ""
    path = uri.removeprefix("file://")
    return Path(path) if path.startswith("/") else None


def _source(one: RunDataset) -> str:
    try:
        source = json.loads(one.source)
    except ValueError:
        return "an unknown place"
    return str(source.get("uri") or source.get("url") or "its code" if isinstance(source, dict) else "its code")


def refuse(found: Restorable) -> None:
    """Raise ``NotReproducible``, naming all that stands in the way, if something does."""
    fatal = [note for note in found.notes if note.fatal]
    if fatal:
        hints = dict.fromkeys(note.hint for note in fatal if note.hint)
        raise NotReproducible(
            f"The run {found.run.name} cannot be executed again: {' '.join(note.text for note in fatal)}",
            hint=" ".join(hints),
        )


def check_rtol(rtol: float) -> float:
    """Return a tolerance. Raises ``BadInput``."""
    if not 0 <= rtol < 1:
        raise BadInput(f"{rtol} is no relative tolerance.", hint="Give one from 0 to below 1: `--rtol 1e-3`.")
    return rtol
