"""Processes are given some of the machine's GPUs, and told in words how they are held to their limits."""

from __future__ import annotations

import sys

import pytest

from jupyter_mlops.core.resources import Resources
from jupyter_mlops.hosts.limiting import NoGpu, how_held, prefix, visible_gpus


def test_a_process_sees_as_many_gpus_as_it_was_given_and_only_those(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidia10", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    seen = {visible_gpus(Resources(gpus=2), tmp_path)["CUDA_VISIBLE_DEVICES"] for _ in range(100)}
    assert seen == {"0,1", "0,10", "1,10"}
    assert visible_gpus(Resources(), tmp_path) == {}
    with pytest.raises(NoGpu, match="needs 4 GPUs, and this machine has 3") as error:
        visible_gpus(Resources(gpus=4), tmp_path)
    assert "hosts add" in error.value.hint


def test_what_holds_a_process_is_said(monkeypatch):
    assert how_held(Resources()) == ""
    assert "1 processor core, since only containers get a part of one" in how_held(Resources(cpus=0.5))
    assert "512 MB of memory of its own" in how_held(Resources(memory_bytes=512 << 20))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert how_held(Resources(cpus=1)).startswith("Not held to --cpu and --memory")
    assert prefix(Resources(cpus=1)) == []
