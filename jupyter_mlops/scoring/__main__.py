"""``python -m jupyter_mlops.scoring``: serve a bundle."""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":
    # As a container's first process it would ignore SIGTERM, for 30 s, until all below is imported and it serves.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from jupyter_mlops.core.errors import BadInput, MlopsError
from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Limits
from jupyter_mlops.core.telemetry import About
from jupyter_mlops.scoring.app import Settings, serve
from jupyter_mlops.scoring.bundle import read_manifest
from jupyter_mlops.scoring.keys import Keys
from jupyter_mlops.scoring.processors import fit_threads
from jupyter_mlops.scoring.sockets import Address, listen
from jupyter_mlops.scoring.telemetry import Log
from jupyter_mlops.scoring.workers import Pool, command_of_one

T = TypeVar("T")


class BadArguments(BadInput):
    """An argument that cannot be used."""

    code = "bad-arguments"


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; return the exit code. What goes wrong is one sentence on standard error."""
    arguments = _parser().parse_args(argv)
    try:
        settings = _settings(arguments)
        if arguments.workers > 1:
            return _serve_many(settings, arguments.workers)
        fit_threads()
        return serve(settings)
    except MlopsError as error:
        sys.stderr.write(f"mlops: {error.message}\n")
        if error.hint:
            sys.stderr.write(f"Hint: {error.hint}\n")
        return error.exit_code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m jupyter_mlops.scoring",
        description="Serve a bundle: a folder with manifest.json and the files it pins.",
        epilog="Example: python -m jupyter_mlops.scoring --bundle bundle --keys keys --port 8080",
    )
    parser.add_argument("--bundle", type=Path, required=True, help="folder with manifest.json")
    parser.add_argument("--socket", type=Path, help="UNIX socket to listen on, instead of a port")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, help="port to listen on (variable PORT; 0: any free one)")
    parser.add_argument(
        "--keys",
        type=Path,
        help="folder with digests.json (variable MLOPS_KEYS_DIR; or the keys themselves in MLOPS_KEYS)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=1,
        help="processes that serve on the one port, each with its own copy of the model and its own limits (%(default)s)",
    )
    for name, kind in (("--control", int), ("--together", Path)):  # of a worker, from the process that started it
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--nonce", default="", help="word that /health/ready answers with")
    parser.add_argument("--limits", default="{}", help='JSON: {"max_concurrent": 256, "max_queue": 10, ...}')
    parser.add_argument(
        "--configuration",
        type=Path,
        help='file like {"limits": {"max_queue": 20}, "log_level": "info"}, read anew when it changes',
    )
    parser.add_argument("--log-file", type=Path, help="file for JSON lines, instead of standard error")
    parser.add_argument(
        "--telemetry", type=Path, help="folder in which requests and answers are kept; else they are not"
    )
    parser.add_argument(
        "--about", default="{}", help='JSON: {"service": "churn", "deployment": "m3", "replica": "..."}'
    )
    return parser


def _settings(arguments: argparse.Namespace) -> Settings:
    # Only the first to read it needs it: the model's code and what it starts do not, but other workers do.
    given = os.environ.get("MLOPS_KEYS", "") if arguments.workers > 1 else os.environ.pop("MLOPS_KEYS", "")
    keys = arguments.keys or os.environ.get("MLOPS_KEYS_DIR") or (os.curdir if given else None)
    if not keys:
        raise BadArguments(
            "No folder with keys is named.",
            hint="Use --keys FOLDER or the variable MLOPS_KEYS_DIR, or set MLOPS_KEYS to the keys themselves.",
        )
    if arguments.workers < 1 or (arguments.workers > 1 and arguments.socket is not None):
        raise BadArguments(
            f"{arguments.workers} workers cannot serve{' on a UNIX socket' if arguments.workers > 1 else ''}.",
            hint="Use --workers NUMBER with --port NUMBER.",
        )
    limits = _read("--limits", arguments.limits, Limits, '{"max_queue": 10}')
    about = _read("--about", arguments.about, About, '{"service": "churn"}')
    return Settings(
        bundle=arguments.bundle,
        keys=Path(keys),
        given_keys=() if arguments.keys else [key.strip() for key in given.split(",") if key.strip()],
        address=_address(arguments),
        beside=Path(beside) if (beside := os.environ.get("MLOPS_SOCKET")) and arguments.control is None else None,
        nonce=arguments.nonce,
        limits=limits,
        configuration=arguments.configuration,
        log_file=arguments.log_file,
        telemetry=arguments.telemetry,
        about=about,
        control=arguments.control,
        together=arguments.together,
    )


def _serve_many(settings: Settings, n_workers: int) -> int:
    """Serve with several processes; this one keeps the port for them and does nothing else."""
    read_manifest(settings.bundle)
    Keys(settings.keys, given=settings.given_keys)
    log = Log(settings.log_file)
    fit_threads(share=n_workers)

    def say(line: str) -> None:
        log.event(line, level="warning")
        log.write()

    # bound and never listening, so that all workers get the same one
    with listen(settings.address) as reserved, tempfile.TemporaryDirectory(prefix="mlops-workers") as folder:
        port = int(reserved.getsockname()[1])
        return Pool([*command_of_one(port), "--together", folder], n_workers, say=say).run()


def _read(name: str, text: str, into: type[T], example: str) -> T:
    try:
        return decode(text, into)
    except msgspec.MsgspecError as error:
        raise BadArguments(f"{name} cannot be read: {error}.", hint=f"Write {name} '{example}'.") from error


def _address(arguments: argparse.Namespace) -> Address:
    if arguments.socket is not None:
        if arguments.port is not None:
            raise BadArguments("--socket and --port are both given.", hint="Use one of them.")
        return Address(path=arguments.socket)
    port = arguments.port
    if port is None:
        text = os.environ.get("PORT", "")
        if not text.isdecimal():
            raise BadArguments(
                "There is nothing to listen on." if not text else f"The variable PORT is {text!r}, which is no port.",
                hint="Use --socket PATH, --port NUMBER or the variable PORT.",
            )
        port = int(text)
    return Address(host=arguments.bind, port=port, shared=arguments.workers > 1 or arguments.control is not None)


if __name__ == "__main__":
    sys.exit(main())
