"""What replicas left: their files, read as a table. Nothing of ours imports pyarrow before it is needed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from jupyter_mlops.core.telemetry import FILE_SUFFIX, PART_SUFFIX, Scored

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE: Final = 10_000
"""Lines that are in memory at once."""
TEXTS: Final = ("service", "deployment", "replica", "manifest")
_decode: Final = msgspec.json.Decoder(Scored).decode


def schema() -> pa.Schema:
    """Return the columns of telemetry. ``inputs``, ``outputs`` and ``collected`` are JSON."""
    import pyarrow as pa

    text = pa.string()
    kinds = [("at", pa.timestamp("us", "UTC")), ("id", text), *((name, text) for name in TEXTS)]
    kinds += [("model", text), ("version", text), ("route", text), ("status", pa.int32()), ("ms", pa.float64())]
    kinds += [("rows", pa.int32()), ("inputs", text), ("outputs", text), ("collected", text), ("left_out", text)]
    return pa.schema(kinds)


def replica_files(incoming: Path, *, parts: bool) -> list[Path]:
    """Return the replicas' files, oldest hour first; with ``parts`` those that are being written too."""
    found = [*incoming.glob(f"*/*{FILE_SUFFIX}"), *(incoming.glob(f"*/*{PART_SUFFIX}") if parts else ())]
    return sorted(found, key=lambda file: file.name)


def tables(file: Path) -> Iterator[pa.Table]:
    """Return a file's requests. A frame that is cut off, and a line that cannot be read, are left out."""
    import pyarrow as pa

    lines = _lines(file)
    while chunk := list(islice(lines, AT_ONCE)):
        columns: dict[str, list[Any]] = {name: [] for name in schema().names}
        for line in chunk:
            _add(line, columns)
        yield pa.table(columns, schema=schema())


def _lines(file: Path) -> Iterator[Scored]:
    import zstandard

    with (
        file.open("rb") as raw,
        zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as data,
        io.BufferedReader(data) as text,
    ):
        try:
            for line in text:
                try:
                    yield _decode(line)
                except msgspec.MsgspecError:
                    continue
        except zstandard.ZstdError:
            return  # what comes after was damaged on the disk


def _add(line: Scored, columns: dict[str, list[Any]]) -> None:
    name, _, version = line.model.rpartition(":")
    columns["at"].append(int(line.at * 1e6))
    columns["id"].append(line.id)
    columns["model"].append(name)
    columns["version"].append(version)
    for each in (*TEXTS, "route", "status", "ms", "rows"):
        columns[each].append(getattr(line, each))
    columns["inputs"].append(_text(line.inputs))
    columns["outputs"].append(_text(line.outputs))
    columns["collected"].append(msgspec.json.encode(line.collected).decode() if line.collected else None)
    columns["left_out"].append(line.left_out or None)


def _text(value: msgspec.Raw) -> str | None:
    data = bytes(value)
    return None if data == b"null" else data.decode("utf-8", "replace")
