"""Files of manifests in a blob store that other machines write to: how a gc and whoever stores a file agree on it.

Both see the catalog change at once, so it decides. A gc marks a file that no manifest refers to. Whoever is about to
refer to a file takes its mark away before storing it; a manifest is made within a day of that. A gc that finds a mark
older than a day claims it, looks once more whether a manifest refers to the file, deletes it and takes the mark away.
Whoever finds a claimed mark waits until it is gone, and then stores the file anew.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from typing import ClassVar, Final

import msgspec

from jupyter_mlops.core.errors import Conflict, UnknownThing
from jupyter_mlops.core.record import Entry
from jupyter_mlops.inputs.owners import is_private
from jupyter_mlops.ports import World

STUCK_S: Final = 600.0
"""A claim as old as this is that of a gc that was killed; a gc deletes nothing by one half as old."""
_PAUSE_S: Final = 0.1
_ALL: Final = 100_000_000


class UnneededFile(Entry, frozen=True, kw_only=True):
    """A mark on a file, which is named by its digest."""

    kind: ClassVar[str] = "unneeded-file"
    versioned: ClassVar[bool] = False

    since: float
    """Seconds since the epoch."""
    claimed_at: float = 0.0
    """When a gc began to delete it."""


def spare(world: World, digests: Collection[str]) -> None:
    """Take the marks of files away that are about to be stored for a manifest; wait for a gc that is deleting one."""
    if is_private(world):
        return
    wanted = set(digests)
    while marked := [one for one in world.catalog.find(UnneededFile, limit=_ALL) if one.name in wanted]:
        for mark in marked:
            if not mark.claimed_at or time.time() - mark.claimed_at > STUCK_S:
                _take_away(world, mark)
        if any(mark.claimed_at for mark in marked):
            time.sleep(_PAUSE_S)


def deletable(
    world: World, unused: Collection[str], used: Callable[[], Collection[str]], *, before: float, dry_run: bool
) -> Iterator[str | None]:
    """Yield the digests of files for the caller to delete, one after the other, and ``None`` for each that has to wait.

    Args:
        world: Whose.
        unused: Digests of the files that no manifest refers to.
        used: Tells which ones manifests refer to now.
        before: Marks from then on are too young.
        dry_run: Change nothing, only tell.
    """
    marks = {mark.name: mark for mark in world.catalog.find(UnneededFile, limit=_ALL)}
    old = [digest for digest in unused if digest in marks and marks[digest].since <= before]
    yield from (None for digest in unused if digest not in set(old))
    if dry_run:
        yield from old
        return
    for digest in set(unused) - marks.keys():
        with contextlib.suppress(Conflict):  # another gc was faster
            world.catalog.add(UnneededFile(name=digest, since=time.time()))
    for digest in marks.keys() - set(unused):  # a manifest refers to it again, or another gc has deleted it
        _take_away(world, marks[digest])
    claims = [mark for digest in old if (mark := _claimed(world, marks[digest])) is not None]
    needed = set(used())
    for mark in claims:
        if mark.name not in needed and time.time() - mark.claimed_at < STUCK_S / 2:
            yield mark.name
        _take_away(world, mark)


def _claimed(world: World, mark: UnneededFile) -> UnneededFile | None:
    """Claim a mark; ``None`` where it was taken away, or another gc has claimed it since."""
    now = time.time()
    if mark.claimed_at and now - mark.claimed_at < STUCK_S:
        return None

    def claim(there: UnneededFile) -> UnneededFile:
        return msgspec.structs.replace(there, claimed_at=now) if there == mark else there

    with contextlib.suppress(UnknownThing):
        claimed = world.catalog.edit(UnneededFile, mark.name, claim, verb="claim")
        return claimed if claimed.claimed_at == now else None
    return None


def _take_away(world: World, mark: UnneededFile) -> None:
    with contextlib.suppress(UnknownThing):
        world.catalog.remove(UnneededFile, mark.name, only_if=lambda there: there == mark)
