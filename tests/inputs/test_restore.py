"""What a snapshot stored comes back byte for byte, or not at all."""

from __future__ import annotations

import os
import resource
import stat
from pathlib import Path

import msgspec
import pytest
from blake3 import blake3

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs import restore, stored
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.packwriter import PackWriter, compress
from jupyter_mlops.inputs.restore import PathEscapes, RecordedFileGone, SecretGone, WouldOverwrite
from jupyter_mlops.inputs.snapshots import restore_snapshot, take_snapshot
from jupyter_mlops.store.blobs import open_blobs
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "lib" / "deep").mkdir(parents=True)
    (work / "empty" / "too").mkdir(parents=True)
    (work / "train.py").write_bytes(b"print(1)\r\n\x00")
    (work / "nothing").touch()
    (work / "lib" / "deep" / "tool.sh").write_text("#!/bin/sh\n")
    (work / "lib" / "deep" / "tool.sh").chmod(0o755)
    (work / "lib" / "same.py").write_bytes(b"print(1)\r\n\x00")
    (work / "streamed.bin").write_bytes(os.urandom(5_000_000))
    (work / os.fsdecode(b"caf\xe9 %41.txt")).write_text("odd")
    (work / "inside").symlink_to("lib/same.py")
    (work / "outside").symlink_to("../elsewhere")
    (work / "folder").symlink_to("lib")
    return work


