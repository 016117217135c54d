"""Lock and install packages with uv, from where pip is told to find them."""

from __future__ import annotations

import ast
import errno
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from jupyter_mlops.core.errors import BadInput, Unavailable

Tick = Callable[[], None]
"""Hears the step every half second while uv works; raising cancels it."""


ONLY_WHEELS: Final = ("--only-binary", ":all:")


class CannotInstall(BadInput):
    """A requirement cannot be had for the platform asked for."""

    code = "requirement-not-installable"
    requirements: tuple[str, ...] = ()
    """Those that uv's report names."""


class NoUv(Unavailable):
    """The uv program is missing."""

    code = "no-uv"

    def __init__(self) -> None:
        super().__init__("The program uv, which installs packages, is missing.", hint="Run `pip install uv`.")


def lock(requirements: Sequence[str], options: Sequence[str], tick: Tick) -> str:
    """Return every package that ``requirements`` need, pinned with the SHA-256 of its files, sorted, as pip reads it.

    ``options`` are uv's (``--python-version 3.11``). Raises ``CannotInstall``, naming the requirement.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.in")
        wanted.write_text("".join(f"{requirement}\n" for requirement in requirements))
        compile_ = ["pip", "compile", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
        said = _uv([*compile_, *options, str(wanted)], tick)
        if said.code:
            raise _refusal(requirements, said.errors)
        return said.output


def install(lock_text: str, target: Path, options: Sequence[str], tick: Tick) -> None:
    """Install what ``lock`` returned, and nothing else, into the folder ``target``. Raises ``CannotInstall``.

    A file with another digest is refused. Only what has none, since it comes out of a repository, is taken without.
    """
    wanted = pins(lock_text)
    checked = ["--require-hashes"] if all("--hash=" in text for text in wanted.values()) else []
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder, "requirements.txt")
        pinned.write_text(lock_text)
        install_ = ["pip", "install", "--no-deps", *checked, *options, "--target", str(target), "-r", str(pinned)]
        said = _uv(install_, tick)
        if said.code:
            raise _refusal(wanted, said.errors)


def pins(lock_text: str) -> dict[str, str]:
    """Return the packages of a lock: ``NAME==VERSION`` to all that the lock says of it."""
    entries = lock_text.replace("\\\n", " ").splitlines()
    return {entry.split()[0]: entry for entry in entries if entry.strip() and not entry.startswith("#")}


def without_wheels(lock_text: str, options: Sequence[str], tick: Tick) -> list[str]:
    """Return those packages of a lock that nobody has built for where ``options`` say. Raises ``CannotInstall``."""
    left, missing = pins(lock_text), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        pinned = Path(folder, "requirements.txt")
        while left:
            pinned.write_text("".join(f"{entry}\n" for entry in left.values()))
            dry = ["pip", "install", "--dry-run", "--no-deps", *options, *ONLY_WHEELS, "--target", folder]
            said = _uv([*dry, "-r", str(pinned)], tick)
            if not said.code:
                break
            refusal = _refusal(left, said.errors)
            if not refusal.requirements:
                raise refusal
            missing += refusal.requirements
            left = {pin: entry for pin, entry in left.items() if pin not in refusal.requirements}
    return missing


def find_source(pin: str, options: Sequence[str], tick: Tick) -> str | None:
    """Return the URL of the source of ``NAME==VERSION``; ``None`` where only a repository has it. Raises ``CannotInstall``."""
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.in")
        wanted.write_text(f"{pin}\n")
        said = _uv(["pip", "compile", "--no-deps", "--quiet", "--format", "pylock.toml", *options, str(wanted)], tick)
    if said.code:
        raise _refusal([pin], said.errors)
    for package in tomllib.loads(said.output)["packages"]:
        found = package.get("sdist") or package.get("archive") or {}
        if "url" in found:
            return str(found["url"])
    return None


def install_file(wheel: Path, target: Path, options: Sequence[str], tick: Tick) -> None:
    """Install a wheel that was made here into the folder ``target``. Raises ``CannotInstall``."""
    said = _uv(["pip", "install", "--no-deps", "--no-index", *options, "--target", str(target), str(wheel)], tick)
    if said.code:
        raise _refusal([wheel.name], said.errors)


@dataclass(frozen=True, kw_only=True)
class _Said:
    code: int
    output: str
    errors: str


def _uv(argv: list[str], tick: Tick) -> _Said:
    from uv import find_uv_bin

    try:
        program = find_uv_bin()
    except FileNotFoundError as error:
        raise NoUv from error
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            [program, *argv], stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env=uv_environment()
        )
        try:
            while process.poll() is None:
                try:
                    process.wait(0.5)
                except subprocess.TimeoutExpired:
                    tick()
        finally:
            process.kill()
            process.wait()
        output.seek(0)
        errors.seek(0)
        return _Said(code=process.returncode, output=output.read(), errors=errors.read())


def _refusal(requirements: Iterable[str], errors: str) -> CannotInstall:
    """Make uv's report one sentence that names the requirement. Raises ``OSError`` where it says that a disk is full."""
    if f"os error {errno.ENOSPC}" in errors:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    cause, _, _ = errors.partition("\nhint:")
    cause = re.sub(r"^.*?cause:", "", cause, flags=re.DOTALL)
    cause = " ".join(re.sub(r"\berror:|├─▶|╰─▶|[×│]", " ", cause).split()).rstrip(".")  # noqa: RUF001  # uv draws with these
    guilty = [each for each in requirements if re.search(rf"\b{re.escape(_name(each))}\b", _normal(cause))]
    named = ", ".join(guilty[:3]) or "The packages"
    refusal = CannotInstall(
        f"{named} cannot be installed: {cause[:500]}.",
        hint="Name other packages with `mlops manifests create MODEL --conda FILE`, or tell pip where these are: "
        "`pip config set global.extra-index-url URL`.",
    )
    refusal.requirements = tuple(guilty)
    return refusal


