"""What a run takes of its machine: CPU, memory, disk, network and GPU, under the names of MLflow's System metrics tab."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.run import SYSTEM
from jupyter_mlops.training.pulse import PULSE

OFF: Final = "mlops.system"
"""The tag that says ``off`` where a run is not to be sampled."""
SHARE_MOST: Final = 0.002
"""Of one core: where a sample costs more (thousands of processes), the next one waits for longer."""
SLOWER_AFTER: Final = 0.005
"""Of a run's age, between two samples: after a quarter of an hour they get rarer, up to ``EVERY_MOST_S``."""
EVERY_MOST_S: Final = 60.0
LATE_S: Final = 0.5
"""After so long the counters are looked at for the first time: the shortest runs need none of it."""
_MB: Final = 1e6


class Log(Protocol):
    """Where samples go."""

    def __call__(self, values: Mapping[str, Any], step: int | None = None) -> None: ...  # noqa: D102  # as Capture.log


class SystemMonitor:
    """Samples machine and process tree, ``every_s`` seconds apart, until ``stop``. A shorter run has none."""

    def __init__(self, log: Log, every_s: float, *, pid: int | None = None) -> None:
        self._log = log
        self._every_s = every_s
        self._pid = os.getpid() if pid is None else pid
        self._probes: list[Probe] = []
        self._began = time.monotonic()
        self._step = 0
        self.cpu_s = 0.0
        """CPU time that sampling took so far."""
        self._beat = PULSE.every(self._sample, min(every_s, LATE_S))

    def stop(self) -> None:
        """Take no more samples; one that is being taken is finished first."""
        self._beat.stop()

    def _sample(self) -> float:
        if not self._probes:
            self._probes = _probes(self._pid)
            return self._every_s
        before = time.thread_time()
        values = {f"{SYSTEM}{key}": value for probe in self._probes for key, value in _taken(probe).items()}
        with suppress(MlopsError):  # a full disk is told to the user's own `log`
            self._log(values, self._step)
        self._step += 1
        cost_s = time.thread_time() - before
        self.cpu_s += cost_s
        rarer_s = min((time.monotonic() - self._began) * SLOWER_AFTER, EVERY_MOST_S)
        return max(self._every_s, rarer_s, cost_s / SHARE_MOST)


Probe = Callable[[], dict[str, float]]


def _taken(probe: Probe) -> dict[str, float]:
    """Return what a probe finds; nothing where the system will not say (a container without ``/proc/diskstats``)."""
    try:
        return probe()
    except (OSError, RuntimeError, ValueError, AttributeError, NotImplementedError):
        return {}


def _probes(pid: int) -> list[Probe]:
    probes = [_cpu(), _memory, _disk(), _network(), _processes(pid)]
    gpu = _gpu()
    return [*probes, gpu] if gpu is not None else probes


def _cpu() -> Probe:
    """Sample the machine since the last sample of this probe (psutil's own function knows one for each thread)."""
    import psutil

    before = _spent(psutil.cpu_times())

    def probe() -> dict[str, float]:
        nonlocal before
        now = _spent(psutil.cpu_times())
        whole, idle = now[0] - before[0], now[1] - before[1]
        before = now
        return {"cpu_utilization_percentage": round(min(max(1 - idle / whole, 0.0), 1.0) * 100, 1)} if whole > 0 else {}

    return probe


def _spent(times: Any) -> tuple[float, float]:
    """Return CPU seconds since the machine's start: all, and those idle. Linux counts what guests take as user's, too."""
    by_kind = times._asdict()
    whole = sum(by_kind.values()) - by_kind.get("guest", 0.0) - by_kind.get("guest_nice", 0.0)
    return whole, by_kind["idle"] + by_kind.get("iowait", 0.0)


def _memory() -> dict[str, float]:
    import psutil

    memory = psutil.virtual_memory()
    return {
        "system_memory_usage_megabytes": round(memory.used / _MB, 1),
        "system_memory_usage_percentage": round(memory.used / memory.total * 100, 1),
    }


def _disk() -> Probe:
    import psutil

    first = psutil.disk_io_counters()

    def probe() -> dict[str, float]:
        usage, now = psutil.disk_usage("."), psutil.disk_io_counters()
        found = {
            "disk_usage_percentage": usage.percent,
            "disk_usage_megabytes": round(usage.used / _MB, 1),
            "disk_available_megabytes": round(usage.free / _MB, 1),
        }
        if now is not None and first is not None:
            found["disk_read_megabytes"] = round((now.read_bytes - first.read_bytes) / _MB, 3)
            found["disk_write_megabytes"] = round((now.write_bytes - first.write_bytes) / _MB, 3)
        return found

    return probe


def _network() -> Probe:
    import psutil

    first = psutil.net_io_counters()

    def probe() -> dict[str, float]:
        now = psutil.net_io_counters()
        return {
            "network_receive_megabytes": round((now.bytes_recv - first.bytes_recv) / _MB, 3),
            "network_transmit_megabytes": round((now.bytes_sent - first.bytes_sent) / _MB, 3),
        }

    return probe


def _processes(pid: int) -> Probe:
    """Sample a process and all below it; 100 percent is one core."""
    import psutil

    root = psutil.Process(pid)

    def used() -> tuple[dict[tuple[int, float], float], float]:
        times, resident = {}, 0.0
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error), process.oneshot():
                spent = process.cpu_times()
                times[process.pid, process.create_time()] = spent.user + spent.system
                resident += process.memory_info().rss
        return times, resident

    before, at = used()[0], time.monotonic()

    def probe() -> dict[str, float]:
        nonlocal before, at
        (times, resident), now = used(), time.monotonic()
        spent = sum(max(spent - before.get(which, 0.0), 0.0) for which, spent in times.items())
        share = spent / max(now - at, 0.001) * 100
        before, at = times, now
        return {
            "process_cpu_utilization_percentage": round(share, 1),
            "process_memory_usage_megabytes": round(resident / _MB, 1),
            "process_count": float(len(times)),
        }

    return probe


def _gpu() -> Probe | None:
    """Return what samples NVIDIA's GPUs; ``None`` without one, or without ``nvidia-ml-py`` to ask."""
    try:
        import pynvml

        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except Exception:  # noqa: BLE001  # NVML's errors derive from nothing more special, and its absence is one of them
        return None
    return lambda: {
        f"gpu_{number}_{key}": value
        for number, handle in enumerate(handles)
        for key, value in _gpu_values(pynvml, handle).items()
    }


def _gpu_values(nvml: Any, handle: Any) -> dict[str, float]:
    found: dict[str, float] = {}
    with suppress(nvml.NVMLError):
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        found["memory_usage_megabytes"] = round(memory.used / _MB, 1)
        found["memory_usage_percentage"] = round(memory.used / memory.total * 100, 1)
    with suppress(nvml.NVMLError):
        found["utilization_percentage"] = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    with suppress(nvml.NVMLError):  # some have no sensor for it
        watts, most = nvml.nvmlDeviceGetPowerUsage(handle) / 1000, nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
        found["power_usage_watts"] = round(watts, 1)
        found["power_usage_percentage"] = round(watts / most * 100, 1)
    return found
