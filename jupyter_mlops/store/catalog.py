"""The catalog: every record that is not MLflow's, as JSON documents in SQLite or PostgreSQL."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from jupyter_mlops.core.errors import Conflict, Unavailable, UnknownThing
from jupyter_mlops.core.event import Event, Link
from jupyter_mlops.core.record import Entry, decode, encode
from jupyter_mlops.store.databases import connect_engine, translate

E = TypeVar("E", bound=Entry)

META: Final = sa.MetaData()
RECORDS: Final = sa.Table(
    "records",
    META,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
)
LINKS: Final = sa.Table(
    "links",
    META,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("relation", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
)
EVENTS: Final = sa.Table(
    "events",
    META,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("verb", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    # Without it SQLite gives the number of a deleted last row again; the feed needs numbers that only grow.
    sqlite_autoincrement=True,
)
VERSION: Final = sa.Table("catalog_version", sa.MetaData(), sa.Column("version", sa.Integer, nullable=False))

# What a run needs several times: SQLAlchemy takes as long to build one of these as to execute it.
_SELECT_NEWEST: Final = (
    sa.select(RECORDS.c.body)
    .where(RECORDS.c.kind == sa.bindparam("of_kind"), RECORDS.c.name == sa.bindparam("named"))
    .order_by(RECORDS.c.version.desc())
    .limit(1)
)
_INSERT_EVENT: Final = sa.insert(EVENTS)
_INSERT_LINK: Final = sa.insert(LINKS)

# A new catalog takes every step; an older one those it lacks. Never change a step that was released: add one.
STEPS: Final[tuple[Callable[[sa.Connection], object], ...]] = (
    META.create_all,
    # As text: an Index object would join its table, and be made twice in the next catalog that this process opens.
    lambda conn: conn.execute(sa.text("CREATE INDEX IF NOT EXISTS records_by_state ON records (kind, state)")),
    lambda conn: conn.execute(sa.text("CREATE INDEX IF NOT EXISTS links_by_target ON links (target)")),
)

# Event inserts on PostgreSQL take this lock, so that `seq` is in commit order.
_EVENT_LOCK: Final = 0x6D6C6F7073
_TRIES: Final = 50


class Taken(Exception):
    """A unique constraint said no."""


class NewerCatalog(Conflict):
    """The catalog was made by a newer jupyter-mlops."""

    code = "newer-catalog"

    def __init__(self, where: str, version: int) -> None:
        super().__init__(
            f"The catalog {where} has format {version}, and this jupyter-mlops knows {len(STEPS)}; it was left untouched.",
            hint="Update with `pip install --upgrade jupyter-mlops`.",
        )


class NameTaken(Conflict):
    """An unversioned record of that name exists."""

    code = "name-taken"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(
            f"The {kind} {name!r} exists already.", hint=f"Choose another name, or delete that {kind} first."
        )


class SqlCatalog:
    """``ports.Catalog`` on SQLite or PostgreSQL. Safe to use from several threads and processes."""

    def __init__(self, engine: sa.Engine, *, actor: str, where: str) -> None:
        self._engine = engine
        self._writer = engine.execution_options(mlops_write=True)
        self._where = where
        self.actor = actor

    def for_actor(self, actor: str) -> SqlCatalog:
        """Return the same catalog, whose changes are recorded as ``actor``'s."""
        other = copy.copy(self)
        other.actor = actor
        return other

    @contextmanager
    def _transaction(self, *, write: bool = False) -> Iterator[sa.Connection]:
        try:
            with (self._writer if write else self._engine).begin() as conn:
                yield conn
        except IntegrityError as error:
            raise Taken from error
        except SQLAlchemyError as error:
            raise translate(error, f"The catalog {self._where}") from error

    def migrate(self) -> None:
        """Bring the tables to this code's format. Raises ``NewerCatalog`` and changes nothing if they are newer."""
        with self._transaction() as conn:
            known = sa.inspect(conn).has_table(VERSION.name)
            version = conn.execute(sa.select(VERSION.c.version)).scalar() or 0 if known else 0
        if version > len(STEPS):
            raise NewerCatalog(self._where, version)
        if version == len(STEPS):
            return
        with self._transaction(write=True) as conn:
            VERSION.create(conn, checkfirst=True)
            version = conn.execute(sa.select(VERSION.c.version)).scalar() or 0
            for step in STEPS[version:]:
                step(conn)
            conn.execute(sa.delete(VERSION))
            conn.execute(sa.insert(VERSION).values(version=len(STEPS)))

    def add(self, entry: E, *, verb: str = "create") -> E:
        """Store a new entry; see ``ports.Catalog``."""
        kind = type(entry).kind
        for _ in range(_TRIES):
            try:
                with self._transaction(write=True) as conn:
                    version = self._next_version(conn, kind, entry.name) if type(entry).versioned else 0
                    stamped = msgspec.structs.replace(
                        entry, version=version, created_at=time.time(), created_by=self.actor
                    )
                    conn.execute(sa.insert(RECORDS).values(_row(stamped)))
                    self._event(conn, kind, entry.name, verb, {"version": version})
                    return stamped
            except Taken as error:
                if not type(entry).versioned:
                    raise NameTaken(kind, entry.name) from error
        raise Unavailable(f"No version number was free for {kind} {entry.name!r}.", hint="Try again.")

    def get(self, kind: type[E], name: str, version: int | None = None) -> E:
        """Return an entry, the newest version unless one is named."""
        with self._transaction() as conn:
            if version is None:
                body = conn.execute(_SELECT_NEWEST, {"of_kind": kind.kind, "named": name}).scalar()
            else:
                body = conn.execute(_select_one(kind, name, version)).scalar()
        if body is None:
            raise UnknownThing(kind.kind, name if version is None else f"{name}:{version}", plural=_plural(kind.kind))
        return decode(body, kind)

    def find(self, kind: type[E], name: str | None = None, *, state: str | None = None, limit: int = 1000) -> list[E]:
        """Return entries, newest first."""
        query = sa.select(RECORDS.c.body).where(RECORDS.c.kind == kind.kind)
        if name is not None:
            query = query.where(RECORDS.c.name == name)
        if state is not None:
            query = query.where(RECORDS.c.state == state)
        query = query.order_by(RECORDS.c.created_at.desc(), RECORDS.c.version.desc()).limit(limit)
        with self._transaction() as conn:
            return [decode(body, kind) for body in conn.execute(query).scalars()]

    def edit(
        self, kind: type[E], name: str, change: Callable[[E], E], *, version: int | None = None, verb: str = "update"
    ) -> E:
        """Apply ``change`` to the stored entry under the write lock; no event when it changes nothing."""
        with self._transaction(write=True) as conn:
            body = conn.execute(_select_one(kind, name, version).with_for_update()).scalar()
            if body is None:
                raise UnknownThing(kind.kind, name, plural=_plural(kind.kind))
            old = decode(body, kind)
            new = change(old)
            if new == old:
                return old
            row = _row(new)
            conn.execute(
                sa.update(RECORDS)
                .where(RECORDS.c.kind == kind.kind, RECORDS.c.name == old.name, RECORDS.c.version == old.version)
                .values(body=row["body"], state=row["state"])
            )
            self._event(conn, kind.kind, name, verb, {"version": old.version, "state": row["state"]})
            return new

    def remove(
        self, kind: type[E], name: str, version: int | None = None, *, only_if: Callable[[E], bool] | None = None
    ) -> bool:
        """Remove an entry (the newest version unless one is named) and the links that begin at it; see ``ports.Catalog``."""
        with self._transaction(write=True) as conn:
            body = conn.execute(_select_one(kind, name, version).with_for_update()).scalar()
            if body is None:
                raise UnknownThing(kind.kind, name, plural=_plural(kind.kind))
            entry = decode(body, kind)
            if only_if is not None and not only_if(entry):
                return False
            conn.execute(
                sa.delete(RECORDS).where(
                    RECORDS.c.kind == kind.kind, RECORDS.c.name == name, RECORDS.c.version == entry.version
                )
            )
            end = f"{kind.kind}:{name}" + (f":{entry.version}" if kind.versioned else "")
            conn.execute(sa.delete(LINKS).where(LINKS.c.source == end))
            self._event(conn, kind.kind, name, "delete", {"version": entry.version})
            return True

    def link(self, source: str, relation: str, target: str) -> None:
        """Add an edge of the lineage; adding it twice changes nothing."""
        edge = {"source": source, "relation": relation, "target": target}
        try:
            with self._transaction(write=True) as conn:
                conn.execute(_INSERT_LINK, edge)
        except Taken:
            return

    def links(self, *, source: str | None = None, target: str | None = None) -> list[Link]:
        """Return the edges that begin at ``source`` or end at ``target``, or all that do both."""
        query = sa.select(LINKS).order_by(LINKS.c.source, LINKS.c.relation, LINKS.c.target)
        if source is not None:
            query = query.where(LINKS.c.source == source)
        if target is not None:
            query = query.where(LINKS.c.target == target)
        with self._transaction() as conn:
            return [Link(**row) for row in conn.execute(query).mappings()]

    def record(self, kind: str, name: str, verb: str, body: Mapping[str, Any] | None = None) -> None:
        """Append an event about something the catalog does not hold."""
        with self._transaction(write=True) as conn:
            self._event(conn, kind, name, verb, dict(body or {}))

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with ``seq > after``, oldest first."""
        query = sa.select(EVENTS).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(limit)
        with self._transaction() as conn:
            rows = conn.execute(query).mappings().all()
        return [Event(**{**row, "body": decode(row["body"], dict)}) for row in rows]

    def last_seq(self) -> int:
        """Return the newest event's ``seq``, 0 when there is none."""
        with self._transaction() as conn:
            return int(conn.execute(sa.select(sa.func.max(EVENTS.c.seq))).scalar() or 0)

    def check(self) -> str:
        """Return what answers. Raises ``Unavailable``."""
        with self._transaction() as conn:
            conn.execute(sa.select(VERSION.c.version)).scalar_one()
            return f"{conn.dialect.name} {'.'.join(str(n) for n in conn.dialect.server_version_info or ())}".strip()

    def close(self) -> None:
        """Close the pooled connections."""
        self._engine.dispose()

    def _event(self, conn: sa.Connection, kind: str, name: str, verb: str, body: dict[str, Any]) -> None:
        if conn.dialect.name == "postgresql":
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_EVENT_LOCK)))
        values = {"at": time.time(), "actor": self.actor, "kind": kind, "name": name, "verb": verb}
        conn.execute(_INSERT_EVENT, {**values, "body": encode(body).decode()})

    @staticmethod
    def _next_version(conn: sa.Connection, kind: str, name: str) -> int:
        """Return the next number; one that was removed is not given again."""
        newest = sa.select(sa.func.max(RECORDS.c.version)).where(RECORDS.c.kind == kind, RECORDS.c.name == name)
        removed = sa.select(EVENTS.c.body).where(
            EVENTS.c.kind == kind, EVENTS.c.name == name, EVENTS.c.verb == "delete"
        )
        gone = [decode(body, dict).get("version", 0) for body in conn.execute(removed).scalars()]
        return int(max([conn.execute(newest).scalar() or 0, *gone])) + 1


def open_catalog(url: str, *, actor: str) -> SqlCatalog:
    """Open the catalog at a SQLAlchemy URL (``sqlite:////...`` or ``postgresql+psycopg://...``), migrating an older one.

    Raises ``NewerCatalog``, and ``Unavailable`` where nothing answers.
    """
    engine = connect_engine(url)
    where = engine.url.database or "" if engine.dialect.name == "sqlite" else engine.url.render_as_string()
    catalog = SqlCatalog(engine, actor=actor, where=where)
    catalog.migrate()
    return catalog


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "kind": type(entry).kind,
        "name": entry.name,
        "version": entry.version,
        "body": encode(entry).decode(),
        "state": getattr(entry, "state", ""),
        "created_at": entry.created_at,
        "created_by": entry.created_by,
    }


def _select_one(kind: type[Entry], name: str, version: int | None) -> sa.Select[str]:
    query = sa.select(RECORDS.c.body).where(RECORDS.c.kind == kind.kind, RECORDS.c.name == name)
    if version is not None:
        query = query.where(RECORDS.c.version == version)
    return query.order_by(RECORDS.c.version.desc()).limit(1)


def _plural(kind: str) -> str:
    return "activities" if kind == "activity" else kind + "s"
