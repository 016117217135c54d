"""However many packs a store has, few of their digests are in memory, and each content is found."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

import pytest

from jupyter_mlops.inputs import packindex, packs
from jupyter_mlops.inputs.held import Held
from jupyter_mlops.inputs.newindex import NewIndex
from jupyter_mlops.inputs.packerrors import DamagedPack, MissingContent
from jupyter_mlops.inputs.packgroups import Group, make_group, open_groups
from jupyter_mlops.inputs.packindex import Index, IndexFile, Place, read_index
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.packwriter import PackWriter, compress
from jupyter_mlops.inputs.tree import digest_of
from jupyter_mlops.store.blobs import FolderBlobs


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is many is some dozens."""
    monkeypatch.setattr(packs, "MANY_DIGESTS", 50)
    monkeypatch.setattr(packs, "MANY_FILES", 2)
    monkeypatch.setattr(packs, "LARGE_INDEX_BYTES", 30 * packindex.ITEM_BYTES)
    monkeypatch.setattr(packindex, "LARGE_INDEX_BYTES", 30 * packindex.ITEM_BYTES)


def index_of(name: str, seed: int, count: int, folder: Path) -> tuple[Index, list[bytes]]:
    rng = random.Random(seed)
    digests = [rng.randbytes(32) for _ in range(count)]
    new = NewIndex(folder)
    for i, digest in enumerate(digests):
        assert new.claim(digest)
        new.put(digest, i, i + 1, i + 2)
    return Index(name, b"".join(new.chunks())), digests


def store(blobs: FolderBlobs, cache: Path, contents: Iterable[bytes]) -> None:
    have = Packs(blobs, cache).load()
    pack = PackWriter(cache, have.digests)
    for content in contents:
        pack.add(digest_of(content), compress(content), len(content))
    pack.finish(blobs, have)


def contents(pack: int, count: int) -> list[bytes]:
    return [b"%d of %d" % (i, pack) for i in range(count)]


