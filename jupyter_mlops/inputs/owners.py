"""Who keeps snapshots in a blob store that several workspaces could share: nobody may collect what another needs.

Each workspace leaves a mark ``owners/WORKSPACE`` in the store, and its id in the catalog. A gc knows which snapshots
are needed from its own catalog alone, so it refuses where a workspace left a mark that its catalog does not know.
"""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import ClassVar, Final

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.record import Entry
from jupyter_mlops.ports import World

_POOL: Final = "owners"


class BlobOwner(Entry, frozen=True, kw_only=True):
    """A workspace whose snapshots are in the catalog. Its name is the workspace's id."""

    kind: ClassVar[str] = "blob-owner"
    versioned: ClassVar[bool] = False


class SharedStore(Conflict):
    """Another catalog's snapshots are in the same blob store."""

    code = "shared-store"

    def __init__(self, url: str, owners: list[str]) -> None:
        """Name the store and the other workspaces."""
        super().__init__(
            f"The blob store at {url} also has snapshots of {'workspaces' if len(owners) > 1 else 'the workspace'} "
            f"{', '.join(owners)}, with a catalog of their own; nothing was removed.",
            hint="Give each catalog a blob store of its own, or delete the mark of a workspace that is gone: "
            + " ".join(f"{url}/{_POOL}/{owner}" for owner in owners),
        )


def is_private(world: World) -> bool:
    """Tell whether the blob store lies in the workspace, so that no other machine writes to it."""
    return Path(world.blobs.url).is_relative_to(world.root)


def mark_owner(world: World) -> None:
    """Leave this workspace's mark in the store, once; nothing where it is private."""
    if is_private(world):
        return
    note, text = world.root / "cache" / "owner", f"{world.id} {world.blobs.url}"
    with contextlib.suppress(OSError):
        if note.read_text() == text:
            return
    with contextlib.suppress(Conflict):  # it is there
        world.catalog.add(BlobOwner(name=world.id))
    with tempfile.NamedTemporaryFile() as empty:
        world.blobs.put(f"{_POOL}/{world.id}", Path(empty.name))
    with contextlib.suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(text)


def check_owners(world: World) -> None:
    """Raise ``SharedStore`` where a workspace that this catalog does not know keeps snapshots in the store."""
    if is_private(world):
        return
    mine = {world.id}
    if not (world.root / "catalog.db").exists():  # a team's: its members are in it, and a copy of it would be as well
        mine |= {owner.name for owner in world.catalog.find(BlobOwner, limit=1_000_000)}
    others = sorted({key.partition("/")[2] for key in world.blobs.keys(_POOL)} - mine)
    if others:
        raise SharedStore(world.blobs.url, others)
