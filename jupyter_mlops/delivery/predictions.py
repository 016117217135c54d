"""What a manifest's own sample scores to: recorded where the manifest is made, compared wherever it runs later."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import math
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from jupyter_mlops.core.errors import Failed, MlopsError, Problem
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.delivery.bundles import materialize
from jupyter_mlops.ports import World

HERE_S: Final = 60.0
"""How long a model may take to load where its manifest is made; one that takes longer has no recorded prediction."""
ANSWER_S: Final = 60.0
PROBE_S: Final = 2.0
LOOK_EVERY_S: Final = 0.05
MOST_BYTES: Final = 100_000
"""A longer answer is not recorded: a manifest is read whole, often."""
RTOL: Final = 1e-6
"""Another processor sums in another order, which changes digits far behind this one."""
_OK: Final = 200


class TrialFailed(Failed):
    """A replica on trial does not start, or does not score its manifest's sample."""

    code = "trial-failed"


def predict_here(world: World, manifest: Manifest) -> Any:
    """Return what the sample scores to on this interpreter, in a process of its own.

    ``None`` where there is no sample, where this interpreter lacks what the model needs, and where two answers differ.
    """
    if manifest.sample is None or manifest.python != f"{sys.version_info.major}.{sys.version_info.minor}":
        return None
    key = secrets.token_urlsafe(32)
    with tempfile.TemporaryDirectory(prefix="predict-", dir=world.root / "cache") as scratch:
        folder = Path(scratch)
        bundle = materialize(world, manifest, folder / "bundle")
        (folder / "keys").mkdir()
        digests = {"digests": [hashlib.sha256(key.encode()).hexdigest()]}
        (folder / "keys" / "digests.json").write_bytes(encode(digests))
        log = folder / "log"
        argv = [sys.executable, "-m", "jupyter_mlops.scoring", "--bundle", str(bundle)]
        argv += ["--keys", str(folder / "keys"), "--port", "0", "--log-file", str(log)]
        ours, its = socket.socketpair()  # when our end closes, killed or not, the replica ends too
        with ours:
            with its:
                process = subprocess.Popen(
                    [*argv, "--control", str(its.fileno())],
                    cwd=folder,
                    pass_fds=[its.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            return _scored(process, manifest, log, key)


def _scored(process: subprocess.Popen[bytes], manifest: Manifest, log: Path, key: str) -> Any:
    """Return what a replica that was started answers twice, if it does, and end it."""
    try:
        address = _address(process, log)
        await_ready(manifest.ref, address, lambda: "it ended" if process.poll() is not None else "", HERE_S)
        first, second = (score_sample(manifest, address, key) for _ in range(2))
    except (MlopsError, OSError):
        return None
    finally:
        process.kill()
        process.wait()
    return first if not difference(first, second) and len(encode(first)) <= MOST_BYTES else None


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Return where it listens, as its log says."""
    deadline = time.monotonic() + HERE_S
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError):
            for line in log.read_text().splitlines():
                if (said := json.loads(line)).get("message") == "listening":
                    return str(said["address"])
        time.sleep(LOOK_EVERY_S)
    raise TrialFailed("It does not listen.")


def await_ready(
    ref: str, address: str, ended: Callable[[], str], ready_s: float, *, said: Callable[[], str] = str
) -> None:
    """Wait until a replica is ready. ``ended`` says why it ended, nothing while it runs; ``said`` what it wrote last.

    Raises ``TrialFailed``.
    """
    deadline = time.monotonic() + ready_s
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if ask(address, "GET", "/health/ready", timeout_s=PROBE_S)[0] == _OK:
                return
        if why := ended():
            raise TrialFailed(f"The replica of {ref} ended before it was ready: {why}")
        if time.monotonic() > deadline:
            last = said()
            raise TrialFailed(
                f"The replica of {ref} was not ready within {ready_s:g} s{'; it wrote last: ' if last else ''}{last}.",
                hint="If it loads for longer, give it more: `--timeout SECONDS`.",
            )
        time.sleep(LOOK_EVERY_S)


def score_sample(manifest: Manifest, address: str, key: str) -> Any:
    """Return what a replica answers to the sample. Raises ``TrialFailed``."""
    try:
        status, answer = ask(address, "POST", "/score", encode(manifest.sample), key=key, timeout_s=ANSWER_S)
    except (OSError, http.client.HTTPException) as error:
        raise TrialFailed(f"The replica of {manifest.ref} gave no answer to its own sample: {error}.") from error
    if status != _OK:
        raise TrialFailed(
            f"The replica of {manifest.ref} does not score its own sample: {_detail(answer)}",
            hint="Fix the model, or give a sample that it scores: `mlops manifests create MODEL --sample FILE`.",
        )
    try:
        return json.loads(answer)
    except ValueError as error:
        raise TrialFailed(f"The replica of {manifest.ref} answers its own sample with what is no JSON.") from error


def ask(
    address: str, method: str, path: str, body: bytes | None = None, *, key: str = "", timeout_s: float
) -> tuple[int, bytes]:
    """Return status and body of one request to ``HOST:PORT``. Raises ``OSError`` and ``http.client.HTTPException``."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    if body is not None:
        headers["content-type"] = "application/json"
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=timeout_s)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def difference(expected: Any, answered: Any, at: str = "the answer") -> str:
    """Return where two answers differ first, in one clause; empty if they are the same but for rounding (``RTOL``)."""
    match expected, answered:
        case dict(), dict():
            if expected.keys() != answered.keys():
                return f"{at} has {_keys(answered)} instead of {_keys(expected)}"
            parts = ((expected[key], answered[key], f"{at}.{key}") for key in expected)
        case list(), list():
            if len(expected) != len(answered):
                return f"{at} has {len(answered)} items instead of {len(expected)}"
            parts = ((*both, f"{at}[{n}]") for n, both in enumerate(zip(expected, answered, strict=True)))
        case (int() | float(), int() | float()) if not isinstance(expected, bool) and not isinstance(answered, bool):
            same = math.isclose(expected, answered, rel_tol=RTOL, abs_tol=RTOL**2)
            return "" if same else f"{at} is {answered!r} instead of {expected!r}"
        case _:
            same = type(expected) is type(answered) and expected == answered
            return "" if same else f"{at} is {_shown(answered)} instead of {_shown(expected)}"
    return next((found for part in parts if (found := difference(*part))), "")


def _keys(value: dict[str, Any]) -> str:
    return _shown(sorted(value))


def _shown(value: Any, most: int = 80) -> str:
    text = json.dumps(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _detail(answer: bytes) -> str:
    with contextlib.suppress(msgspec.MsgspecError):
        return decode(answer, Problem).detail
    return answer[:200].decode("utf-8", "replace")
