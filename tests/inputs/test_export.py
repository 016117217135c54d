"""A snapshot as an archive that any tool opens, the same bytes each time."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
import zstandard

from jupyter_mlops.core.errors import BadInput, Conflict, MlopsError
from jupyter_mlops.inputs.snapshots import export_snapshot, restore_snapshot, take_snapshot
from jupyter_mlops.workspace import Workspace

FORMS = ["zip", "tar.zst"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    (work / "lib" / "deep").mkdir(parents=True)
    (work / "empty").mkdir()
    (work / "train.py").write_bytes(b"print(1)\r\n\x00")
    (work / "lib" / "deep" / "tool.sh").write_text("#!/bin/sh\n")
    (work / "lib" / "deep" / "tool.sh").chmod(0o755)
    (work / ("long" * 40)).mkdir()
    (work / ("long" * 40) / ("name" * 50)).write_text("long")
    (work / "größe.txt").write_text("umlaut")
    (work / "link").symlink_to("lib/deep")
    (work / "big.bin").write_bytes(os.urandom(3_000_000))
    return work


def look(root: Path) -> dict[str, object]:
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else "folder"
        if path.is_dir()
        else (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in root.rglob("*")
    }


def unpack(archive: Path, into: Path) -> None:
    """As the tools do that people have."""
    into.mkdir()
    if archive.suffix == ".zip":
        if shutil.which("unzip") is None:
            pytest.skip("no unzip on the PATH")
        subprocess.run(["unzip", "-q", archive, "-d", into], check=True)
    else:
        plain = zstandard.ZstdDecompressor().stream_reader(archive.read_bytes())
        subprocess.run(["tar", "-x", "-C", into], input=plain.read(), check=True)


@pytest.mark.parametrize("form", FORMS)
def test_an_archive_unpacks_to_what_was_stored(workspace: Workspace, folder: Path, tmp_path: Path, form: str) -> None:
    (folder / os.fsdecode(b"caf\xe9")).write_text("latin")
    snapshot = take_snapshot(workspace, folder)
    done = export_snapshot(workspace, snapshot.name, tmp_path / f"out.{form}")
    assert (done.snapshot.name, done.path, done.left_out) == (snapshot.name, str(tmp_path / f"out.{form}"), [])
    unpack(tmp_path / f"out.{form}", tmp_path / "unpacked")
    assert look(tmp_path / "unpacked") == look(folder)
    assert not list(tmp_path.glob(".*.part"))


def test_pythons_own_reader_sees_links_and_modes_in_a_zip(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    export_snapshot(workspace, take_snapshot(workspace, folder).name, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        modes = {info.filename: oct(info.external_attr >> 16) for info in archive.infolist()}
        assert archive.read("link") == b"lib/deep"
    assert modes["link"] == "0o120777"
    assert modes["lib/deep/tool.sh"] == "0o100755"
    assert modes["größe.txt"] == "0o100644"
    assert modes["empty/"] == "0o40755"


@pytest.mark.parametrize("form", FORMS)
def test_the_same_snapshot_gives_the_same_archive(
    workspace: Workspace, folder: Path, tmp_path: Path, form: str
) -> None:
    snapshot = take_snapshot(workspace, folder)
    umask = os.umask(0o077)
    try:
        export_snapshot(workspace, snapshot.name, tmp_path / f"a.{form}")
    finally:
        os.umask(umask)
    export_snapshot(workspace, snapshot.name, tmp_path / "elsewhere" / f"b.{form}")
    assert (tmp_path / f"a.{form}").read_bytes() == (tmp_path / "elsewhere" / f"b.{form}").read_bytes()


def test_what_was_not_stored_is_named(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    (folder / ".env").write_text("KEY=secret")
    snapshot = take_snapshot(workspace, folder, large_file_bytes=1_000_000)
    exported = export_snapshot(workspace, snapshot.name, tmp_path / "out.tar.zst")
    restored = restore_snapshot(workspace, snapshot.name, tmp_path / "restored")
    assert [(file.path, file.kind) for file in exported.left_out] == [(".env", "secret"), ("big.bin", "recorded")]
    assert restored.left_out == exported.left_out
    packed = zstandard.ZstdDecompressor().stream_reader((tmp_path / "out.tar.zst").read_bytes()).read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert not {".env", "big.bin"} & set(archive.getnames())


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_is_overwritten(workspace: Workspace, folder: Path, tmp_path: Path, kind: str) -> None:
    snapshot = take_snapshot(workspace, folder)
    file = tmp_path / "out.zip"
    {"file": file.touch, "folder": file.mkdir, "dangling link": lambda: file.symlink_to("nothing")}[kind]()
    before = look(tmp_path)
    with pytest.raises(Conflict, match=r"out\.zip already exists; it was left as it is"):
        export_snapshot(workspace, snapshot.name, file)
    assert look(tmp_path).keys() == before.keys()


@pytest.mark.parametrize("name", ["out", "out.tar.gz", ".zip", "zip"])
def test_a_name_that_says_no_form_is_refused(workspace: Workspace, folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="does not say what kind of archive") as caught:
        export_snapshot(workspace, take_snapshot(workspace, folder).name, tmp_path / name)
    assert ".zip or .tar.zst" in caught.value.hint


def test_a_place_that_cannot_be_written_is_one_sentence(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(MlopsError, match=r"cannot be written to /proc/out\.zip: .*\.$"):
        export_snapshot(workspace, take_snapshot(workspace, folder).name, Path("/proc/out.zip"))


def test_a_damaged_pack_leaves_no_archive(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    snapshot = take_snapshot(workspace, folder)
    (key,) = workspace.blobs.keys("packs")
    pack = workspace.root / "blobs" / key
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 0xFF
    pack.write_bytes(content)
    with pytest.raises(MlopsError, match=f"The pack {key.partition('/')[2]} in the blob store at .* is damaged"):
        export_snapshot(workspace, snapshot.name, tmp_path / "new" / "out.zip")
    assert list((tmp_path / "new").iterdir()) == []
