"""System metrics, of this machine and this process."""

from __future__ import annotations

import subprocess
import sys
import time
import types
from collections.abc import Mapping

import pytest
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

from jupyter_mlops.magics import parse_cell_options
from jupyter_mlops.store.folder import SystemSettings
from jupyter_mlops.training.capture import Plan, begin
from jupyter_mlops.training.system import SystemMonitor


class Book:
    """What was logged."""

    def __init__(self) -> None:
        self.samples: list[tuple[int | None, dict[str, float]]] = []

    def __call__(self, values: Mapping[str, float], step: int | None = None) -> None:
        self.samples.append((step, dict(values)))

    def wait(self, n: int, seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while len(self.samples) < n and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.samples) >= n


def test_samples_have_mlflows_names_and_steps_that_count_up():
    book = Book()
    monitor = SystemMonitor(book, 0.05)
    book.wait(3)
    monitor.stop()
    assert [step for step, _ in book.samples[:3]] == [0, 1, 2]
    theirs = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    for one in theirs:
        one.collect_metrics()
    names = {f"system/{name}" for one in theirs for name in one.metrics}
    values = book.samples[-1][1]
    assert names <= set(values)
    assert 0 <= values["system/cpu_utilization_percentage"] <= 100
    assert 0 < values["system/system_memory_usage_percentage"] < 100
    n = len(book.samples)
    time.sleep(0.2)
    assert len(book.samples) == n


def test_the_process_tree_counts_whole():
    spin = "x = bytearray(200_000_000)\nprint('go', flush=True)\nwhile True: pass"
    child = subprocess.Popen([sys.executable, "-c", spin], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "go\n"
        book = Book()
        monitor = SystemMonitor(book, 0.5)
        book.wait(2)
        monitor.stop()
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    values = book.samples[-1][1]
    assert values["system/process_count"] >= 2
    assert values["system/process_memory_usage_megabytes"] > 200
    assert values["system/process_cpu_utilization_percentage"] > 10


def test_sampling_takes_almost_no_cpu():
    book = Book()
    monitor = SystemMonitor(book, 0.001)  # asked for far too often, it still keeps to its share of a core
    began = time.monotonic()
    book.wait(3)
    time.sleep(2)
    monitor.stop()
    samples = len(book.samples)
    assert monitor.cpu_s / samples < 0.025  # at one in 5 s: half a percent
    assert monitor.cpu_s / (time.monotonic() - began) < 0.02


def test_a_gpu_is_sampled_under_mlflows_names(monkeypatch):
    nvml = types.SimpleNamespace(
        NVMLError=RuntimeError,
        nvmlInit=lambda: None,
        nvmlDeviceGetCount=lambda: 1,
        nvmlDeviceGetHandleByIndex=lambda number: number,
        nvmlDeviceGetMemoryInfo=lambda _: types.SimpleNamespace(used=2e9, total=8e9),
        nvmlDeviceGetUtilizationRates=lambda _: types.SimpleNamespace(gpu=75),
        nvmlDeviceGetPowerUsage=lambda _: 50_000,
        nvmlDeviceGetEnforcedPowerLimit=_no_sensor,
    )
    monkeypatch.setitem(sys.modules, "pynvml", nvml)  # no machine of ours has a GPU
    book = Book()
    monitor = SystemMonitor(book, 0.05)
    book.wait(1)
    monitor.stop()
    found = {key: value for key, value in book.samples[0][1].items() if "gpu" in key}
    assert found == {
        "system/gpu_0_memory_usage_megabytes": 2000.0,
        "system/gpu_0_memory_usage_percentage": 25.0,
        "system/gpu_0_utilization_percentage": 75.0,
    }


def _no_sensor(_: object) -> float:
    raise RuntimeError("not supported")


@pytest.mark.parametrize(("tags", "sampled"), [({}, True), ({"mlops.system": "off"}, False)])
def test_a_run_is_sampled_into_its_journal_unless_switched_off(workspace, monkeypatch, tags, sampled):
    monkeypatch.setattr(type(workspace), "system_every_s", 0.1)
    capture = begin(workspace, Plan(folder=workspace.home, snapshot=False, tags=tags))
    time.sleep(1)
    capture.log({"loss": 1.0})
    capture.end("FINISHED")
    run = workspace.tracking.run(capture.run.id)
    points = workspace.tracking.history(run.id, "system/cpu_utilization_percentage")
    assert [point.step for point in points[:1]] == ([0] if sampled else [])
    assert [point.step for point in workspace.tracking.history(run.id, "loss")] == [0]


def test_a_short_run_has_no_samples(workspace, monkeypatch):
    monkeypatch.setattr(type(workspace), "system_every_s", SystemSettings().every_s)
    capture = begin(workspace, Plan(folder=workspace.home, snapshot=False))
    capture.end("FINISHED")
    assert not [key for key in workspace.tracking.run(capture.run.id).metrics if key.startswith("system/")]


def test_how_often_is_a_setting(workspace, make_workspace):
    path = workspace.root / "workspace.toml"
    path.write_text(path.read_text().replace("[system]\nevery_s = 0", "[system]\nevery_s = 2.5"))
    assert make_workspace(workspace.home).system_every_s == 2.5


def test_no_system_is_kept_with_the_run_so_that_a_worker_knows_it():
    assert parse_cell_options("--no-system --tag a=b").plan.tags == {"a": "b", "mlops.system": "off"}
    assert parse_cell_options("").plan.tags == {}
