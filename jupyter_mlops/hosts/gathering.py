"""Gathering: the requests that containers on another machine kept, brought here once and then deleted there."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from jupyter_mlops.core.files import locked, make_private, replace_file
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.telemetry import FILE_SUFFIX, PART_SUFFIX
from jupyter_mlops.hosts.docker import KEPT, TELEMETRY
from jupyter_mlops.hosts.image import PYTHON, USER

if TYPE_CHECKING:
    import docker

LEDGER: Final = ".gathered.json"
"""In the replica's folder here: what was brought and may still be there."""
DELETE: Final = "import os,sys\nfor path in sys.argv[1:]:\n if os.path.exists(path): os.unlink(path)"


class _Gathered(Record, frozen=True, kw_only=True):
    names: list[str] = []


def make_room(client: docker.DockerClient, carrier: str) -> None:
    """Make the folder in a volume that a container's user may write to, through a container that has it mounted."""
    uid, gid = (int(part) for part in USER.split(":"))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo(Path(KEPT).name)
        folder.type, folder.mode, folder.uid, folder.gid, folder.mtime = tarfile.DIRTYPE, 0o700, uid, gid, time.time()
        archive.addfile(folder)
    client.api.put_archive(carrier, TELEMETRY, buffer.getvalue())


def gather(client: docker.DockerClient, container: str, folder: Path, *, ended: bool) -> None:
    """Bring a container's complete files into ``folder``; of one that ``ended``, the one that it was writing too.

    Each comes here once, wherever this is broken off: its name is noted when it is whole, before it gets its name, and
    forgotten when it is deleted there. Raises ``OSError`` and what the engine raises; then the rest comes next time.
    """
    make_private(folder)
    with locked(folder / ".gathering.lock"):
        ledger = folder / LEDGER
        noted = decode(ledger.read_bytes(), _Gathered).names if ledger.is_file() else []
        for name in noted:
            _name(folder, name)
        there: list[str] = []
        for member, data in _files(client, container, ended=ended):
            there.append(member)
            name = member.removesuffix(PART_SUFFIX) + FILE_SUFFIX if member.endswith(PART_SUFFIX) else member
            if name not in noted:
                _write(folder / f"{name}.new", data)
                noted.append(name)
                replace_file(ledger, encode(_Gathered(names=noted)))
                _name(folder, name)
        if there and not ended:
            _delete(client, container, there)
        replace_file(ledger, encode(_Gathered(names=noted if ended else [])))


def _files(client: docker.DockerClient, container: str, *, ended: bool) -> Iterator[tuple[str, IO[bytes]]]:
    stream, _ = client.api.get_archive(container, KEPT)
    wanted = (FILE_SUFFIX, PART_SUFFIX) if ended else (FILE_SUFFIX,)
    with tarfile.open(fileobj=_Stream(stream), mode="r|") as archive:
        for member in archive:
            name = Path(member.name).name
            data = archive.extractfile(member) if member.isfile() and name.endswith(wanted) else None
            if data is not None:
                yield name, data


def _write(file: Path, data: IO[bytes]) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        while block := data.read(1 << 20):
            out.write(block)
        out.flush()
        os.fsync(out.fileno())


def _name(folder: Path, name: str) -> None:
    """Give a file its name, if it has none yet."""
    with contextlib.suppress(FileNotFoundError):
        (folder / f"{name}.new").rename(folder / name)


def _delete(client: docker.DockerClient, container: str, names: Iterable[str]) -> None:
    command = [PYTHON, "-ISc", DELETE, *(f"{KEPT}/{name}" for name in names)]
    client.api.exec_start(client.api.exec_create(container, command)["Id"])


class _Stream(io.RawIOBase):
    """Blocks of bytes as a file that is read once."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Return ``size`` bytes, fewer at the end."""
        while size < 0 or len(self._rest) < size:
            block = next(self._blocks, b"")
            if not block:
                break
            self._rest += block
        size = len(self._rest) if size < 0 else size
        found, self._rest = self._rest[:size], self._rest[size:]
        return found
