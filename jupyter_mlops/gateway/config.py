"""What a gateway's HAProxy reads: its configuration, its maps and its error pages.

Deployments live in numbered slots (HAProxy backends that are there from the start), and which request goes where stands
in two maps. So deployments, their shares and their replicas all change at run time; a reload is only for the frame.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus

from jupyter_mlops.core.errors import Problem
from jupyter_mlops.core.record import Record, encode
from jupyter_mlops.gateway import mirror, tls
from jupyter_mlops.ports import Backend, Route

SLOTS = 8
"""Deployments that a gateway takes without a reload."""
NAMES_MAP = "deployments.map"
"""From a deployment's name to its slot. Paths are relative: HAProxy runs in the folder of these files."""
SHARES_MAP = "shares.map"
"""From a drawn number to a deployment's name."""
COPIES_MAP = "copies.map"
"""From another drawn number to the deployment that gets a copy of the request, if any does."""
CONFIG = "haproxy.cfg"
FRONTEND = "service"
"""What clients' requests come in by."""
ACTIVATOR = "activator"
"""The server that holds requests where no replica is up."""
SHARES = 100
"""Requests draw a number below this."""
SERVER_OPTIONS = (
    "check inter 1s fastinter 20ms downinter 500ms fall 3 rise 1"
    " observe layer7 error-limit 1 on-error fastinter slowstart 10s"
)
"""Said for each server, since servers added at run time do not inherit ``default-server``.

After a failed connection, an answer that broke off or a status of 500 and more, checks hurry, so that a dead replica is out
in a sixteenth of a second. Errors alone take none out: a script that only raises is to be asked, and a burst may overfill
the queue of a replica that is well.
"""
ERRORS = {
    400: ("bad-request", "The request is not valid HTTP.", "Send it with an HTTP client."),
    408: ("request-timeout", "The request did not arrive in time.", "Send it again."),
    500: ("gateway-failed", "The gateway failed.", "Read the service's state with `mlops services show`."),
    502: (
        "bad-gateway",
        "A replica ended while it answered.",
        "Send the request again; `mlops services logs` says why.",
    ),
    503: ("no-replica", "No replica of this service is ready.", "See why with `mlops services show`."),
    504: ("gateway-timeout", "No replica answered in time.", "Send less at once, or add replicas."),
}


class Sockets(Record, frozen=True, kw_only=True):
    """How a running gateway is talked to."""

    admin: str
    """The worker's: servers and maps."""
    master: str
    """The master's: reloads and processes."""
    mirror: str
    """Where copies of requests come back in."""
    activator: str
    """Where requests go that no replica can take, if they are held."""
    back: str
    """Where those come back in."""


class Plan(Record, frozen=True, kw_only=True):
    """A route with every choice made."""

    label: str
    """Says whose gateway it is; the running HAProxy repeats it with the frame's digest."""
    bind: str
    port: int
    n_slots: int
    names: dict[str, str]
    """Deployment to slot."""
    shares: list[str]
    """The deployment for each number that a request may draw; empty when none takes traffic."""
    servers: dict[str, dict[str, str]]
    """Slot to server to HAProxy's address of it."""
    copies: dict[str, str] = {}
    """Drawn numbers to the deployment that gets a copy."""
    most_copied: int = 0
    """The most bytes of a body that is copied; 0 where no deployment is to get copies, ready or not."""
    holds: bool = False
    """Whether requests wait where no replica is ready."""
    certificate: str = ""
    """As the route has it."""


def plan_route(route: Route, port: int, label: str, taken: Mapping[str, str]) -> Plan:
    """Make a route's choices; deployments keep the slots that they have in ``taken``."""
    n_slots = SLOTS
    while n_slots < len(route.backends):
        n_slots *= 2
    slots = [f"slot{number}" for number in range(n_slots)]
    names = {one.deployment: taken[one.deployment] for one in route.backends if taken.get(one.deployment) in slots}
    # Slots that were in use until now come last: requests may still be on their way through them.
    free = sorted(set(slots) - set(names.values()), key=lambda slot: (slot in taken.values(), slots.index(slot)))
    for backend in route.backends:
        if backend.deployment not in names:
            names[backend.deployment] = free.pop(0)
    return Plan(
        label=label,
        bind=route.bind,
        port=port,
        n_slots=n_slots,
        names=names,
        shares=share_out(route.backends, holds=route.holds),
        servers={names[one.deployment]: dict(map(server, one.addresses)) for one in route.backends},
        copies=_copies(route.backends),
        most_copied=route.max_body_bytes if any(one.mirror for one in route.backends) else 0,
        holds=route.holds,
        certificate=route.certificate,
    )


