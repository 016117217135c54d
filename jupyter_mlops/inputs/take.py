"""Takes a snapshot of a folder: walks it, reads what is new, stores it in one pack."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs import statcache
from jupyter_mlops.inputs.choice import LARGE_FILE_BYTES, Choice
from jupyter_mlops.inputs.owners import mark_owner
from jupyter_mlops.inputs.packs import Packs, PackWriter, compress_all, sweep
from jupyter_mlops.inputs.reading import read_files
from jupyter_mlops.inputs.stored import NAME_DIGITS, pack_cache
from jupyter_mlops.inputs.storelock import uses_store
from jupyter_mlops.inputs.tree import Kind, digest_of, encode_folder, shown
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
    known = statcache.load(cache)
    packs = Packs(world.blobs, pack_cache(world)).look()
    if not known.packs <= packs.kept:  # what the cache knows may not be stored any more
        packs.load()
    choice = Choice(large_file_bytes, folder, include)
    began_ns = time.time_ns()
    found = walk_folder(folder, choice, known=known, stored=packs.digests if packs.is_loaded else None)
    told = say if say is not None and _say_what_is_large(found, say) else None
    if found.is_known(known):
        digest = known.folders[b""].digest
    else:
        digest = _store(world, found, known, packs, told)
        new = statcache.remember(found.folders, choice.fingerprint, packs.kept, began_ns)
        statcache.save(cache, known, new)
    missing = choice.missing(path for path, _ in found.files())
    return _add(world, _describe(found, folder, digest, missing))


def _store(world: World, found: Walk, known: statcache.StatCache, packs: Packs, say: Say | None) -> bytes:
    """Read and store what is new; return the digest of the tree."""
    if not packs.is_loaded:
        packs.load()
    sweep(pack_cache(world))
    pack = PackWriter(pack_cache(world), packs.digests)
    try:
        read_files(found, pack, say)
        digest = _store_tree(found, known, pack)
        pack.finish(world.blobs, packs)
    finally:
        pack.abandon()
    return digest


def walk_folder(
    folder: Path,
    choice: Choice,
    *,
    known: statcache.StatCache | None = None,
    stored: set[bytes] | None = None,
) -> Walk:
    """Walk ``folder``; raise ``NotAFolder`` where that is not possible."""
    try:
        return walk(folder, known=known, stored=stored, choice=choice)
    except FileNotFoundError as error:
        raise NotAFolder(folder, "does not exist") from error
    except NotADirectoryError as error:
        raise NotAFolder(folder) from error
    except OSError as error:
        raise NotAFolder(folder, f"cannot be read ({error.strerror})") from error


def _say_what_is_large(found: Walk, say: Say) -> bool:
    """Name the largest folders and files where there is much to keep, and tell whether there is. Nothing is refused."""
    if not found.unread:  # nothing takes long
        return False
    sizes = list(found.files())
    total = sum(n_bytes for _, n_bytes in sizes)
    if len(sizes) <= _MANY_FILES and total <= _MANY_BYTES:
        return False
    by_bytes: Counter[str] = Counter()
    by_count: Counter[str] = Counter()
    for path, n_bytes in sizes:
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
        f"{root} has {len(sizes):,} files, {human(total)}. Largest: {largest}. "
        "What the run does not need can be left out with a .gitignore or .amlignore file.",
        0.0,
    )
    return True


def human(n_bytes: int) -> str:
    """Return a size for a person."""
    size = float(n_bytes)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:  # noqa: PLR2004  # binary units
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _store_tree(found: Walk, known: statcache.StatCache, pack: PackWriter) -> bytes:
    """Give each folder its digest, from the innermost; store the trees that are new. Returns the top's digest."""
    new: dict[bytes, bytes] = {}
    for folder in reversed(found.folders):
        old = known.folders.get(folder.path)
        same = old is not None and not folder.changed and old.digest in pack.stored
        if old is not None and same and {name: sub.digest for name, sub in folder.folders.items()} == old.folders:
            folder.digest = old.digest
            continue
        content = encode_folder(folder)
        folder.digest = digest_of(content)
        if pack.claim(folder.digest):
            new[folder.digest] = content
    pack.add_all([(digest, len(content)) for digest, content in new.items()], compress_all(list(new.values())))
    return found.folders[0].digest


def _describe(found: Walk, folder: Path, digest: bytes, warnings: list[str]) -> Snapshot:
    n_files = n_bytes = 0
    recorded: list[tuple[int, bytes]] = []
    secrets: list[bytes] = []
    for part in found.folders:
        n_files_here, n_bytes_here, is_notable = part.totals()
        n_files += n_files_here
        n_bytes += n_bytes_here
        for name, leaf in part.leaves.items() if is_notable else ():
            if leaf.kind == Kind.RECORDED:
                recorded.append((leaf.n_bytes, part.path + name))
            elif leaf.kind == Kind.SECRET:
                secrets.append(part.path + name)
    warnings += [
        f"{shown(path)} ({human(size)}) is recorded, not stored: it is data, not source. To store it: --include {shown(path)}."
        for size, path in sorted(recorded, reverse=True)
    ]
    warnings += [
        f"{shown(path)} looks like a secret and is not stored. To store it: --include {shown(path)}."
        for path in sorted(secrets)
    ]
    return Snapshot(
        name=digest.hex()[:NAME_DIGITS],
        digest=digest.hex(),
        source=shown(os.fsencode(folder)),
        n_files=n_files,
        n_bytes=n_bytes,
        n_recorded=len(recorded),
        warnings=found.warnings + warnings,
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
