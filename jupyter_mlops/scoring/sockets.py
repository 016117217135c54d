"""Where a replica listens: a UNIX socket that only its owner may use, or a TCP port."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import BadInput, Conflict

MAX_PATH: Final = 103
"""Bytes of a socket's path that every system takes (macOS: 104 with the zero)."""
PROBE_S: Final = 1.0


class AddressInUse(Conflict):
    """Something else answers there."""

    code = "address-in-use"


class BadAddress(BadInput):
    """Nothing can listen there."""

    code = "bad-address"


@dataclass(frozen=True, kw_only=True)
class Address:
    """A socket's ``path``, or ``host`` and ``port`` (0: any free one)."""

    path: Path | None = None
    host: str = "127.0.0.1"
    port: int = 0
    shared: bool = False
    """Whether other processes of the same user listen on the port too, and the system deals connections out."""

    def told(self, sock: socket.socket) -> str:
        """Return it as ``unix:PATH`` or ``HOST:PORT``, with the port it got."""
        if self.path is not None:
            return f"unix:{self.path}"
        host, port = sock.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@contextlib.contextmanager
def listen(address: Address) -> Iterator[socket.socket]:
    """Open the socket, and remove its file at the end. Raises ``AddressInUse`` or ``BadAddress``."""
    sock = _tcp(address) if address.path is None else _unix(address.path)
    made = None if address.path is None else _inode(address.path)
    try:
        yield sock
    finally:
        sock.close()
        if address.path is not None and made is not None and _inode(address.path) == made:
            address.path.unlink(missing_ok=True)


def open_beside(path: Path) -> socket.socket:
    """Open a UNIX socket that takes the place of whatever is there, and stays there. Raises ``BadAddress``.

    For a container's folder, where nothing else can be, and who comes in looks whether the socket is another one.
    """
    partial = path.with_name(f"{path.name}.new")
    partial.unlink(missing_ok=True)
    sock = _unix(partial)
    partial.replace(path)
    return sock


def _tcp(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _name, where = found[0]
        sock = socket.socket(family, kind, proto)
    except (OSError, OverflowError) as error:
        raise BadAddress(
            f"{address.host!r} is not an address to listen on: {error}.", hint="Use --bind 127.0.0.1."
        ) from error
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if address.shared:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.setblocking(False)  # noqa: FBT003 - its only form
    try:
        sock.bind(where)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(
                f"Port {address.port} of {address.host} is taken by another program.",
                hint="Choose another with --port.",
            ) from error
        raise BadAddress(f"Nothing can listen on {address.host}:{address.port}: {error.strerror}.") from error
    return sock


def _unix(path: Path) -> socket.socket:
    if len(os.fsencode(path)) > MAX_PATH:
        raise BadAddress(
            f"The socket's path {str(path)!r} is longer than the {MAX_PATH} bytes a socket's may have.",
            hint="Choose a shorter folder with --socket.",
        )
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.setblocking(False)  # noqa: FBT003 - its only form
    before = os.umask(0o177)
    try:
        sock.bind(os.fspath(path))
    except OSError as error:
        sock.close()
        raise BadAddress(
            f"The socket {str(path)!r} cannot be made: {error.strerror}.", hint="Its folder must exist and be writable."
        ) from error
    finally:
        os.umask(before)
    return sock


def _remove_stale(path: Path) -> None:
    """Remove the socket of a replica that is gone; raise if it is alive, or if the file is something else."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise BadAddress(f"{str(path)!r} is a file, not a socket; it was left alone.", hint="Choose another --socket.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise AddressInUse(f"The socket {str(path)!r} is in use: {error}.") from error
    raise AddressInUse(f"A program answers on the socket {str(path)!r} already.", hint="Choose another --socket.")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
