"""How two snapshots differ, and how a folder differs from its snapshot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.inputs.snapshots import diff_snapshots, take_snapshot
from jupyter_mlops.workspace import Workspace


def notebook(*sources: str, output: str = "") -> str:
    cells = [
        {"cell_type": "code", "source": source.splitlines(keepends=True), "outputs": [output]} for source in sources
    ]
    return json.dumps({"cells": cells, "nbformat": 4})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "lib").mkdir(parents=True)
    (work / "train.py").write_text("a\nb\nc\n")
    (work / "old.py").write_text("gone")
    (work / "lib" / "same.py").write_text("same")
    (work / "nb.ipynb").write_text(notebook("x = 1", "y = 2\nz = 3"))
    (work / "ran.ipynb").write_text(notebook("x = 1"))
    (work / "data.bin").write_bytes(b"\0\1")
    (work / "link").symlink_to("train.py")
    return work


def edit(folder: Path) -> None:
    (folder / "train.py").write_text("a\nB\nc\n")
    (folder / "old.py").unlink()
    (folder / "new.py").write_text("new\n")
    (folder / "nb.ipynb").write_text(notebook("x = 1", "y = 5\nz = 3"))
    (folder / "ran.ipynb").write_text(notebook("x = 1", output="done"))
    (folder / "data.bin").write_bytes(b"\0\2")
    (folder / "lib" / "same.py").chmod(0o755)
    (folder / "link").unlink()
    (folder / "link").symlink_to("new.py")


EXPECTED = {
    "data.bin": ("changed", ""),
    "lib/same.py": ("changed", "is executable\n"),
    "link": ("changed", "--- a/link\n+++ b/link\n@@ -1 +1 @@\n-link to train.py\n+link to new.py\n"),
    "nb.ipynb": (
        "changed",
        "--- a/nb.ipynb\n+++ b/nb.ipynb\n@@ -2,6 +2,6 @@\n x = 1\n \n # %% [code]\n-y = 2\n+y = 5\n z = 3\n \n",
    ),
    "new.py": ("added", "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+new\n"),
    "old.py": ("removed", "--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n\\ No newline at end of file\n"),
    "ran.ipynb": ("changed", "only outputs or metadata differ\n"),
    "train.py": ("changed", "--- a/train.py\n+++ b/train.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n"),
}


def test_two_snapshots_are_compared_path_by_path(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    edit(folder)
    second = take_snapshot(workspace, folder)
    changes = diff_snapshots(workspace, first.name, second.name)
    assert {change.path: (change.change, change.diff) for change in changes} == EXPECTED
    assert [change.path for change in changes] == sorted(EXPECTED)
    assert diff_snapshots(workspace, first.name, first.name) == []


def test_a_snapshot_is_compared_with_the_folder_as_it_is_now(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    assert diff_snapshots(workspace, first.name) == []
    edit(folder)
    stored = list(workspace.blobs.keys("packs"))
    changes = diff_snapshots(workspace, first.name)
    assert {change.path: (change.change, change.diff) for change in changes} == EXPECTED
    assert list(workspace.blobs.keys("packs")) == stored


def test_large_files_compare_as_they_were_taken(workspace: Workspace, folder: Path) -> None:
    (folder / "big.bin").write_bytes(os.urandom(5_000_000))
    for include in ([], ["big.bin"]):
        snapshot = take_snapshot(workspace, folder, large_file_bytes=4_500_000, include=include)
        assert diff_snapshots(workspace, snapshot.name, large_file_bytes=4_500_000) == []
    with (folder / "big.bin").open("r+b") as file:
        file.write(b"changed")
    (change,) = diff_snapshots(workspace, snapshot.name, large_file_bytes=4_500_000)
    assert (change.path, change.change, change.diff) == ("big.bin", "changed", "")


def test_a_folder_that_is_gone_is_said(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    folder.rename(folder.parent / "moved")
    with pytest.raises(BadInput, match="work does not exist"):
        diff_snapshots(workspace, snapshot.name)