def share_out(backends: Sequence[Backend], *, holds: bool = False) -> list[str]:
    """Return the deployment for each number below ``SHARES``, in proportion to the weights.

    A deployment with no replica ready gets nothing, so that its share is answered by the others, unless it is asleep; where none
    has one and requests are held, all get their share. Each that has a weight and a replica gets at least one number; what does not divide goes to the largest remainders.
    """
    weighty = [one for one in backends if one.weight > 0]
    ready = [one for one in weighty if one.addresses or one.asleep] or (weighty if holds else [])
    total = sum(one.weight for one in ready)
    if not total:
        return []
    exact = {one.deployment: one.weight * SHARES / total for one in ready}
    count = {name: max(1, int(share)) for name, share in exact.items()}
    while (left := SHARES - sum(count.values())) != 0:
        step = 1 if left > 0 else -1
        name = max(exact, key=lambda each: step * (exact[each] - count[each]))
        count[name] += step
    return [name for name, number in count.items() for _ in range(number)]


def _copies(backends: Sequence[Backend]) -> dict[str, str]:
    """Return the deployments that get copies, by the numbers below ``SHARES`` that requests draw for it."""
    names = [one.deployment for one in backends if one.addresses for _ in range(one.mirror)]
    return {str(number): name for number, name in enumerate(names[:SHARES])}


def server(address: str) -> tuple[str, str]:
    """Return a server's name, which its address alone decides, and the address as HAProxy writes it."""
    name = f"r{hashlib.sha256(address.encode()).hexdigest()[:12]}"
    if address.startswith("unix:"):
        return name, f"unix@{address.removeprefix('unix:')}"
    return name, address


def render_files(plan: Plan, sockets: Sockets) -> dict[str, str]:
    """Return the content of every file, by name."""
    files = {f"{status}.http": _error_page(status) for status in ERRORS}
    files[NAMES_MAP] = render_map(plan.names.items())
    files[SHARES_MAP] = render_map((str(number), name) for number, name in enumerate(plan.shares))
    files[COPIES_MAP] = render_map(plan.copies.items())
    if plan.most_copied:
        files[mirror.SCRIPT] = mirror.script(sockets.mirror)
    files[CONFIG] = _render(plan, sockets, with_servers=True)
    return files


def render_map(pairs: Iterable[tuple[str, str]]) -> str:
    """Return a map file."""
    return "".join(f"{key} {value}\n" for key, value in pairs)


def description(plan: Plan, sockets: Sockets) -> str:
    """Return what an HAProxy with this plan's frame says of itself."""
    frame = _render(plan, sockets, with_servers=False)
    return f"{plan.label} {hashlib.sha256(f'{frame}{ERRORS}'.encode()).hexdigest()[:16]}"


def _render(plan: Plan, sockets: Sockets, *, with_servers: bool) -> str:
    lines = [
        *_globals(sockets, description(plan, sockets) if with_servers else plan.label, plan.most_copied),
        *_defaults(),
        *_frontend(plan),
        *(_inner("mirror", sockets.mirror) if plan.most_copied else []),
        *(_inner("held", sockets.back) if plan.holds else []),
        "backend none",
    ]
    for slot in (f"slot{number}" for number in range(plan.n_slots)):
        lines += [f"backend {slot}", *_indent(["balance leastconn", "option httpchk GET /health/ready"])]
        lines += _indent(["http-check expect status 200"])
        if plan.holds:  # each request has a connection of its own there, since it is led on as it comes
            lines += _indent([f"server {ACTIVATOR} unix@{escape(sockets.activator)} backup pool-max-conn 0"])
        if with_servers:
            servers = plan.servers.get(slot, {})
            lines += _indent(f"server {name} {escape(address)} {SERVER_OPTIONS}" for name, address in servers.items())
    return "\n".join(lines) + "\n"


def _globals(sockets: Sockets, says: str, most_copied: int) -> list[str]:
    return [
        "global",
        *_indent(
            [
                f'description "{says}"',
                # The new process takes the listening sockets over from the old one, so none is ever closed.
                f"stats socket {escape(sockets.admin)} mode 600 level admin expose-fd listeners",
                # Longer than any answer may take: what a reload replaces ends when it has answered.
                "hard-stop-after 65m",
                # Otherwise two gateways could share a port silently, and answer for each other.
                "noreuseport",
                # Where a container allows a billion open files, HAProxy would make tables for them all.
                "fd-hard-limit 65536",
                f"nbthread {min(4, os.cpu_count() or 1)}",
                *([mirror.load(most_copied)] if most_copied else []),
            ]
        ),
    ]


