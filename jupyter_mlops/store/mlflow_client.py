"""One MLflow client for one store: how it is made, how it is kept, what its errors mean."""

from __future__ import annotations

import fcntl
import logging
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from jupyter_mlops.core.errors import BadInput, Conflict, Forbidden, MlopsError, Unavailable, UnknownThing
from jupyter_mlops.store.blank import make_store, quietly
from jupyter_mlops.store.databases import translate, use_wal
from jupyter_mlops.store.importing import import_mlflow
from jupyter_mlops.store.indexes import add_indexes_later, drop_indexes, lacks_indexes

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

PING_TIMEOUT_S: Final = 3.0
PING_AGAIN_S: Final = 10.0


class DeletedRun(Conflict):
    """A run in the trash is to be changed."""

    code = "run-deleted"

    def __init__(self, ref: str) -> None:
        super().__init__(f"The run {ref} is deleted.", hint=f"Bring it back first: `mlops runs restore {ref}`.")


class TrackingDown(Unavailable):
    """The tracking server does not answer."""

    code = "tracking-unavailable"

    def __init__(self, uri: str, why: str) -> None:
        super().__init__(
            f"The tracking server {without_password(uri)} does not answer ({why}).",
            hint="Start it, or set another `tracking_uri` in workspace.toml; `mlops status` shows each part.",
        )


class NewerTracking(Conflict):
    """mlflow.db was made by a newer MLflow."""

    code = "newer-tracking"

    def __init__(self, path: Path, revision: str) -> None:
        super().__init__(
            f"The tracking store {path} has schema {revision}, which this MLflow does not know; it was left untouched.",
            hint="Update with `pip install --upgrade jupyter-mlops`.",
        )


class MlflowStore:
    """The client, made on first use, and the way its errors become ours."""

    def __init__(self, uri: str, registry_uri: str, artifact_root: str) -> None:
        self.uri = uri
        self.registry_uri = registry_uri
        self.artifact_root = artifact_root
        self._lock = threading.Lock()
        self._made: MlflowClient | None = None
        self._answered_at = 0.0

    @property
    def client(self) -> MlflowClient:
        """The client. The first use imports MLflow (about 1.5 s) and makes or migrates a local store."""
        with self._lock:
            self._ping()
            if self._made is None:
                self._made = self._make()
                inner: Any = self._made._tracking_client  # noqa: SLF001  # told apart from those of the user's code
                inner.mlops_own = True  # see training.buffered: it ships what others buffer
            return self._made

    def _make(self) -> MlflowClient:
        try:
            with quietly():
                return self._connect()
        finally:
            # It writes the stack of each error that it also raises, and `calls` says what it means.
            logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)

    def _connect(self) -> MlflowClient:
        import_mlflow()
        from mlflow import MlflowClient

        path = local_file(self.uri)
        if path is None:
            with calls(self.uri):
                return MlflowClient(tracking_uri=self.uri, registry_uri=self.registry_uri)
        with _alone(path), calls(self.uri):
            _prepare(path, self.uri, self.artifact_root)
            client = MlflowClient(tracking_uri=self.uri, registry_uri=self.registry_uri)
            # MLflow's own default is `./mlruns` of the current folder; experiments that plain
            # `mlflow.set_experiment` makes in this process now go to the workspace as well.
            store: Any = client._tracking_client.store  # noqa: SLF001  # there is no public way to its store
            store.artifact_root_uri = self.artifact_root
        return client

    def _ping(self) -> None:
        """Ask an http(s) server whether it lives: MLflow itself retries for minutes before it says no."""
        if not self.uri.startswith(("http://", "https://")) or time.monotonic() - self._answered_at < PING_AGAIN_S:
            return
        import requests

        try:
            answer = requests.get(self.uri.rstrip("/") + "/health", timeout=PING_TIMEOUT_S)
        except requests.RequestException as error:
            raise TrackingDown(self.uri, _why(error)) from error
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TrackingDown(self.uri, f"HTTP {answer.status_code}")
        self._answered_at = time.monotonic()

    def close(self) -> None:
        """Close pooled connections to a database; a later call opens new ones."""
        with self._lock:
            made: Any = self._made
        if made is None:
            return
        clients = [made._tracking_client, getattr(made, "_registry_client_lazy", None)]  # noqa: SLF001  # as above
        for engine in [getattr(getattr(client, "store", None), "engine", None) for client in clients]:
            if engine is not None:
                engine.dispose()

    def check(self) -> str:
        """Return what answers: ``MLflow 3.17.2 on SQLite``. Raises ``Unavailable``."""
        import_mlflow()
        from mlflow.version import VERSION

        with calls(self.uri):
            self.client.search_experiments(max_results=1)
        kind = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(self.uri.split(":")[0].split("+")[0], self.uri)
        return f"MLflow {VERSION} on {kind}"


@contextmanager
def calls(uri: str, kind: str = "run", ref: str = "") -> Iterator[None]:
    """Translate MLflow's errors. ``kind`` and ``ref`` name the thing that was asked for."""
    try:
        yield
    except MlopsError:
        raise
    except Exception as error:
        ours = _translated(error, uri, kind, ref)
        if ours is None:
            raise
        raise ours from error


