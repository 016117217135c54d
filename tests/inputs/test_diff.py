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
    "data.bin": ("changed", "", "binary: 2 bytes before, 2 bytes now"),
    "lib/same.py": ("changed", "", "is executable"),
    "link": ("changed", "--- a/link\n+++ b/link\n@@ -1 +1 @@\n-link to train.py\n+link to new.py\n", ""),
    "nb.ipynb": (
        "changed",
        "--- a/nb.ipynb\n+++ b/nb.ipynb\n@@ -1,2 +1,2 @@ cell 2 (code)\n-y = 2\n+y = 5\n z = 3\n",
        "",
    ),
    "new.py": ("added", "--- /dev/null\n+++ b/new.py\n@@ -0,0 +1 @@\n+new\n", ""),
    "old.py": ("removed", "--- a/old.py\n+++ /dev/null\n@@ -1 +0,0 @@\n-gone\n\\ No newline at end of file\n", ""),
    "ran.ipynb": ("changed", "", "outputs of cell 1 differ"),
    "train.py": ("changed", "--- a/train.py\n+++ b/train.py\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n", ""),
}


def test_two_snapshots_are_compared_path_by_path(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    edit(folder)
    second = take_snapshot(workspace, folder)
    changes = diff_snapshots(workspace, first.name, second.name)
    assert {change.path: (change.change, change.diff, change.note) for change in changes} == EXPECTED
    assert [change.path for change in changes] == sorted(EXPECTED)
    assert diff_snapshots(workspace, first.name, first.name) == []


def test_a_snapshot_is_compared_with_the_folder_as_it_is_now(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    assert diff_snapshots(workspace, first.name) == []
    edit(folder)
    stored = list(workspace.blobs.keys("packs"))
    changes = diff_snapshots(workspace, first.name)
    assert {change.path: (change.change, change.diff, change.note) for change in changes} == EXPECTED
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
    assert change.note == "too long to compare line by line: 5 MiB before, 5 MiB now"


def test_a_folder_that_is_gone_is_said(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    folder.rename(folder.parent / "moved")
    with pytest.raises(BadInput, match="work does not exist"):
        diff_snapshots(workspace, snapshot.name)


def cells(*sources: tuple[str, str], **metadata: object) -> str:
    made = [{"cell_type": kind, "source": source, "metadata": {}} for kind, source in sources]
    for cell in made:
        cell.update({"outputs": [], "execution_count": None} if cell["cell_type"] == "code" else {})
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5})


BEFORE = (("markdown", "# Churn"), ("code", "import pandas as pd\ndata = pd.read_csv('a.csv')"), ("code", "fit(data)"))


@pytest.mark.parametrize(
    ("after", "diff"),
    [
        (
            [BEFORE[0], ("code", "seed = 1"), *BEFORE[1:]],
            "@@ -0,0 +1 @@ cell 2 (code, added)\n+seed = 1\n",
        ),
        (
            [BEFORE[0], BEFORE[2]],
            "@@ -1,2 +0,0 @@ cell 2 (code, removed)\n-import pandas as pd\n-data = pd.read_csv('a.csv')\n",
        ),
        (
            [
                ("markdown", "Made by me"),
                BEFORE[0],
                ("code", "import pandas as pd\ndata = pd.read_csv('b.csv')"),
                BEFORE[2],
            ],
            "@@ -0,0 +1 @@ cell 1 (markdown, added)\n+Made by me\n@@ -1,2 +1,2 @@ cell 3 (code, was cell 2)\n import pandas as pd\n-data = pd.read_csv('a.csv')\n+data = pd.read_csv('b.csv')\n",
        ),
    ],
    ids=["added", "removed", "changed and moved"],
)
def test_notebooks_are_compared_cell_by_cell(
    workspace: Workspace, folder: Path, after: list[tuple[str, str]], diff: str
) -> None:
    (folder / "nb.ipynb").write_text(cells(*BEFORE))
    snapshot = take_snapshot(workspace, folder)
    (folder / "nb.ipynb").write_text(cells(*after))
    (change,) = diff_snapshots(workspace, snapshot.name)
    assert (change.diff, change.note) == ("--- a/nb.ipynb\n+++ b/nb.ipynb\n" + diff, "")


def test_what_else_differs_in_a_notebook_is_said(workspace: Workspace, folder: Path) -> None:
    (folder / "nb.ipynb").write_text(cells(*BEFORE))
    snapshot = take_snapshot(workspace, folder)
    (folder / "nb.ipynb").write_text(cells(*BEFORE, kernelspec={"name": "python3"}))
    (change,) = diff_snapshots(workspace, snapshot.name)
    assert (change.diff, change.note) == ("", "metadata differ")


def test_large_outputs_do_not_keep_a_notebook_from_being_compared(workspace: Workspace, folder: Path) -> None:
    (folder / "nb.ipynb").write_text(notebook("x = 1", output="p" * 3_000_000))
    snapshot = take_snapshot(workspace, folder)
    (folder / "nb.ipynb").write_text(notebook("x = 2", output="q" * 3_000_000))
    (change,) = diff_snapshots(workspace, snapshot.name)
    assert change.diff == "--- a/nb.ipynb\n+++ b/nb.ipynb\n@@ -1 +1 @@ cell 1 (code)\n-x = 1\n+x = 2\n"
    assert change.note == "outputs of cell 1 differ"


@pytest.mark.parametrize("text", ["", "not JSON", "[1]", '{"cells": 3}', '{"cells": [{"source": 1}], "nbformat": 4}'])
def test_what_is_no_notebook_is_compared_as_text(workspace: Workspace, folder: Path, text: str) -> None:
    (folder / "nb.ipynb").write_text(text)
    snapshot = take_snapshot(workspace, folder)
    (folder / "nb.ipynb").write_text("another\n")
    (change,) = diff_snapshots(workspace, snapshot.name)
    assert change.diff.endswith("+another\n")


def test_a_notebook_that_is_new_or_gone_shows_its_cells(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    (folder / "new.ipynb").write_text(cells(("code", "x = 1")))
    (folder / "ran.ipynb").unlink()
    assert [change.diff for change in diff_snapshots(workspace, snapshot.name)] == [
        "--- /dev/null\n+++ b/new.ipynb\n@@ -0,0 +1 @@ cell 1 (code, added)\n+x = 1\n",
        "--- a/ran.ipynb\n+++ /dev/null\n@@ -1 +0,0 @@ cell 1 (code, removed)\n-x = 1\n",
    ]


def test_a_file_that_became_a_link_says_so(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    (folder / "old.py").unlink()
    (folder / "old.py").symlink_to("train.py")
    (change,) = diff_snapshots(workspace, snapshot.name)
    assert change.note == "was a file, is a link"
    assert "+link to train.py\n" in change.diff
