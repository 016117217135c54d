"""What stays out of a snapshot."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs.snapshots import show_snapshot, take_snapshot
from jupyter_mlops.workspace import Workspace


def write(root: Path, files: dict[str, str]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "work", {"train.py": "print(1)\n", "lib/util.py": "x = 1\n"})


def paths(world: Workspace, snapshot: Snapshot) -> dict[str, str]:
    return {file.path: file.kind for file in show_snapshot(world, snapshot.name).files}


def test_caches_environments_and_the_workspace_stay_out(workspace: Workspace) -> None:
    home = write(
        workspace.home,
        {
            "nb.ipynb": "{}",
            ".git/HEAD": "x",
            "__pycache__/a.pyc": "x",
            ".ipynb_checkpoints/nb.ipynb": "x",
            "a/.pytest_cache/x": "x",
            "a/node_modules/x/index.js": "x",
            "env/pyvenv.cfg": "x",
            "env/lib/x.py": "x",
            "a/conda/conda-meta/history": "x",
            "a/conda/bin/x": "x",
            "a/x.py": "x",
        },
    )
    assert list(paths(workspace, take_snapshot(workspace, home))) == ["a/x.py", "nb.ipynb"]


def test_a_folder_that_is_an_environment_itself_is_taken_with_a_warning(workspace: Workspace, folder: Path) -> None:
    write(folder, {"pyvenv.cfg": "x", "lib/python3.11/site-packages/big.py": "x"})
    snapshot = take_snapshot(workspace, folder)
    assert "train.py" in paths(workspace, snapshot)
    assert not any("site-packages" in path for path in paths(workspace, snapshot))
    assert "virtual environment" in snapshot.warnings[0]


IGNORES = {"a.log": "x", "a.csv": "x", "sub/a.log": "x", "sub/a.csv": "x", "sub/deep/a.log": "x"}


@pytest.mark.parametrize(
    ("ignores", "kept"),
    [
        ({".gitignore": "*.log\n"}, ["a.csv", "sub/a.csv"]),
        ({".amlignore": "*.csv\n"}, ["a.log", "sub/a.log", "sub/deep/a.log"]),
        ({".gitignore": "*.log\n", ".amlignore": "*.csv\n"}, ["a.log", "sub/a.log", "sub/deep/a.log"]),
        (
            {".gitignore": "*.log\n", "sub/.amlignore": "!a.log\n"},
            ["a.csv", "sub/a.csv", "sub/a.log", "sub/deep/a.log"],
        ),
        ({"sub/.gitignore": "*.log\n", "sub/.amlignore": "*.csv\n/deep/"}, ["a.csv", "a.log", "sub/a.log"]),
    ],
)
def test_amlignore_stands_in_the_place_of_gitignore_in_its_folder(
    workspace: Workspace, tmp_path: Path, ignores: dict[str, str], kept: list[str]
) -> None:
    folder = write(tmp_path / "work", {**IGNORES, **ignores})
    found = [path for path, kind in paths(workspace, take_snapshot(workspace, folder)).items() if kind == "file"]
    assert [path for path in found if not path.endswith("ignore")] == kept


def test_rules_of_the_folders_above_hold_up_to_the_git_root(workspace: Workspace, tmp_path: Path) -> None:
    write(
        tmp_path / "outer",
        {
            ".gitignore": "*.py\n",
            "repo/.git/info/exclude": "/part/notes\n",
            "repo/.gitignore": "*.log\n/part/data/\n",
            "repo/part/data/x.csv": "x",
            "repo/part/a.py": "x",
            "repo/part/a.log": "x",
            "repo/part/notes": "x",
            "repo/part/sub/notes": "x",
        },
    )
    snapshot = take_snapshot(workspace, tmp_path / "outer" / "repo" / "part")
    assert paths(workspace, snapshot) == {"a.py": "file", "sub/notes": "file"}


def test_a_folder_that_is_ignored_itself_is_taken_as_it_is(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "repo", {".git/HEAD": "x", ".gitignore": "scratch/\n*.csv\n", "scratch/a.csv": "x"})
    assert paths(workspace, take_snapshot(workspace, tmp_path / "repo" / "scratch")) == {"a.csv": "file"}


def test_new_ignore_rules_take_effect_on_files_already_known(workspace: Workspace, folder: Path) -> None:
    take_snapshot(workspace, folder)
    write(folder, {".amlignore": "lib/\n"})
    assert list(paths(workspace, take_snapshot(workspace, folder))) == [".amlignore", "train.py"]


def test_a_repository_within_a_repository_has_its_own_rules(workspace: Workspace, tmp_path: Path) -> None:
    write(tmp_path / "r", {".git/HEAD": "", ".gitignore": "*.csv\n", "a.csv": "", "sub/.git/HEAD": "", "sub/a.csv": ""})
    assert list(paths(workspace, take_snapshot(workspace, tmp_path / "r"))) == [".gitignore", "sub/a.csv"]


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not on the PATH")
def test_a_worktree_has_the_rules_of_its_repository(workspace: Workspace, tmp_path: Path) -> None:
    def git(*args: str) -> None:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *args], cwd=repo, check=True, capture_output=True)

    repo = write(tmp_path / "repo", {"a.py": "x"})
    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "first")
    git("worktree", "add", "-q", str(tmp_path / "tree"))
    (repo / ".git" / "info").mkdir(exist_ok=True)
    write(repo, {".git/info/exclude": "*.csv\n"})
    write(tmp_path / "tree", {"b.csv": "x"})
    assert paths(workspace, take_snapshot(workspace, tmp_path / "tree")) == {"a.py": "file"}