def look(root: Path) -> dict[str, object]:
    """Everything that a person could see of a tree, less a workspace in it."""
    seen: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith(".mlops"):
            continue
        if path.is_symlink():
            seen[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            seen[name] = "folder"
        else:
            seen[name] = (path.read_bytes(), bool(path.stat().st_mode & stat.S_IXUSR))
    return seen


def leftovers(folder: Path) -> list[Path]:
    return list(folder.glob(".*.part"))


def test_a_restored_folder_is_the_same_byte_for_byte(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    into = tmp_path / "new" / "place"
    done = restore_snapshot(workspace, snapshot.name[:8], into)
    assert look(into) == look(folder)
    assert (done.snapshot, done.path, done.left_out) == (snapshot, str(into), [])
    assert into.stat().st_mode == folder.stat().st_mode
    assert not leftovers(into.parent)


def test_a_restored_folder_gives_the_same_snapshot(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    restore_snapshot(workspace, snapshot.name, tmp_path / "new")
    assert take_snapshot(workspace, tmp_path / "new").name == snapshot.name


def test_a_thousand_files_with_the_same_content_come_back(workspace: Workspace, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    for i in range(1_500):  # more than a process may have open
        (work / f"{i}.py").write_text("same")
    taken = take_snapshot(workspace, work)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1_024, limits[1]))
    try:
        restore_snapshot(workspace, taken.name, tmp_path / "new")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert look(tmp_path / "new") == look(work)


def test_a_snapshot_is_restored_some_files_at_a_time(
    workspace: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "_BATCH_FILES", 2)
    monkeypatch.setattr(stored, "_KEPT_BYTES", 1)
    restore_snapshot(workspace, take_snapshot(workspace, folder).name, tmp_path / "new")
    assert look(tmp_path / "new") == look(folder)


def test_snapshots_live_in_any_blob_store(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    workspace._parts["blobs"] = open_blobs(f"memory://{tmp_path.name}")
    snapshot = take_snapshot(workspace, folder)
    restore_snapshot(workspace, snapshot.name, tmp_path / "new")
    assert look(tmp_path / "new") == look(folder)
    assert not (workspace.root / "blobs").exists()


def test_an_empty_folder_is_filled(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    restore_snapshot(workspace, take_snapshot(workspace, folder).name, tmp_path / "new")
    assert look(tmp_path / "new") == look(folder)


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_nothing_is_overwritten(workspace: Workspace, folder: Path, tmp_path: Path, kind: str) -> None:
    snapshot = take_snapshot(workspace, folder)
    into = tmp_path / "there"
    if kind == "file":
        into.write_text("mine")
    elif kind == "folder":
        into.mkdir()
        (into / "mine").touch()
    else:
        (tmp_path / "target").mkdir()
        into.symlink_to("target")
    before = look(tmp_path)
    with pytest.raises(WouldOverwrite, match="there already exists"):
        restore_snapshot(workspace, snapshot.name, into)
    assert look(tmp_path) == before


def test_a_place_that_cannot_be_written_is_one_sentence(workspace: Workspace, folder: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    with pytest.raises(MlopsError, match=r"cannot be restored into /proc/new: .*\.$"):
        restore_snapshot(workspace, snapshot.name, Path("/proc/new"))


def plant(world: Workspace, *nodes: tuple[bytes, int, bytes, bytes]) -> str:
    """Put a tree into the store that no snapshot of ours would have: (name, kind, content, target)."""
    folder = world.root / "cache" / "packs"
    writer = PackWriter(folder, set())
    encoded = []
    for name, kind, content, target in nodes:
        digest = blake3(content).digest()
        writer.add(digest, compress(content), len(content))
        encoded.append([name, kind, digest, len(content), 0, False, target])
    tree = msgspec.msgpack.encode([encoded, 1])
    root = blake3(tree)
    writer.add(root.digest(), compress(tree), len(tree))
    writer.finish(world.blobs, Packs(world.blobs, folder))
    name = root.hexdigest()[:16]
    world.catalog.add(Snapshot(name=name, digest=root.hexdigest(), source="/", n_files=1, n_bytes=1))
    return name


FILE, LINK = 0, 1


@pytest.mark.parametrize("name", [b"../evil", b"/etc/evil", b"..", b"a/../../evil", b"a//b", b"nul\0", b""])
def test_a_path_that_would_leave_the_folder_is_refused(workspace: Workspace, tmp_path: Path, name: bytes) -> None:
    snapshot = plant(workspace, (name, FILE, b"evil", b""))
    before = look(tmp_path)
    with pytest.raises(PathEscapes, match=r"would leave the folder; nothing was restored"):
        restore_snapshot(workspace, snapshot, tmp_path / "new")
    assert look(tmp_path) == before


def test_a_link_is_never_followed(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    snapshot = plant(workspace, (b"a", LINK, b"", b"../outside"), (b"a/evil", FILE, b"evil", b""))
    with pytest.raises(MlopsError):
        restore_snapshot(workspace, snapshot, tmp_path / "new")
    assert not list((tmp_path / "outside").iterdir())
    assert not (tmp_path / "new").exists()
    assert not leftovers(tmp_path)


@pytest.mark.parametrize("where", ["start", "middle", "end", "cut"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_damaged_pack_is_named_and_nothing_is_restored(
    workspace: Workspace, folder: Path, tmp_path: Path, where: str, cached: bool
) -> None:
    snapshot = take_snapshot(workspace, folder)
    (key,) = workspace.blobs.keys("packs")
    pack = workspace.root / "blobs" / key
    content = bytearray(pack.read_bytes())
    if where == "cut":
        del content[len(content) // 2 :]
    else:
        content[{"start": 20, "middle": len(content) // 2, "end": -20}[where]] ^= 0xFF
    pack.write_bytes(content)
    if not cached:
        for copy in (workspace.root / "cache" / "packs").iterdir():
            copy.unlink()
    if cached and where == "end":
        restore_snapshot(workspace, snapshot.name, tmp_path / "new")  # only the index is damaged, and there is a copy
        assert look(tmp_path / "new") == look(folder)
        return
    with pytest.raises(
        MlopsError, match=f"The pack {key.partition('/')[2]} in the blob store at .* is damaged"
    ) as caught:
        restore_snapshot(workspace, snapshot.name, tmp_path / "new")
    assert key in caught.value.hint
    assert not (tmp_path / "new").exists()
    assert not leftovers(tmp_path)
    pack.unlink()  # as the hint says
    take_snapshot(workspace, folder)
    restore_snapshot(workspace, snapshot.name, tmp_path / "new")
    assert look(tmp_path / "new") == look(folder)


def test_a_missing_pack_is_said(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    for key in list(workspace.blobs.keys("packs")):
        workspace.blobs.delete(key)
    with pytest.raises(MlopsError, match=r"No pack in the blob store at .* has the content"):
        restore_snapshot(workspace, snapshot.name, tmp_path / "new")


LIMIT = 1_000_000


def test_recorded_files_are_left_out_or_linked_to_their_place(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    snapshot = take_snapshot(workspace, folder, large_file_bytes=LIMIT)
    done = restore_snapshot(workspace, snapshot.name, tmp_path / "without")
    assert [file.path for file in done.left_out] == ["streamed.bin"]
    assert not (tmp_path / "without" / "streamed.bin").exists()
    assert restore_snapshot(workspace, snapshot.name, tmp_path / "with", link_recorded=True).left_out == []
    assert (tmp_path / "with" / "streamed.bin").readlink() == folder / "streamed.bin"
    assert (tmp_path / "with" / "streamed.bin").read_bytes() == (folder / "streamed.bin").read_bytes()


@pytest.mark.parametrize("loss", ["deleted", "shorter", "changed"])
def test_a_recorded_file_that_is_not_the_same_any_more_is_named(
    workspace: Workspace, folder: Path, tmp_path: Path, loss: str
) -> None:
    snapshot = take_snapshot(workspace, folder, large_file_bytes=LIMIT)
    big = folder / "streamed.bin"
    if loss == "deleted":
        big.unlink()
    elif loss == "shorter":
        os.truncate(big, 4_000_000)
    else:
        with big.open("r+b") as file:
            file.write(b"another beginning")
    with pytest.raises(RecordedFileGone, match=f"streamed.bin was only recorded in snapshot {snapshot.name}") as caught:
        restore_snapshot(workspace, snapshot.name, tmp_path / "new", link_recorded=True)
    assert "--include streamed.bin" in caught.value.hint
    assert not (tmp_path / "new").exists()


def test_a_secret_is_linked_where_the_snapshot_is_run_and_its_absence_is_named(
    workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "safe").mkdir()
    (tmp_path / "safe" / ".env").write_text("TOKEN=hunter2\n")
    snapshot = take_snapshot(workspace, tmp_path / "safe")
    assert not (Path(restore_snapshot(workspace, snapshot.name, tmp_path / "without").path) / ".env").exists()
    assert restore_snapshot(workspace, snapshot.name, tmp_path / "with", link_recorded=True).left_out == []
    assert (tmp_path / "with" / ".env").read_text() == "TOKEN=hunter2\n"
    (tmp_path / "safe" / ".env").unlink()
    with pytest.raises(SecretGone, match=r"\.env looks like a secret") as caught:
        restore_snapshot(workspace, snapshot.name, tmp_path / "new", link_recorded=True)
    assert "--include .env" in caught.value.hint
    assert not (tmp_path / "new").exists()


def test_a_folder_below_a_file_is_refused_by_the_files_name(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    snapshot = take_snapshot(workspace, tmp_path / "source")
    (tmp_path / "file").write_text("kept")
    with pytest.raises(
        WouldOverwrite, match="file already exists and is a file; a snapshot is never restored over files"
    ):
        restore_snapshot(workspace, snapshot.name, tmp_path / "file" / "new")
    assert (tmp_path / "file").read_text() == "kept"
