"""Walks a folder: what is in it, less what is ignored and what never goes into a snapshot."""

from __future__ import annotations

import os
import stat
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Final

from jupyter_mlops.inputs.choice import Choice
from jupyter_mlops.inputs.crowd import LARGE_FOLDER, Crowd, CrowdEntry
from jupyter_mlops.inputs.held import Held
from jupyter_mlops.inputs.ignore import Rules
from jupyter_mlops.inputs.ignorefiles import repository_rules, rules_above, rules_of
from jupyter_mlops.inputs.secretfiles import is_secret_by_name, may_be_secret
from jupyter_mlops.inputs.statcache import Entries, StatCache, leaf_stamp, listing_of, name_of, stamp
from jupyter_mlops.inputs.tree import Folder, Kind, Leaf, Unread, shown

NEVER: Final = frozenset(
    {
        b".git",
        b".hypothesis",
        b".ipynb_checkpoints",
        b".mlops",
        b".mypy_cache",
        b".nox",
        b".pytest_cache",
        b".ruff_cache",
        b".tox",
        b"__pycache__",
        b"node_modules",
        b"site-packages",
    }
)
"""Names that never go into a snapshot: the workspace itself, version control, caches and installed packages."""

ENVIRONMENT_MARKS: Final = (b"pyvenv.cfg", b"conda-meta")
"""A folder that holds one of these is a virtual environment."""


@dataclass(slots=True)
class Walk:
    """What was found. ``folders`` has every folder before those in it."""

    root: bytes
    """The folder's path, with a slash at its end."""
    folders: list[Folder] = field(default_factory=list)
    n_unread: int = 0
    """How many files are to be read."""
    warnings: list[str] = field(default_factory=list)

    def files(self) -> Iterator[tuple[bytes, int]]:
        """Return path and size of every file that is, or once read may be, stored or recorded, and of links."""
        for folder in self.folders:
            for name, leaf in folder.leaves().items():
                if leaf.kind != Kind.SECRET:
                    yield folder.path + name, leaf.n_bytes
            for unread in folder.unread():
                yield folder.path + unread.name, unread.n_bytes

    def is_known(self, cache: StatCache) -> bool:
        """Tell whether nothing at all differs from what the cache knows."""
        return len(self.folders) == len(cache) and all(folder.is_still for folder in self.folders)


def walk(
    folder: Path,
    *,
    known: StatCache | None = None,
    stored: Container[bytes] | None = None,
    choice: Choice | None = None,
    held: Held | None = None,
) -> Walk:
    """Find what a snapshot of ``folder`` holds, without reading any file.

    Args:
        folder: An absolute, resolved folder.
        known: The stat cache: what did not change since is not ``unread``.
        stored: Digests of the contents that are stored; a file whose content is not is unread whatever the cache says.
            ``None``: it does not matter, or is known of all in the cache.
        choice: Which files are not stored. ``None``: as ``Choice`` has it where nothing is large.
        held: Where to keep what is found. ``None``: in memory, and where the system has temporary files.

    Raises:
        OSError: The folder itself cannot be read. Unreadable folders in it become warnings.
    """
    return _Walker(folder, known or StatCache(), stored, choice or Choice(1 << 62), held or Held()).run()


