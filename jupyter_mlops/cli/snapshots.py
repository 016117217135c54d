"""``mlops snapshots``: the exact source trees that runs started from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import snapshot_names
from jupyter_mlops.cli.options import json_option, limit_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import Tone
from jupyter_mlops.cli.view import Facts, Listing, Note, Table, Text, View, Word, lists, shows
from jupyter_mlops.cli.words import age, count, size, when
from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.snapshot import FileChange, Snapshot
from jupyter_mlops.inputs.snapshots import (
    SnapshotDetail,
    diff_snapshots,
    list_snapshots,
    restore_snapshot,
    show_snapshot,
)

RUN_TAG: Final = "mlops.snapshot"
_TONES: Final[dict[str, Tone]] = {"added": "good", "removed": "bad", "changed": "busy"}


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
def restore(session: Session, snapshot: str, into: Path) -> SnapshotDetail:
    """Write a snapshot's files into a new or empty folder.

    Example:
      mlops snapshots restore run:3f6c0a52 ./as-it-was
    """
    return restore_snapshot(session.world, _ref(session, snapshot), into)


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
    changed = diff_snapshots(session.world, _ref(session, a), _ref(session, b) if b else None)
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
    rows = [(Word(change.change, _TONES[change.change]), change.path) for change in changes]
    diffs = [Text(body=change.diff) for change in changes if change.diff]
    return [Table(headers=("CHANGE", "PATH"), rows=rows), *diffs]
