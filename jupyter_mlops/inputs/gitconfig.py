"""Where git keeps the configuration of a repository, read without starting git, which takes longer than all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def common_git_folder(top: Path) -> Path:
    """Return what ``.git`` is, or, in a worktree or submodule, points at: where ``config`` and ``info`` are."""
    git = top / ".git"
    try:
        if git.is_file():
            git = top / os.fsdecode(git.read_bytes()).removeprefix("gitdir:").strip()
            common = git / "commondir"
            if common.is_file():
                git = git / os.fsdecode(common.read_bytes()).strip()
    except OSError:
        pass
    return git


def owners_folder() -> str | None:
    """Return the folder that holds the owner's ``git/config`` and ``git/ignore``."""
    home = os.environ.get("HOME")
    return os.environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)


def configuration(git_folder: Path) -> bytes | None:
    """Return all that git reads for a repository; ``None`` where that is not all in files of known places."""
    if "GIT_CONFIG_COUNT" in os.environ or "GIT_CONFIG_PARAMETERS" in os.environ:
        return None
    whole = b"\n".join(_files(git_folder))
    return None if b"include" in whole.lower() else whole


def _files(git_folder: Path) -> Iterator[bytes]:
    everyones, home, xdg = os.environ.get("GIT_CONFIG_GLOBAL"), os.environ.get("HOME"), owners_folder()
    paths = [os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig", f"{git_folder}/config"]
    paths += [f"{git_folder}/config.worktree"]
    if everyones is not None:
        paths.append(everyones)
    else:
        paths += ([f"{home}/.gitconfig"] if home else []) + ([f"{xdg}/git/config"] if xdg else [])
    for path in paths:
        try:
            with open(path, "rb") as file:  # noqa: PTH123  # a path object for each would take as long again
                yield file.read()
        except OSError:
            continue
