"""Contents go into a pack as they come, and come out of it as they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import zstandard

from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.packwriter import PackWriter, compress_all
from jupyter_mlops.inputs.tree import digest_of
from jupyter_mlops.store.blobs import FolderBlobs

CONTENTS = [b"", b"x", b"print(1)\n" * 900, os.urandom(70_000)]


@pytest.fixture(params=["with", "without"])
def _buffers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """zstandard as it is, and as it is built without the calls for many contents at once."""
    if request.param == "without":
        monkeypatch.setattr(zstandard, "backend_features", set())


@pytest.mark.usefixtures("_buffers")
@pytest.mark.parametrize("contents", [CONTENTS, CONTENTS[1:], [], [b""]])
def test_many_contents_at_once_give_a_frame_each(contents: list[bytes]) -> None:
    frames = [bytes(frame) for frame in compress_all(contents)]
    assert [zstandard.ZstdDecompressor().decompress(frame) for frame in frames] == contents


def test_what_is_added_in_any_way_is_found_with_its_content(tmp_path: Path) -> None:
    blobs, work = FolderBlobs(tmp_path / "blobs"), tmp_path / "work"
    packs = Packs(blobs, work).load()
    writer = PackWriter(work, packs.digests)
    many = [b"%d" % i * 50 for i in range(1_300)]  # more than one call to the system
    assert all(writer.claim(digest_of(content)) for content in many)
    writer.add_all([(digest_of(content), len(content)) for content in many], compress_all(many))
    large = os.urandom(5_000_000)
    (tmp_path / "large").write_bytes(large)
    with (tmp_path / "large").open("rb") as file:
        assert writer.add_stream(file, lambda: False) is None  # it changed: what was written of it goes
        file.seek(0)
        assert writer.add_stream(file, lambda: True) == (digest_of(large), len(large))
    writer.add(digest_of(b"last"), compress_all([b"last"])[0], 4)
    assert not writer.claim(digest_of(b"last"))
    writer.finish(blobs, packs)
    (key,) = blobs.keys("packs")
    assert packs.kept == {key.partition("/")[2]}
    assert (tmp_path / "blobs" / key).stat().st_size < len(large) + 200_000
    again = Packs(blobs, tmp_path / "elsewhere").load()
    assert digest_of(b"other") not in again.digests
    for content in [*many, large, b"last"]:
        assert digest_of(content) in again.digests
    for content in [*many[::99], large, b"last"]:
        assert again.read(digest_of(content)) == content


def test_a_pack_that_is_abandoned_leaves_nothing(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path, set())
    writer.add(digest_of(b"x"), compress_all([b"x"])[0], 1)
    writer.abandon()
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_the_system_cuts_short_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.writev
    monkeypatch.setattr(os, "writev", lambda fd, pieces: original(fd, [b"".join(pieces)[:5]]))
    monkeypatch.setattr(os, "write", lambda fd, data, write=os.write: write(fd, bytes(data)[:7]))
    blobs = FolderBlobs(tmp_path / "blobs")
    packs = Packs(blobs, tmp_path / "work").load()
    writer = PackWriter(tmp_path / "work", packs.digests)
    contents = CONTENTS[1:3]
    for content in contents:
        writer.claim(digest_of(content))
    writer.add_all([(digest_of(content), len(content)) for content in contents], compress_all(contents))
    writer.finish(blobs, packs)
    monkeypatch.undo()
    again = Packs(blobs, tmp_path / "elsewhere").load()
    assert [again.read(digest_of(content)) for content in contents] == contents
