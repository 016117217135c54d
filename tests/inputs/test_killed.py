"""A process that is killed at any moment while it takes a snapshot leaves a good store behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs.snapshots import list_snapshots, restore_snapshot, take_snapshot
from jupyter_mlops.store.blobs import open_blobs
from jupyter_mlops.workspace import Workspace

KILLS = 40

TAKER = """
import os, sys, time
from pathlib import Path
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

home, folder, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
world = Workspace.open(home)
print("ready", flush=True)
sys.stdin.readline()
for turn in range(1000):
    (folder / f"{seed} {turn % 7}").write_bytes(os.urandom(200_000))
    take_snapshot(world, folder)
"""


def taker(world: Workspace, folder: Path, seed: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TAKER, str(world.home), str(folder), str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def forked(world: Workspace, folder: Path, seed: int) -> int:
    """Take snapshots in a fork, which starts at once: where a kill lands is then not chosen by slow imports."""
    child = os.fork()
    if child:
        return child
    try:
        own = Workspace.open(world.home)
        for turn in range(1000):
            (folder / f"{seed} {turn % 7}").write_bytes(os.urandom(200_000))
            take_snapshot(own, folder)
    finally:
        os._exit(1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    for i in range(50):
        (work / f"same{i}").write_bytes(os.urandom(2000))
    return work


def check_all(world: Workspace, scratch: Path) -> list[Snapshot]:
    """Restore every snapshot that the catalog has; each content is compared with its digest."""
    found = list_snapshots(world, limit=100_000)
    for snapshot in found:
        restore_snapshot(world, snapshot.name, scratch / snapshot.name)
        files = [path for path in (scratch / snapshot.name).iterdir() if path.is_file()]
        assert len(files) == snapshot.n_files
        assert sum(path.stat().st_size for path in files) == snapshot.n_bytes
        for path in files:
            path.unlink()
    return found


def test_killed_at_many_moments_everything_in_the_catalog_restores(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    """One after the other, each killed a random moment after it began."""
    chance = random.Random(3)
    take_snapshot(workspace, folder)
    workspace.close()  # no connection goes into a fork
    for seed in range(KILLS):
        child = forked(workspace, folder, seed % 5)
        time.sleep(chance.uniform(0.0, 0.12))
        os.kill(child, 9)
        os.waitpid(child, 0)
    world = Workspace.open(workspace.home)
    found = check_all(world, tmp_path / "out")
    assert len(found) > KILLS / 4
    last = take_snapshot(world, folder)
    restore_snapshot(world, last.name, tmp_path / "last")
    assert {path.name: path.read_bytes() for path in (tmp_path / "last").iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }
    for part in (world.root / "cache" / "packs").glob(".pack-*"):
        assert not world.blobs.has(f"packs/{part.name.lstrip('.')}")
    world.close()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_file_that_was_being_written_and_ends_at_any_byte_harms_nothing(
    workspace: Workspace, folder: Path, tmp_path: Path, share: float
) -> None:
    """Where the machine went down as well: temporary files, indexes and the stat cache are cut somewhere."""
    snapshot = take_snapshot(workspace, folder)
    (pack,) = (workspace.root / "blobs" / "packs").iterdir()
    content = pack.read_bytes()
    half = content[: int(len(content) * share)]
    (pack.parent / ".part-cut").write_bytes(half)
    (workspace.root / "cache" / "packs" / ".pack-cut").write_bytes(half)
    for cached in [path for path in (workspace.root / "cache").rglob("*") if path.suffix in {".index", ".stat"}]:
        os.truncate(cached, int(cached.stat().st_size * share))
    assert list(workspace.blobs.keys("packs")) == [f"packs/{pack.name}"]
    assert take_snapshot(workspace, folder).name == snapshot.name
    assert [found.name for found in check_all(workspace, tmp_path / "out")] == [snapshot.name]


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_two_processes_at_once_leave_what_both_took(
    workspace: Workspace, folder: Path, tmp_path: Path, where: str, request: pytest.FixtureRequest
) -> None:
    enough = 4 if where == "s3" else 10
    if where == "s3":
        url = f"{request.getfixturevalue('s3_bucket')}/{tmp_path.name}"
        toml = workspace.root / "workspace.toml"
        text = toml.read_text()
        toml.write_text(
            f'blob_url = "{url}"\n'
            + "".join(line for line in text.splitlines(keepends=True) if not line.startswith("blob_url"))
        )
        workspace._parts["blobs"] = open_blobs(url)
    processes = [taker(workspace, folder, seed) for seed in (1, 2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    deadline = time.monotonic() + 30
    while len(list_snapshots(workspace)) < enough and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        assert process.poll() is None
        process.kill()
        process.communicate()
    assert len(check_all(workspace, tmp_path / "out")) >= enough
