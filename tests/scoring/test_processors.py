"""Libraries get as many threads as the container has processors, whichever form its limit has."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.scoring.processors import VARIABLES, fit_threads, n_cpus, n_threads

HERE = float(len(os.sched_getaffinity(0)))


def group(root: Path, where: str, **files: str) -> None:
    folder = root / where
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("_", ".", 1)).write_text(content)


@pytest.mark.parametrize(
    ("own", "where", "files", "wanted"),
    [
        ("0::/\n", "", {"cpu_max": "50000 100000\n"}, 0.5),
        ("0::/\n", "", {"cpu_max": "max 100000\n"}, HERE),
        ("0::/a/b\n", "a", {"cpu_max": "25000 100000\n"}, 0.25),
        ("4:cpu,cpuacct:/docker/1\n", "cpu", {"cpu_cfs_quota_us": "75000\n", "cpu_cfs_period_us": "100000\n"}, 0.75),
        ("4:cpu:/\n", "cpu", {"cpu_cfs_quota_us": "-1\n", "cpu_cfs_period_us": "100000\n"}, HERE),
        ("0::/\n", "", {"cpu_max": "what\n"}, HERE),
        ("", "", {}, HERE),
    ],
)
def test_the_limit_of_the_container_counts(
    tmp_path: Path, own: str, where: str, files: dict[str, str], wanted: float
) -> None:
    group(tmp_path / "fs", where, **files)
    (tmp_path / "own").write_text(own)
    assert n_cpus(tmp_path / "fs", tmp_path / "own") == min(wanted, HERE)
    assert n_cpus(tmp_path / "gone", tmp_path / "gone") == HERE


def test_threads_are_what_the_variables_say_or_made_to_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)
    assert n_threads() == max(1, int(n_cpus()))
    monkeypatch.setenv(VARIABLES[1], "7")
    fit_threads(share=1000)
    assert [os.environ[name] for name in VARIABLES] == ["1", "7", "1", "1"]
    monkeypatch.setenv(VARIABLES[0], "3")
    assert n_threads() == 3
