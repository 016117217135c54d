"""Other machines, as tests have them: an ssh server of its own keys, or a registry, on a port of this one."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

SERVER = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/login.pub
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin yes
LogLevel ERROR
{more}
"""
CLIENT = """\
Host *
    IdentityFile {folder}/login
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""


class Machine:
    """A machine that answers to ssh; what it has beside is this one's."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.port = free_port()
        self.url = f"ssh://{getpass.getuser()}@127.0.0.1:{self.port}"
        self.ssh_config = str(folder / "config")
        self.folder = folder
        for name in ("host", "login"):
            if not (folder / name).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {(folder / 'host.pub').read_text()}")
        (folder / "config").write_text(CLIENT.format(folder=folder))
        (folder / "sshd").write_text(SERVER.format(folder=folder, port=self.port, more=more))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Let it answer, and wait until it does."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._process = subprocess.Popen([_sshd(), "-D", "-e", "-f", self.folder / "sshd"], start_new_session=True)
        while True:
            assert self._process.poll() is None, "sshd ended"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.02)

    def stop(self) -> None:
        """Let it answer nobody who is not there already."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> None:
        """Stop it, and cut what is connected."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self.stop()


def missing() -> str:
    """Return why there can be no other machine here; empty if there can."""
    return "" if os.access(_sshd(), os.X_OK) and shutil.which("ssh") else "no sshd on this machine"


@contextlib.contextmanager
def machine(more: str = "") -> Iterator[Machine]:
    """Give a machine that answers; ``more`` are lines for its sshd_config."""
    with tempfile.TemporaryDirectory(prefix="mlops-machine-") as folder:
        made = Machine(Path(folder), more)
        made.start()
        try:
            yield made
        finally:
            made.end()


@contextlib.contextmanager
def registry(folder: Path, auth: dict[str, object]) -> Iterator[str]:
    """Give the address of Debian's registry, with its store in a folder and this kind of login."""
    program = shutil.which("docker-registry")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("Debian's docker-registry is not installed")
    address = f"127.0.0.1:{free_port()}"
    settings = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "store")}},
        "http": {"addr": address},
        "auth": auth,
    }
    (folder / "config.yml").write_text(json.dumps(settings))  # which is YAML
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        for _ in range(200):
            try:
                requests.get(f"http://{address}/v2/", timeout=5)
                break
            except requests.RequestException:
                assert process.poll() is None, (folder / "log").read_text()
                time.sleep(0.05)
        yield address
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _sshd() -> str:
    return shutil.which("sshd") or "/usr/sbin/sshd"