def _name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement.strip())
    return _normal(match.group()) if match else "?"


def _normal(text: str) -> str:
    return re.sub(r"[-_.]+", "-", text).lower()


def uv_environment() -> dict[str, str]:
    """Return this process's environment with pip's settings added in uv's words, which uv does not read itself.

    Credentials that stand in an index's URL travel here and never on a command line. What is said to uv itself wins.
    """
    environment = dict(os.environ)
    for key, value in _translate(pip_settings()).items():
        environment.setdefault(key, value)
    return environment


def login_for(url: str, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the name and password that an index on the same server is asked with, which uv leaves out of what it prints."""
    indexes = f"{environment.get('UV_DEFAULT_INDEX', '')} {environment.get('UV_INDEX', '')}".split()
    for index in map(urlsplit, indexes):
        if index.username and index.hostname == urlsplit(url).hostname:
            return unquote(index.username), unquote(index.password or "")
    return None


def _translate(pip: dict[str, str]) -> dict[str, str]:
    uv: dict[str, str] = {"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
    if index := pip.get("index-url"):
        uv["UV_DEFAULT_INDEX"] = index
    if extra := pip.get("extra-index-url"):
        uv["UV_INDEX"] = " ".join(extra.split())
        # pip takes a version from whichever index has it, and what is pinned was installed so. uv by itself stops at the
        # first index that knows the name; this goes on to the next only for versions that the first one lacks.
        uv["UV_INDEX_STRATEGY"] = "unsafe-first-match"
    if links := pip.get("find-links"):
        uv["UV_FIND_LINKS"] = ",".join(links.split())
    if pip.get("no-index", "").lower() in {"1", "true", "yes", "on"}:
        uv["UV_NO_INDEX"] = "1"
    if certificate := pip.get("cert"):
        uv["SSL_CERT_FILE"] = certificate
    if proxy := pip.get("proxy"):
        uv |= {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy}
    if trusted := pip.get("trusted-host"):
        uv["UV_INSECURE_HOST"] = " ".join(trusted.split())
    if timeout := pip.get("timeout", pip.get("default-timeout", "")):
        uv["UV_HTTP_TIMEOUT"] = timeout
    return uv


def pip_settings() -> dict[str, str]:
    """Return what ``pip config list`` says, the winner of each setting: environment, then install, then global."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        check=False,  # no pip, no settings
        env={name: value for name, value in os.environ.items() if name != "PIP_QUIET"},  # a quiet pip lists nothing
    )
    found: dict[str, tuple[int, str]] = {}
    ranks = {"global": 0, "install": 1, ":env:": 2}
    for line in listed.stdout.splitlines():
        key, equals, value = line.partition("=")
        section, dot, name = key.partition(".")
        if not (equals and dot) or section not in ranks:
            continue
        rank = ranks[section]
        if rank >= found.get(name, (-1, ""))[0]:
            found[name] = (rank, str(ast.literal_eval(value)))
    return {name: value for name, (_, value) in found.items()}
