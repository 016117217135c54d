"""The builder's folder does not grow for ever."""

from __future__ import annotations

import os
import time

from jupyter_mlops.hosts.keeping import DAY_S, tidy, used
from jupyter_mlops.hosts.layers import find_layer


def aged(path, days):
    if path.suffix or path.name.startswith("lock"):
        path.write_text("x")
    else:
        path.mkdir()
        (path / "inside").write_text("x")
    os.utime(path, (time.time() - days * DAY_S,) * 2)


def test_what_nobody_used_for_a_month_goes_and_locks_stay(tmp_path):
    ages = {
        "environment-a-1.tar": 31,
        "environment-b-2.tar": 29,
        "runtime-c-3.tar": 40,
        "base-d.tar": 40,
        "lock-e.txt": 400,
    }
    for name, days in ages.items():
        aged(tmp_path / name, days)
    used(tmp_path / "base-d.tar")
    assert find_layer(tmp_path, "runtime-c", "runtime")
    tidy(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"environment-b-2.tar", "runtime-c-3.tar", "base-d.tar", "lock-e.txt"}


def test_what_a_killed_build_left_goes_the_next_day(tmp_path):
    for name, days in {"building-a": 2, "building-b": 0.5, "layer.part": 2, "wheel-c": 31}.items():
        aged(tmp_path / name, days)
    tidy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["building-b"]
