"""Removes what no run refers to any more: snapshots from the catalog, contents from the blob store.

**In a store of the workspace's own** (below ``.mlops``) a gc holds the lock that everybody who takes or reads a snapshot
on this machine shares, until a run refers to it. So nothing is in flight, and what is unused goes at once.

**In a store that other machines may write to** nothing goes at once:

1. A snapshot that no run refers to is marked with the time (``unused_since``). Taking it again takes the mark away. A
   later gc removes it from the catalog if the mark is older than ``GRACE_S`` and still no run refers to it.
2. A pack without contents that a snapshot needs is *retired* by a mark in the store. Who loads the packs from then on
   reads from it where there is no other, but never refers to it anew. A later gc deletes it when the mark is older than
   ``GRACE_S``, by which time every snapshot that could have counted on it is in the catalog: contents of it that are
   needed after all are first copied to a new pack. A mark is never taken back, since whoever saw none could be at work.

3. A file that no manifest refers to is marked in the catalog and deleted a day later (see ``unneeded``).

So a snapshot may take up to ``GRACE_S`` from its beginning until its run is created. Marks are listed before what is
needed is looked up, and new packs are written before old ones are deleted, so several gcs at once do no harm.

A pack of which less than half is needed is written anew without the rest; otherwise it is kept whole.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs.owners import check_owners, is_private
from jupyter_mlops.inputs.packerrors import POOL, DamagedPack
from jupyter_mlops.inputs.packs import RETIRED, WHOLE_BYTES, Packs
from jupyter_mlops.inputs.packwriter import PackWriter, compress, sweep
from jupyter_mlops.inputs.stored import pack_cache
from jupyter_mlops.inputs.storelock import alone, using
from jupyter_mlops.inputs.tree import contents_of
from jupyter_mlops.inputs.unneeded import deletable
from jupyter_mlops.ports import Say, World

GRACE_S: Final = 86_400.0
RUN_TAG: Final = "mlops.snapshot"
_ALL: Final = 100_000_000
_MOSTLY: Final = 0.5
_PACK_BYTES: Final = 64  # its beginning and its end
_MANIFESTS: Final = "manifests"


class Collected(Record, frozen=True, kw_only=True):
    """What a gc removed, or would remove."""

    dry_run: bool = False
    snapshots: list[str] = []
    """Names of the snapshots that no run refers to."""
    n_packs: int = 0
    """Packs deleted, those that were written anew without what is not needed included."""
    n_files: int = 0
    """Files of deleted manifests."""
    n_bytes: int = 0
    """Bytes freed in the blob store."""
    n_waiting: int = 0
    """Snapshots, packs and files of a shared store that a gc may remove a day after this one."""
    warnings: list[str] = []


def collect_garbage(
    world: World, *, dry_run: bool = False, say: Say | None = None, grace_s: float = GRACE_S
) -> Collected:
    """Remove snapshots that no run refers to (runs in the trash do), and what only they needed.

    Files of deleted manifests go, too. Snapshots stay whose runs are older than the tracking store and not in it, as it was
    replaced.

    Args:
        world: Whose.
        dry_run: Change nothing, only tell.
        say: Told what is being done.
        grace_s: How long what may be in use on other machines is kept.

    Raises:
        SharedStore: Another catalog keeps snapshots in the same store.
        StoreBusy: Snapshots are taken or read all the time.
        DamagedPack, MissingContent: The folders of a snapshot cannot be read, so that nobody knows what it needs.
        Unavailable: The store, or what knows the runs, does not answer.
        Nothing was removed then.
    """
    tell = say or (lambda _line, _done: None)
    with _held(world, dry_run=dry_run, say=say) as locked:
        check_owners(world)
        at_once = locked and is_private(world)
        gc = _Gc(world, dry_run=dry_run, grace_s=0.0 if at_once else grace_s, at_once=at_once)
        tell("Looking for snapshots that no run refers to", 0.1)
        keep = gc.snapshots()
        tell(f"Looking through {len(keep):,} snapshots for what they need", 0.3)
        gc.packs(keep)
        tell("Removing what is not needed", 0.8)
        gc.others()
        return gc.report()


@contextlib.contextmanager
def _held(world: World, *, dry_run: bool, say: Say | None) -> Iterator[bool]:
    if dry_run:
        with using(world.root):
            yield True
    else:
        with alone(world.root, say) as locked:
            yield locked


class _Gc:
    def __init__(self, world: World, *, dry_run: bool, grace_s: float, at_once: bool) -> None:
        self.world = world
        self.dry_run = dry_run
        self.at_once = at_once
        self.before = time.time() - grace_s
        # Before it is looked up what is needed: see above.
        self.store = Packs(world.blobs, pack_cache(world)).load(each=True)
        self.gone: list[str] = []
        self.warnings: list[str] = []
        self.n_packs = self.n_files = self.n_bytes = self.n_waiting = self.n_lost = 0

    def report(self) -> Collected:
        kept = (
            "1 snapshot was kept whose run is"
            if self.n_lost == 1
            else f"{self.n_lost:,} snapshots were kept whose runs are"
        )
        lost = f"{kept} older than the tracking store and not in it: was it replaced?"
        return Collected(
            dry_run=self.dry_run,
            snapshots=sorted(self.gone),
            n_packs=self.n_packs,
            n_files=self.n_files,
            n_bytes=max(self.n_bytes, 0),
            n_waiting=self.n_waiting,
            warnings=[*self.warnings, *([lost] if self.n_lost else [])],
        )

    # Snapshots

    def snapshots(self) -> list[Snapshot]:
        """Remove the snapshots that no run refers to, as far as they may be; return the others."""
        catalog = self.world.catalog
        referred = self.world.tracking.tag_values(RUN_TAG)
        for snapshot in catalog.find(Snapshot, limit=_ALL):
            if snapshot.name in referred or self._is_linked(snapshot):
                if snapshot.unused_since and not self.dry_run:
                    self._mark(snapshot, 0.0)
            elif self.at_once or 0 < snapshot.unused_since <= self.before:
                self._remove(snapshot)
            else:
                self.n_waiting += 1
                if not snapshot.unused_since and not self.dry_run:
                    self._mark(snapshot, time.time())
        return [one for one in catalog.find(Snapshot, limit=_ALL) if not self.dry_run or one.name not in self.gone]

    def _is_linked(self, snapshot: Snapshot) -> bool:
        """Tell whether something refers to it in the catalog, other than runs that are gone for good."""
        lost = False
        for link in self.world.catalog.links(target=f"snapshot:{snapshot.name}"):
            kind, _, name = link.source.partition(":")
            if kind != "run":
                return True
            with contextlib.suppress(UnknownThing):
                self.world.tracking.run(name)
                return True
            lost = lost or snapshot.created_at < self.since
        self.n_lost += lost
        return lost

    @functools.cached_property
    def since(self) -> float:
        """When the tracking store was made: a run from before it is not deleted, but in a store that was lost or replaced."""
        groups = [one for archived in (False, True) for one in self.world.tracking.experiments(archived=archived)]
        return min((one.created_at for one in groups if one.created_at), default=0.0)

    def _mark(self, snapshot: Snapshot, at: float) -> None:
        def marked(old: Snapshot) -> Snapshot:
            return msgspec.structs.replace(old, unused_since=at) if old.unused_since == snapshot.unused_since else old

        with contextlib.suppress(UnknownThing):  # another gc removed it
            self.world.catalog.edit(Snapshot, snapshot.name, marked, verb="use" if not at else "retire")

    def _remove(self, snapshot: Snapshot) -> None:
        def is_unused(now: Snapshot) -> bool:
            return now.unused_since == snapshot.unused_since

        with contextlib.suppress(UnknownThing):  # another gc was faster
            if self.dry_run or self.world.catalog.remove(Snapshot, snapshot.name, only_if=is_unused):
                self.gone.append(snapshot.name)

    # Packs

    def packs(self, keep: Iterable[Snapshot]) -> None:
        """Delete the packs that hold nothing that these snapshots need, as far as they may be."""
        try:
            needed = contents_of((bytes.fromhex(one.digest) for one in keep), self.store.read_all)
        except msgspec.DecodeError as error:
            raise DamagedPack(self.world.blobs.url, "of a snapshot", "what it says is a folder is none") from error
        sizes = self.store.sizes()
        have: set[bytes] = set()
        unneeded: list[str] = []
        copies: set[bytes] = set()
        for name in sorted(sizes, key=lambda name: (name in self.store.retired, -_share(sizes[name], needed), name)):
            useful = {digest for digest in sizes[name] if digest in needed and digest not in have}
            have |= useful
            if name not in self.store.retired and useful and _share(sizes[name], useful) >= _MOSTLY:
                continue
            copies |= useful
            unneeded.append(name)
        self._damaged(whole=needed <= have, unneeded=unneeded)
        self._copy(copies)
        if copies and self.at_once:
            n_bytes = {digest: n for size in sizes.values() for digest, n in size.items() if digest in copies}
            self.n_bytes -= sum(n_bytes.values()) + _PACK_BYTES
        for name in unneeded:
            self._discard(name)

    def _damaged(self, *, whole: bool, unneeded: list[str]) -> None:
        """Damaged packs go when everything that is needed is elsewhere; else somebody may still put them right."""
        if whole:
            unneeded += [error.pack for error in self.store.damaged]
        else:
            self.warnings += [error.message for error in self.store.damaged]
            self.warnings.append("Files of some snapshots are missing from the store.")

    def _copy(self, digests: set[bytes]) -> None:
        """Write contents to a new pack, each checked."""
        if self.dry_run or not digests:
            return
        folder = pack_cache(self.world)
        folder.mkdir(parents=True, exist_ok=True)
        writer = PackWriter(folder, set())
        try:
            with tempfile.TemporaryDirectory(prefix=".gc-", dir=folder) as scratch:
                for digest, chunks in groupby(self.store.read_all(digests), key=itemgetter(0)):
                    _add(writer, digest, (chunk for _, chunk in chunks), Path(scratch) / "content")
            writer.finish(self.world.blobs, self.store)
        finally:
            writer.abandon()

    def _discard(self, name: str) -> None:
        since = self.store.retired.get(name)
        if not self.at_once and (since is None or since > self.before):
            self.n_waiting += 1
            if since is None and not self.dry_run:
                with tempfile.NamedTemporaryFile() as empty:
                    self.world.blobs.put(f"{RETIRED}/{name}-{time.time():.0f}", Path(empty.name))
            return
        self.n_packs += 1
        self.n_bytes += self._size(f"{POOL}/{name}")
        if not self.dry_run:
            self.world.blobs.delete(f"{POOL}/{name}")
            for key in list(self.world.blobs.keys(RETIRED)) if since is not None else []:
                if key.partition("/")[2].startswith(f"{name}-"):
                    self.world.blobs.delete(key)
            (pack_cache(self.world) / f"{name}.index").unlink(missing_ok=True)

    def _size(self, key: str) -> int:
        try:
            with self.world.blobs.open(key) as file:
                return file.seek(0, os.SEEK_END)
        except UnknownThing:  # another gc was faster
            return 0

    # What else is there

    def _used_files(self) -> set[str]:
        manifests = self.world.catalog.find(Manifest, limit=_ALL)
        return {file.digest for manifest in manifests for file in manifest.files}

    def others(self) -> None:
        """Remove files of manifests that are deleted, as far as they may be, and what killed processes left."""
        blobs = self.world.blobs
        used = self._used_files()
        unused = [digest for key in blobs.keys(_MANIFESTS) if (digest := key.partition("/")[2]) not in used]
        found: Iterable[str | None] = unused
        if not self.at_once:
            # Who stores a file in a private store looks for no marks: there is the lock, or on some file systems nothing.
            elsewhere = [] if is_private(self.world) else unused
            found = deletable(self.world, elsewhere, self._used_files, before=self.before, dry_run=self.dry_run)
        for name in found:
            if name is None:
                self.n_waiting += 1
                continue
            self.n_bytes += self._size(f"{_MANIFESTS}/{name}")
            self.n_files += 1
            if not self.dry_run:
                blobs.delete(f"{_MANIFESTS}/{name}")
        if not self.dry_run:
            self.n_bytes += blobs.sweep(GRACE_S)
            sweep(pack_cache(self.world))
            for path in (self.world.root / "cache" / "exports").glob("*"):
                if path.stat().st_mtime < time.time() - GRACE_S:
                    shutil.rmtree(path, ignore_errors=True)


def _share(sizes: dict[bytes, int], digests: set[bytes]) -> float:
    """Return how much of a pack some contents are."""
    return sum(size for digest, size in sizes.items() if digest in digests) / (sum(sizes.values()) or 1)


def _add(writer: PackWriter, digest: bytes, chunks: Iterator[bytes], scratch: Path) -> None:
    """Add a content to a pack, however large it is."""
    first = b""
    for chunk in chunks:
        first += chunk
        if len(first) > WHOLE_BYTES:
            break
    else:
        writer.add(digest, compress(first), len(first))
        return
    with scratch.open("w+b") as file:
        file.write(first)
        file.writelines(chunks)
        file.seek(0)
        writer.add_stream(file, lambda: True)
