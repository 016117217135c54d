"""A folder with very many files is kept in parts: in little memory, and as any other folder is."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from jupyter_mlops.inputs import crowd, walk
from jupyter_mlops.inputs.snapshots import (
    collect_garbage,
    diff_snapshots,
    restore_snapshot,
    show_snapshot,
    take_snapshot,
)
from jupyter_mlops.workspace import Workspace

SETTLE_S = 0.06  # what was written just now is read again


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is very many is 50, in parts of about 10."""
    monkeypatch.setattr(crowd, "LARGE_FOLDER", 50)
    monkeypatch.setattr(walk, "LARGE_FOLDER", 50)
    monkeypatch.setattr(crowd, "_PART_FILES", 10)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pictures = tmp_path / "work" / "pictures"
    pictures.mkdir(parents=True)
    for i in range(200):
        (pictures / f"{i}.txt").write_text(f"picture {i}")
    (pictures / "0.txt").chmod(0o755)
    (pictures / os.fsdecode(b"caf\xe9.txt")).write_text("latin")
    (pictures / "link").symlink_to("1.txt")
    (pictures / ".hidden").write_text("dot")
    (pictures / "below" / "deep").mkdir(parents=True)
    (pictures / "below" / "deep" / "x.py").write_text("x = 1")
    (pictures / "empty").mkdir()
    (tmp_path / "work" / "train.py").write_text("y = 2")
    return tmp_path / "work"


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    found: dict[str, tuple[int, bytes]] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            found[name] = 0, os.fsencode(path.readlink())
        else:
            found[name] = path.stat().st_mode, b"" if path.is_dir() else path.read_bytes()
    return found


def packed(world: Workspace) -> int:
    return sum(file.stat().st_size for file in (world.root / "blobs" / "packs").iterdir())


def test_it_is_restored_byte_for_byte(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    assert snapshot.n_files == 200 + 4
    restore_snapshot(workspace, snapshot.name, tmp_path / "restored")
    assert tree(tmp_path / "restored") == tree(folder)
    assert [file.path for file in show_snapshot(workspace, snapshot.name).files if file.kind == "folder"] == [
        "pictures/empty"
    ]


def test_equal_content_gives_the_same_snapshot_whatever_is_ignored_beside_it(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    (folder / "pictures" / ".gitignore").write_text("*.tmp\nbelow/\n")
    shutil.rmtree(folder / "pictures" / "below")
    first = take_snapshot(workspace, folder)
    shutil.copytree(folder, tmp_path / "other", symlinks=True)
    for i in range(100):
        (tmp_path / "other" / "pictures" / f"{i}.tmp").write_text("ignored")
    (tmp_path / "other" / "pictures" / "below").mkdir()
    (tmp_path / "other" / "pictures" / "below" / "y").touch()
    assert take_snapshot(workspace, tmp_path / "other").name == first.name


def test_few_files_beside_many_that_are_ignored_are_no_crowd(workspace: Workspace, tmp_path: Path) -> None:
    for name in ("few", "many"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("a")
        (tmp_path / name / ".gitignore").write_text("*.tmp")
    for i in range(100):
        (tmp_path / "many" / f"{i}.tmp").touch()
    assert take_snapshot(workspace, tmp_path / "many").name == take_snapshot(workspace, tmp_path / "few").name


def test_unchanged_nothing_is_read_and_of_a_change_little_is_stored(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take_snapshot(workspace, folder)
    time.sleep(SETTLE_S)
    take_snapshot(workspace, folder)
    size = packed(workspace)
    with monkeypatch.context() as patched:
        patched.setattr("jupyter_mlops.inputs.take.Reader", None)
        assert take_snapshot(workspace, folder) == first
    (folder / "pictures" / "77.txt").write_text("changed")
    second = take_snapshot(workspace, folder)
    assert second.name != first.name
    assert packed(workspace) - size < 2_500, "one part, what names the parts, and the content"
    (changed,) = diff_snapshots(workspace, first.name, second.name)
    assert changed.path == "pictures/77.txt"
    assert diff_snapshots(workspace, second.name) == []


def test_files_and_folders_come_and_go(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    for step in range(4):
        snapshot = take_snapshot(workspace, folder)
        restore_snapshot(workspace, snapshot.name, tmp_path / f"restored{step}")
        assert tree(tmp_path / f"restored{step}") == tree(folder)
        time.sleep(SETTLE_S)
        for i in range(step * 60, step * 60 + 60):
            (folder / "pictures" / f"{i}.txt").unlink(missing_ok=True)
        (folder / "pictures" / f"new{step}").mkdir()
        (folder / "pictures" / f"new{step}" / "z.py").write_text(str(step))


def test_what_no_run_refers_to_is_collected(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    take_snapshot(workspace, folder)
    (folder / "pictures" / "5.txt").write_text("another")
    kept = take_snapshot(workspace, folder)
    collect_garbage(workspace, grace_s=0)
    collect_garbage(workspace, grace_s=0)
    again = take_snapshot(workspace, folder)
    assert again.name == kept.name
    restore_snapshot(workspace, again.name, tmp_path / "restored")
    assert tree(tmp_path / "restored") == tree(folder)


def test_the_top_folder_may_have_very_many(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    snapshot = take_snapshot(workspace, folder / "pictures")
    restore_snapshot(workspace, snapshot.name, tmp_path / "restored")
    assert tree(tmp_path / "restored") == tree(folder / "pictures")


def test_an_environment_with_very_many_files_is_left_out(workspace: Workspace, folder: Path) -> None:
    (folder / "pictures" / "pyvenv.cfg").touch()
    assert take_snapshot(workspace, folder).n_files == 1