def groups(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.group"))


def test_a_group_has_what_its_indexes_and_groups_have(tmp_path: Path) -> None:
    indexes = [index_of(f"pack{i}", i, 40 * i, tmp_path) for i in range(1, 5)]
    first = make_group(tmp_path, [index for index, _ in indexes[:2]])
    assert first is not None
    second = make_group(tmp_path, [first, *(index for index, _ in indexes[2:])])
    assert second is not None
    (opened,) = open_groups(tmp_path, {"pack1", "pack2", "pack3", "pack4"})
    assert opened.path == second.path != first.path
    assert not first.path.exists()
    assert len(opened) == 400
    for index, digests in indexes:
        for i, digest in enumerate(digests):
            assert digest in opened.digests
            assert opened.find(digest) == Place(index.name, i, i + 1, i + 2)
    assert opened.find(b"\x00" * 32) is None
    assert opened.find(b"\xff" * 32) is None


def test_a_content_that_two_packs_have_is_in_a_group_once(tmp_path: Path) -> None:
    index, digests = index_of("a", 1, 30, tmp_path)
    again, _ = index_of("b", 1, 30, tmp_path)
    group = make_group(tmp_path, [index, again])
    assert group is not None
    assert len(group) == 30
    assert all(group.find(digest) is not None for digest in digests)


@pytest.mark.parametrize("spoil", ["cut", "changed", "empty", "renamed"])
def test_a_damaged_group_is_removed(spoil: str, tmp_path: Path) -> None:
    group = make_group(tmp_path, [index_of("a", 1, 30, tmp_path)[0]])
    assert isinstance(group, Group)
    whole = group.path.read_bytes()
    match spoil:
        case "cut":
            group.path.write_bytes(whole[:-1])
        case "changed":
            group.path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
        case "empty":
            group.path.write_bytes(b"")
        case "renamed":
            group.path.rename(tmp_path / f"{'0' * 64}.group")
    assert open_groups(tmp_path, {"a"}) == []
    assert groups(tmp_path) == []


def test_a_group_with_a_pack_that_is_gone_is_removed(tmp_path: Path) -> None:
    assert make_group(tmp_path, [index_of(name, i, 5, tmp_path)[0] for i, name in enumerate("ab")])
    assert open_groups(tmp_path, {"a"}) == []
    assert groups(tmp_path) == []


@pytest.mark.usefixtures("small")
def test_many_small_packs_become_a_group_and_a_large_one_stays_in_its_file(tmp_path: Path) -> None:
    blobs, cache = FolderBlobs(tmp_path / "blobs"), tmp_path / "cache"
    sizes = [10, 10, 100, 10, 10, 10, 10, 10, 100, 100, 5]
    for pack, size in enumerate(sizes):
        store(blobs, cache, contents(pack, size))
        store(blobs, cache, contents(pack, size))  # it is there already
        have = Packs(blobs, cache).load()
        for old in range(pack + 1):
            assert all(digest_of(content) in have.digests for content in contents(old, sizes[old]))
        assert digest_of(b"other") not in have.digests
        last = contents(pack, size)[-1]
        assert have.read(digest_of(last)) == last
        with pytest.raises(MissingContent):
            have.find(digest_of(b"other"))
    assert len(list(blobs.keys("packs"))) == len(sizes)
    assert len(groups(cache)) == 1
    every = Packs(blobs, cache).load(each=True)
    assert sorted(map(len, every.sizes().values())) == sorted(sizes)


@pytest.mark.usefixtures("small")
def test_a_retired_pack_is_in_no_group_and_is_read_all_the_same(tmp_path: Path) -> None:
    blobs, cache = FolderBlobs(tmp_path / "blobs"), tmp_path / "cache"
    for pack in range(8):
        store(blobs, cache, contents(pack, 10))
    Packs(blobs, cache).load()
    assert groups(cache)
    content = contents(0, 10)[3]
    pack_name = Packs(blobs, cache).load().find(digest_of(content)).pack
    mark = tmp_path / "mark"
    mark.touch()
    blobs.put(f"{packs.RETIRED}/{pack_name}-1.0", mark)
    after = Packs(blobs, cache).load()
    assert digest_of(content) not in after.digests
    assert after.read(digest_of(content)) == content
    assert digest_of(contents(1, 10)[0]) in after.digests


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("spoil", ["copy", "pack"])
def test_the_index_of_a_large_pack_is_checked(spoil: str, tmp_path: Path) -> None:
    blobs, cache = FolderBlobs(tmp_path / "blobs"), tmp_path / "cache"
    store(blobs, cache, contents(0, 100))
    (copy,) = cache.glob("*.index")
    raw = copy.read_bytes()
    copy.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
    assert read_index(copy.stem, copy) is None
    if spoil == "copy":
        assert all(digest_of(content) in Packs(blobs, cache).load().digests for content in contents(0, 100))
        assert isinstance(read_index(copy.stem, copy), IndexFile)
        return
    (path,) = (path for path in (tmp_path / "blobs").rglob("*") if path.is_file())
    whole = bytearray(path.read_bytes())
    whole[-60] ^= 1
    path.chmod(0o600)
    path.write_bytes(whole)
    have = Packs(blobs, cache).load()
    assert digest_of(contents(0, 1)[0]) not in have.digests
    with pytest.raises(DamagedPack):
        have.find(digest_of(contents(0, 1)[0]))


def test_nothing_is_lost_where_no_copy_can_be_kept(tmp_path: Path, small: None) -> None:
    del small
    blobs, cache = FolderBlobs(tmp_path / "blobs"), tmp_path / "cache"
    for pack in range(8):
        store(blobs, cache, contents(pack, 40))
    (tmp_path / "no folder").touch()
    have = Packs(blobs, tmp_path / "no folder").load()
    for pack in range(8):
        assert all(digest_of(content) in have.digests for content in contents(pack, 40))


def test_what_is_held_comes_back_from_memory_and_from_the_file(tmp_path: Path) -> None:
    held = Held(tmp_path / "new", most_bytes=1_000)
    parts = [bytes([i % 256]) * (i % 97) for i in range(500)]
    places = [held.put(part) for part in parts]
    assert [held.get(at, len(part)) for at, part in zip(places, parts, strict=True)] == parts
    assert list((tmp_path / "new").iterdir()) == []


def test_what_cannot_be_put_into_a_file_is_held_in_memory(tmp_path: Path) -> None:
    (tmp_path / "no folder").touch()
    held = Held(tmp_path / "no folder", most_bytes=100)
    places = [held.put(bytes([i]) * 60) for i in range(20)]
    assert [held.get(at, 60) for at in places] == [bytes([i]) * 60 for i in range(20)]
