"""Asking one replica over its own address: is it ready, and does it score?"""

from __future__ import annotations

import http.client
import socket
from typing import Any, Final

import msgspec

from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Replica
from jupyter_mlops.core.telemetry import PROOF_ID

PROBE_S: Final = 2.0
_OK: Final = 200


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("replica", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def is_ready(replica: Replica) -> bool:
    """Tell whether that very replica (it knows its nonce) is ready to score."""
    try:
        status, answer = ask(replica, "GET", "/health/ready", timeout_s=PROBE_S)
        told: Any = decode(answer, dict)
    except (OSError, http.client.HTTPException, msgspec.MsgspecError):
        return False
    return status == _OK and told.get("nonce", "") == replica.nonce


def ask(
    replica: Replica, method: str, path: str, body: bytes | None = None, *, key: str = "", timeout_s: float
) -> tuple[int, bytes]:
    """Return status and body of one request. Raises ``OSError`` and ``http.client.HTTPException``."""
    headers = {"authorization": f"Bearer {key}", "x-request-id": PROOF_ID} if key else {}
    if body is not None:
        headers["content-type"] = "application/json"
    connection = _connection(replica.address, timeout_s)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _connection(address: str, timeout_s: float) -> http.client.HTTPConnection:
    if address.startswith("unix:"):
        return _UnixConnection(address.removeprefix("unix:"), timeout_s)
    host, _, port = address.rpartition(":")
    return http.client.HTTPConnection(host, int(port), timeout=timeout_s)
