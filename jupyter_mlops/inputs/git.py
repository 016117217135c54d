"""What git says of a folder, if git is there and the folder is in a repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from jupyter_mlops.core.environment import GitState

_TIMEOUT_S: Final = 10.0
# Those of a surrounding hook or alias would point git at another repository.
_FOREIGN: Final = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
)


def git_state(folder: Path) -> GitState | None:
    """Return commit, branch, remote and whether anything differs from the commit (untracked files too).

    ``None`` without git on the PATH, outside a repository, and where git does not answer within ten seconds. Nothing
    is written or locked, and the repository's own file system monitor is not started.
    """
    root = ask_git(folder, "rev-parse", "--show-toplevel")
    status = ask_git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=normal") if root else None
    if not root or status is None:
        return None
    facts = {}
    dirty = False
    for line in status.splitlines():
        if line.startswith("# branch."):
            name, _, value = line.removeprefix("# branch.").partition(" ")
            facts[name] = value
        else:
            dirty = True
    commit, branch = facts.get("oid", ""), facts.get("head", "")
    return GitState(
        root=root.rstrip("\n"),
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        remote=_remote(folder, facts.get("upstream", "")),
        dirty=dirty,
    )


def _remote(folder: Path, upstream: str) -> str:
    """Return the URL of the branch's remote, else of ``origin``, else of the only one."""
    names = (ask_git(folder, "remote") or "").split()
    tracked = next((name for name in names if upstream.startswith(f"{name}/")), "")
    name = tracked or ("origin" if "origin" in names else names[0] if len(names) == 1 else "")
    return without_credentials((ask_git(folder, "remote", "get-url", name) or "").strip()) if name else ""


def without_credentials(url: str) -> str:
    """Return a remote's URL without password, token or query. ``git@host:path`` has none and stays."""
    if "://" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that are no address; git could not use it either
        return ""
    user, at, host = parts.netloc.rpartition("@")
    # over ssh the user is part of the address (`git@`), over https it may be the token itself
    keep = f"{user.partition(':')[0]}@" if at and parts.scheme in {"ssh", "git+ssh"} else ""
    return urlunsplit((parts.scheme, keep + host, parts.path, "", ""))


def ask_git(folder: Path, *args: str) -> str | None:
    """Return what a git command prints, ``None`` where there is no git or it fails. Nothing is asked for or locked."""
    env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["git", "-c", "core.fsmonitor=false", *args],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def project_of(folder: Path) -> str:
    """Return the name that runs of a folder are filed under: that of its git root, else its own."""
    folder = folder.resolve()
    root = next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)
    return root.name or "root"
