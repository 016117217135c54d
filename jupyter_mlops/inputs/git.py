"""What git says of a folder, if git is there and the folder is in a repository."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from jupyter_mlops.core.environment import GitState

_TIMEOUT_S: Final = 10.0
MOST_PATCH_BYTES: Final = 20_000_000
# Those of a surrounding hook or alias would point git at another repository.
_FOREIGN: Final = frozenset(
    {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"}
)


def git_state(folder: Path) -> GitState | None:
    """Return commit, branch, remote and whether anything differs from the commit (untracked files too).

    ``None`` without git on the PATH, outside a repository, and where git does not answer within ten seconds. Nothing
    is written or locked, and the repository's own file system monitor is not started.
    """
    root = _root(folder)
    status = ask_git(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=normal") if root else None
    if root is None or status is None:
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
        root=str(root),
        commit="" if commit == "(initial)" else commit,
        branch="" if branch == "(detached)" else branch,
        remote=_remote(folder, facts.get("upstream", "")),
        dirty=dirty,
    )


class GitLook:
    """A look at a folder's repository that began when this was made, in a thread; git may take longer than others wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._follow: Callable[[GitState], None] | None = None
        self._state: GitState | None = None
        if _root(folder) is None:
            self._done.set()
        else:
            threading.Thread(target=self._look, name="mlops-git", daemon=True).start()

    def state(self, timeout_s: float | None = None) -> GitState | None:
        """Return what git said; ``None`` also where it has not answered within ``timeout_s``."""
        self._done.wait(timeout_s)
        return self._state

    def then(self, follow: Callable[[GitState], None]) -> None:
        """Call ``follow`` in the thread when git answers, unless it has answered."""
        with self._lock:
            if not self._done.is_set():
                self._follow = follow

    def _look(self) -> None:
        try:
            state = git_state(self._folder)
            with self._lock:
                self._state, follow = state, self._follow
                if follow is None:
                    self._done.set()
            if state is not None and follow is not None:
                follow(state)
        finally:
            self._done.set()


def _root(folder: Path) -> Path | None:
    """Return the repository's folder, which git would go up to find as well; ``None`` where it would find none."""
    folder = folder.resolve()
    for above in (folder, *folder.parents):
        mark = above / ".git"
        if mark.is_file() or (mark / "HEAD").exists():
            return above
    return None


def _remote(folder: Path, upstream: str) -> str:
    """Return the URL of the branch's remote, else of ``origin``, else of the only one."""
    urls: dict[str, str] = {}
    for line in (ask_git(folder, "remote", "-v") or "").splitlines():
        name, _, rest = line.partition("\t")
        if rest.endswith(" (fetch)"):
            urls.setdefault(name, rest.removesuffix(" (fetch)"))
    tracked = next((name for name in urls if upstream.startswith(f"{name}/")), "")
    name = tracked or ("origin" if "origin" in urls else next(iter(urls)) if len(urls) == 1 else "")
    return without_credentials(urls.get(name, ""))


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
    told = git_bytes(folder, *args)
    return None if told is None else told.decode(errors="replace")


def git_bytes(folder: Path, *args: str) -> bytes | None:
    """Return what a git command prints, as ``ask_git`` does, byte by byte."""
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
    return done.stdout if done.returncode == 0 else None


class Dirty(NamedTuple):
    """What a folder's repository has that its commit does not."""

    patch: bytes
    """``git diff HEAD --binary`` of the whole repository: ``git apply`` puts it on the commit."""
    untracked: tuple[str, ...]
    """Paths from the root; their content is in the snapshot."""


def dirty_diff(folder: Path) -> Dirty | None:
    """Return what differs from the commit; ``None`` when nothing does, without a commit, or where git does not answer.

    A patch of more than 20 MB is data, not source: it is left out, and the snapshot has the files.
    """
    root = _root(folder)
    plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/")
    patch = git_bytes(root, "diff", "HEAD", *plain, "--no-relative") if root else None
    listed = git_bytes(root, "ls-files", "-z", "--others", "--exclude-standard") if root else None
    if patch is None or listed is None or not (patch or listed):
        return None
    names = tuple(name.decode("utf-8", "backslashreplace") for name in listed.split(b"\0") if name)
    return Dirty(patch if len(patch) <= MOST_PATCH_BYTES else b"", names)


def project_root(folder: Path) -> Path:
    """Return the root of the git repository that a folder is in, else the folder."""
    folder = folder.resolve()
    return next((above for above in (folder, *folder.parents) if (above / ".git").exists()), folder)


def project_of(folder: Path) -> str:
    """Return the name that runs of a folder are filed under: that of its git root, else its own."""
    return project_root(folder).name or "root"
