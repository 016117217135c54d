"""The layers of an image, as tar streams whose bytes depend on their content alone."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from jupyter_mlops.core.ids import new_id
from jupyter_mlops.hosts.keeping import used
from jupyter_mlops.hosts.wheels import Tick

VENV = "opt/venv"
LIBRARIES = f"{VENV}/lib"
"""Where the loader looks for shared libraries first."""
BUNDLE = "opt/bundle"
PACKAGE = Path(__file__).resolve().parent.parent
RUNTIME_PARTS = ("core", "scoring")
"""All of this package that goes into an image."""
RUNTIME = ("httptools>=0.6", "msgspec>=0.19", "uvloop>=0.21", "zstandard>=0.23")
"""What scoring/ itself needs, beside what the model needs."""

MTIME = 315_532_800
"""1980-01-01, the oldest date that every archive format can hold; what is stamped on every file."""
CHUNK = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Member:
    """One path of a tar stream: a file (bytes, or a path to read), a folder (no content) or a link."""

    name: str
    content: bytes | Path | None = None
    link: str = ""
    executable: bool = False


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer on this disk."""

    path: Path
    digest: str
    """SHA-256 of the uncompressed tar, 64 digits."""
    n_bytes: int
    made_by: str
    """What it holds, for ``docker history``."""


