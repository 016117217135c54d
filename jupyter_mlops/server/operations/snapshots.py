"""REST: snapshots."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.snapshot import FileChange, Snapshot
from jupyter_mlops.inputs import snapshots
from jupyter_mlops.inputs.snapshots import ArchiveForm, Collected, Restored
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Most
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Body, Download


class NewFolder(Body, frozen=True, kw_only=True):
    """A folder to be made: its ``name``, and the one ``inside`` which, as the file browser names it."""

    name: str
    inside: str = ""


class TakeSnapshot(Body, frozen=True, kw_only=True):
    """A folder, as the file browser names it, and paths or patterns in it of large files and secrets to store too."""

    folder: str = ""
    include: list[str] = []


def take_snapshot(world: World, place: Place, body: TakeSnapshot) -> Snapshot:
    """Keep the content of a folder of the server's; one that did not change gives the snapshot that exists."""
    return snapshots.take_snapshot(
        world, place.below(body.folder), include=body.include, large_file_bytes=world.large_file_bytes
    )


def list_snapshots(world: World, *, limit: Most = 100) -> Sequence[Snapshot]:
    """List snapshots, newest first."""
    return snapshots.list_snapshots(world, limit)


def diff_snapshots(world: World, ref: str, *, b: str | None = None) -> Sequence[FileChange]:
    """Tell how another snapshot, or the folder as it is now, differs from a snapshot."""
    return snapshots.diff_snapshots(world, ref, b, large_file_bytes=world.large_file_bytes)


def restore_snapshot(world: World, place: Place, ref: str, body: NewFolder) -> Restored:
    """Restore a snapshot into a new folder of the server's."""
    return snapshots.restore_snapshot(world, ref, place.below(body.inside) / check_name("folder", body.name))


def export_snapshot(world: World, ref: str, *, form: ArchiveForm = "zip") -> Download:
    """Download a snapshot as an archive."""
    name = snapshots.find_snapshot(world, ref).name
    folder = world.root / "cache" / "exports" / secrets.token_hex(6)  # gc removes it when it is a day old
    return Download(path=Path(snapshots.export_snapshot(world, name, folder / f"{name}.{form}").path))


def download_file(world: World, ref: str, path: str) -> Download:
    """Download a file of a snapshot."""
    folder = world.root / "cache" / "exports" / secrets.token_hex(6)
    return Download(path=snapshots.fetch_file(world, ref, path, folder))


class Collect(Body, frozen=True, kw_only=True):
    """Whether to remove what no run refers to, or only to tell."""

    dry_run: bool = False


def collect_garbage(world: World, body: Collect) -> Collected:
    """Remove snapshots that no run refers to, and what only they needed."""
    return snapshots.collect_garbage(world, dry_run=body.dry_run)
