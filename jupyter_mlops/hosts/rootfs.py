"""The Python of an image that is not started: found in its layers, for another processor or where no engine is."""

from __future__ import annotations

import posixpath
import re
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Final

from jupyter_mlops.hosts.python import Python

PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What Docker uses where an image has no PATH."""
NAMES: Final = ("python3", "python")
_GONE: Final = ".wh."
_ALL_GONE: Final = ".wh..wh..opq"
_MOST_LINKS: Final = 40
"""As the kernel has it."""
_MOST_BYTES: Final = 8 << 20
"""No C library is larger."""
_GLIBC: Final = re.compile(rb"GNU C Library [^\n]*? version (\d+\.\d+)")


@dataclass(frozen=True, kw_only=True)
class _Entry:
    link: str = ""
    content: bytes = b""
    """Of C libraries alone."""


class Rootfs:
    """The file names of an image, layer over layer, with where its links lead."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def add(self, layer: IO[bytes]) -> None:
        """Lay a layer, a plain or compressed tar, over what is there."""
        mine: dict[str, _Entry] = {}
        gone: list[str] = []
        with tarfile.open(fileobj=layer, mode="r|*") as archive:
            for member in archive:
                name = posixpath.normpath(member.name).lstrip("/")
                folder, base = posixpath.split(name)
                if base == _ALL_GONE:
                    gone.append(folder)
                elif base.startswith(_GONE):
                    gone.append(posixpath.join(folder, base.removeprefix(_GONE)))
                else:
                    mine[name] = _entry(archive, member, base, mine)
        self._forget(gone)
        self._entries |= mine

    def find_python(self, path: str) -> Python | None:
        """Return what ``python3`` or ``python`` on a PATH is; ``None`` where there is none."""
        for folder in (path or PATH).split(":"):
            for name in NAMES:
                place = self._real(posixpath.join(folder, name))
                version = re.search(r"python(\d+\.\d+)$", place or "")
                if place is not None and version is not None:
                    return Python(interpreter=f"/{place}", version=version[1], libc=self._libc())
        return None

    def _forget(self, gone: Iterable[str]) -> None:
        for name in gone:
            for known in [one for one in self._entries if one == name or one.startswith(f"{name}/")]:
                del self._entries[known]

    def _real(self, place: str) -> str | None:
        """Follow every link on the way to a file; return where it ends, ``None`` where nothing is."""
        todo, at, links = [part for part in place.split("/") if part], "", 0
        while todo:
            part = todo.pop(0)
            if part == "..":
                at = posixpath.dirname(at)
                continue
            here = posixpath.join(at, part)
            entry = self._entries.get(here)
            if entry is not None and entry.link:
                links += 1
                if links > _MOST_LINKS:
                    return None
                at = "" if entry.link.startswith("/") else at
                todo = [one for one in entry.link.split("/") if one not in {"", "."}] + todo
            else:
                at = here
        return at if at in self._entries else None

    def _libc(self) -> str:
        for place in self._entries:
            if posixpath.basename(place) == "libc.so.6" and (real := self._real(place)):
                named = re.search(r"libc-(\d+\.\d+)\.so$", real)
                if named:
                    return f"glibc {named[1]}"
                said = _GLIBC.search(self._entries[real].content)
                if said:
                    return f"glibc {said[1].decode()}"
        return ""


def _entry(archive: tarfile.TarFile, member: tarfile.TarInfo, base: str, known: Mapping[str, _Entry]) -> _Entry:
    if member.issym():
        return _Entry(link=member.linkname)
    if member.islnk():
        return known.get(posixpath.normpath(member.linkname).lstrip("/"), _Entry())
    if member.isfile() and base == "libc.so.6" and member.size <= _MOST_BYTES:
        file = archive.extractfile(member)
        assert file is not None
        return _Entry(content=file.read())
    return _Entry()
