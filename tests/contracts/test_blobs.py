"""What every store of blobs promises, wherever it keeps them."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from jupyter_mlops.core.errors import BadInput, Unavailable, UnknownThing
from jupyter_mlops.ports import Blobs
from jupyter_mlops.store.blobs import open_blobs
from jupyter_mlops.store.remote import FsspecBlobs


@pytest.fixture(params=["folder", "file-url", "memory", "copying", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    match request.param:
        case "folder":
            return open_blobs(str(tmp_path / "store"))
        case "file-url":
            return open_blobs((tmp_path / "a store").as_uri())
        case "memory":
            return open_blobs(f"memory://{uuid.uuid4().hex}/store")
        case "s3":
            return open_blobs(f"{request.getfixturevalue('s3_bucket')}/{uuid.uuid4().hex}/store")
    # a driver whose uploads are not all or nothing, so that they go to another name first
    return open_blobs(f"simplecache::{(tmp_path / 'store').as_uri()}")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content")
    return path


def test_what_is_put_can_be_read_from_any_place(blobs: Blobs, source: Path) -> None:
    blobs.put("packs/abc", source)
    assert blobs.has("packs/abc")
    with blobs.open("packs/abc") as file:
        assert file.read() == b"content"
        file.seek(-4, os.SEEK_END)
        assert file.read(2) == b"te"
    assert source.read_bytes() == b"content"


def test_keys_are_listed_by_pool(blobs: Blobs, source: Path) -> None:
    assert list(blobs.keys("packs")) == []
    for key in ("packs/a", "packs/b", "manifests/c"):
        blobs.put(key, source)
    assert sorted(blobs.keys("packs")) == ["packs/a", "packs/b"]


def test_putting_again_changes_nothing(blobs: Blobs, source: Path) -> None:
    blobs.put("packs/a", source)
    blobs.put("packs/a", source)
    assert list(blobs.keys("packs")) == ["packs/a"]


@pytest.mark.parametrize("already_there", [False, True])
def test_a_file_that_is_given_up_is_used_up(blobs: Blobs, source: Path, already_there: bool) -> None:
    if already_there:
        blobs.put("packs/a", source)
    blobs.put("packs/a", source, move=True)
    assert not source.exists()
    with blobs.open("packs/a") as file:
        assert file.read() == b"content"


def test_a_later_change_of_the_source_leaves_the_blob_alone(blobs: Blobs, source: Path) -> None:
    blobs.put("packs/a", source)
    source.write_bytes(b"another")
    with blobs.open("packs/a") as file:
        assert file.read() == b"content"


def test_what_is_deleted_is_gone_and_deleting_again_is_no_error(blobs: Blobs, source: Path) -> None:
    blobs.put("packs/a", source)
    blobs.delete("packs/a")
    blobs.delete("packs/a")
    assert not blobs.has("packs/a")
    assert list(blobs.keys("packs")) == []


def test_opening_what_is_not_there_names_it(blobs: Blobs) -> None:
    with pytest.raises(UnknownThing, match=r"The blob packs/nothing is missing from the store at .*store"):
        blobs.open("packs/nothing")


def test_a_source_that_cannot_be_read_leaves_nothing_behind(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        blobs.put("packs/a", tmp_path / "missing")
    assert not blobs.has("packs/a")
    assert list(blobs.keys("packs")) == []


@pytest.mark.parametrize("key", ["packs", "../packs/a", "packs/../a", "packs/a/b", "/packs/a", "packs/.a"])
def test_a_key_that_could_leave_its_pool_is_refused(blobs: Blobs, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        blobs.has(key)


def test_a_store_says_what_answers(blobs: Blobs) -> None:
    assert blobs.check()


PART = 1000
BIG = os.urandom(3 * PART + 1)


@pytest.fixture(params=["memory", "copying", "s3"])
def parted(request: pytest.FixtureRequest, tmp_path: Path) -> FsspecBlobs:
    """A remote store that sends what is larger than a kilobyte in parts."""
    url = {
        "memory": lambda: f"memory://{uuid.uuid4().hex}/store",
        "copying": lambda: f"simplecache::{(tmp_path / 'store').as_uri()}",
        "s3": lambda: f"{request.getfixturevalue('s3_bucket')}/{uuid.uuid4().hex}/store",
    }[request.param]()
    return FsspecBlobs(url, part_bytes=PART)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(BIG)
    return path


def sent(blobs: FsspecBlobs, monkeypatch: pytest.MonkeyPatch, *, dies_after: int = 1 << 30) -> dict[str, int]:
    """Note the size of each object that is sent from now on; the connection breaks after some."""
    sizes: dict[str, int] = {}
    write = blobs._write

    def note(path: str, content: bytes) -> None:
        if len(sizes) >= dies_after:
            raise ConnectionResetError(104, "Connection reset by peer")
        sizes[path.rpartition("/")[2]] = len(content)
        write(path, content)

    monkeypatch.setattr(blobs, "_write", note)
    return sizes


def test_a_large_blob_reads_as_it_was_wherever_one_looks(parted: FsspecBlobs, big: Path) -> None:
    parted.put("packs/big", big)
    assert parted.has("packs/big")
    assert list(parted.keys("packs")) == ["packs/big"]
    with parted.open("packs/big") as file:
        assert file.read() == BIG
        for at in (0, PART - 1, PART, 2 * PART + 7, 3 * PART):
            assert file.seek(at) == at
            assert file.read(PART) == BIG[at : at + PART]
        assert file.seek(-2, os.SEEK_END) == len(BIG) - 2
        assert (file.read(), file.read()) == (BIG[-2:], b"")


def test_an_interrupted_upload_goes_on_where_it_stopped(
    parted: FsspecBlobs, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        first = sent(parted, broken, dies_after=2)
        with pytest.raises(Unavailable, match=r"cannot be written: Connection reset by peer\.$"):
            parted.put("packs/big", big, move=True)
    assert big.exists()
    assert not parted.has("packs/big")
    assert list(parted.keys("packs")) == []
    again = FsspecBlobs(parted.url, part_bytes=PART)  # another process, later
    second = sent(again, monkeypatch)
    again.put("packs/big", big)
    assert first
    assert not first.keys() & second.keys()
    assert sum(first.values()) + sum(second.values()) - second[".parts-big"] == len(BIG)
    with again.open("packs/big") as file:
        assert file.read() == BIG


def test_what_is_there_is_not_sent_again(parted: FsspecBlobs, big: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parted.put("packs/big", big)
    sizes = sent(parted, monkeypatch)
    parted.put("packs/big", big)
    assert sizes == {}


def test_a_large_blob_is_deleted_with_all_its_parts(parted: FsspecBlobs, big: Path) -> None:
    parted.put("packs/big", big)
    parted.delete("packs/big")
    assert not parted.has("packs/big")
    assert parted._list(parted._parts_path("packs/big")) == {}


def test_parts_of_an_upload_that_nobody_finishes_are_swept(
    parted: FsspecBlobs, big: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parted.put("packs/whole", big)
    with monkeypatch.context() as broken:
        first = sent(parted, broken, dies_after=2)
        with pytest.raises(Unavailable):
            parted.put("packs/big", big)
    assert parted.sweep(3600) == 0
    assert parted._list(parted._parts_path("packs/big"))
    assert parted.sweep(-10) == sum(first.values())
    assert not parted._list(parted._parts_path("packs/big"))
    with parted.open("packs/whole") as file:
        assert file.read() == BIG


def test_a_missing_part_is_named(parted: FsspecBlobs, big: Path) -> None:
    parted.put("packs/big", big)
    folder = parted._parts_path("packs/big")
    parted._fs.rm_file(f"{folder}/{sorted(parted._list(folder))[1]}")
    with parted.open("packs/big") as file, pytest.raises(UnknownThing, match=r"The blob \.parts/packs/big/000001-"):
        file.read()


def test_a_write_that_was_killed_leaves_nothing_after_a_sweep(tmp_path: Path, source: Path) -> None:
    blobs = open_blobs(str(tmp_path / "store"))
    blobs.put("packs/a", source)
    (tmp_path / "store" / "packs" / ".part-killed").write_bytes(b"half")
    assert list(blobs.keys("packs")) == ["packs/a"]
    assert blobs.sweep(3600) == 0
    assert blobs.sweep(-10) == 4
    assert [path.name for path in (tmp_path / "store" / "packs").iterdir()] == ["a"]


def test_a_server_that_is_away_is_one_sentence(s3_bucket: str, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    type(open_blobs(s3_bucket)._fs).clear_instance_cache()
    blobs = open_blobs(f"{s3_bucket}/{uuid.uuid4().hex}")
    for act in (lambda: blobs.put("packs/a", source), lambda: list(blobs.keys("packs")), blobs.check):
        with pytest.raises(
            Unavailable, match=r"^The blob store at s3://\S+ cannot be read: Could not connect [^\n]*\.$"
        ):
            act()
    assert source.exists()
    type(blobs._fs).clear_instance_cache()


def test_a_bucket_that_does_not_exist_is_said(s3_bucket: str, source: Path) -> None:
    with pytest.raises(
        Unavailable, match=r"no-such-bucket/x cannot be written: The specified bucket does not exist\.$"
    ):
        open_blobs(f"{s3_bucket.replace('mlops', 'no-such-bucket')}/x").put("packs/a", source)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path, source: Path) -> None:
    (tmp_path / "file").touch()
    blobs = open_blobs(str(tmp_path / "file" / "store"))
    with pytest.raises(Unavailable, match="cannot be written: Not a directory") as caught:
        blobs.put("packs/a", source)
    assert "mlops status" in caught.value.hint


def test_a_url_without_its_driver_says_what_to_do() -> None:
    with pytest.raises(BadInput, match="nosuch://bucket/x cannot be opened") as caught:
        open_blobs("nosuch://key:secret@bucket/x")
    assert "driver" in caught.value.hint
    assert "secret" not in str(caught.value)
