"""Shipping: what lies in a run's journal goes to MLflow, in order, and the journal goes away when MLflow has it all."""

from __future__ import annotations

import logging
import secrets
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.run import MetricPoint, RunStatus
from jupyter_mlops.ports import Tracking
from jupyter_mlops.store.databases import translate
from jupyter_mlops.store.lane import SUFFIX, LaneReader
from jupyter_mlops.store.spool import deliver_streams

log = logging.getLogger(__name__)

GONE: Final = ".gone"
_ROOM_BYTES: Final = 4096
"""Taken from the beginning and written in place: a disk that fills up meanwhile must not lose how a run ended."""
REFUSED: Final = "mlops.metrics.refused"


class End(Record, frozen=True, kw_only=True):
    """How a run ended, kept until MLflow knows it."""

    status: RunStatus
    reason: str
    ended_at: float

    @staticmethod
    def keep_room(folder: Path) -> None:
        """Take the room for it when a run begins. Raises ``OSError``."""
        (folder / "room").write_bytes(b" " * _ROOM_BYTES)

    def keep(self, folder: Path) -> None:
        """Write it into a journal's folder, whole or not at all. Raises ``OSError``."""
        room = folder / "room"
        with room.open("r+b" if room.exists() else "wb", buffering=0) as file:
            file.write(encode(self).ljust(_ROOM_BYTES))
        room.replace(folder / "end.json")


class Shipper:
    """Ships one run's journal. Whoever holds the journal's lock has one; shipping a point twice changes nothing."""

    def __init__(self, folder: Path, run_id: RunId, tracking: Tracking) -> None:
        self._folder = folder
        self._run_id = run_id
        self._tracking = tracking
        self._readers: dict[str, LaneReader] = {}
        self.moved_at = time.monotonic()
        """When something was shipped last, by the monotonic clock."""

    def ship(self) -> None:
        """Send the points that MLflow does not have yet. Raises ``Unavailable``, and as ``Tracking.log``."""
        try:
            for lane in self._lanes():
                while points := lane.read():
                    try:
                        self._send(points)
                    except BaseException:
                        lane.rewind()  # or the next round would go on behind what did not arrive
                        raise
                    lane.shipped()
                    self.moved_at = time.monotonic()
        except OSError as error:
            raise translate(error, f"The journal {self._folder}") from error

    def _lanes(self) -> list[LaneReader]:
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if path.name not in self._readers:
                try:
                    self._readers[path.name] = LaneReader(path)
                except FileNotFoundError:
                    if self._folder.suffix != GONE:
                        raise
                    # else whoever shipped it is removing the folder at this moment
        return list(self._readers.values())

    def _send(self, points: Sequence[MetricPoint]) -> None:
        """Send points; where MLflow refuses some, the others. Raises ``BadInput`` if it takes nothing for this run."""
        try:
            self._tracking.log(self._run_id, metrics=points)
        except BadInput as error:
            if len(points) > 1:
                half = len(points) // 2
                self._send(points[:half])
                self._send(points[half:])
                return
            point = points[0]
            refused = f"{point.key} = {point.value} (step {point.step}): {error.message}"
            self._tracking.log(self._run_id, tags={REFUSED: refused})  # refused as well where the run is deleted
            log.warning("%s", refused)

    def deliver(self) -> None:
        """Ship metrics, streams and the end, whatever of them is here, and remove the folder."""
        with suppress(UnknownThing):  # the run was removed for good, so nobody wants its metrics
            self.ship()
            deliver_streams(self._folder, self._run_id, self._tracking)
            self._end()
        # Renamed at once: whoever opens a journal of that name gets a new folder, not a half-removed one.
        self._folder = self._folder.rename(self._folder.with_name(f"{self._run_id}.{secrets.token_hex(4)}{GONE}"))
        self.discard()

    def discard(self) -> None:
        """Turn other writers of a folder that was given up away, ship what they wrote meanwhile, and remove it."""
        for lane in self._lanes():
            lane.shut()
        with suppress(UnknownThing):
            self.ship()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _end(self) -> None:
        if not (self._folder / "end.json").is_file():
            return
        with suppress(msgspec.DecodeError):  # cut short by a full disk: the reaper ends it as one whose process died
            end = decode((self._folder / "end.json").read_bytes(), End)
            self._tracking.end_run(self._run_id, end.status, reason=end.reason, ended_at=end.ended_at)

    def close(self) -> None:
        """Close the files."""
        for lane in self._readers.values():
            lane.close()
        self._readers.clear()
