"""SQL databases: how they are opened, and what their errors mean to a user."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError, NoSuchModuleError, OperationalError, SQLAlchemyError

from jupyter_mlops.core.errors import BadInput, MlopsError, Unavailable

BUSY_TIMEOUT_S: Final = 30.0


class ReadOnly(Unavailable):
    """A place that must be written cannot be."""

    code = "read-only"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} cannot be written.",
            hint="Make the folder writable, or point `--workspace` (or MLOPS_WORKSPACE) at one that is.",
        )


class DiskFull(Unavailable):
    """No space is left."""

    code = "disk-full"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} cannot be written: the disk is full.", hint="Free some space and try again.")


class DamagedDatabase(Unavailable):
    """A database's file is not what it was."""

    code = "damaged-database"

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is damaged, or no database at all.",
            hint="Put a backup of it back in its place, or save what can be read with `sqlite3 FILE .recover`.",
        )


def connect_engine(url: str) -> sa.Engine:
    """Make an engine. SQLite is put in WAL mode and takes its write lock when a write transaction begins."""
    try:
        parsed = sa.make_url(url)
        if parsed.get_backend_name() != "sqlite":
            return sa.create_engine(parsed, pool_pre_ping=True)
        engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
    except (SQLAlchemyError, ImportError) as error:
        if isinstance(error, (ImportError, NoSuchModuleError)):
            raise BadInput(
                f"No driver is installed for the catalog URL {_without_password(url)!r}.",
                hint="For PostgreSQL, `pip install 'jupyter-mlops[postgresql]'` and write postgresql+psycopg://...",
            ) from error
        raise BadInput(
            f"{url!r} is not a database URL.", hint="Write sqlite:////path or postgresql+psycopg://..."
        ) from error
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver's own transactions begin too late: two readers that then write would deadlock.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        try:
            connection.execute(f"PRAGMA {pragma}")
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("mlops_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def use_wal(path: Path) -> None:
    """Put a SQLite file in WAL mode, for good: with MLflow's rollback journal two writers and a pager block each other."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.Error as error:
        raise translate(error, f"The database {path}") from error


_READ_ONLY_SIGNS: Final = ("readonly", "read-only", "permission denied", "not permitted", "unable to open database")

_DAMAGE_SIGNS: Final = ("file is not a database", "database disk image is malformed")
_SIGNS: Final = (
    (_READ_ONLY_SIGNS, ReadOnly),
    (("disk is full", "no space left", "quota exceeded"), DiskFull),
    (_DAMAGE_SIGNS, DamagedDatabase),
)


def translate(error: Exception, what: str) -> MlopsError:
    """Return our error for a database's. ``what`` names the database: ``The catalog /x/catalog.db``."""
    text = str(getattr(error, "orig", None) or error)
    for signs, kind in _SIGNS:
        if any(sign in text.lower() for sign in signs):
            return kind(what)
    if "disk I/O error" in text:  # what SQLite makes of a disk without room for its smallest side file
        return Unavailable(
            f"{what} cannot be read or written (disk I/O error), as where a disk is full.",
            hint="Free some space (`df -h` shows how full the disks are) and try again.",
        )
    if "locked" in text:
        return Unavailable(f"{what} is locked by another program.", hint="Close it and try again.")
    if isinstance(error, OperationalError):
        return Unavailable(
            f"{what} does not answer: {text.splitlines()[0]}",
            hint="Start it, or set another in workspace.toml; `mlops status` shows each part.",
        )
    return Unavailable(f"{what} failed: {text.splitlines()[0]}", hint="`mlops status` shows each part.")


def system_error(error: BaseException) -> MlopsError | None:
    """Return our error for a disk that is full or a place that cannot be written, ``None`` for anything else.

    For faces, which meet what no adapter expected: a folder that became read-only under a verb's feet.
    """
    if isinstance(error, OSError) and error.errno in _CANNOT_WRITE:
        return translate(error, f"{error.filename}" if error.filename else "The disk")
    if isinstance(error, (OperationalError, sqlite3.OperationalError)) or (
        isinstance(error, (DatabaseError, sqlite3.DatabaseError)) and any(sign in str(error) for sign in _DAMAGE_SIGNS)
    ):
        return translate(error, "The workspace's database")
    return None


_CANNOT_WRITE: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT})


def _without_password(url: str) -> str:
    try:
        return sa.make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return url
