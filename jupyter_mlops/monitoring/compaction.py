"""Compaction: the files that replicas left become Parquet by the hour, each request once, whenever this is killed."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.core.errors import MlopsError, Unavailable, UnknownThing
from jupyter_mlops.core.files import locked, make_private, replace_file
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.telemetry import file_hour
from jupyter_mlops.monitoring.lines import replica_files, schema, tables
from jupyter_mlops.monitoring.places import Store, incoming_folder, services_with_telemetry, store_of, telemetry_folder
from jupyter_mlops.ports import Distant, World
from jupyter_mlops.scoring.spool import adopt

JOURNAL: Final = "compaction.json"
LOOKED: Final = "deleted.stamp"
"""Its time says when old files were last looked for."""
SCRATCH: Final = "compacting.parquet"
BATCH_BYTES: Final = 64_000_000
"""Of compressed lines, for one Parquet file; an hour of more becomes several, the first of them before it is over."""
SHIP_S: Final = 300.0
"""A datastore that is elsewhere gets what there is after so long, since this disk may be lost."""
log = logging.getLogger(__name__)
BEGUN_S: Final = 3600.0
"""A replica's folder may be empty for so long before it is taken away; a replica makes it again when it needs it."""


class StoreDown(Unavailable):
    """A datastore does not do what it is asked."""

    code = "store-down"

    def __init__(self, store: Store, error: Exception) -> None:
        super().__init__(
            f"The telemetry's datastore {store.url} does not answer: {getattr(error, 'strerror', None) or error}.",
            hint="Requests wait on this machine until it does; `mlops services configure NAME telemetry.store=URL` names another.",
        )


class _Batch(Record, frozen=True, kw_only=True):
    """One Parquet file and what goes into it: the journal, which is there from before it is made until that is gone."""

    store: Store
    output: str
    """Relative to the service's folder in the store."""
    inputs: list[str]
    """Relative to the folder that replicas leave their files in."""
    written: bool = False
    """Whether the output is whole. Until then the inputs count, from then on the output does."""


@contextlib.contextmanager
def settled(world: World, service: str) -> Iterator[None]:
    """Let nobody else move the service's telemetry, with every request in one place: a replica's file or the store."""
    folder = telemetry_folder(world, service)
    make_private(folder)
    with locked(folder / "compaction.lock"):
        _finish(world, service)
        yield


def collect(world: World) -> None:
    """Move what is due of every service, those that are deleted too; one whose datastore is down keeps no other waiting."""
    _gather(world)
    for service in services_with_telemetry(world):
        try:
            compact(world, service)
        except MlopsError as error:
            log.warning("telemetry of %s: %s", service, error)


def _gather(world: World) -> None:
    """Bring here what replicas on other machines kept."""
    for service in world.catalog.find(Service):
        host: object = world.hosts.get(service.host)
        if service.node == world.node and isinstance(host, Distant):
            try:
                host.gather(service.name, str(incoming_folder(world, service.name)))
            except (MlopsError, OSError) as error:
                log.warning("telemetry of %s: %s", service.name, error)


def compact(world: World, service: str, *, now: float | None = None, everything: bool = False) -> int:
    """Move what is due into the service's store; returns how many files were made.

    Due is what is of an hour that is over, what fills a file, and after a few minutes all that goes elsewhere. Raises
    ``StoreDown``; then all of it is still where it was.
    """
    now = time.time() if now is None else now
    incoming = incoming_folder(world, service)
    with settled(world, service):
        for folder in incoming.glob("*"):
            adopt(folder)
        store = store_of(world, service)
        made = 0
        for hour, files in _due(incoming, store, now, everything=everything):
            _move(world, service, store, hour, files)
            made += 1
        _delete_old(world, service, store, now)
        for folder in incoming.iterdir() if incoming.is_dir() else ():
            with contextlib.suppress(OSError):  # not empty, or its replica has just begun
                if now - folder.stat().st_mtime > BEGUN_S:
                    folder.rmdir()
    return made


def _due(incoming: Path, store: Store, now: float, *, everything: bool) -> Iterator[tuple[str, list[Path]]]:
    this_hour = time.strftime("%Y%m%d%H", time.gmtime(now))
    for hour, group in groupby(replica_files(incoming, parts=False), key=lambda file: file_hour(file.name)):
        batch: list[Path] = []
        n_bytes, oldest = 0, now
        for file in group:
            stat = file.stat()
            batch.append(file)
            n_bytes, oldest = n_bytes + stat.st_size, min(oldest, stat.st_mtime)
            if n_bytes >= BATCH_BYTES:
                yield hour, batch
                batch, n_bytes, oldest = [], 0, now
        late = store.elsewhere and now - oldest > SHIP_S
        if batch and (hour < this_hour or late or everything):
            yield hour, batch


