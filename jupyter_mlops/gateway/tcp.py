"""TCP ports for gateways: which are free, and what to say when one is not."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Container

from jupyter_mlops.core.errors import BadInput, Conflict, Unavailable

RANGE = range(20_000, 30_000)
"""Below the ports that systems hand out to outgoing connections, so that a stopped service finds its port free again."""
TRIES = 200


class PortTaken(Conflict):
    """Somebody listens there already."""

    code = "port-taken"

    def __init__(self, bind: str, port: int, owner: str = "") -> None:
        by = f" by service {owner!r}" if owner else ""
        super().__init__(
            f"Port {port} on {bind} is already taken{by}.",
            hint="Name another with `--port`, or leave `--port` out to get a free one.",
        )
        self.port = port


class BadBind(BadInput):
    """An address that cannot be listened on."""

    code = "bad-bind"

    def __init__(self, bind: str, port: int, why: str) -> None:
        super().__init__(
            f"This machine cannot listen on {bind}, port {port}: {why}.",
            hint="Use `--bind 127.0.0.1`, an address of this machine or 0.0.0.0, and a port above 1023.",
        )


class NoFreePort(Unavailable):
    """No port in the range could be had."""

    code = "no-free-port"

    def __init__(self, bind: str) -> None:
        super().__init__(
            f"No port from {RANGE.start} to {RANGE.stop - 1} on {bind} is free.", hint="Name one with `--port`."
        )


def check_free(bind: str, port: int) -> None:
    """Raise ``PortTaken`` if somebody listens on the port, ``BadBind`` if nobody could."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in bind else socket.AF_INET) as probe:
            # As HAProxy does it: connections that linger after a close do not count, listeners do.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((bind, port))
            probe.listen(1)
    except OverflowError as error:
        raise BadBind(bind, port, "ports go from 1 to 65535") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(bind, port) from error
        raise BadBind(bind, port, error.strerror or str(error)) from error


def choose(bind: str, spoken_for: Container[int]) -> int:
    """Return a free port, none of ``spoken_for``. Raises ``NoFreePort`` or ``BadBind``."""
    for port in random.sample(RANGE, TRIES):
        if port not in spoken_for:
            try:
                check_free(bind, port)
            except PortTaken:
                continue
            return port
    raise NoFreePort(bind)
