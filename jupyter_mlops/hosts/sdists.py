"""Packages that nobody has built for an image's platform: built in a container of its base image, without a network."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import tarfile
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import requests

from jupyter_mlops.core.ids import new_id
from jupyter_mlops.hosts import wheels
from jupyter_mlops.hosts.bases import Base
from jupyter_mlops.hosts.keeping import used
from jupyter_mlops.hosts.layers import CHUNK, folder_members, tar_stream
from jupyter_mlops.hosts.python import Python
from jupyter_mlops.hosts.wheels import CannotInstall, Tick

if TYPE_CHECKING:
    import docker
    from docker.models.containers import Container

TIMEOUT_S: Final = (10, 300)
LOOK_EVERY_S: Final = 0.2
MOST_ROUNDS: Final = 3
"""A backend asks for packages when it is asked, and for others once it has these."""
LEGACY: Final = {"requires": ["setuptools"], "build-backend": "setuptools.build_meta:__legacy__"}
"""What PEP 517 has for a source without ``[build-system]``."""
SCRIPT: Final = """
import importlib, json, os, site, sys
asked = json.loads(sys.argv[1])
os.chdir("/build/source")
site.addsitedir("/build/packages")
os.environ["PYTHONPATH"] = os.pathsep.join([*map(os.path.abspath, asked["path"]), "/build/packages"])
sys.path[:0] = [*map(os.path.abspath, asked["path"]), "/build/packages"]
module, _, inner = asked["backend"].partition(":")
backend = importlib.import_module(module)
for name in inner.split(".") if inner else []:
    backend = getattr(backend, name)
needs = getattr(backend, "get_requires_for_build_wheel", lambda settings: [])(None)
if [one for one in needs if one not in asked["given"]]:
    json.dump(needs, open("/build/needs.json", "w"))
    sys.exit(75)
os.makedirs("/build/wheel")
backend.build_wheel("/build/wheel", None, None)
"""
NEEDS_MORE: Final = 75


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where wheels are made: containers of a base image."""

    client: docker.DockerClient
    base: Base
    python: Python
    cache: Path
    options: Sequence[str]
    """uv's, for packages that run on the base image."""

    def wheel(self, pin: str, locked: str, tick: Tick) -> Path:
        """Return the wheel of ``NAME==VERSION``, made once for a base image. ``locked`` is what the lock says of it.

        Raises ``CannotInstall``.
        """
        of_both = hashlib.sha256(f"{locked} {self.base.id}".encode()).hexdigest()
        kept = self.cache / f"wheel-{of_both}"
        for known in kept.glob("*.whl"):
            used(kept)
            return known
        url = wheels.find_source(pin, self.options, tick)
        if url is None:
            raise _refused(pin, "its source is in a repository, which has no archive to build from")
        with tempfile.TemporaryDirectory(prefix="building-", dir=self.cache) as folder:
            work = Path(folder)
            source = unpacked(fetched(pin, url, locked, work), work / "unpacked", pin)
            made = self._made(pin, source, work, tick)
            (work / "kept").mkdir()
            made.rename(work / "kept" / made.name)
            with contextlib.suppress(OSError):  # another process was faster
                (work / "kept").rename(kept)
        return next(kept.glob("*.whl"))

    def _made(self, pin: str, source: Path, work: Path, tick: Tick) -> Path:
        system = _build_system(source)
        given: list[str] = []
        for number in range(MOST_ROUNDS):
            packages = work / f"packages-{number}"
            packages.mkdir()
            needed = [*system["requires"], *given]
            if needed:
                locked = wheels.lock(needed, [*self.options, *wheels.ONLY_WHEELS], tick)
                wheels.install(locked, packages, [*self.options, *wheels.ONLY_WHEELS], tick)
            asked = {"backend": system["build-backend"], "path": system.get("backend-path", []), "given": given}
            with self._container(json.dumps(asked), source, packages) as container:
                if needs := _needs(container, _ended(container, tick), pin, self.base.name):
                    given = needs
                    continue
                return _wheel(container, work, pin)
        raise _refused(pin, "its build asks for ever more packages")

    @contextlib.contextmanager
    def _container(self, asked: str, source: Path, packages: Path) -> Iterator[Container]:
        """Give a container that makes a wheel of ``source`` with ``packages``; it is removed at the end."""
        container = self.client.containers.create(
            self.base.id,
            ["-c", SCRIPT, asked],
            name=f"mlops-wheel-{new_id()}",
            entrypoint=[self.python.interpreter],
            working_dir="/",
            network_disabled=True,
            environment={"HOME": "/tmp", "SOURCE_DATE_EPOCH": "315532800", "PYTHONHASHSEED": "0"},  # noqa: S108  # in it
            user="0",
        )
        try:
            members = [*folder_members(source, "build/source"), *folder_members(packages, "build/packages")]
            container.put_archive("/", tar_stream({member.name: member for member in members}.values()))
            container.start()
            yield container
        finally:
            container.remove(force=True)


