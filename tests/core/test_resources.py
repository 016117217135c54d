"""Amounts of processors and memory are read as Docker reads them, and nonsense is refused."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.resources import BadResources, Resources, memory_bytes, resources


@pytest.mark.parametrize(
    ("text", "n_bytes"),
    [("512m", 512 << 20), ("1g", 1 << 30), ("1.5G", 3 << 29), ("2GiB", 2 << 30), ("100000000", 100_000_000), ("0", 0)],
)
def test_memory_is_in_powers_of_1024(text, n_bytes):
    assert memory_bytes(text) == n_bytes


@pytest.mark.parametrize("text", ["", "much", "-1g", "1x", "1k", "63m", "1 g g", "nan"])
def test_what_is_no_memory_is_refused_with_an_example(text):
    with pytest.raises(BadResources, match="no amount of memory") as error:
        memory_bytes(text)
    assert "512m" in error.value.hint


@pytest.mark.parametrize("cpus", [-1, 2000, float("nan")])
def test_a_number_of_processors_that_is_none_is_refused(cpus):
    with pytest.raises(BadResources, match="no number of processors"):
        resources(cpus, None, Resources())


def test_what_is_not_given_stays():
    known = Resources(cpus=2, memory_bytes=1 << 30)
    assert resources(None, None, known) == known
    assert resources(0.5, None, known) == Resources(cpus=0.5, memory_bytes=1 << 30)
    assert resources(None, "0", known) == Resources(cpus=2)
