"""Digests are found in few bytes, however many there are and however they lie."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from jupyter_mlops.inputs.newindex import NewIndex
from jupyter_mlops.inputs.packindex import Index, Place, Sorted, Stored, sizes_of

HEADS = {"even": (0, 1 << 64), "first": (0, 1000), "last": ((1 << 64) - 1000, 1 << 64)}


def digests(count: int, lie: str = "even", seed: int = 1) -> list[bytes]:
    rng = random.Random(seed)
    return [rng.randrange(*HEADS[lie]).to_bytes(8, "big") + rng.randbytes(24) for _ in range(count)]


@pytest.mark.parametrize("lie", HEADS)
@pytest.mark.parametrize("count", [0, 1, 2, 5_000])
def test_each_digest_is_found_and_no_other(count: int, lie: str) -> None:
    have = sorted(digests(count, lie))
    packed = Sorted(b"".join(have) + b"rows", count)
    assert [packed.find(digest) for digest in have] == list(range(count))
    assert list(packed) == have
    for other in [*digests(200, lie, seed=2), b"\x00" * 32, b"\xff" * 32]:
        assert packed.find(other) == -1


def test_what_any_of_many_packs_has_is_stored() -> None:
    sizes = [1, 3, 0, 40, 60_000, 50_000, 2, 300, 7]
    packs = [sorted(digests(size, seed=seed)) for seed, size in enumerate(sizes)]
    stored = Stored(Sorted(b"".join(pack), len(pack)) for pack in packs)
    assert all(digest in stored for pack in packs for digest in pack[::97])
    assert not any(digest in stored for digest in digests(200, seed=99))
    assert digests(1)[0] not in Stored()


@pytest.mark.parametrize("most", [100_000, 700, 2_499])
def test_an_index_that_was_written_says_where_each_content_is(most: int, tmp_path: Path) -> None:
    have = digests(5_000)
    new = NewIndex(tmp_path, most)
    for i, digest in enumerate(have):
        assert new.claim(digest)
        if i >= 10:  # a few wait to be put
            new.put(have[i - 10], (1 << 62) + i - 10 if i % 2 else i - 10, i - 9, i - 8)
    assert not any(new.claim(digest) for digest in have)
    for i in range(len(have) - 10, len(have)):
        new.put(have[i], (1 << 62) + i if i % 2 else i, i + 1, i + 2)
    new.move(1 << 62, 10_000 - (1 << 62))
    index = Index("name", b"".join(new.chunks()))
    assert list(index.digests) == sorted(have)
    for i, digest in enumerate(have):
        assert digest in new
        assert index.find(digest) == Place("name", i + 10_000 if i % 2 else i, i + 1, i + 2)
    assert sizes_of(index) == {digest: 56 + i + 1 for i, digest in enumerate(have)}
    assert index.find(digests(1, seed=2)[0]) is None
    assert digests(1, seed=2)[0] not in new
