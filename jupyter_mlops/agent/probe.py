"""Asking one replica over its own address: is it ready, and does it score?"""

from __future__ import annotations

import http.client
from typing import Any, Final

import msgspec

from jupyter_mlops.core import asking
from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Replica
from jupyter_mlops.core.telemetry import PROOF_ID

PROBE_S: Final = 2.0
_OK: Final = 200


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
    return asking.ask(replica.address, method, path, body, headers, timeout_s=timeout_s)
