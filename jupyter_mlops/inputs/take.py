"""Takes a snapshot of a folder: walks it, reads what is new, stores it in one pack."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs import statcache
from jupyter_mlops.inputs.choice import LARGE_FILE_BYTES, Choice
from jupyter_mlops.inputs.contents import Contents
from jupyter_mlops.inputs.held import Held
from jupyter_mlops.inputs.owners import mark_owner
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.packwriter import PackWriter, sweep
from jupyter_mlops.inputs.reading import Reader
from jupyter_mlops.inputs.stored import NAME_DIGITS, pack_cache
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.inputs.tree import Folder, Leaf, digest_of, encode_folder, human, shown
from jupyter_mlops.inputs.walk import Walk, walk
from jupyter_mlops.ports import Say, World

_MANY_FILES: Final = 50_000
_MANY_BYTES: Final = 1 << 30
_SHOWN_LARGEST: Final = 5


class NotAFolder(BadInput):
    """A snapshot is asked of what is no folder."""

    code = "not-a-folder"

    def __init__(self, folder: Path, why: str = "is not a folder") -> None:
        """Name the path and say why."""
        super().__init__(f"{folder} {why}.", hint="Name the folder that holds your notebook or script.")


@uses_store
def take_snapshot(
    world: World,
    folder: Path,
    *,
    include: Sequence[str] = (),
    say: Say | None = None,
    large_file_bytes: int = LARGE_FILE_BYTES,
) -> Snapshot:
    """Keep the content of a folder, less what its ignore files, caches and environments leave out.

    An unchanged folder gives the snapshot that exists. A file above ``large_file_bytes`` is recorded (path, size,
    mtime, digest of samples) and not stored, and of one that looks like a secret only the path is kept, unless
    ``include`` names it (see ``Choice``); the snapshot's warnings say which. An interrupt or an error at any time leaves no half snapshot.

    Args:
        world: Where to keep it.
        folder: What to keep.
        include: Paths or globs, relative to ``folder``, of large files and secrets to store.
        say: Above 1 GiB or 50,000 files, told what is large and how far reading is.
        large_file_bytes: What is large.

    Raises:
        NotAFolder: ``folder`` is missing, no folder or unreadable.
        Unavailable: The snapshot cannot be written.
    """
    folder = folder.resolve()
    mark_owner(world)
    cache = statcache.cache_path(world.root, folder)
    choice = Choice(large_file_bytes, folder, include)
    contents = Contents(choice)
    with statcache.opened(cache) as known:
        packs = Packs(world.blobs, pack_cache(world)).look()
        if not known.packs <= packs.kept:  # what the cache knows may not be stored any more
            packs.load()
        new = statcache.Writer(cache, known, time.time_ns())
        stored = packs.digests if packs.is_loaded else None
        found = walk_folder(folder, choice, known=known, stored=stored, held=Held(pack_cache(world)))
        top = found.folders[0]
        if found.is_known(known) and top.known is not None:
            top.digest = top.known.digest
            for part in found.folders:
                contents.add(part)
        else:
            told = say if say is not None and _say_what_is_large(found, say) else None
            with new:
                _store(world, found, packs, new=new, contents=contents, say=told)
                new.save(choice.fingerprint, packs.kept)
    return _add(world, _describe(folder, top.digest, contents, found.warnings))


def _store(
    world: World, found: Walk, packs: Packs, *, new: statcache.Writer, contents: Contents, say: Say | None
) -> None:
    """Read and store what is new, and give each folder its digest, from the innermost."""
    if not packs.is_loaded:
        packs.load()
    sweep(pack_cache(world))
    pack = PackWriter(pack_cache(world), packs.digests)
    is_stored = (lambda _digest: True) if new.old.packs <= packs.kept else pack.has
    try:
        with Reader(found, pack, say) as reader:
            while found.folders:  # each is let go of when it is stored
                folder = found.folders.pop()
                leaves = _store_folder(folder, reader, is_stored)
                if leaves is None:
                    new.copy(folder)
                else:
                    new.add(folder, leaves)
                contents.add(folder, leaves)
                folder.let_go()
        pack.finish(world.blobs, packs)
    finally:
        pack.abandon()


def _store_folder(folder: Folder, reader: Reader, is_stored: Callable[[bytes], bool]) -> dict[bytes, Leaf] | None:
    """Store a folder, those in it being stored, and give it its digest. Returns its leaves, unless all is as it is known."""
    known, below = folder.known, folder.folders.values()
    if known is not None and known.n_folders == len(below) and all(sub.is_same for sub in below):
        folder.digest, folder.is_same = known.digest, is_stored(known.digest)
        if folder.is_same:
            return None if folder.is_still else folder.leaves()
    leaves = reader.read(folder)
    tree = encode_folder(folder, leaves)
    folder.digest = digest_of(tree)
    reader.keep(folder.digest, tree)
    return leaves


def walk_folder(
    folder: Path,
    choice: Choice,
    *,
    known: statcache.StatCache | None = None,
    stored: Container[bytes] | None = None,
    held: Held | None = None,
) -> Walk:
    """Walk ``folder``; raise ``NotAFolder`` where that is not possible."""
    try:
        return walk(folder, known=known, stored=stored, choice=choice, held=held)
    except FileNotFoundError as error:
        raise NotAFolder(folder, "does not exist") from error
    except NotADirectoryError as error:
        raise NotAFolder(folder) from error
    except OSError as error:
        raise NotAFolder(folder, f"cannot be read ({error.strerror})") from error


def _say_what_is_large(found: Walk, say: Say) -> bool:
    """Name the largest folders and files where there is much to keep, and tell whether there is. Nothing is refused."""
    if not found.n_unread:  # nothing takes long
        return False
    count = total = 0
    for _, n_bytes in found.files():
        count += 1
        total += n_bytes
    if count <= _MANY_FILES and total <= _MANY_BYTES:
        return False
    by_bytes: Counter[str] = Counter()
    by_count: Counter[str] = Counter()
    for path, n_bytes in found.files():
        top, slash, _ = path.partition(b"/")
        by_bytes[shown(top + slash)] += n_bytes
        by_count[shown(top + slash)] += 1
    most = by_bytes if total > _MANY_BYTES else by_count
    largest = ", ".join(
        f"{name} ({by_count[name]:,} file{'s'[: by_count[name] > 1]}, {human(by_bytes[name])})"
        for name, _ in most.most_common(_SHOWN_LARGEST)
    )
    root = os.fsdecode(found.root.rstrip(b"/"))
    say(
        f"{root} has {count:,} files, {human(total)}. Largest: {largest}. "
        "What the run does not need can be left out with a .gitignore or .amlignore file.",
        0.0,
    )
    return True


def _describe(folder: Path, digest: bytes, contents: Contents, warnings: list[str]) -> Snapshot:
    return Snapshot(
        name=digest.hex()[:NAME_DIGITS],
        digest=digest.hex(),
        source=shown(os.fsencode(folder)),
        n_files=contents.n_files,
        n_bytes=contents.n_bytes,
        n_recorded=contents.n_recorded,
        warnings=warnings + contents.warnings(),
    )


def _add(world: World, snapshot: Snapshot) -> Snapshot:
    """Add a snapshot to the catalog, or return the one that is there, with what is to be said now."""
    try:
        there = world.catalog.get(Snapshot, snapshot.name)
    except UnknownThing:
        try:
            return world.catalog.add(snapshot)
        except Conflict:  # another process was faster
            there = world.catalog.get(Snapshot, snapshot.name)
    # the same content in another folder, which is now the one to compare with; or a gc found that no run refers to it
    if there.source != snapshot.source or there.unused_since:

        def here(old: Snapshot) -> Snapshot:
            return msgspec.structs.replace(old, source=snapshot.source, unused_since=0.0)

        try:
            there = world.catalog.edit(Snapshot, snapshot.name, here)
        except UnknownThing:  # that gc was faster
            return _add(world, snapshot)
    return msgspec.structs.replace(there, warnings=snapshot.warnings)
