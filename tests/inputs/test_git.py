"""What git says of a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from jupyter_mlops.inputs.git import GitLook, dirty_diff, git_state, project_of, without_credentials

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not on the PATH")


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    git(root, "init", "-q", "-b", "trunk")
    (root / "a.py").write_text("1")
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    return root


@needs_git
def test_a_clean_repository_has_commit_and_branch(repository: Path) -> None:
    state = git_state(repository / "sub")
    assert state is not None
    assert state.root == str(repository)
    assert state.commit == git(repository, "rev-parse", "HEAD")
    assert (state.branch, state.remote, state.dirty) == ("trunk", "", False)


@needs_git
@pytest.mark.parametrize("path", ["a.py", "untracked.py"])
def test_whatever_the_commit_does_not_have_makes_it_dirty(repository: Path, path: str) -> None:
    (repository / path).write_text("2")
    state = git_state(repository)
    assert state is not None
    assert state.dirty


@needs_git
def test_a_remote_is_told_without_its_credentials(repository: Path) -> None:
    git(repository, "remote", "add", "upstream", "https://me:token@example.org/team/project.git")
    state = git_state(repository)
    assert state is not None
    assert state.remote == "https://example.org/team/project.git"
    git(repository, "remote", "set-url", "upstream", "git@example.org:team/moved.git")
    moved = git_state(repository)
    assert moved is not None
    assert moved.remote == "git@example.org:team/moved.git"


@needs_git
def test_a_detached_head_and_a_repository_without_commits_have_no_branch_or_commit(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "checkout", "-q", "--detach")
    detached = git_state(repository)
    assert detached is not None
    assert detached.branch == ""
    (tmp_path / "fresh").mkdir()
    git(tmp_path / "fresh", "init", "-q", "-b", "trunk")
    fresh = git_state(tmp_path / "fresh")
    assert fresh is not None
    assert (fresh.commit, fresh.branch) == ("", "trunk")


def test_outside_a_repository_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert git_state(tmp_path) is None
    assert git_state(tmp_path / "missing") is None


def test_without_git_there_is_nothing_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert git_state(tmp_path) is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://token@example.org/a.git?access=secret#x", "https://example.org/a.git"),
        ("https://me:pw@example.org:8443/a", "https://example.org:8443/a"),
        ("ssh://git:pw@example.org/a", "ssh://git@example.org/a"),
        ("git@example.org:team/a.git", "git@example.org:team/a.git"),
        ("../other", "../other"),
        ("https://[broken/a", ""),
    ],
)
def test_credentials_are_never_told(url: str, told: str) -> None:
    assert without_credentials(url) == told


def test_a_project_is_named_for_its_git_root_else_for_its_folder(tmp_path: Path) -> None:
    (tmp_path / "repo" / "sub").mkdir(parents=True)
    assert project_of(tmp_path / "repo" / "sub") == "sub"
    (tmp_path / "repo" / ".git").mkdir()
    assert project_of(tmp_path / "repo" / "sub") == "repo"
    assert project_of(Path("/")) == "root"


@needs_git
def test_a_dirty_diff_applied_on_the_commit_gives_the_files_back(repository: Path, tmp_path: Path) -> None:
    assert dirty_diff(repository) is None
    git(repository, "config", "diff.noprefix", "true")
    (repository / "gone.py").write_text("x")
    (repository / "data.bin").write_bytes(bytes(range(256)))
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "second")
    (repository / "a.py").write_bytes(b"2\r\nno newline \xff")
    (repository / "data.bin").write_bytes(bytes(range(255, -1, -1)))
    (repository / "gone.py").unlink()
    (repository / "new.py").write_text("staged")
    git(repository, "add", "new.py")
    (repository / "left.py").write_text("untracked")
    dirty = dirty_diff(repository / "sub")
    assert dirty is not None
    assert dirty.untracked == ("left.py",)
    git(tmp_path, "clone", "-q", str(repository), "copy")
    (tmp_path / "dirty.diff").write_bytes(dirty.patch)
    git(tmp_path / "copy", "apply", "--binary", str(tmp_path / "dirty.diff"))
    for name in ("a.py", "data.bin", "new.py"):
        assert (tmp_path / "copy" / name).read_bytes() == (repository / name).read_bytes()
    assert not (tmp_path / "copy" / "gone.py").exists()


@needs_git
def test_a_patch_that_is_too_large_is_left_out(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_mlops.inputs.git.MOST_PATCH_BYTES", 10)
    (repository / "a.py").write_text("2")
    assert dirty_diff(repository) == (b"", ())


@needs_git
def test_without_room_for_a_temporary_file_there_is_nothing_to_say(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    assert git_state(repository) is None
    assert dirty_diff(repository) is None


@needs_git
def test_who_does_not_wait_for_a_slow_git_is_told_when_it_answers(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nsleep 0.5\nexec {shutil.which("git")} "$@"\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")
    look, told = GitLook(repository), []
    assert look.state(0.05) is None
    look.then(told.append)
    began = time.monotonic()
    assert look.state(0) is None
    assert time.monotonic() - began < 0.2
    look.wait()
    assert [state.branch for state in told] == ["trunk"]
    assert look.state(0) == told[0]
