"""``mlops snapshots``: the exact source trees that runs started from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import snapshot_names
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.options import json_option, limit_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import Tone
from jupyter_mlops.cli.view import Facts, Listing, Note, Table, Text, View, Word, lists, shows
from jupyter_mlops.cli.words import age, count, size, when
from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.snapshot import FileChange, Snapshot
from jupyter_mlops.inputs.snapshots import (
    RUN_TAG,
    Collected,
    Restored,
    SnapshotDetail,
    collect_garbage,
    diff_snapshots,
    export_snapshot,
    list_snapshots,
    restore_snapshot,
    show_snapshot,
)

T = TypeVar("T")
_TONES: Final[dict[str, Tone]] = {"added": "good", "removed": "bad", "changed": "busy"}


_WHY: Final[dict[str, str]] = {"recorded": "large: only recorded", "secret": "looks like a secret"}


class NoSnapshot(NotFound):
    """A run was begun without a snapshot."""

    code = "no-snapshot"


@click.group(cls=Group)
def snapshots() -> None:
    """The exact source trees that runs started from. A run's own is named `run:RUN`.

    Example:
      mlops snapshots diff run:3f6c0a52
    """


@snapshots.command("list")
@limit_option()
@json_option
@pass_session
def list_(session: Session, limit: int) -> Listing:
    """List snapshots, newest first.

    Example:
      mlops snapshots list --limit 10
    """
    return Listing(
        list_snapshots(session.world, limit), of=Snapshot, empty="No snapshots yet. Each run takes one when it begins."
    )


@snapshots.command()
@click.argument("snapshot", metavar="SNAPSHOT|run:RUN", shell_complete=snapshot_names)
@json_option
@pass_session
def show(session: Session, snapshot: str) -> SnapshotDetail:
    """Show a snapshot and its files.

    Example:
      mlops snapshots show run:3f6c0a52
    """
    return show_snapshot(session.world, _ref(session, snapshot))


@snapshots.command()
@click.argument("snapshot", metavar="SNAPSHOT|run:RUN", shell_complete=snapshot_names)
@click.argument("into", metavar="DIR", type=click.Path(path_type=Path))
@json_option
@pass_session
def restore(session: Session, snapshot: str, into: Path) -> Restored:
    """Write a snapshot's files into a new or empty folder.

    What was only recorded (large files, secrets) is listed, as it cannot be restored.

    Example:
      mlops snapshots restore run:3f6c0a52 ./as-it-was
    """
    return _telling(lambda say: restore_snapshot(session.world, _ref(session, snapshot), into, say=say))


@snapshots.command()
@click.argument("snapshot", metavar="SNAPSHOT|run:RUN", shell_complete=snapshot_names)
@click.argument("file", metavar="FILE.zip|FILE.tar.zst", type=click.Path(path_type=Path))
@json_option
@pass_session
def export(session: Session, snapshot: str, file: Path) -> Restored:
    """Write a snapshot's files into a new archive, the same bytes each time.

    Example:
      mlops snapshots export run:3f6c0a52 as-it-was.zip
    """
    return _telling(lambda say: export_snapshot(session.world, _ref(session, snapshot), file, say=say))


@snapshots.command()
@click.option("--dry-run", is_flag=True, help="Remove nothing, only tell what would go.")
@json_option
@pass_session
def gc(session: Session, dry_run: bool) -> Collected:
    """Remove snapshots that no run refers to, and what only they needed.

    Runs in the trash keep theirs until `mlflow gc` deletes them for good, and so do runs from before the tracking store was
    made, should it have been lost. In a blob store outside the workspace, which other machines may write to, what is unused
    is removed by a gc a day after the one that found it.

    Example:
      mlops snapshots gc --dry-run
    """
    return _telling(lambda say: collect_garbage(session.world, dry_run=dry_run, say=say))


def _telling(work: Callable[[Callable[[str, float], None]], T]) -> T:
    """Work, and show how far it is."""
    line = LiveLine(sys.stderr)
    try:
        return work(line.live)
    finally:
        line.clear()


@snapshots.command()
@click.argument("a", metavar="SNAPSHOT|run:RUN", shell_complete=snapshot_names)
@click.argument("b", metavar="[SNAPSHOT|run:RUN]", required=False, shell_complete=snapshot_names)
@json_option
@pass_session
def diff(session: Session, a: str, b: str | None) -> Changes:
    """Show what changed from one snapshot to another, or to the folder as it is now.

    Example:
      mlops snapshots diff run:3f6c0a52
      mlops snapshots diff run:3f6c0a52 run:91b20c4e
    """
    world, first, second = session.world, _ref(session, a), _ref(session, b) if b else None
    changed = _telling(
        lambda say: diff_snapshots(world, first, second, large_file_bytes=world.large_file_bytes, say=say)
    )
    return Changes(changed, of=FileChange, empty="Nothing changed.")


class Changes(Listing):
    """Changed files, shown with their diffs."""


def _ref(session: Session, text: str) -> str:
    """Turn ``run:RUN`` into the name of that run's snapshot."""
    if not text.startswith("run:"):
        return text
    run = session.world.tracking.run(text.removeprefix("run:"))
    if RUN_TAG not in run.tags:
        raise NoSnapshot(
            f"The run {run.name} ({run.id[:8]}) was begun without a snapshot.", hint="`mlops runs list` shows others."
        )
    return run.tags[RUN_TAG]


