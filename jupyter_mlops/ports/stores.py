"""The stores that are ours: catalog, blobs, secrets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from jupyter_mlops.core.event import Event, Link
from jupyter_mlops.core.record import Entry

E = TypeVar("E", bound=Entry)


class Catalog(Protocol):
    """Every record that is not MLflow's. Each change is one transaction with its event, by ``actor``."""

    actor: str

    def add(self, entry: E, *, verb: str = "create") -> E:
        """Store a new entry; return it stamped with version, time and actor. Raises ``Conflict`` if an unversioned name is taken."""

    def get(self, kind: type[E], name: str, version: int | None = None) -> E:
        """Return an entry, the newest version unless one is named. Raises ``UnknownThing``."""

    def find(self, kind: type[E], name: str | None = None, *, state: str | None = None, limit: int = 1000) -> list[E]:
        """Return entries, newest first."""

    def edit(
        self, kind: type[E], name: str, change: Callable[[E], E], *, version: int | None = None, verb: str = "update"
    ) -> E:
        """Apply ``change`` to the stored entry, again if another writer was faster; no event when it changes nothing."""

    def remove(
        self, kind: type[E], name: str, version: int | None = None, *, only_if: Callable[[E], bool] | None = None
    ) -> bool:
        """Remove an entry and the links that begin at it, unless ``only_if`` says no; tell whether it was. Raises ``UnknownThing``."""

    def link(self, source: str, relation: str, target: str) -> None:
        """Add an edge of the lineage; adding it twice changes nothing."""

    def links(self, *, source: str | None = None, target: str | None = None) -> list[Link]:
        """Return the edges that begin at ``source`` or end at ``target``."""

    def record(self, kind: str, name: str, verb: str, body: Mapping[str, Any] | None = None) -> None:
        """Append an event about something the catalog does not hold (a run, a model)."""

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with ``seq > after``, oldest first."""

    def last_seq(self) -> int:
        """Return the newest event's ``seq``, 0 when there is none."""


class Blobs(Protocol):
    """Content-addressed files. A key is ``POOL/NAME`` (``manifests/<sha256>``, ``packs/<name>``); a key's content never changes."""

    url: str

    def has(self, key: str) -> bool: ...
    def put(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a local file. All or nothing; storing what is there already is cheap and harmless.

        With ``move`` the source is given up: it may be renamed into place, and is gone afterwards.
        """

    def open(self, key: str) -> BinaryIO:
        """Open for reading, seekable. Raises ``UnknownThing``."""

    def keys(self, pool: str) -> Iterator[str]: ...
    def delete(self, key: str) -> None: ...
    def sweep(self, older_than_s: float) -> int:
        """Remove what interrupted writes left that long ago or before; return how many bytes that was."""

    def check(self) -> str: ...


class Secrets(Protocol):
    """The owner's secret store."""

    name: str

    def get(self, key: str) -> str | None: ...
    def set(self, key: str, value: str) -> None: ...
    def delete(self, key: str) -> None: ...
