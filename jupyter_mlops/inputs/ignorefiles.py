"""Where ignore rules come from: the files that ``git ls-files --exclude-standard`` reads, and ``.amlignore``."""

from __future__ import annotations

import os
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

from jupyter_mlops.inputs.git import ask_git
from jupyter_mlops.inputs.ignore import Rules

IGNORE_FILES: Final = (b".amlignore", b".gitignore")
"""The first that a folder has counts; it stands in the place of the second."""


def rules_of(folder: bytes, base: bytes, names: Container[bytes], parent: Rules | None) -> Rules | None:
    """Return the rules for a folder (with its slash) that holds ``names``: ``parent`` without an ignore file of its own."""
    for name in IGNORE_FILES:
        if name in names:
            content = _read_ignore_file(folder + name)
            if content is not None:
                return Rules(base, content, parent)
    return parent


def _read_ignore_file(path: bytes) -> bytes | None:
    """Read an ignore file. As git, don't follow a link (the tree of a stranger may point anywhere)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(fd, "rb") as file:  # noqa: PTH123  # a descriptor, and bytes paths
            return file.read()
    except OSError:
        return None


def repository_rules(folder: bytes, base: bytes) -> Rules | None:
    """Return the rules that hold in a whole repository, for a folder that holds ``.git``; ``None`` without any.

    They are those of ``.git/info/exclude`` and, after them, of the owner's own excludes (``core.excludesFile``): what
    ``git status`` does not show is not in a snapshot.
    """
    top = Path(os.fsdecode(folder))
    common = _common_git_folder(top)
    rules = None
    for path in (_owners_excludes(top, common), common / "info" / "exclude"):
        try:
            rules = Rules(base, path.read_bytes(), rules) if path is not None else rules
        except OSError:
            continue  # git too goes on without it
    return rules


def _common_git_folder(top: Path) -> Path:
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


def _owners_excludes(top: Path, git_folder: Path) -> Path | None:
    """Return the file that ``core.excludesFile`` names. Git is asked only where a configuration file could set it."""
    home = os.environ.get("HOME")
    xdg = os.environ.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else None)
    if _may_set_excludes(git_folder, home, xdg):
        path = ask_git(top, "config", "--type=path", "--get", "core.excludesFile")
        if path is not None:
            return top / path.removesuffix("\n")
    return Path(xdg, "git", "ignore") if xdg else None


def _may_set_excludes(git_folder: Path, home: str | None, xdg: str | None) -> bool:
    if "GIT_CONFIG_COUNT" in os.environ or "GIT_CONFIG_PARAMETERS" in os.environ:
        return True
    return any(b"excludesfile" in text or b"include" in text for text in _configurations(git_folder, home, xdg))


def _configurations(git_folder: Path, home: str | None, xdg: str | None) -> Iterator[bytes]:
    """Yield the configuration files that git reads, in lower case."""
    everyones = os.environ.get("GIT_CONFIG_GLOBAL")
    paths = [os.environ.get("GIT_CONFIG_SYSTEM") or "/etc/gitconfig", str(git_folder / "config")]
    paths += [str(git_folder / "config.worktree")]
    if everyones is not None:
        paths.append(everyones)
    else:
        paths += ([f"{home}/.gitconfig"] if home else []) + ([f"{xdg}/git/config"] if xdg else [])
    for path in paths:
        try:
            yield Path(path).read_bytes().lower()
        except OSError:
            continue


def rules_above(folder: Path, never: frozenset[bytes]) -> tuple[Rules | None, bytes]:
    """Return the rules that folders above ``folder`` set for it, and its path below the git root (``b"a/b/"``).

    A folder that those rules leave out altogether, or that lies in one of ``never``, is a tree of its own: whoever
    names it means it.
    """
    above = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), None)
    if above is None:
        return None, b""
    here, base = os.fsencode(above) + b"/", b""
    rules = repository_rules(here, b"")
    for part in folder.relative_to(above).parts:
        name = os.fsencode(part)
        rules = rules_of(here, base, IGNORE_FILES, rules)
        if name in never or (rules is not None and rules.ignores(base + name, name, is_dir=True)):
            return None, b""
        here, base = here + name + b"/", base + name + b"/"
    return rules, base
