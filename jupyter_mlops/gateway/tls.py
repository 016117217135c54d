"""TLS at the gateway: what follows an address that HAProxy listens on."""

from __future__ import annotations

from typing import Final

FOLDER: Final = "../tls"
"""Where certificates are, seen from the folder that HAProxy runs in."""


def options(certificate: str) -> str:
    """Return the options of a ``bind`` line; nothing for plain HTTP.

    The file's name is part of what a gateway is asked for, so that a renewed certificate is a reload: HAProxy reads it
    once, at its start, and connections go on over it.
    """
    if not certificate:
        return ""
    return f" ssl crt {FOLDER}/{certificate} alpn h2,http/1.1 ssl-min-ver TLSv1.2"
