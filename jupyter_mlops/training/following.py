"""Following a run: what it writes, as it writes it, until it ends."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from typing import Final, Literal

from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World

Stream = Literal["stdout", "stderr"]
POLL_S: Final = 0.3
STATUS_S: Final = 1.0
"""How often the store is asked whether the run has ended."""
AFTER_CUT_BYTES: Final = 65_536
"""What is shown of a stream whose middle was left out while it was followed."""
PART_BYTES: Final = 1_000_000
_SHOWN_BYTES: Final = 500
"""Of a line that was found."""
_SEQUENCE: Final = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours: a word may change its colour in the middle."""
LIVE: Final = frozenset({"RUNNING", "SCHEDULED"})


class Piece(Record, frozen=True, kw_only=True):
    """What a stream has grown by."""

    lines: str = ""
    """Whole lines, with their ends; at the end of the run also a last one without."""
    current: str = ""
    """The line that is still being written: a progress bar, most often. The next piece replaces it."""


class LogPart(Record, frozen=True, kw_only=True):
    """What a run has written since a place in its stream."""

    text: str
    start: int
    """Byte at which the text begins: the beginning of a line."""
    next: int
    """Byte that the next part begins at: the beginning of the line that is being written, or was not sent any more."""
    n_bytes: int
    """How long the stream is."""


def read_part(world: World, ref: str, stream: Stream, offset: int = 0, *, limit: int = PART_BYTES) -> LogPart:
    """Return what a run has written from byte ``offset`` on, its unfinished line included.

    A negative offset counts from the end. Of more than ``limit`` bytes only whole lines are returned, at least one. Raises
    ``UnknownThing``.
    """
    reader = StreamReader(world, world.tracking.run(ref), stream)
    n_bytes = reader.size()
    reader.offset = max(0, n_bytes + offset) if offset < 0 else offset
    return reader.part(limit, n_bytes)


class LogLine(Record, frozen=True, kw_only=True):
    """A line of a stream that has what was looked for in it."""

    at: int
    """Byte at which it begins."""
    number: int
    """From 1."""
    text: str


class LogHits(Record, frozen=True, kw_only=True):
    """Where in a stream a text occurs."""

    lines: list[LogLine]
    n_lines: int
    """How many lines have it in all."""


def search_log(world: World, ref: str, stream: Stream, text: str, *, most: int = 1000) -> LogHits:
    """Return the lines of a stream that have a text in them, in any case. Raises ``UnknownThing``."""
    reader = StreamReader(world, world.tracking.run(ref), stream)
    wanted = re.compile(re.escape(text.encode()), re.IGNORECASE)
    found: list[LogLine] = []
    n_lines = at = 0
    for number, line in enumerate(reader.lines(), start=1):
        if wanted.search(_SEQUENCE.sub(b"", line)):
            n_lines += 1
            if n_lines <= most:
                shown = line[:_SHOWN_BYTES].rstrip(b"\r\n")
                found.append(LogLine(at=at, number=number, text=_text(shown)))
        at += len(line)
    return LogHits(lines=found, n_lines=n_lines)


def follow_log(
    world: World, ref: str, stream: Stream = "stdout", *, sleep: Callable[[float], object] = time.sleep
) -> Iterator[Piece]:
    """Yield what a run has written and goes on to write, until it has ended. Raises ``UnknownThing``."""
    run = world.tracking.run(ref)
    reader = StreamReader(world, run, stream)
    asked = time.monotonic()
    while run.status in LIVE:
        piece = reader.next()
        if piece is not None:
            yield piece
        sleep(POLL_S)
        if time.monotonic() - asked > STATUS_S:
            asked = time.monotonic()
            run = world.tracking.run(run.id)
    yield reader.rest()


class StreamReader:
    """Reads one stream from where it was read to: the beginning of the line that is being written."""

    def __init__(self, world: World, run: Run, stream: Stream, offset: int = 0) -> None:
        self._world = world
        self._run = run
        self._path = f"logs/{stream}.txt"
        self._spool = world.root / "journal" / run.id / f"{stream}.txt"
        """Where a run writes whose artifacts are in a remote store."""
        self.offset = offset
        self._current = b""

    def next(self) -> Piece | None:
        """Return what is new, ``None`` if nothing is."""
        data = self._read()
        whole = data.rfind(b"\n") + 1
        current = data[whole:]
        if not whole and current == self._current:
            return None
        self.offset += whole
        self._current = current
        return Piece(lines=_text(data[:whole]), current=_text(current))

    def part(self, limit: int, n_bytes: int) -> LogPart:
        """Return the whole lines within ``limit`` bytes, at least one, and where there is no more also what has no end yet."""
        data = self._read(limit)
        while len(data) >= limit and b"\n" not in data:
            limit *= 4
            data = self._read(limit)
        whole = data.rfind(b"\n") + 1
        text = data[:whole] if len(data) >= limit else data
        return LogPart(text=_text(text), start=self.offset, next=self.offset + whole, n_bytes=n_bytes)

    def lines(self) -> Iterator[bytes]:
        """Yield all lines, with their ends, a part at a time."""
        rest = b""
        while data := self._read_from(self.offset, PART_BYTES):
            self.offset += len(data)
            *whole, rest = (rest + data).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest

    def size(self) -> int:
        """Return how many bytes there are."""
        try:
            return self._spool.stat().st_size
        except FileNotFoundError:
            found = self._world.tracking.artifacts(self._run.id, "logs")
            return next((one.n_bytes for one in found if one.path == self._path), 0)

    def rest(self) -> Piece:
        """Return all that is left."""
        return Piece(lines=_text(self._read()))

    def _read(self, limit: int | None = None) -> bytes:
        """Return what stands from the offset on, with all that a stream above its limit still has when it was cut there."""
        if not self.offset:
            return self._read_from(0, limit)
        data = self._read_from(self.offset - 1, None if limit is None else limit + 1)
        if data:  # a bar above the last line may have moved its beginning by some characters
            moved = data.find(b"\n")
            self.offset += max(0, moved)
            return data[moved + 1 :] if moved >= 0 else b""
        whole = self._read_from(0)
        was_cut = len(whole) < self.offset - AFTER_CUT_BYTES  # the middle was left out meanwhile: its end goes on
        self.offset = whole.find(b"\n", max(0, len(whole) - AFTER_CUT_BYTES)) + 1 if was_cut else whole.rfind(b"\n") + 1
        return whole[self.offset :]

    def _read_from(self, offset: int, n_bytes: int | None = None) -> bytes:
        try:
            with self._spool.open("rb") as file:
                file.seek(offset)
                return file.read(-1 if n_bytes is None else n_bytes)
        except FileNotFoundError:
            return self._world.tracking.read(self._run.id, self._path, offset, n_bytes)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
