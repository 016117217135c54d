"""The workspace's folder: how it is found, made, read and moved."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import tempfile
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import msgspec

from jupyter_mlops.core.errors import BadInput, Conflict, Forbidden, NotFound
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.record import Record, convert
from jupyter_mlops.store.databases import DiskFull, ReadOnly, translate

FOLDER: Final = ".mlops"
FORMAT: Final = 1
NETWORK_FILE_SYSTEMS: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "sshfs", "fuse.sshfs", "9p", "lustre", "ceph"}
)


class NoWorkspace(NotFound):
    """No workspace was found and none may be made."""

    code = "workspace-not-found"

    def __init__(self, start: Path) -> None:
        super().__init__(f"There is no workspace in {start} or above it.", hint="Make one with `mlops init`.")


class NewerWorkspace(Conflict):
    """The workspace was made by a newer jupyter-mlops."""

    code = "newer-workspace"

    def __init__(self, root: Path, found: int) -> None:
        super().__init__(
            f"The workspace {root} has format {found}, and this jupyter-mlops knows {FORMAT}; it was left untouched.",
            hint="Update with `pip install --upgrade jupyter-mlops`.",
        )


class SnapshotSettings(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[snapshot]`` table."""

    large_file_bytes: int = 100_000_000


class LogSettings(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[logs]`` table."""

    max_bytes: Annotated[int, msgspec.Meta(ge=200_000)] = 100_000_000
    """Of each output stream of a run: above it, the middle is left out."""


class SystemSettings(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The ``[system]`` table: how often a run's use of CPU, memory and the like is sampled; 0 for never."""

    every_s: Annotated[float, msgspec.Meta(ge=0)] = 5.0


class Settings(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``workspace.toml``. An empty URL means: in the workspace's folder."""

    format: int
    id: str
    home: str
    """Where the folder was when it was last opened: MLflow stores absolute paths, so a move is noticed by it."""
    secrets: str = "file"
    tracking_uri: str = ""
    registry_uri: str = ""
    catalog_url: str = ""
    artifact_url: str = ""
    blob_url: str = ""
    experiment: str = "Default"
    """Where runs go that name none."""
    snapshot: SnapshotSettings = SnapshotSettings()
    logs: LogSettings = LogSettings()
    system: SystemSettings = SystemSettings()


COMMENTS: Final = {
    "tracking_uri": "An MLflow tracking server (https://...) or database instead of mlflow.db.",
    "registry_uri": "An MLflow registry, where it is not the tracking server.",
    "catalog_url": "postgresql+psycopg://... instead of catalog.db.",
    "artifact_url": "Any fsspec URL (s3://...) for what runs store.",
    "blob_url": "Any fsspec URL for snapshots and manifests.",
}


_DATABASES: Final = frozenset({"sqlite", "postgresql", "mysql", "mssql"})
_MLFLOW: Final = _DATABASES | {"http", "https", "file", "databricks", "databricks-uc", "uc"}
SCHEMES: Final = {
    "tracking_uri": _MLFLOW,
    "registry_uri": _MLFLOW,
    "catalog_url": frozenset({"sqlite", "postgresql"}),
}


def find_folder(start: Path) -> Path | None:
    """Return the nearest ``.mlops`` folder upward from ``start``, as git does."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / FOLDER / "workspace.toml").is_file():
            return folder / FOLDER
    return None


def check_schemes(settings: Settings) -> None:
    """Raise ``BadInput`` for a URL of a kind that nothing here could ever open."""
    for key, known in SCHEMES.items():
        url: str = getattr(settings, key)
        scheme, colon, _ = url.partition(":")
        if url and (not colon or scheme.partition("+")[0] not in known):
            raise BadInput(
                f"{key} is {url!r}, which is no URL that it can be.",
                hint=f"It begins with one of {', '.join(sorted(f'{name}:' for name in known))}.",
            )


def make_folder(home: Path, settings: Settings) -> Path:
    """Make ``home/.mlops`` with mode 0700, a ``.gitignore`` of ``*`` and ``workspace.toml``; all or nothing."""
    check_schemes(settings)
    if not home.is_dir():
        raise NotFound(f"There is no folder {home}.", hint=f"Make it with `mkdir -p {home}`.")
    kind = file_system(home)
    if kind in NETWORK_FILE_SYSTEMS and not (settings.tracking_uri and settings.catalog_url):
        raise BadInput(
            f"{home} is on a network file system ({kind}), where SQLite files get damaged.",
            hint="Give `--tracking-uri https://...` and `--catalog-url postgresql+psycopg://...`, or choose a local folder.",
        )
    root = home / FOLDER
    there = root.exists()
    try:
        root.mkdir(mode=0o700, exist_ok=True)
        root.chmod(0o700)
        (root / ".gitignore").write_text("*\n")
        write_settings(root, settings)
    except OSError as error:
        if not there:
            shutil.rmtree(root, ignore_errors=True)
        raise translate(error, f"The folder {home}") from error
    return root


def read_settings(root: Path) -> Settings:
    """Read ``workspace.toml``. Raises ``NewerWorkspace``, and ``BadInput`` naming what is wrong in it."""
    path = root / "workspace.toml"
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise NoWorkspace(root) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} is not valid TOML: {error}.", hint="Correct that line.") from error
    except OSError as error:
        raise translate(error, str(path)) from error
    found = table.get("format", 0)
    if isinstance(found, int) and found > FORMAT:
        raise NewerWorkspace(root, found)
    try:
        settings = convert(table, Settings)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}.", hint="Correct that entry; `mlops init --help` names them.") from error
    check_schemes(settings)
    return settings


def write_settings(root: Path, settings: Settings) -> None:
    """Write ``workspace.toml`` atomically; unused URLs stand in it as comments."""
    lines = ["# A jupyter-mlops workspace. Made by `mlops init`."]
    table: dict[str, Any] = msgspec.to_builtins(settings)
    for key, value in table.items():
        if key in COMMENTS:
            lines += ["", f"# {COMMENTS[key]}", f"{key} = {_quote(value)}" if value else f'# {key} = ""']
        elif not isinstance(value, dict):
            lines.append(f"{key} = {value if isinstance(value, int) else _quote(value)}")
    lines += ["", "[snapshot]", f"large_file_bytes = {settings.snapshot.large_file_bytes}"]
    lines += ["", "[logs]", f"max_bytes = {settings.logs.max_bytes}"]
    lines += ["", "[system]", f"every_s = {settings.system.every_s}", ""]
    fresh = root / "workspace.toml.new"
    fresh.write_text("\n".join(lines))
    fresh.replace(root / "workspace.toml")


def follow_move(root: Path, settings: Settings) -> Settings:
    """Rewrite the paths that MLflow stored, if the folder was moved or copied since; return the new settings.

    A copy beside its original gets an id of its own, so that the two never answer for each other.
    """
    home = str(root.parent)
    old = Path(settings.home) / FOLDER
    if settings.home == home or (old.exists() and old.samefile(root)):  # the same by another way, through a link
        return settings
    database = root / "mlflow.db"
    if database.exists() and not settings.tracking_uri:
        _rewrite_prefix(database, old.as_uri(), root.as_uri())
    is_copy = (old / "workspace.toml").exists() and read_settings(old).id == settings.id
    settings = msgspec.structs.replace(settings, home=home, id=new_id() if is_copy else settings.id)
    try:
        write_settings(root, settings)
    except OSError as error:
        raise translate(error, f"The workspace {root}") from error
    return settings


def _rewrite_prefix(database: Path, old: str, new: str) -> None:
    columns = {
        "experiments": ("artifact_location",),
        "runs": ("artifact_uri",),
        "model_versions": ("source", "storage_location"),
        "logged_models": ("artifact_location",),
    }
    try:
        connection = sqlite3.connect(database)
        with connection:
            for table, names in columns.items():
                for name in names:
                    connection.execute(
                        f"UPDATE {table} SET {name} = ? || substr({name}, ?) "  # noqa: S608  # names are from above
                        f"WHERE substr({name}, 1, ?) = ?",
                        (new, len(old) + 1, len(old), old),
                    )
        connection.close()
    except sqlite3.Error as error:
        raise translate(error, f"The tracking store {database}") from error


def runtime_folder(workspace_id: str) -> Path:
    """Return a 0700 folder with a short path for sockets, below the user's runtime directory."""
    base = os.environ.get("XDG_RUNTIME_DIR")
    if not base or not os.access(base, os.W_OK):
        base = str(Path(tempfile.gettempdir()) / f"mlops-{os.getuid()}")
    folder = Path(base) / "mlops" / re.sub(r"[^0-9a-f]", "", workspace_id)[:12]
    try:
        for one in (Path(base), folder.parent, folder):
            one.mkdir(mode=0o700, exist_ok=True)
            if one.stat().st_uid != os.getuid():
                raise Forbidden(f"{one} belongs to another user.", hint="Set XDG_RUNTIME_DIR to a folder of your own.")
        folder.chmod(0o700)
    except OSError as error:
        raise translate(error, f"The runtime folder {folder}") from error
    return folder


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder is on, ``""`` where it cannot be told."""
    import psutil

    best, kind = "", ""
    for disk in psutil.disk_partitions(all=True):
        if folder.resolve().is_relative_to(disk.mountpoint) and len(disk.mountpoint) >= len(best):
            best, kind = disk.mountpoint, disk.fstype
    return kind


def check_writable(root: Path) -> None:
    """Raise ``ReadOnly`` or ``DiskFull`` if nothing can be written in the workspace."""
    try:
        # Unbuffered: closing must have nothing to write, or the file would stay where it cannot be written.
        with tempfile.NamedTemporaryFile(dir=root, prefix=".probe-", buffering=0) as probe:
            data = b"0" * 4096
            while data:
                data = data[probe.write(data) :]
    except OSError as error:
        found = translate(error, f"The workspace {root}")
        raise (found if isinstance(found, DiskFull) else ReadOnly(f"The workspace {root}")) from error


def as_uri(path: Path) -> str:
    """Return an absolute path as a SQLite URL's path or file URI's, as MLflow wants it."""
    return "file://" + quote(str(path))


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