def tar_stream(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield a tar archive: owner root, one mtime, modes 0755 and 0644."""
    for member in members:
        info = tarfile.TarInfo(member.name)
        info.mtime = MTIME
        info.mode = 0o644
        if member.link:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, member.link, 0o777
        elif member.content is None:
            info.type, info.mode = tarfile.DIRTYPE, 0o755
        else:
            info.size = len(member.content) if isinstance(member.content, bytes) else member.content.stat().st_size
            if member.executable:
                info.mode = 0o755
        yield info.tobuf(tarfile.PAX_FORMAT)
        if info.size:
            assert member.content is not None
            yield from _chunks(member.content)
            yield b"\0" * (-info.size % tarfile.BLOCKSIZE)
    yield b"\0" * (2 * tarfile.BLOCKSIZE)


def _chunks(content: bytes | Path) -> Iterator[bytes]:
    with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def write_layer(folder: Path, key: str, members: Iterable[Member], made_by: str, tick: Tick) -> Layer:
    """Write a layer into ``folder``, all or nothing, where ``find_layer`` finds it by its key.

    ``tick`` is called for every block; raising in it cancels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    digest, n_bytes = hashlib.sha256(), 0
    part = folder / f"{key}.{new_id()}.part"
    try:
        with part.open("wb") as file:
            for block in tar_stream(members):
                tick()
                file.write(block)
                digest.update(block)
                n_bytes += len(block)
        path = part.replace(folder / f"{key}-{digest.hexdigest()}.tar")
    finally:
        part.unlink(missing_ok=True)
    return Layer(path=path, digest=digest.hexdigest(), n_bytes=n_bytes, made_by=made_by)


def find_layer(folder: Path, key: str, made_by: str) -> Layer | None:
    """Return the layer that was written under this key."""
    for path in folder.glob(f"{key}-*.tar"):
        digest = path.stem.rpartition("-")[2]
        return Layer(path=used(path), digest=digest, n_bytes=path.stat().st_size, made_by=made_by)
    return None


def folder_members(folder: Path, into: str, *, skip: Callable[[Path], bool] = lambda _: False) -> Iterator[Member]:
    """Yield what a folder holds, sorted, as members below ``into``, after the folders on the way there."""
    parts = into.split("/")
    for depth in range(1, len(parts) + 1):
        yield Member(name="/".join(parts[:depth]))
    for path in sorted(folder.rglob("*")):
        if skip(path):
            continue
        name = f"{into}/{path.relative_to(folder).as_posix()}"
        if path.is_symlink():
            yield Member(name=name, link=str(path.readlink()))
        elif path.is_dir():
            yield Member(name=name)
        else:
            yield Member(name=name, content=path, executable=bool(path.stat().st_mode & 0o111))


def site_packages(python: str) -> str:
    """Return where packages go in the image for Python ``3.11``."""
    return f"{VENV}/lib/python{python}/site-packages"


def finish_environment(root: Path, python: str, interpreter: str) -> None:
    """Make the packages installed below ``root`` a virtual environment of the image's interpreter.

    A virtual environment, since a folder on PYTHONPATH would not run ``.pth`` files.
    """
    venv, packages = root / VENV, root / site_packages(python)
    (venv / "bin").mkdir(exist_ok=True)
    for name in ("python", "python3", f"python{python}"):
        (venv / "bin" / name).symlink_to(interpreter if name == "python" else "python")
    home = interpreter.rpartition("/")[0]
    (venv / "pyvenv.cfg").write_text(f"home = {home}\ninclude-system-site-packages = false\nversion = {python}\n")
    if (packages / "bin").is_dir():
        for script in sorted((packages / "bin").iterdir()):
            (venv / "bin" / script.name).write_bytes(_with_shebang(script.read_bytes()))
            (venv / "bin" / script.name).chmod(0o755)
        shutil.rmtree(packages / "bin")
    for info in packages.glob("*.dist-info"):
        _settle(info)


_SHEBANG = re.compile(rb"\A#!(?:/bin/sh\n'''exec' .*\n' '''|.*python.*)\n")


def _with_shebang(script: bytes) -> bytes:
    """Return a script for the image's interpreter instead of the one that installed it."""
    return _SHEBANG.sub(f"#!/{VENV}/bin/python\n".encode(), script)


def _settle(info: Path) -> None:
    """Drop what depends on when and where a package was installed."""
    for name in ("uv_cache.json", "REQUESTED"):
        (info / name).unlink(missing_ok=True)
    record = info / "RECORD"
    if record.exists():
        dropped = ("bin/", "../", f"{info.name}/uv_cache.json", f"{info.name}/REQUESTED")
        kept = [line for line in record.read_text().splitlines() if not line.startswith(dropped)]
        record.unlink()  # it may be a hard link into uv's cache
        record.write_text("".join(f"{line}\n" for line in kept))


def compile_packages(root: Path, packages: Path, tick: Tick) -> None:
    """Compile ``packages`` below ``root`` for the running Python's minor version, which must be the image's.

    One fresh process for each package, because what one process compiled before shows in the bytes that it writes next.
    Hashes are not checked at import: files of an image do not change.
    """
    compiler = [sys.executable, "-sSP", "-m", "compileall", "-qq"]
    tests = re.escape(str(packages)) + "/.*/tests?/"

    def compile_one(path: Path) -> None:
        subprocess.run(
            [*compiler, "-x", tests, "-s", str(root), "-p", "/", "--invalidation-mode", "unchecked-hash", str(path)],
            env={"PYTHONHASHSEED": "0"},
            check=False,  # some packages carry files for other Pythons
        )

    sources = [path for path in sorted(packages.iterdir()) if path.suffix == ".py" or _has_source(path)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = {pool.submit(compile_one, path) for path in sources}
        try:
            while waiting:
                tick()
                waiting = wait(waiting, timeout=0.2).not_done
        finally:
            pool.shutdown(cancel_futures=True)


def _has_source(path: Path) -> bool:
    return path.is_dir() and next(path.rglob("*.py"), None) is not None


def runtime_key() -> str:
    """Return a digest of what ``lay_runtime`` copies."""
    digest = hashlib.sha256()
    for part in RUNTIME_PARTS:
        for path in sorted((PACKAGE / part).rglob("*.py")):
            digest.update(f"{path.relative_to(PACKAGE)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:32]


def lay_runtime(packages: Path) -> None:
    """Copy what answers requests into site-packages."""
    for part in RUNTIME_PARTS:
        for path in (PACKAGE / part).rglob("*.py"):
            copy = packages / PACKAGE.name / path.relative_to(PACKAGE)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (packages / PACKAGE.name / "__init__.py").touch()
