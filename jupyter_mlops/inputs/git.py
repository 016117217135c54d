"""What git says of a folder, if git is there and the folder is in a repository."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple
from urllib.parse import urlsplit, urlunsplit

from jupyter_mlops.core.environment import GitState
from jupyter_mlops.inputs.gitconfig import common_git_folder, configuration

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
    return GitLook(folder).state()


class GitLook:
    """A look at a folder's repository that began when this was made; git may take longer than others wait for it.

    ``with_diff``: also at what differs from the commit, unless nothing does.
    """

    def __init__(self, folder: Path, *, with_diff: bool = False) -> None:
        root = _root(folder)
        self._root = str(root)
        self._with_diff = with_diff and root is not None
        self._diff: DirtyLook | None = None
        self._lock = threading.Lock()
        self._state: GitState | None = None
        self._asked: tuple[Question, _Remotes] | None = None
        self._waiting: threading.Thread | None = None
        if root is not None:  # both at once, while whoever looks does something else
            status = Question(folder, "status", "--porcelain=v2", "--branch", "--untracked-files=normal")
            self._asked = (status, _Remotes(root))

    def state(self, timeout_s: float = _TIMEOUT_S) -> GitState | None:
        """Return what git said; ``None`` also where it has not answered within ``timeout_s``."""
        asked = self._asked
        if asked is not None and asked[0].is_answered(timeout_s):
            with self._lock:
                if self._asked is not None:
                    self._state = self._understood(asked[0].answer(), asked[1].answer())
                    self._asked = None
        if self._with_diff and self._diff is None and (self._state is None or self._state.dirty):
            self._diff = DirtyLook(Path(self._root))
        return self._state

    def then(self, follow: Callable[[GitState], None]) -> None:
        """Call ``follow`` in a thread when git answers, unless ``state`` has told it."""

        def wait() -> None:
            if (state := self.state()) is not None:
                follow(state)

        if self._asked is not None:
            self._waiting = threading.Thread(target=wait, name="mlops-git", daemon=True)
            self._waiting.start()

    def has_diff(self, timeout_s: float) -> bool:
        """Wait until what differs has been told; tell whether it has."""
        return self._diff is None or self._diff.is_answered(timeout_s)

    def dirty(self) -> Dirty | None:
        """Return what ``dirty_diff`` does, as of when ``state`` was asked for first. Call it once."""
        return None if self._diff is None else self._diff.dirty()

    def wait(self) -> None:
        """Wait until git has answered, and whoever follows has been called."""
        if self._waiting is not None:
            self._waiting.join()

    def close(self) -> None:
        """Wait no longer for git."""
        if self._diff is not None:
            self._diff.close()
        with self._lock:
            asked, self._asked = self._asked, None
        for question in asked or ():
            question.close()

    def _understood(self, told: bytes | None, remotes: bytes | None) -> GitState | None:
        if told is None:
            return None
        facts = {}
        dirty = False
        for line in told.decode(errors="replace").splitlines():
            if line.startswith("# branch."):
                name, _, value = line.removeprefix("# branch.").partition(" ")
                facts[name] = value
            else:
                dirty = True
        commit, branch = facts.get("oid", ""), facts.get("head", "")
        return GitState(
            root=self._root,
            commit="" if commit == "(initial)" else commit,
            branch="" if branch == "(detached)" else branch,
            remote=_remote((remotes or b"").decode(errors="replace"), facts.get("upstream", "")),
            dirty=dirty,
        )


def _root(folder: Path) -> Path | None:
    """Return the repository's folder, which git would go up to find as well; ``None`` where it would find none."""
    folder = folder.resolve()
    for above in (folder, *folder.parents):
        mark = above / ".git"
        if mark.is_file() or (mark / "HEAD").exists():
            return above
    return None


_known_remotes: Final[dict[Path, tuple[bytes, bytes]]] = {}


class _Remotes:
    """The remotes of a repository. Git is asked again only where its configuration differs from last time."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._configuration = configuration(common_git_folder(root))
        known = _known_remotes.get(root)
        self._listed = known[1] if known is not None and known[0] == self._configuration else None
        self._asked = Question(root, "remote", "-v") if self._listed is None else None

    def answer(self) -> bytes | None:
        if self._asked is not None:
            self._listed, self._asked = self._asked.answer(), None
            if self._listed is not None and self._configuration is not None:
                _known_remotes[self._root] = (self._configuration, self._listed)
        return self._listed

    def close(self) -> None:
        if self._asked is not None:
            self._asked.close()


def _remote(listed: str, upstream: str) -> str:
    """Return the URL of the branch's remote, else of ``origin``, else of the only one that is listed."""
    urls: dict[str, str] = {}
    for line in listed.splitlines():
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
    return Question(folder, *args).answer()


class Question:
    """A git command that runs since this was made. Nothing is asked for or locked.

    It prints to a file: what nobody has read yet keeps it from nothing.
    """

    def __init__(self, folder: Path, *args: str) -> None:
        env = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
        env |= {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        self._deadline = time.monotonic() + _TIMEOUT_S
        self._git: subprocess.Popen[bytes] | None = None
        self._said: IO[bytes] | None = None
        with suppress(OSError):  # no git, or no room for a temporary file: a run does without
            self._said = tempfile.TemporaryFile()  # noqa: SIM115  # `close` closes it
            self._git = subprocess.Popen(
                ["git", "-c", "core.fsmonitor=false", *args],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=self._said,
                stderr=subprocess.DEVNULL,
            )

    def is_answered(self, timeout_s: float) -> bool:
        """Wait until it has ended; tell whether it has."""
        try:
            if self._git is not None:
                self._git.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def answer(self) -> bytes | None:
        """Return what it printed; ``None`` where there is no git, it failed, or took more than ten seconds. Call it once."""
        try:
            self.is_answered(max(self._deadline - time.monotonic(), 0.001))
            if self._said is None or self._git is None or self._git.returncode != 0:
                return None
            self._said.seek(0)
            return self._said.read()
        finally:
            self.close()

    def close(self) -> None:
        """Wait no longer for it."""
        if self._said is not None:
            self._said.close()
        if self._git is not None and self._git.returncode is None:
            self._git.kill()
            self._git.wait()


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
    return DirtyLook(folder).dirty()


class DirtyLook:
    """A look at what a folder's repository has that its commit does not, which began when this was made."""

    def __init__(self, folder: Path) -> None:
        root = _root(folder)
        self._asked: tuple[Question, ...] = ()
        if root is not None:
            plain = ("--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-relative")
            diff = Question(root, "diff", "HEAD", *plain, "--src-prefix=a/", "--dst-prefix=b/")
            self._asked = (diff, Question(root, "ls-files", "-z", "--others", "--exclude-standard"))

    def is_answered(self, timeout_s: float) -> bool:
        """Wait until git has answered; tell whether it has."""
        return all(question.is_answered(timeout_s) for question in self._asked)

    def close(self) -> None:
        """Wait no longer for git."""
        for question in self._asked:
            question.close()

    def dirty(self) -> Dirty | None:
        """Return what ``dirty_diff`` does. Call it once."""
        if not self._asked:
            return None
        patch, listed = (question.answer() for question in self._asked)
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
