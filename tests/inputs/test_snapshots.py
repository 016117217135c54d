"""What goes into a snapshot, what stays out, and what is kept of it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from trees import paths, source, write

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs import take
from jupyter_mlops.inputs.snapshots import find_snapshot, list_snapshots, show_snapshot, take_snapshot
from jupyter_mlops.inputs.tree import digest_of
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return source(tmp_path / "work")


def packs(world: Workspace) -> list[str]:
    return sorted(world.blobs.keys("packs"))


def forget_cache(world: Workspace) -> None:
    shutil.rmtree(world.root / "cache")


def test_a_snapshot_holds_the_files_of_the_folder(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    assert paths(workspace, snapshot) == {"train.py": "file", "lib/util.py": "file"}
    assert (snapshot.n_files, snapshot.n_bytes, snapshot.n_recorded, snapshot.warnings) == (2, 15, 0, [])
    assert snapshot.source == str(folder)
    assert snapshot.name == snapshot.digest[:16]
    assert list_snapshots(workspace) == [snapshot]


def test_an_unchanged_folder_gives_the_same_snapshot_and_stores_nothing(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    stored, seq = packs(workspace), workspace.catalog.last_seq()
    os.utime(folder / "train.py")
    assert take_snapshot(workspace, folder) == first
    assert packs(workspace) == stored
    assert workspace.catalog.last_seq() == seq


def test_the_same_content_elsewhere_is_the_same_snapshot_and_compares_with_the_newer_place(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    first = take_snapshot(workspace, folder)
    copy = shutil.copytree(folder, tmp_path / "copy")
    second = take_snapshot(workspace, copy)
    assert second.name == first.name
    assert second.source == str(copy)
    assert len(packs(workspace)) == 1


def test_each_snapshot_adds_one_pack_with_what_is_new(workspace: Workspace, folder: Path) -> None:
    write(folder, {"big.bin": os.urandom(300_000)})
    take_snapshot(workspace, folder)
    before = set(packs(workspace))
    write(folder, {"copy of big.bin": (folder / "big.bin").read_bytes(), "train.py": "print(2)\n"})
    take_snapshot(workspace, folder)
    (new,) = set(packs(workspace)) - before
    with workspace.blobs.open(new) as pack:
        assert len(pack.read()) < 1_000


def test_an_edit_that_keeps_size_and_mtime_is_seen(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    st = (folder / "train.py").stat()
    write(folder, {"train.py": "print(9)\n"})
    os.utime(folder / "train.py", ns=(st.st_atime_ns, st.st_mtime_ns))
    assert take_snapshot(workspace, folder).name != first.name


def test_without_its_caches_a_workspace_goes_on(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    for damage in (forget_cache, lambda world: [p.write_bytes(b"x") for p in (world.root / "cache").rglob("*.*")]):
        damage(workspace)
        assert take_snapshot(workspace, folder).name == first.name
        assert paths(workspace, first) == {"train.py": "file", "lib/util.py": "file"}
    assert len(packs(workspace)) == 1


def test_contents_whose_pack_was_deleted_are_stored_again(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    for key in packs(workspace):
        workspace.blobs.delete(key)
    assert take_snapshot(workspace, folder).name == first.name
    assert paths(workspace, first) == {"train.py": "file", "lib/util.py": "file"}


def test_a_large_file_is_recorded_unless_it_is_included(workspace: Workspace, folder: Path) -> None:
    write(folder, {"data/big.bin": os.urandom(5_000_000), "data/small.bin": b"x"})

    def take(*include: str) -> Snapshot:
        return take_snapshot(workspace, folder, large_file_bytes=4_500_000, include=include)

    recorded = take()
    big = next(file for file in show_snapshot(workspace, recorded.name).files if file.path == "data/big.bin")
    assert (big.kind, big.n_bytes, big.mtime_ns) == (
        "recorded",
        5_000_000,
        (folder / "data/big.bin").stat().st_mtime_ns,
    )
    assert recorded.n_recorded == 1
    assert recorded.warnings == [
        "data/big.bin (5 MiB) is recorded, not stored: it is data, not source. To store it: --include data/big.bin."
    ]
    for include in ("data/big.bin", "./data/*.bin", "data", str(folder / "data" / "big.bin")):
        stored = take(include)
        assert paths(workspace, stored)["data/big.bin"] == "file"
        assert (stored.n_recorded, stored.warnings) == (0, [])
    assert take().name == recorded.name


def test_an_include_that_names_nothing_is_said(workspace: Workspace, folder: Path) -> None:
    warnings = take_snapshot(workspace, folder, include=["train.py", "nothing/*"]).warnings
    assert warnings == ["--include nothing/* names no file in the folder that is not ignored."]


def test_a_file_that_keeps_changing_is_taken_as_read_last_and_read_again_next_time(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.read
    contents: list[bytes] = []

    def read_while_someone_writes(fd: int, n_bytes: int) -> bytes:
        content = original(fd, n_bytes)
        if content.startswith(b"busy"):
            contents.append(content)
            with (folder / "train.py").open("ab") as file:
                file.write(b".")
        return content

    write(folder, {"train.py": "busy"})
    monkeypatch.setattr(os, "read", read_while_someone_writes)
    snapshot = take_snapshot(workspace, folder)
    assert snapshot.warnings == ["train.py kept changing while it was read; the snapshot has it as it was read last."]
    assert contents[-1] == b"busy" + b"." * 5
    taken = next(file for file in show_snapshot(workspace, snapshot.name).files if file.path == "train.py")
    assert taken.digest == digest_of(contents[-1]).hex()
    monkeypatch.undo()
    again = take_snapshot(workspace, folder)
    assert again.warnings == []
    assert again.name != snapshot.name


def test_a_file_that_changes_once_is_read_again(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.read

    def read_before_one_write(fd: int, n_bytes: int) -> bytes:
        content = original(fd, n_bytes)
        if content == b"first":
            write(folder, {"train.py": "second, longer"})
        return content

    write(folder, {"train.py": "first"})
    monkeypatch.setattr(os, "read", read_before_one_write)
    snapshot = take_snapshot(workspace, folder)
    assert snapshot.warnings == []
    taken = next(file for file in show_snapshot(workspace, snapshot.name).files if file.path == "train.py")
    assert taken.digest == digest_of(b"second, longer").hex()


def test_above_the_limits_it_says_what_is_large_and_goes_on(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take, "_MANY_FILES", 10)
    write(folder, {f"frames/{i:04}.txt": f"frame {i}" for i in range(600)})
    said: list[tuple[str, float]] = []
    snapshot = take_snapshot(workspace, folder, say=lambda line, fraction: said.append((line, fraction)))
    assert snapshot.n_files == 602
    assert "work has 602 files, 5 KiB. Largest: frames/ (600 files, 5 KiB), " in said[0][0]
    assert "lib/ (1 file, 6 bytes)" in said[0][0]
    fractions = [fraction for _, fraction in said]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)
    assert said[-1][0] == "Read 602 of 602 files"


def test_below_the_limits_nothing_is_said(workspace: Workspace, folder: Path) -> None:
    said: list[str] = []
    take_snapshot(workspace, folder, say=lambda line, _fraction: said.append(line))
    assert said == []


@pytest.mark.parametrize("at", [1, 2, 3])
def test_an_interrupt_leaves_no_half_snapshot_and_a_good_store(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    monkeypatch.setattr(take, "_MANY_FILES", 10)
    write(folder, {f"frames/{i:04}.txt": f"frame {i}" for i in range(600)})
    calls = 0

    def interrupt(_line: str, _fraction: float) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_snapshot(workspace, folder, say=interrupt)
    assert list_snapshots(workspace) == []
    assert packs(workspace) == []
    assert not list(workspace.root.rglob(".pack-*"))
    assert take_snapshot(workspace, folder).n_files == 602


def test_two_at_once_leave_one_good_snapshot(workspace: Workspace, folder: Path) -> None:
    write(folder, {f"frames/{i:04}.txt": f"frame {i}" for i in range(300)})
    code = (
        "import sys; from pathlib import Path; from jupyter_mlops.workspace import Workspace;"
        "from jupyter_mlops.inputs.snapshots import take_snapshot;"
        "world = Workspace.open(Path(sys.argv[1])); print('ready', flush=True); sys.stdin.readline();"
        "print(take_snapshot(world, Path(sys.argv[2])).name); world.close()"
    )
    command = [sys.executable, "-c", code, str(workspace.home), str(folder)]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(2)]
    for process in both:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    names = []

    def finish(process: subprocess.Popen[str]) -> None:
        names.append(process.communicate("go\n")[0].strip())

    threads = [threading.Thread(target=finish, args=[process]) for process in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.returncode for process in both] == [0, 0]
    assert len(set(names)) == 1
    assert [snapshot.name for snapshot in list_snapshots(workspace)] == names[:1]
    assert len(show_snapshot(workspace, names[0]).files) == 302


def test_a_snapshot_is_found_by_the_beginning_of_its_name(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    for ref in (snapshot.name, snapshot.name[:6], snapshot.name[:6].upper(), snapshot.digest):
        assert find_snapshot(workspace, ref) == snapshot
    wrong = snapshot.name + ("0" if snapshot.digest[16] != "0" else "1")
    for ref in (snapshot.name[:5], "no such", "", "abcdef0123456789", wrong):
        with pytest.raises(UnknownThing, match="There is no snapshot") as caught:
            find_snapshot(workspace, ref)
        assert "snapshots list" in caught.value.hint


def test_an_ambiguous_beginning_names_the_candidates(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    twin = snapshot.name[:8] + "0" * 8
    workspace.catalog.add(Snapshot(name=twin, digest=twin * 4, source="/", n_files=0, n_bytes=0))
    with pytest.raises(BadInput, match=f"2 snapshots begin with .*{twin}"):
        find_snapshot(workspace, snapshot.name[:7])


def test_a_folder_that_is_none_is_refused_by_name(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(BadInput, match="missing does not exist"):
        take_snapshot(workspace, folder / "missing")
    with pytest.raises(BadInput, match=r"train.py is not a folder"):
        take_snapshot(workspace, folder / "train.py")


def test_a_full_disk_is_one_sentence_and_leaves_nothing(workspace: Workspace, folder: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path; from jupyter_mlops.workspace import Workspace;"
        "from jupyter_mlops.core.errors import Unavailable; from jupyter_mlops.inputs.snapshots import take_snapshot;"
        "world = Workspace.open(Path(sys.argv[1])); world.catalog.last_seq();"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "try: take_snapshot(world, Path(sys.argv[2]))\n"
        "except Unavailable as error: print(error, error.hint, sep='\\n')\n"
        "world.close()"
    )
    write(folder, {"noise.bin": os.urandom(3_000_000)})
    done = subprocess.run(
        [sys.executable, "-c", code, str(workspace.home), str(folder)], capture_output=True, text=True, check=True
    )
    first, hint = done.stdout.splitlines()
    assert re.fullmatch(r"The snapshot cannot be written in .*: File too large\.", first)
    assert "nothing was left half-written" in hint
    assert packs(workspace) == []
    assert not list(workspace.root.rglob(".pack-*"))


def test_a_file_that_was_too_young_to_be_trusted_and_went_away_is_missed(workspace: Workspace, folder: Path) -> None:
    write(folder, {"lib/young.py": "x"})
    first = take_snapshot(workspace, folder)
    (folder / "lib/young.py").unlink()
    assert set(paths(workspace, take_snapshot(workspace, folder))) == {"train.py", "lib/util.py"}
    assert set(paths(workspace, first)) == {"train.py", "lib/util.py", "lib/young.py"}