class _Walker:
    def __init__(
        self, folder: Path, known: StatCache, stored: Container[bytes] | None, choice: Choice, held: Held
    ) -> None:
        self.found = Walk(os.fsencode(folder).rstrip(b"/") + b"/")
        self.known = known
        self.stored = stored
        self.choice = choice
        self.held = held
        self.chosen_alike = choice.fingerprint == known.choice != b""
        self.rules, self.above = rules_above(folder, NEVER)

    def run(self) -> Walk:
        todo: list[tuple[Folder | None, bytes, bytes, Rules | None]] = [(None, b"", b"", self.rules)]
        while todo:
            parent, name, path, rules = todo.pop()
            try:
                entries, crowd = self.listed(path)
            except OSError as error:
                if parent is None:
                    raise
                self.warn(path[:-1], f"was left out, as it cannot be read ({error.strerror})")
                continue
            names = set(map(name_of, entries)) if crowd is None else crowd.marks
            if not names.isdisjoint(ENVIRONMENT_MARKS):
                if parent is not None:
                    continue
                self.found.warnings.append(
                    "The folder is itself a virtual environment, so the snapshot may hold parts of it. "
                    "Keep notebooks in a folder of their own."
                )
            rules = self.rules_in(path, names, rules)
            folder = Folder(path, rules=rules.digest if rules else b"")
            self.found.folders.append(folder)
            if parent is not None:
                parent.folders[name] = folder
            if crowd is None:
                self.look(folder, entries, rules)
            else:
                self.look_at_parts(folder, crowd, rules)
            todo += [(folder, sub, path + sub + b"/", rules) for sub in folder.subs]
        return self.found

    def rules_in(self, path: bytes, names: set[bytes], rules: Rules | None) -> Rules | None:
        base = self.above + path
        here = self.found.root + path
        if path and b".git" in names:  # a repository of its own, for git too
            rules = repository_rules(here, base)
        return rules_of(here, base, names, rules)

    def listed(self, path: bytes) -> tuple[Entries, Crowd | None]:
        """Return what is in a folder, the subfolders alone and a crowd where it is very much. Raises ``OSError``."""
        with os.scandir(self.found.root + path) as listing:
            entries = list(islice(listing, LARGE_FOLDER + 1))
            if len(entries) <= LARGE_FOLDER:
                return entries, None
            crowd = Crowd(self.found.root + path)
            for entry in chain(entries, listing):
                crowd.add(entry)
            return crowd.folders, crowd

    def look_at_parts(self, folder: Folder, crowd: Crowd, rules: Rules | None) -> None:
        """Find what is in a folder with very many files."""
        base = self.above + folder.path
        crowd.leave_out(lambda name: self.left_out(rules, base, name, is_dir=False))
        if crowd.n_files <= LARGE_FOLDER:
            ((_, entries),) = crowd.parts()
            self.look(folder, [*crowd.folders, *entries], rules, are_chosen=True)
            return
        self.look(folder, crowd.folders, rules)
        for name, entries in crowd.parts():
            part = folder.folders[name] = Folder(folder.path, name, folder.rules)
            self.found.folders.append(part)
            self.look(part, entries, rules, are_chosen=True)

    def look(self, folder: Folder, entries: Entries, rules: Rules | None, *, are_chosen: bool = False) -> None:
        """Find what is in a folder: the same as last time, or sorted into leaves, unread files and subfolders.

        Files that ``are_chosen`` are not left out.
        """
        old = self.known.read(folder.key)
        decided = old is not None and old.rules == folder.rules
        if old is not None and decided and self.chosen_alike and self.stored is None and old.is_still(entries):
            folder.known, folder.subs, folder.is_still = self.known.brief(folder.key, old), old.subs, True
            return
        listing = listing_of(entries)
        old_leaves = old.leaves() if old is not None else {}
        old_subs = set(old.subs) if old is not None and decided else set()
        leaves: dict[bytes, Leaf] = {}
        changed: dict[bytes, Leaf] = {}
        unread: list[Unread] = []
        base = self.above + folder.path
        for entry in entries:
            name = entry.name
            try:
                if entry.is_dir(follow_symlinks=False):
                    if name in old_subs or not self.left_out(rules, base, name, is_dir=True):
                        folder.subs.append(name)
                    continue
                leaf = old_leaves.get(name)
                asks = not are_chosen and (leaf is None or not decided)
                if asks and self.left_out(rules, base, name, is_dir=False):
                    continue
                st = entry.stat(follow_symlinks=False)
                if leaf is not None and leaf_stamp(leaf) == stamp(st) and self.is_kept(leaf, folder.path, name):
                    leaves[name] = leaf
                elif isinstance(found := self.take(folder, entry, st), Leaf):
                    changed[name] = found
                elif found is not None:
                    unread.append(found)
            except FileNotFoundError:
                folder.is_troubled = True  # it went away since it was listed
        if old is not None and not changed and not unread and len(leaves) == len(old_leaves):
            folder.known = self.known.brief(folder.key, old)
            folder.hold(self.held, listing, {}, [])
        else:
            folder.hold(self.held, listing, leaves | changed, unread)
            self.found.n_unread += len(unread)

    def left_out(self, rules: Rules | None, base: bytes, name: bytes, *, is_dir: bool) -> bool:
        return name in NEVER or (rules is not None and rules.ignores(base + name, name, is_dir=is_dir))

    def is_kept(self, leaf: Leaf, path: bytes, name: bytes) -> bool:
        """Tell whether an unchanged file is to be kept the same way as last time."""
        if leaf.kind == Kind.LINK:
            return True
        if not self.chosen_alike:
            if leaf.kind == Kind.SECRET or may_be_secret(name) or is_secret_by_name(name):
                return leaf.kind == Kind.SECRET and self.choice.withholds(path + name)
            if (leaf.kind == Kind.RECORDED) != self.choice.records(path + name, leaf.n_bytes):
                return False
        return self.stored is None or leaf.kind != Kind.FILE or leaf.digest in self.stored

    def take(self, folder: Folder, entry: os.DirEntry[bytes] | CrowdEntry, st: os.stat_result) -> Leaf | Unread | None:
        path = folder.path + entry.name
        if stat.S_ISREG(st.st_mode):
            named, asks = is_secret_by_name(entry.name), may_be_secret(entry.name)
            if (named or asks) and not self.choice.withholds(path):
                named = asks = False
            if named:
                return Leaf(Kind.SECRET, *stamp(st))
            executable, recorded = bool(st.st_mode & stat.S_IXUSR), self.choice.records(path, st.st_size)
            return Unread(entry.name, stamp(st), executable, recorded, asks)
        if stat.S_ISLNK(st.st_mode):
            target = os.readlink(entry.path)  # noqa: PTH115  # bytes
            return Leaf(Kind.LINK, *stamp(st), target=target)
        folder.is_troubled = True
        self.warn(path, f"was left out, as it is {_special(st.st_mode)} and no file")
        return None

    def warn(self, path: bytes, what: str) -> None:
        self.found.warnings.append(f"{shown(path)} {what}.")


def _special(mode: int) -> str:
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a named pipe" if stat.S_ISFIFO(mode) else "a device"
