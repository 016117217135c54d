"""Telemetry read as one table: what is in the datastore, and what replicas left since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from jupyter_mlops.core.record import Record
from jupyter_mlops.core.since import iso, moment
from jupyter_mlops.core.telemetry import PROOF_ID, file_hour
from jupyter_mlops.monitoring.compaction import StoreDown, settled, stored_hour
from jupyter_mlops.monitoring.lines import replica_files, schema, tables
from jupyter_mlops.monitoring.places import Store, incoming_folder, store_of
from jupyter_mlops.monitoring.rows import by_row
from jupyter_mlops.ports import World

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Moment = str | float | datetime


class Request(Record, frozen=True, kw_only=True):
    """One request that a service answered, as faces show it."""

    at: str
    """ISO 8601, in UTC."""
    id: str
    deployment: str
    replica: str
    model: str
    """``NAME:VERSION``."""
    route: str
    status: int
    ms: float
    rows: int
    inputs: Any = None
    outputs: Any = None
    collected: dict[str, Any] = {}
    left_out: str = ""


def read_telemetry(
    world: World, service: str, *, since: Moment | None = None, until: Moment | None = None, newest: int | None = None
) -> pa.Table:
    """Return the requests that were kept of a service, oldest first; ``newest`` of them at most, the last ones.

    Columns are those of ``lines.schema``. Raises ``UnknownThing``, ``BadMoment`` and ``StoreDown``.
    """
    import pyarrow as pa

    begin = 0.0 if since is None else moment(since)
    end = None if until is None else moment(until)
    store = store_of(world, service)
    with settled(world, service):
        parts = [*_stored(store, begin), *_incoming(incoming_folder(world, service), begin)]
    table = pa.concat_tables([schema().empty_table(), *parts])
    table = table.filter(_between(begin, end)).sort_by("at")
    return table if newest is None or table.num_rows <= newest else table.slice(table.num_rows - newest)


def telemetry(
    world: World, service: str, *, since: Moment | None = None, until: Moment | None = None, rows: bool = False
) -> pd.DataFrame:
    """Return the requests as a DataFrame, inputs and outputs as Python objects, each collected field in a column.

    With ``rows`` there is one line for each row that was scored, with a column for each of its features.
    """
    table = read_telemetry(world, service, since=since, until=until)
    frame = table.to_pandas()
    for name in ("inputs", "outputs"):
        frame[name] = [_read(text) for text in table.column(name).to_pylist()]
    collected = [_read(text) or {} for text in table.column("collected").to_pylist()]
    frame = frame.drop(columns="collected")
    for field in dict.fromkeys(name for fields in collected for name in fields):
        frame[f"collected.{field}"] = [fields.get(field) for fields in collected]
    return by_row(world, frame) if rows else frame


def list_requests(world: World, service: str, *, since: Moment | None = None, newest: int = 100) -> list[Request]:
    """Return the newest requests, oldest first."""
    return [_request(line) for line in read_telemetry(world, service, since=since, newest=newest).to_pylist()]


def _request(line: dict[str, Any]) -> Request:
    return Request(
        at=iso(line["at"].timestamp()),
        id=line["id"],
        deployment=line["deployment"],
        replica=line["replica"],
        model=f"{line['model']}:{line['version']}" if line["version"] else line["model"],
        route=line["route"],
        status=line["status"],
        ms=line["ms"],
        rows=line["rows"],
        inputs=_read(line["inputs"]),
        outputs=_read(line["outputs"]),
        collected=_read(line["collected"]) or {},
        left_out=line["left_out"] or "",
    )


def _read(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)


def _stored(store: Store, begin: float) -> Iterator[pa.Table]:
    """Return what the datastore has of the hours from ``begin`` on."""
    import pyarrow.dataset as ds

    first = datetime.fromtimestamp(begin, UTC).strftime("%Y%m%d%H")
    try:
        fs, root = store.open()
        fs.invalidate_cache()
        files = [path for path in (fs.find(root) if fs.exists(root) else ()) if stored_hour(path) >= first]
        if files:
            yield ds.dataset(files, schema=schema(), format="parquet", filesystem=fs).to_table(
                filter=_between(begin, None)
            )
    except Exception as error:  # whatever a file system of fsspec raises
        raise StoreDown(store, error) from error


def _incoming(folder: Path, begin: float) -> Iterator[pa.Table]:
    first = datetime.fromtimestamp(begin, UTC).strftime("%Y%m%d%H")
    for file in replica_files(folder, parts=True):
        if file_hour(file.name) >= first:
            yield from _tables_of(file)


def _tables_of(file: Path) -> Iterator[pa.Table]:
    try:
        yield from tables(file)
    except FileNotFoundError:  # its replica has just finished it
        yield from tables(file.with_name(file.stem + ".jsonl.zst"))


def _between(begin: float, end: float | None) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    def at(seconds: float) -> pa.Scalar:
        return pa.scalar(int(seconds * 1e6), pa.timestamp("us", "UTC"))

    wanted = (ds.field("at") >= at(begin)) & (ds.field("id") != PROOF_ID)
    return wanted if end is None else wanted & (ds.field("at") < at(end))
