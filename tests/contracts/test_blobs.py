"""What every store of blobs promises, wherever it keeps them."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from jupyter_mlops.core.errors import BadInput, Unavailable, UnknownThing
from jupyter_mlops.ports import Blobs
from jupyter_mlops.store.blobs import open_blobs


@pytest.fixture(params=["folder", "file-url", "memory", "copying"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    match request.param:
        case "folder":
            return open_blobs(str(tmp_path / "store"))
        case "file-url":
            return open_blobs((tmp_path / "a store").as_uri())
        case "memory":
            return open_blobs(f"memory://{uuid.uuid4().hex}/store")
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
