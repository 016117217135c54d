"""Which answers can be watched: how often each is looked at, what of it is news, and what is told of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote

from msgspec.structs import replace

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.figures import Figures, ServiceCounts
from jupyter_mlops.core.record import decode
from jupyter_mlops.delivery.logs import mark_of_logs
from jupyter_mlops.server.routes import ROUTES
from jupyter_mlops.server.row import Row
from jupyter_mlops.training.following import LogPart

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace

CPU_S: Final = 0.25
"""A replica that has nothing to do uses a little all the same, if only to say so: less than this is no news by itself."""
MEMORY_BYTES: Final = 1 << 20
LATE_S: Final = 2.0
"""A line may be written so much later than it says, beside those of other replicas."""


class NotWatchable(BadInput):
    """An address whose answer cannot be watched."""

    code = "not-watchable"

    def __init__(self, address: str) -> None:
        super().__init__(f"{address[:200]!r} cannot be watched.", hint=f"These can: {', '.join(KINDS)}.")


class Kind:
    """How an answer is watched: told whole whenever anything of it changed."""

    def __init__(self, every_s: float) -> None:
        self.every_s = every_s

    def mark(self, _world: Workspace, _path: Sequence[Any]) -> object | None:
        """Return what changes whenever the answer does and costs less; ``None`` where nothing is known to."""
        return None

    def besides(self, _before: Any) -> Mapping[str, Any]:
        """Return what to ask for besides what the browser said, where ``before`` is what was seen last."""
        return {}

    def joined(self, _before: Any, came: Any, _query: Mapping[str, Any]) -> Any:
        """Return the answer, of what was seen last and what came for ``besides``."""
        return came

    def essence(self, reply: Any) -> Any:
        """Return that of an answer which is news when it changes."""
        return reply

    def news(self, _told: Any, now: Any) -> Any:
        """Return what to tell a browser that was told ``told``."""
        return now


class _Figures(Kind):
    def essence(self, reply: Figures) -> Figures:
        replicas = [
            replace(one, cpu_s=one.cpu_s // CPU_S, memory_bytes=one.memory_bytes // MEMORY_BYTES)
            for one in reply.replicas
        ]
        return replace(reply, at=0.0, replicas=replicas)


class _Counts(Kind):
    def essence(self, reply: list[ServiceCounts]) -> list[ServiceCounts]:
        return [replace(one, at=0.0) for one in reply]


class _Lines(Kind):
    """Lines of a service's log: those are looked for that were written since the last one, and told alone."""

    def mark(self, world: Workspace, path: Sequence[Any]) -> object | None:
        return mark_of_logs(world, *path)

    def besides(self, before: list[str]) -> Mapping[str, Any]:
        return {"since": max(0.0, decode(before[-1], dict).get("at", 0.0) - LATE_S)} if before else {}

    def joined(self, before: list[str], came: list[str], query: Mapping[str, Any]) -> list[str]:
        return [*before, *self.news(before, came)][-query["tail"] :]

    def news(self, told: list[str], now: list[str]) -> list[str]:
        known = Counter(told)
        fresh = []
        for line in now:
            if known[line]:
                known[line] -= 1
            else:
                fresh.append(line)
        return fresh


class _Stream(Kind):
    """What a run writes: looked at from the beginning of the line that was being written."""

    def besides(self, before: LogPart) -> Mapping[str, Any]:
        return {"offset": before.next}

    def essence(self, reply: LogPart) -> tuple[int, int, str]:
        return reply.n_bytes, reply.next, reply.text.rpartition("\n")[2]


KINDS: Final[Mapping[str, Kind]] = {
    "counts": _Counts(every_s=2.0),
    "runs/{ref}/logs/{stream}": _Stream(every_s=1.0),
    "services/{name}/figures": _Figures(every_s=1.0),
    "services/{name}/logs": _Lines(every_s=1.0),
    "services/{name}/mirror": Kind(every_s=2.0),
}
"""By the paths of their routes, all of which whoever may read may ask for."""

_ROWS: Final = [row for row in ROUTES if row.method == "GET" and row.path in KINDS]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """An address as a browser wrote it, decoded."""

    row: Row
    path: Sequence[Any]
    query: Mapping[str, Any]

    @property
    def kind(self) -> Kind:
        """How it is watched."""
        return KINDS[self.row.path]


def read_address(address: str) -> Asked:
    """Decode an address below ``mlops/api/``. Raises ``NotWatchable``, and ``BadPath`` and ``BadQuery`` as its route does."""
    path, _, query = address.partition("?")
    for row in _ROWS:
        if found := re.fullmatch(row.pattern, path):
            given = dict(parse_qsl(query, keep_blank_values=True))
            values = row.path_values([unquote(part) for part in found.groups()])
            defaults = {name: one.default for name, one in row.in_query.items() if not one.required}
            return Asked(row=row, path=values, query=defaults | row.query(given))
    raise NotWatchable(address)