def _needs(container: Container, code: int, pin: str, base: str) -> list[str]:
    """Return what a build that ended needs more; nothing if it is done. Raises ``CannotInstall``."""
    if code == NEEDS_MORE:
        ((_, content),) = _taken(container, "/build/needs.json")
        return [str(one) for one in json.loads(content)]
    if code:
        said = container.logs().decode(errors="replace").strip().splitlines()
        raise _refused(pin, f"building it in {base} failed: {' / '.join(said[-3:])[-400:]}")
    return []


def _wheel(container: Container, work: Path, pin: str) -> Path:
    for name, content in _taken(container, "/build/wheel"):
        if name.endswith(".whl"):
            made = work / Path(name).name
            made.write_bytes(content)
            return made
    raise _refused(pin, "its build made no wheel")


def _ended(container: Container, tick: Tick) -> int:
    while True:
        container.reload()
        state: dict[str, Any] = container.attrs["State"]
        if state["Status"] == "exited":
            return int(state["ExitCode"])
        tick()
        time.sleep(LOOK_EVERY_S)


def _taken(container: Container, path: str) -> list[tuple[str, bytes]]:
    """Return the files below a path in a container."""
    chunks, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        files = [(member.name, archive.extractfile(member)) for member in archive if member.isfile()]
        return [(name, file.read()) for name, file in files if file is not None]


def fetched(pin: str, url: str, locked: str, work: Path) -> Path:
    """Write the source into ``work``; return the file. Raises ``CannotInstall``, also where the lock has other digests."""
    parts = urlsplit(url)
    file, digest = work / unquote(Path(parts.path).name), hashlib.sha256()
    try:
        if parts.scheme == "file":
            digest.update(content := Path(url2pathname(parts.path)).read_bytes())
            file.write_bytes(content)
        else:
            _download(url, file, digest)
    except (OSError, requests.RequestException) as error:
        raise _refused(pin, f"its source cannot be had ({' '.join(str(error).split())[:200]})") from error
    if f"sha256:{digest.hexdigest()}" not in locked:
        raise _refused(pin, "its source is another one than when it was locked")
    return file


def _download(url: str, file: Path, digest: Any) -> None:
    settings = wheels.uv_environment()
    login = wheels.login_for(url, settings)
    with requests.Session() as session:
        session.verify = settings.get("SSL_CERT_FILE") or True
        if proxy := settings.get("HTTPS_PROXY"):
            session.proxies = {"http": settings.get("HTTP_PROXY", proxy), "https": proxy}
        with session.get(url, auth=login, stream=True, timeout=TIMEOUT_S) as answer, file.open("wb") as target:
            answer.raise_for_status()
            for chunk in answer.iter_content(CHUNK):
                digest.update(chunk)
                target.write(chunk)


def unpacked(file: Path, into: Path, pin: str) -> Path:
    """Unpack a source archive; return the one folder in it. Raises ``CannotInstall``, also for what would leave it."""
    into.mkdir()
    try:
        if file.suffix == ".zip":
            with zipfile.ZipFile(file) as archive:
                archive.extractall(into)  # noqa: S202  # it keeps inside by itself
        else:
            with tarfile.open(file) as tar:
                tar.extractall(into, filter="data")
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise _refused(pin, f"its source cannot be unpacked ({error})") from error
    folders = [path for path in into.iterdir() if path.is_dir()]
    return folders[0] if len(folders) == 1 else into


def _build_system(source: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads((source / "pyproject.toml").read_text()).get("build-system") or {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        found = {}
    return {**LEGACY, **found}


def _refused(pin: str, why: str) -> CannotInstall:
    refusal = CannotInstall(
        f"{pin} has no wheel for the image's platform, and none can be made: {why}.",
        hint="Use another version that has one, put a wheel where pip finds it, or use a base image with what the build"
        " needs, such as a compiler: `mlops manifests create MODEL --base-image python:3.11`.",
    )
    refusal.requirements = (pin,)
    return refusal
