"""What is said to a running HAProxy over its sockets, and what it answers."""

from __future__ import annotations

import csv
import re
import socket
import time
from collections.abc import Mapping

from jupyter_mlops.core.errors import Failed
from jupyter_mlops.core.figures import Answered
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Copies
from jupyter_mlops.gateway import mirror
from jupyter_mlops.gateway.config import (
    ACTIVATOR,
    COPIES_MAP,
    FRONTEND,
    NAMES_MAP,
    SERVER_OPTIONS,
    SHARES_MAP,
    Plan,
    Sockets,
    escape,
    render_map,
)
from jupyter_mlops.ports import Load

ANSWER_S = 5.0
MAINTENANCE = 0x01
"""The bit of ``srv_admin_state`` that says that a server was taken out."""


class Refused(Failed):
    """HAProxy did not do what it was told."""

    code = "gateway-refused"

    def __init__(self, command: str, answer: str) -> None:
        super().__init__(f"HAProxy answered {command.splitlines()[0]!r} with: {' '.join(answer.split())[:300]}.")


class Seen(Record, frozen=True, kw_only=True):
    """What a running HAProxy does now."""

    names: dict[str, str]
    shares: dict[str, str]
    copies: dict[str, str]
    servers: dict[str, dict[str, bool]]
    """Slot to server to whether it takes requests."""


def ask(path: str, command: str) -> str:
    """Send one command to a socket and return its answer. Raises ``OSError`` when nobody answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_S)
        _connect(connection, path)
        connection.sendall(command.encode() + b"\n")
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while data := connection.recv(65536):
            answer += data
    return answer.decode("utf-8", "replace").strip()


def _connect(connection: socket.socket, path: str) -> None:
    """Connect; wait a little where others have filled the queue, for which UNIX sockets refuse at once."""
    ends = time.monotonic() + ANSWER_S
    while True:
        try:
            return connection.connect(path)
        except BlockingIOError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.005)


def describe(sockets: Sockets) -> str:
    """Return what the worker says of itself. Raises ``OSError``."""
    found = re.search(r"^description: (.*)$", ask(sockets.admin, "show info"), re.MULTILINE)
    return found.group(1).strip() if found else ""


def master_pid(sockets: Sockets) -> int:
    """Return the pid of the master process, 0 if it does not say. Raises ``OSError``."""
    found = re.search(r"^(\d+)\s+master\b", ask(sockets.master, "show proc"), re.MULTILINE)
    return int(found.group(1)) if found else 0


def see(sockets: Sockets) -> Seen:
    """Return what is behind a gateway now. Raises ``OSError``."""
    servers: dict[str, dict[str, bool]] = {}
    for line in ask(sockets.admin, "show servers state").splitlines():
        fields = line.split()
        # What comes before them is version and head; the activator is part of the frame.
        if len(fields) > 6 and fields[1].startswith("slot") and fields[3] != ACTIVATOR:  # noqa: PLR2004  # see above
            servers.setdefault(fields[1], {})[fields[3]] = not int(fields[6]) & MAINTENANCE
    return Seen(
        names=_map(sockets, NAMES_MAP),
        shares=_map(sockets, SHARES_MAP),
        copies=_map(sockets, COPIES_MAP),  # empty where none are made: HAProxy knows no such map then
        servers=servers,
    )


def in_flight(sockets: Sockets) -> dict[str, int]:
    """Return how many requests each server has yet to answer, by its name. Raises ``OSError``."""
    lines = (line.split(",") for line in ask(sockets.admin, "show stat -1 4 -1").splitlines())
    return {fields[1]: int(fields[4] or 0) for fields in lines if len(fields) > 4 and fields[0].startswith("slot")}  # noqa: PLR2004  # HAProxy's "scur"


def loads(sockets: Sockets) -> dict[str, Load]:
    """Return what the replicas of each deployment have to do. Raises ``OSError``."""
    found: dict[str, Load] = {}
    for line in ask(sockets.admin, "show stat -1 4 -1").splitlines()[1:]:
        fields = line.split(",")  # of HAProxy's: 4 is "scur", 7 is "stot"
        if len(fields) > 7 and fields[1] != ACTIVATOR:  # noqa: PLR2004  # see above
            before = found.get(fields[0], Load())
            found[fields[0]] = Load(
                in_flight=before.in_flight + int(fields[4] or 0), total=before.total + int(fields[7] or 0)
            )
    return {name: found.get(slot, Load()) for name, slot in _map(sockets, NAMES_MAP).items()}


def answered(sockets: Sockets) -> Answered:
    """Return what came in at the service's address since this HAProxy was loaded. Raises ``OSError``."""
    lines = list(csv.DictReader(ask(sockets.admin, "show stat -1 5 -1").removeprefix("# ").splitlines()))

    def told(name: str) -> int:
        return sum(int(line[name] or 0) for line in lines if line["pxname"] == FRONTEND)

    return Answered(
        requests=told("req_tot"),
        ok=told("hrsp_2xx") + told("hrsp_3xx"),
        refused=told("hrsp_4xx"),
        failed=told("hrsp_5xx"),
        in_flight=sum(
            int(line["scur"] or 0)
            for line in lines
            if line["pxname"].startswith("slot") and line["svname"] != ACTIVATOR  # which says itself what it holds
        ),
    )


