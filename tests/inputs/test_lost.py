"""A tracking store or a catalog that was lost or damaged costs no snapshot more than it must."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.cli.process import run as run_cli
from jupyter_mlops.inputs.gc import collect_garbage
from jupyter_mlops.inputs.snapshots import list_snapshots, restore_snapshot, take_snapshot
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def world(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace with a snapshot that a run refers to, and one that none does."""
    folder = tmp_path / "work"
    folder.mkdir()
    for text in ("used", "unused"):
        (folder / "train.py").write_text(text)
        snapshot = take_snapshot(workspace, folder)
        if text == "used":
            run = workspace.tracking.create_run("default", "base", tags={"mlops.snapshot": snapshot.name}, params={})
            workspace.catalog.link(f"run:{run.id}", "started-from", f"snapshot:{snapshot.name}")
    return workspace


def damage(database: Path, how: str) -> None:
    """As a disk or a careless copy does."""
    whole = database.read_bytes()
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    database.write_bytes({"garbage": b"no database " * 4000, "cut": whole[: len(whole) // 4 * 3 // 4096 * 4096]}[how])


def test_snapshots_outlive_a_tracking_store_that_was_lost(world: Workspace, tmp_path: Path) -> None:
    world.close()
    (world.root / "mlflow.db").rename(tmp_path / "backup.db")
    again = Workspace.open(world.home)
    done = collect_garbage(again)
    assert len(done.snapshots) == 1
    assert done.warnings == [
        "1 snapshot was kept whose run is older than the tracking store and not in it: was it replaced?"
    ]
    (kept,) = list_snapshots(again)
    restore_snapshot(again, kept.name, tmp_path / "out")
    assert (tmp_path / "out" / "train.py").read_text() == "used"
    again.close()


@pytest.mark.parametrize("how", ["garbage", "cut"])
@pytest.mark.parametrize(
    ("database", "command"),
    [
        ("mlflow.db", ["runs", "list", "--where", "metrics.auc > 0.5"]),
        ("mlflow.db", ["runs", "show", "base"]),
        ("mlflow.db", ["experiments", "list"]),
        ("mlflow.db", ["snapshots", "gc"]),
        ("catalog.db", ["snapshots", "list"]),
        ("catalog.db", ["snapshots", "gc"]),
    ],
)
def test_a_damaged_database_is_named_in_one_sentence_and_nothing_goes(
    world: Workspace, *, database: str, command: list[str], how: str, monkeypatch, capfd
) -> None:
    world.close()
    damage(world.root / database, how)
    monkeypatch.chdir(world.home)
    packs = sorted((world.root / "blobs" / "packs").rglob("*"))
    assert run_cli(command) == 5
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 2
    assert said[0].startswith(f"Error: The {'catalog' if database == 'catalog.db' else 'tracking store'} ")
    assert said[0].endswith(f"/{database} is damaged, or no database at all.")
    assert said[1].startswith("Hint: Put a backup of it back")
    assert sorted((world.root / "blobs" / "packs").rglob("*")) == packs
