"""A host by name: another machine's Docker engine, where services run as on this machine's."""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from jupyter_mlops.core.record import Entry

LOCAL: Final = ("process", "docker")
"""Hosts that every workspace has."""


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
