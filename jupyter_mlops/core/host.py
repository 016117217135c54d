"""A host by name: another machine's Docker engine, where services run as on this machine's."""

from __future__ import annotations

import re
from typing import ClassVar, Final, Literal
from urllib.parse import urlsplit

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.record import Entry, Record

LOCAL: Final = ("process", "docker")
"""Hosts that every workspace has."""


SOCKET: Final = "/var/run/docker.sock"
"""Where engines listen."""
TLS_PORT: Final = 2376
_MACHINE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
_USER: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]*")


class BadHostUrl(BadInput):
    """No engine can be reached by a URL."""

    code = "bad-host-url"

    def __init__(self, url: str) -> None:
        super().__init__(
            f"{url!r} is no URL of a Docker engine.",
            hint="Use ssh://USER@MACHINE, ssh://USER@MACHINE:PORT or tcp://MACHINE:2376.",
        )


class HostUrl(Record, frozen=True, kw_only=True):
    """The parts of a host's URL."""

    scheme: Literal["ssh", "tcp"]
    machine: str
    user: str = ""
    port: int = 0
    """0: ssh's own configuration knows."""
    socket: str = SOCKET

    @property
    def login(self) -> str:
        """What to write after ``ssh``."""
        port = f" -p {self.port}" if self.port else ""
        return f"{self.user}@{self.machine}{port}" if self.user else f"{self.machine}{port}"

    @classmethod
    def parse(cls, url: str) -> HostUrl:
        """Read a URL. Nothing in it can become an option of ssh. Raises ``BadHostUrl``."""
        try:
            parts = urlsplit(url)
            machine, port, user = parts.hostname or "", parts.port or 0, parts.username or ""
        except ValueError as error:
            raise BadHostUrl(url) from error
        fine = _MACHINE.fullmatch(machine) and (not user or _USER.fullmatch(user)) and parts.password is None
        if not fine or parts.query or parts.fragment:
            raise BadHostUrl(url)
        if parts.scheme == "ssh":
            socket = parts.path if parts.path.strip("/") else SOCKET
            if ":" in socket:
                raise BadHostUrl(url)
            return cls(scheme="ssh", machine=machine, user=user, port=port, socket=socket)
        if parts.scheme == "tcp" and not user and not parts.path.strip("/"):
            return cls(scheme="tcp", machine=machine, port=port or TLS_PORT)
        raise BadHostUrl(url)


class NamedHost(Entry, frozen=True, kw_only=True):
    """Where a host's engine is, and with what to reach it."""

    kind: ClassVar[str] = "host"
    versioned: ClassVar[bool] = False

    driver: Literal["docker"] = "docker"
    url: str
    """``ssh://[USER@]MACHINE[:PORT][/SOCKET]`` or ``tcp://MACHINE:PORT``."""
    certificates: str = ""
    """Folder of this machine with ``ca.pem``, ``cert.pem`` and ``key.pem``, for TCP."""
    ssh_config: str = ""
    """File of this machine that ssh reads instead of the user's own."""