@lists(Snapshot, "=SNAPSHOT", ">FILES", ">SIZE", "FOLDER", "TAKEN")
def _row(snapshot: Snapshot) -> Sequence[str]:
    return snapshot.name, str(snapshot.n_files), size(snapshot.n_bytes), snapshot.source, age(snapshot.created_at)


@shows(Snapshot)
def _view(snapshot: Snapshot) -> View:
    recorded = f", {count(snapshot.n_recorded, 'file')} only recorded" if snapshot.n_recorded else ""
    facts = Facts(
        pairs=[
            ("snapshot", snapshot.name),
            ("digest", snapshot.digest),
            ("folder", snapshot.source),
            ("files", f"{snapshot.n_files:,}, {size(snapshot.n_bytes)}{recorded}"),
            ("taken", f"{when(snapshot.created_at)} by {snapshot.created_by}"),
        ]
    )
    return [facts, *(Note(text=warning, tone="bad") for warning in snapshot.warnings)]


@shows(SnapshotDetail)
def _detail(detail: SnapshotDetail) -> View:
    rows = [
        (
            file.path,
            file.kind if file.kind != "link" else f"link to {file.target}",
            size(file.n_bytes) if file.kind not in {"folder", "secret"} else "",
        )
        for file in detail.files
    ]
    return [*_view(detail.snapshot), Table(title="Files", headers=("PATH", "KIND", ">SIZE"), rows=rows, empty="None.")]


@shows(Changes)
def _changes(changes: Changes) -> View:
    if not changes:
        return [Note(text=changes.empty)]
    rows = [(Word(change.change, _TONES[change.change]), change.path, change.note) for change in changes]
    diffs = [Text(body=change.diff, is_diff=True) for change in changes if change.diff]
    return [Table(headers=("CHANGE", "PATH", "NOTE"), rows=rows), *diffs]


@shows(Restored)
def _restored(done: Restored) -> View:
    snapshot = done.snapshot
    line = (
        f"Wrote {count(snapshot.n_files, 'file')} ({size(snapshot.n_bytes)}) of snapshot {snapshot.name} to {done.path}"
    )
    if not done.left_out:
        return [Note(text=f"{line}.", tone="good")]
    rows = [(file.path, _WHY[file.kind], size(file.n_bytes) if file.n_bytes else "") for file in done.left_out]
    table = Table(title="Not stored, so not there", headers=("PATH", "WHY", ">SIZE"), rows=rows)
    return [Note(text=f"{line}, without {count(len(rows), 'file')} that it does not hold."), table]


@shows(Collected)
def _collected(done: Collected) -> View:
    removed = [
        count(n, noun)
        for n, noun in ((len(done.snapshots), "snapshot"), (done.n_packs, "pack"), (done.n_files, "manifest file"))
        if n
    ]
    would = "Would free" if done.dry_run else "Freed"
    line = f"{would} {size(done.n_bytes)}: {', '.join(removed)}." if removed else "Nothing to remove."
    notes = [Note(text=line, tone="good" if removed and not done.dry_run else "plain")]
    if done.n_waiting:
        notes.append(
            Note(text=f"{done.n_waiting:,} more may go in a day: other machines may be using what is in that store.")
        )
    notes += [Note(text=warning, tone="bad") for warning in done.warnings]
    names = Table(title="Snapshots", headers=("=SNAPSHOT",), rows=[(name,) for name in done.snapshots])
    return [*notes, names] if done.snapshots else [*notes]
