"""Where ignore rules come from: the files that ``git ls-files --exclude-standard`` reads, and ``.amlignore``."""

from __future__ import annotations

import os
from collections.abc import Container
from pathlib import Path
from typing import Final

from jupyter_mlops.inputs.git import ask_git
from jupyter_mlops.inputs.gitconfig import common_git_folder, configuration, owners_folder
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
    common = common_git_folder(top)
    rules = None
    for path in (_owners_excludes(top, common), common / "info" / "exclude"):
        try:
            rules = Rules(base, path.read_bytes(), rules) if path is not None else rules
        except OSError:
            continue  # git too goes on without it
    return rules


def _owners_excludes(top: Path, git_folder: Path) -> Path | None:
    """Return the file that ``core.excludesFile`` names. Git is asked only where a configuration file could set it."""
    known = configuration(git_folder)
    if known is None or b"excludesfile" in known.lower():
        path = ask_git(top, "config", "--type=path", "--get", "core.excludesFile")
        if path is not None:
            return top / path.removesuffix("\n")
    owners = owners_folder()
    return Path(owners, "git", "ignore") if owners else None


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
