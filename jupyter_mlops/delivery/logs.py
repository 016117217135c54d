"""Logs of a service: what all its replicas wrote, those that are gone too, in the order of time."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import msgspec

from jupyter_mlops.core.errors import MlopsError, NotFound
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.service import Replica, Service, name_of_group
from jupyter_mlops.core.since import moment
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.ports import World

LOOK_EVERY_S: Final = 0.5
MOST_LINES: Final = 20_000
"""Of each replica, where a time is asked for."""
LATEST_LINES: Final = 2_000
"""Of each replica, looked at again and again while its log is followed."""
SAME_LINES: Final = 8
"""So many equal lines in a row are the place where the last look ended."""
Line = tuple[float, str]
"""When it was written (seconds since the epoch), and the line as JSON with its replica and deployment."""


class _Log(NamedTuple):
    """What a replica wrote."""

    group: str
    lines: list[str]


class NoSuchReplica(NotFound):
    """No log of a replica by that id."""

    code = "replica-not-found"


def service_logs(
    world: World,
    name: str,
    tail: int | None = 100,
    *,
    replica: str = "",
    deployment: str = "",
    since: str | float | None = None,
) -> list[str]:
    """Return the last lines of a service's replicas as JSON, oldest first: ``{"replica": ..., "at": ..., ...}``.

    ``replica`` is the beginning of an id, to have the lines of that one, and ``deployment`` the name of one, to have those
    of its replicas, whatever they served; without ``tail`` and ``since`` all that is kept is returned. Raises ``UnknownThing``, ``NoSuchReplica`` and ``BadMoment``.
    """
    service = world.catalog.get(Service, name)
    begin = None if since is None else moment(since)
    n_lines = MOST_LINES if tail is None else tail
    running = _of_running(world, service, n_lines)
    found = {**_of_gone(world, name, n_lines, besides=running.keys(), begin=begin or 0.0), **running}
    chosen = {id_: log for id_, log in found.items() if id_.startswith(replica)}
    if replica and not chosen:
        raise NoSuchReplica(
            f"Service {name!r} has no log of a replica {replica!r}.",
            hint=f"There are: {', '.join(found)}." if found else "It has none yet.",
        )
    lines: list[Line] = []
    for id_, log in chosen.items():
        called = name_of_group(log.group, service.deployments)
        if deployment in {"", called}:
            lines += _placed(id_, called, log.lines)
    lines.sort(key=lambda line: line[0])
    wanted = [text for at, text in lines if begin is None or at >= begin]
    return wanted if tail is None else wanted[-tail:]


def mark_of_logs(world: World, name: str) -> object | None:
    """Return what changes with every line of a service's log and costs little; ``None`` where its host alone knows. Raises ``UnknownThing``."""
    service = world.catalog.get(Service, name)
    if world.hosts[service.host].runs_images:
        return None
    written = []
    for file in sorted((service_folder(world, name) / "logs").glob("*.*")):
        with suppress(FileNotFoundError):
            found = file.stat()
            written.append((file.name, found.st_ino, found.st_size, found.st_mtime_ns))
    return written, [(one.name, one.group) for one in service.deployments]


def follow_logs(
    world: World, name: str, *, replica: str = "", sleep: Callable[[float], None] = time.sleep
) -> Iterator[list[str]]:
    """Return lines as replicas write them, those of replicas that start meanwhile too; an empty list when there are none.

    Goes on until the caller stops it or the service is gone. Raises ``UnknownThing`` then.
    """
    seen: dict[str, list[str]] = {}
    first = True
    while True:
        fresh: list[Line] = []
        service = world.catalog.get(Service, name)
        for id_, (group, raw) in _of_running(world, service, LATEST_LINES).items():
            if id_.startswith(replica):
                known = seen.get(id_, raw if first else [])
                fresh += _placed(id_, name_of_group(group, service.deployments), raw[_end_of(known, raw) :])
                seen[id_] = raw
        first = False
        yield [text for _, text in sorted(fresh, key=lambda line: line[0])]
        sleep(LOOK_EVERY_S)


def _of_running(world: World, service: Service, n_lines: int) -> dict[str, _Log]:
    host = world.hosts[service.host]
    found: dict[str, _Log] = {}
    for one in _oldest_first(host.replicas(), service.name):
        with suppress(MlopsError):  # it is being stopped
            found[one.id] = _Log(one.deployment, host.logs(one, n_lines))
    return found


def _of_gone(world: World, name: str, n_lines: int, *, besides: Collection[str], begin: float) -> dict[str, _Log]:
    """Return the last lines of log files, but for those of some replicas and those that were not written since ``begin``."""
    found: dict[str, _Log] = {}
    folder = service_folder(world, name) / "logs"
    for file in sorted(
        [*folder.glob("*.old"), *folder.glob("*.log")], key=lambda file: (file.stem, file.suffix == ".log")
    ):
        group, _, id_ = file.stem.rpartition("-")
        with suppress(FileNotFoundError):
            if id_ in besides or file.stat().st_mtime < begin:
                continue
            with file.open(encoding="utf-8", errors="replace") as text:
                last = [line.rstrip("\r\n") for line in deque(text, maxlen=n_lines)]
            before = found[id_].lines if id_ in found else []
            found[id_] = _Log(group, [*before, *last][-n_lines:])
    return found


def _oldest_first(replicas: Sequence[Replica], service: str) -> list[Replica]:
    return sorted((one for one in replicas if one.service == service), key=lambda one: one.started_at)


def _placed(id_: str, deployment: str, raw: Sequence[str]) -> Iterator[Line]:
    """Return lines with their times. One without a time, such as a crash leaves, has that of the line before it."""
    at, of = 0.0, {"replica": id_, "deployment": deployment}
    for text in raw:
        if not text.strip():
            continue
        line = _read(text)
        if line is None:
            yield at, encode({**of, "at": at, "message": text}).decode()
        else:
            at = line.get("at", at)
            yield at, encode({**of, **line}).decode()


def _read(text: str) -> dict[str, Any] | None:
    """Return a line of the replica's own making, ``None`` for any other."""
    try:
        line = msgspec.json.decode(text.encode("utf-8", "replace"), type=dict)
    except (msgspec.MsgspecError, UnicodeError):
        return None
    return line if isinstance(line.get("at"), (int, float)) else None


def _end_of(known: Sequence[str], raw: Sequence[str]) -> int:
    """Return where, in the lines of a log, those begin that come after the lines that are known."""
    last = list(known[-SAME_LINES:])
    if not last:
        return 0
    for end in range(len(raw), len(last) - 1, -1):
        if list(raw[end - len(last) : end]) == last:
            return end
    return 0