def _translated(error: Exception, uri: str, kind: str, ref: str) -> MlopsError | None:
    """Return what an error of MLflow, of a database or of the system means; ``None`` for any other."""
    if "mlflow.exceptions" in sys.modules:  # what MLflow raised it has imported; nothing else is to wait for it
        from mlflow.exceptions import MlflowException

        if isinstance(error, MlflowException):
            return _mlflow_error(error, uri, kind, ref)
    from sqlalchemy.exc import SQLAlchemyError

    if isinstance(error, (SQLAlchemyError, sqlite3.Error)):
        return translate(error, f"The tracking store {without_password(uri)}")
    if not isinstance(error, OSError):
        return None
    import requests

    if isinstance(error, requests.RequestException):
        return TrackingDown(uri, _why(error))
    return translate(error, f"The artifact store beside {without_password(uri)}")


def _mlflow_error(error: MlflowException, uri: str, kind: str, ref: str) -> MlopsError:
    if error.error_code == "RESOURCE_DOES_NOT_EXIST" and ref:
        return UnknownThing(kind, ref)
    if error.error_code == "TEMPORARILY_UNAVAILABLE":
        return translate(error, f"The tracking store {without_password(uri)}")
    if kind == "run" and ref and "deleted" in str(error) and "active" in str(error):
        return DeletedRun(ref)
    if error.error_code in {"INVALID_PARAMETER_VALUE", "RESOURCE_ALREADY_EXISTS", "INVALID_STATE"}:
        return BadInput(f"MLflow refused it: {_first_line(error)}", hint="Change the value that it names.")
    return TrackingDown(uri, _first_line(error))


def local_file(uri: str) -> Path | None:
    """Return the file of a SQLite URI, ``None`` for anything else."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def local_path(uri: str) -> Path | None:
    """Return the path that a ``file:`` URI or a plain path names, ``None`` for a remote one."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(uri) if not parts.scheme else None


def check_inside(uri: str, roots: list[str]) -> None:
    """Raise ``Forbidden`` for a local URI that leaves every one of ``roots``."""
    path = local_path(uri)
    if path is None:
        return
    allowed = [root for root in map(local_path, roots) if root is not None]
    if not any(path.resolve().is_relative_to(root.resolve()) for root in allowed):
        raise Forbidden(
            f"{path} is outside of this workspace's artifact folders, so it is not read.",
            hint="Register the files with `mlops models register PATH NAME`, which copies them in.",
        )


def copy_into(source: Path, folder: Path) -> Path:
    """Copy a file or a folder into ``folder``; return the copy. Raises ``OSError``."""
    target = folder / source.name
    if source.is_dir():
        return Path(shutil.copytree(source, target, dirs_exist_ok=True))
    return Path(shutil.copyfile(source, target))


def without_password(uri: str) -> str:
    """Return a URI without its user and password."""
    parts = urlsplit(uri)
    return uri.replace(f"{parts.username or ''}:{parts.password}@", "", 1) if parts.password else uri


def _why(error: Exception) -> str:
    text = str(error)
    for sign, meaning in (
        ("refused", "connection refused"),
        ("timed out", "no answer in time"),
        ("resolve", "unknown host"),
    ):
        if sign in text:
            return meaning
    return type(error).__name__


def _first_line(error: Exception) -> str:
    text = str(error).strip() or type(error).__name__
    line = text.splitlines()[0]
    return line if len(line) <= 200 else line[:197] + "..."  # noqa: PLR2004  # what fits on two lines


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes from making or migrating the same store: MLflow itself does not."""
    try:
        with path.with_name(f"{path.name}.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise translate(error, f"The tracking store {path}") from error


def _prepare(path: Path, uri: str, artifact_root: str) -> None:
    """Make the file, or bring an older schema up to date after a copy; refuse a newer one untouched."""
    if not path.exists() or not path.stat().st_size:
        _make_store(path, artifact_root)
    elif (revision := _revision(path)) is not None:
        _migrate(path, uri, revision)
        if lacks_indexes(path):
            add_indexes_later(path)
    use_wal(path)


def _make_store(path: Path, artifact_root: str) -> None:
    """Make a new store beside its place and move it there whole: a half-made one could never be opened again."""
    draft = path.with_name(f"{path.name}.new")
    _remove(draft)
    try:
        make_store(draft, artifact_root)
        draft.replace(path)
    except BaseException:
        _remove(draft)
        raise


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _revision(path: Path) -> str | None:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.OperationalError:
        return None  # a file that MLflow has not filled yet
    except sqlite3.DatabaseError as error:
        raise translate(error, f"The tracking store {path}") from error
    return str(row[0]) if row else None


def _migrate(path: Path, uri: str, revision: str) -> None:
    from mlflow.store.db import utils

    newest = utils._get_latest_schema_revision()  # noqa: SLF001  # `mlflow db upgrade` is this very call
    if revision == newest:
        return
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        ScriptDirectory.from_config(utils._get_alembic_config(uri)).get_revision(revision)  # noqa: SLF001  # the same
    except CommandError as error:
        raise NewerTracking(path, revision) from error
    backup = path.with_name(f"{path.name}.{revision}.backup")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as copy:
            source.backup(copy)
            drop_indexes(source)
    except BaseException:
        _remove(backup)
        raise
    engine: Any = utils.create_sqlalchemy_engine(uri)
    try:
        utils._upgrade_db(engine)  # noqa: SLF001  # the same
    except BaseException:
        engine.dispose()
        _remove(path)
        backup.replace(path)
        raise
    engine.dispose()
