"""Where a service's telemetry lies: what replicas leave here, and the datastore that it goes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.telemetry import incoming_folder as incoming
from jupyter_mlops.ports import World

KEPT: Final = "kept"
"""The folder with Parquet files, where no other datastore is chosen."""
STORE: Final = "store.json"


class Store(Record, frozen=True, kw_only=True):
    """The datastore of one service."""

    url: str
    elsewhere: bool
    """Whether it is outside of the workspace."""

    def open(self) -> tuple[Any, str]:
        """Return its fsspec file system and the service's folder in it."""
        import fsspec

        found: tuple[Any, str] = fsspec.core.url_to_fs(self.url)
        return found


def telemetry_folder(world: World, service: str) -> Path:
    """Return the workspace's folder of a service's telemetry. It outlives the service, as runs do."""
    return world.root / "telemetry" / service


def incoming_folder(world: World, service: str) -> Path:
    """Return where the service's replicas leave their files, each in a folder named for its id."""
    return incoming(world.root, service)


def services_with_telemetry(world: World) -> list[str]:
    """Return the names of services that have any, those that are deleted too."""
    return sorted(path.parent.name for path in (world.root / "telemetry").glob("*/incoming"))


def store_of(world: World, service: str) -> Store:
    """Return where the service's telemetry goes, or went while there was a service of that name.

    Raises ``UnknownThing`` where neither a service nor telemetry is known by that name.
    """
    folder = telemetry_folder(world, check_name("service", service))
    chosen: str | None
    try:
        chosen = world.catalog.get(Service, service).telemetry.store
    except UnknownThing:
        if not folder.is_dir():
            raise
        chosen = None
    file = folder / STORE
    if chosen is None:
        if file.is_file():
            return decode(file.read_bytes(), Store)
        chosen = ""
    elsewhere = bool(chosen)
    store = Store(url=f"{chosen.rstrip('/')}/{service}" if elsewhere else str(folder / KEPT), elsewhere=elsewhere)
    if folder.is_dir() and (not file.is_file() or decode(file.read_bytes(), Store) != store):
        replace_file(file, encode(store))
    return store