def _move(world: World, service: str, store: Store, hour: str, files: Sequence[Path]) -> None:
    incoming = incoming_folder(world, service)
    day = f"{hour[:4]}-{hour[4:6]}-{hour[6:8]}"
    batch = _Batch(
        store=store,
        output=f"date={day}/hour={hour[8:]}/{new_id()}.parquet",
        inputs=[str(file.relative_to(incoming)) for file in files],
    )
    journal = telemetry_folder(world, service) / JOURNAL
    replace_file(journal, encode(batch))
    scratch = journal.with_name(SCRATCH)
    try:
        if _write(scratch, files):
            _put(batch, scratch)
    finally:
        scratch.unlink(missing_ok=True)
    replace_file(journal, encode(_Batch(store=store, output=batch.output, inputs=batch.inputs, written=True)))
    _finish(world, service)


def _finish(world: World, service: str) -> None:
    """Take back a file that was not finished, or remove what went into one that was."""
    journal = telemetry_folder(world, service) / JOURNAL
    try:
        batch = decode(journal.read_bytes(), _Batch)
    except FileNotFoundError:
        return
    if batch.written:
        for name in batch.inputs:
            (incoming_folder(world, service) / name).unlink(missing_ok=True)
    else:
        _take_back(batch, of_use=store_of(world, service) == batch.store)
    journal.unlink()


def _delete_old(world: World, service: str, store: Store, now: float) -> None:
    """Delete what the service's settings keep no longer. Looked for once an hour: a listing may cost money."""
    try:
        keep_days = world.catalog.get(Service, service).telemetry.keep_days
    except UnknownThing:
        return  # what a deleted service left is its owner's to delete
    looked = telemetry_folder(world, service) / LOOKED
    if not keep_days or (looked.is_file() and now - looked.stat().st_mtime < BEGUN_S):
        return
    last = time.strftime("%Y%m%d%H", time.gmtime(now - keep_days * 86_400))
    try:
        fs, root = store.open()
        fs.invalidate_cache()
        for path in fs.find(root) if fs.exists(root) else ():
            if "" < stored_hour(path) < last:
                fs.rm_file(path)
    except Exception as error:  # whatever a file system of fsspec raises
        raise StoreDown(store, error) from error
    replace_file(looked, b"")
    os.utime(looked, (now, now))


def stored_hour(path: str) -> str:
    """Return ``2026112119`` for ``.../date=2026-11-21/hour=19/X.parquet``, nothing for any other file."""
    keys = dict(part.partition("=")[::2] for part in path.split("/") if "=" in part)
    return keys.get("date", "").replace("-", "") + keys.get("hour", "") if path.endswith(".parquet") else ""


def _write(scratch: Path, files: Sequence[Path]) -> int:
    """Write the files' requests as Parquet, a part at a time; returns how many there were."""
    import pyarrow.parquet as pq

    n_rows = 0
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
        with pq.ParquetWriter(raw, schema(), compression="zstd") as writer:
            for file in files:
                for table in tables(file):
                    writer.write_table(table)
                    n_rows += table.num_rows
        raw.flush()
        os.fsync(raw.fileno())
    return n_rows


def _put(batch: _Batch, scratch: Path) -> None:
    try:
        fs, root = batch.store.open()
        target = f"{root}/{batch.output}"
        if _is_local(fs):
            make_private(Path(target).parent)
            _move_file(scratch, Path(target))
        else:
            fs.makedirs(target.rpartition("/")[0], exist_ok=True)
            fs.put_file(str(scratch), target)
    except Exception as error:  # whatever a file system of fsspec raises
        raise StoreDown(batch.store, error) from error


def _move_file(source: Path, target: Path) -> None:
    """Move a file, to another disk too; nobody sees a part of it, and nobody but its owner any of it."""
    try:
        source.replace(target)
    except OSError:
        replace_file(target, source.read_bytes())


def _take_back(batch: _Batch, *, of_use: bool) -> None:
    try:
        fs, root = batch.store.open()
        target = f"{root}/{batch.output}"
        if not _is_local(fs):
            fs.invalidate_cache()
        if fs.exists(target):
            fs.rm_file(target)
    except Exception as error:
        if of_use:
            raise StoreDown(batch.store, error) from error


def _is_local(fs: Any) -> bool:
    return "file" in ([fs.protocol] if isinstance(fs.protocol, str) else fs.protocol)