def _defaults() -> list[str]:
    return [
        "defaults",
        *_indent(
            [
                "mode http",
                "timeout connect 2s",
                "timeout client 75s",
                # Replicas end what takes too long; this is for one that hangs.
                "timeout server 1h",
                "timeout http-request 30s",
                "timeout http-keep-alive 75s",
                "timeout check 5s",
                # Without it a reload closes idle connections just as requests arrive on them.
                "option idle-close-on-response",
                "option forwardfor",
                "option redispatch 1",
                "retries 3",
                # Only what was never sent is sent again: a request that scores may also write.
                "retry-on conn-failure",
                *(f"errorfile {status} {status}.http" for status in ERRORS),
            ]
        ),
    ]


def _frontend(plan: Plan) -> list[str]:
    asked = "req.hdr(x-mlops-deployment)"
    detail = 'This service has no deployment "ASKED".'
    problem = encode(
        _problem(404, "deployment-not-found", detail, "Name one that `mlops services show` lists.")
    ).decode()
    body = problem.replace("ASKED", f"%[{asked},json(utf8s)]")
    answer = f"return status 404 content-type application/problem+json lf-string '{body}'"
    return [
        f"frontend {FRONTEND}",
        *_indent(
            [
                f"bind {_address(plan.bind, plan.port)}{tls.options(plan.certificate)}",
                "http-request set-header x-request-id %[uuid()] if !{ req.hdr(x-request-id) -m len 1:128 }",
                "http-request set-var(txn.id) req.hdr(x-request-id)",
                f"http-request set-var(txn.deployment) {asked} if {{ {asked} -m found }}",
                f"http-request set-var(txn.deployment) rand({SHARES}),map({SHARES_MAP}) if !{{ {asked} -m found }}",
                f"http-request set-var(txn.slot) var(txn.deployment),map({NAMES_MAP})",
                f"http-request {answer} if {{ {asked} -m found }} !{{ var(txn.slot) -m found }}",
                *(_copying(asked) if plan.most_copied else []),
                *(["http-request set-header x-mlops-deployment %[var(txn.deployment)]"] if plan.holds else []),
                "http-after-response set-header x-request-id %[var(txn.id)]",
                "http-after-response set-header x-mlops-deployment %[var(txn.deployment)] if { var(txn.slot) -m found }",
                "use_backend %[var(txn.slot)] if { var(txn.slot) -m found }",
                "default_backend none",
            ]
        ),
    ]


def _copying(asked: str) -> list[str]:
    """Let some requests be copied. Those of one's choice of a deployment are not the service's traffic."""
    return [
        mirror.FILTER,
        f"http-request set-var(txn.copy) rand({SHARES}),map({COPIES_MAP}) if METH_POST !{{ {asked} -m found }}",
    ]


def _inner(name: str, path: str) -> list[str]:
    """Take requests back in that were copied or held, for the deployment that they name."""
    return [
        f"frontend {name}",
        *_indent(
            [
                f"bind unix@{escape(path)} mode 600",
                # Idle connections of ours would keep a replaced HAProxy from ending.
                "option httpclose",
                f"use_backend %[req.hdr(x-mlops-deployment),map({NAMES_MAP})]",
                "default_backend none",
            ]
        ),
    ]


def _address(bind: str, port: int) -> str:
    return f"[{bind}]:{port}" if ":" in bind else f"{bind}:{port}"


def escape(text: str) -> str:
    """Return text as one word for HAProxy, in its configuration as on its sockets."""
    return re.sub(r"([\\\s\"'#;])", r"\\\1", text)


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _problem(status: int, code: str, detail: str, hint: str) -> Problem:
    title = code.replace("-", " ").capitalize()
    return Problem(type=f"urn:jupyter-mlops:{code}", title=title, status=status, detail=detail, code=code, hint=hint)


def _error_page(status: int) -> str:
    body = encode(_problem(status, *ERRORS[status])).decode()
    head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "content-type: application/problem+json"]
    head += [f"content-length: {len(body)}", "cache-control: no-store"]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        head.append("retry-after: 1")
    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_TIMEOUT}:
        head.append("connection: close")
    return "\r\n".join([*head, "", body])