def copies(sockets: Sockets) -> dict[str, Copies]:
    """Return what became of copied requests since this HAProxy was loaded; none where it copies none. Raises ``OSError``."""
    return mirror.read_counts(ask(sockets.admin, mirror.COMMAND))


def change(sockets: Sockets, plan: Plan, seen: Seen) -> None:
    """Make a running HAProxy do what the plan says, without a reload; says nothing when it does so already.

    New servers come first and old ones go last, so at no moment has a request nowhere to go. Servers that go finish what
    they have. Raises ``Refused`` or ``OSError``.
    """
    for slot, servers in plan.servers.items():
        for name, address in servers.items():
            _add_server(sockets, f"{slot}/{name}", address, taking=seen.servers.get(slot, {}).get(name))
    for deployment, slot in plan.names.items():
        if seen.names.get(deployment) != slot:
            verb = "set" if deployment in seen.names else "add"
            _tell(sockets, f"{verb} map {NAMES_MAP} {deployment} {slot}")
    _set_map(sockets, SHARES_MAP, {str(number): name for number, name in enumerate(plan.shares)}, seen.shares)
    if plan.most_copied:
        _set_map(sockets, COPIES_MAP, plan.copies, seen.copies)
    for deployment in seen.names.keys() - plan.names.keys():
        _tell(sockets, f"del map {NAMES_MAP} {deployment}")
    for slot, found in seen.servers.items():
        for name in found.keys() - plan.servers.get(slot, {}).keys():
            _remove_server(sockets, f"{slot}/{name}", taking=found[name])


def _add_server(sockets: Sockets, name: str, address: str, *, taking: bool | None) -> None:
    """Let a server take requests; ``taking`` is whether it does now, ``None`` if it is not known."""
    if taking:
        return
    if taking is None:
        _tell(sockets, f"add server {name} {escape(address)} {SERVER_OPTIONS}", expect="New server registered")
        _tell(sockets, f"enable health {name}")
    _tell(sockets, f"set server {name} state ready")


def _remove_server(sockets: Sockets, name: str, *, taking: bool) -> None:
    """Give a server no more requests, and drop it if it has none left; else one of the next changes does."""
    if taking:
        _tell(sockets, f"set server {name} state maint")
    ask(sockets.admin, f"del server {name}")


def _set_map(sockets: Sockets, table: str, wanted: Mapping[str, str], found: Mapping[str, str]) -> None:
    """Replace the whole table at once: no request sees half of it."""
    if wanted == found:
        return
    answer = ask(sockets.admin, f"prepare map {table}")
    version = re.search(r"New version created: (\d+)", answer)
    if version is None:
        raise Refused("prepare map", answer)
    if wanted:
        _tell(sockets, f"add map @{version.group(1)} {table} <<\n{render_map(wanted.items())}")
    _tell(sockets, f"commit map @{version.group(1)} {table}")


def _map(sockets: Sockets, name: str) -> dict[str, str]:
    lines = (line.split() for line in ask(sockets.admin, f"show map {name}").splitlines())
    return {fields[1]: fields[2] for fields in lines if len(fields) == 3}  # noqa: PLR2004  # reference, key, value


def _tell(sockets: Sockets, command: str, *, expect: str = "") -> None:
    answer = ask(sockets.admin, command)
    if (expect and expect not in answer) or (not expect and answer):
        raise Refused(command, answer)
