"""What the stat cache says unchanged is unchanged."""

from __future__ import annotations

import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs import statcache
from jupyter_mlops.inputs.snapshots import show_snapshot, take_snapshot
from jupyter_mlops.workspace import Workspace

NAMES = ["a.py", "b.log", "c", "d", ".gitignore", ".env", "k.pem", "é", "e f", "z.json"]
IGNORES = ["*.log\n", "c/\n", "*\n!*/\n", "!a.py\n", "/d\n", ""]
SECRETS = ["-----BEGIN PRIVATE KEY-----\n", '{"private_key": "-----BEGIN "}', "_authToken=x\n", "x"]


def any_path(rng: random.Random, folder: Path) -> Path:
    """A path that is there or could be, up to three deep, whose parent is a folder."""
    path = folder
    for _ in range(rng.randint(1, 3)):
        path = path / rng.choice(NAMES)
        if path.is_symlink() or not path.is_dir():
            break
    return path


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_file(rng: random.Random, path: Path) -> None:
    remove(path)
    path.write_text(rng.choice(IGNORES if path.name == ".gitignore" else [*SECRETS, "y", "xy", ""]))


def edit_in_place(rng: random.Random, path: Path) -> None:
    if path.is_file() and not path.is_symlink():
        with path.open("r+") as file:
            file.write(rng.choice("xyz#"))


def make_folder(_rng: random.Random, path: Path) -> None:
    remove(path)
    path.mkdir()


def make_link(rng: random.Random, path: Path) -> None:
    remove(path)
    path.symlink_to(rng.choice(["a.py", "c", "..", "/nowhere"]))


def make_environment(_rng: random.Random, path: Path) -> None:
    remove(path)
    path.mkdir()
    (path / "pyvenv.cfg").touch()
    (path / "lib.py").touch()


def change_mode(rng: random.Random, path: Path) -> None:
    if path.is_file() and not path.is_symlink():
        path.chmod(rng.choice([0o644, 0o755]))


def move(rng: random.Random, path: Path) -> None:
    target = path.with_name(rng.choice(NAMES))
    if path.exists() and path != target:
        remove(target)
        path.rename(target)


CHANGES: list[Callable[[random.Random, Path], None]] = [write_file, write_file, write_file, edit_in_place]
CHANGES += [make_folder, make_folder, make_link, make_environment, change_mode, move, lambda _rng, path: remove(path)]


@pytest.mark.parametrize("seed", range(8))
def test_after_any_changes_it_gives_the_snapshot_that_reading_everything_gives(
    workspace: Workspace, tmp_path: Path, seed: int
) -> None:
    rng = random.Random(seed)
    folder = tmp_path / "work"
    folder.mkdir()
    cache = statcache.cache_path(workspace.root, folder)
    for _ in range(30):
        for _ in range(rng.randint(0, 3)):
            rng.choice(CHANGES)(rng, any_path(rng, folder))
        if rng.random() < 0.2:
            time.sleep(0.06)  # what was young is settled
        include = rng.choice([(), (), (".env",), ("c/k.pem",)])
        cached = take_snapshot(workspace, folder, include=include)
        kept = cache.read_bytes()
        cache.unlink()
        read = take_snapshot(workspace, folder, include=include)
        assert (cached.name, cached.n_files, cached.n_bytes) == (read.name, read.n_files, read.n_bytes)
        assert sorted(cached.warnings) == sorted(read.warnings)
        cache.write_bytes(kept)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in ("train.py", "lib/util.py"):
        (tmp_path / "work" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / path).write_text(path)
    return tmp_path / "work"


def settle(world: Workspace, folder: Path, **how: object) -> Snapshot:
    """Take a snapshot after which nothing in the cache is too young to be trusted."""
    time.sleep(0.06)
    return take_snapshot(world, folder, **how)  # type: ignore[arg-type]  # passed through


def opened(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """Names of the files of ``folder`` that are opened from now on."""
    names: list[str] = []
    original = os.open

    def note(path: str | bytes | Path, *args: int, **kwargs: int) -> int:
        if os.fsencode(path).startswith(os.fsencode(folder)):
            names.append(os.path.basename(os.fsdecode(path)))  # noqa: PTH119  # maybe bytes
        return original(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", note)
    return names


def test_an_unchanged_file_is_not_read_again(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = settle(workspace, folder)
    names = opened(monkeypatch, folder)
    assert take_snapshot(workspace, folder) == first
    assert names == []
    (folder / "lib/more.py").touch()
    names.clear()
    take_snapshot(workspace, folder)
    assert names == ["more.py"]


def test_a_file_as_young_as_the_cache_is_read_again(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "train.py").write_text("young")
    take_snapshot(workspace, folder)
    names = opened(monkeypatch, folder)
    take_snapshot(workspace, folder)
    assert "train.py" in names


def test_a_cache_of_other_bytes_is_no_cache(workspace: Workspace, folder: Path) -> None:
    first = settle(workspace, folder)
    path = statcache.cache_path(workspace.root, folder)
    good = path.read_bytes()
    for bad in (b"", b"x", good[:-9], good[:40] + b"\xff" * 8 + good[48:], b"\x91\x01"):
        path.write_bytes(bad)
        assert take_snapshot(workspace, folder).name == first.name


def test_a_socket_is_named_each_time(workspace: Workspace, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    warnings = settle(workspace, folder).warnings
    assert warnings == ["pipe was left out, as it is a named pipe and no file."]
    assert take_snapshot(workspace, folder).warnings == warnings


def test_a_file_that_takes_the_place_of_an_ignored_folder_is_seen(workspace: Workspace, folder: Path) -> None:
    (folder / ".gitignore").write_text("out/\n")
    (folder / "out").mkdir()
    settle(workspace, folder)
    (folder / "out").rmdir()
    (folder / "out").write_text("a file, which the pattern does not mean")
    files = show_snapshot(workspace, take_snapshot(workspace, folder).name).files
    assert "out" in {file.path for file in files}
