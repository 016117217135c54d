"""How fast and how cheap scoring is, beside MLflow, FastAPI, BentoML, LitServe, MLServer and two limits, in one run.

    python tests/bench/serving.py [--quick] [--json]

The server has core 0 and the load (wrk, of Debian's package of that name) core 1. LogisticRegression and a random forest
of 100 trees (about 950 nodes each) over 10 numbers, bodies of 1 and 100 rows, 1, 16 and 64 connections. Ours checks the
key and the schema, counts and logs each request; rivals run as their documents advise, with batching where they have it,
and each in a virtual environment of its own, kept in the user's cache folder. CPU-ms is the CPU time of all processes of
the server, by answer of status 200; ``other`` counts answers of another status and connections that broke. ``--quick``
has only what the figures need, and takes less than a minute once the environments are made.

``*_vs_*`` of CPU time is ours over theirs, less is better; ``lr_c1_vs_fastapi`` and ``lr_100rows_vs_fastapi`` are
requests per second, ours over theirs. ``start_vs_bare`` and ``rss_vs_bare`` compare a replica up to its first answer
with an interpreter that loads the same LogisticRegression and predicts once.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import serving_models
import serving_servers
from serving_servers import REQUIREMENTS, SERVERS, CannotRun, Site, is_made, until_ready, version_of
from serving_slow import slow

TURNS, QUICK_TURNS = 5, 2
"""Starts of a replica and of a bare interpreter, in turns; medians are compared."""
SCRIPT = """
wrk.method = "POST"
local file = io.open("{body}", "rb")
wrk.body = file:read("*a")
file:close()
wrk.headers["content-type"] = "application/json"
{headers}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{{"n":%d,"us":%d,"p50":%d,"p99":%d,"status":%d,"broken":%d}}\\n', summary.requests,
    summary.duration, latency:percentile(50), latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
"""
BARE = """
import os, pickle, sys, time
began = float(sys.argv[2])
model = pickle.load(open(sys.argv[1], "rb"))
model.predict([[0.5] * model.n_features_in_])
took = time.time() - began
resident = int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
print(took, resident / 1e6)
"""
IN_PROCESS = """
import json, pickle, sys, time
import numpy as np
model = pickle.load(open(sys.argv[1], "rb"))
rows = np.array(json.load(open(sys.argv[2]))["data"])
model.predict(rows)
begun, cpu, times = time.time(), time.process_time(), []
while time.time() - begun < float(sys.argv[3]):
    at = time.perf_counter()
    model.predict(rows)
    times.append(time.perf_counter() - at)
took, cpu = time.time() - begun, time.process_time() - cpu
times.sort()
print(json.dumps([len(times) / took, times[len(times) // 2] * 1e3, times[int(len(times) * .99)] * 1e3, cpu / len(times) * 1e3]))
"""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One line of the table."""

    server: str
    model: str
    rows: int
    connections: int
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    other: int = 0


Key = tuple[str, str, int, int]


class Bench:
    """The servers, the load on them, and what came of it."""

    def __init__(self, folder: Path, *, quick: bool) -> None:
        self._folder = folder
        self._turns = QUICK_TURNS if quick else TURNS
        self._seconds = 1 if quick else 3
        self.found: dict[Key, Result] = {}
        self.missing: dict[str, str] = {}
        for n_rows in (1, 100):
            for form, body in serving_models.bodies(n_rows).items():
                (folder / f"{form}-{n_rows}.json").write_bytes(body)

    def take(self, server: str, model: str, loads: Sequence[tuple[int, int]]) -> None:
        """Start a server with a model and measure it under each ``(rows, connections)``."""
        if server in self.missing:
            return
        sys.stderr.write(f"{server}, {model}\n")
        try:
            with SERVERS[server](self._folder, model) as site:
                until_ready(site, self._body(site, 1).read_bytes())
                self._wrk(site, 1, 16, 1)
                for n_rows, n_connections in loads:
                    site.ask(self._body(site, n_rows).read_bytes())
                    self._keep(self._loaded(server, site, (model, n_rows, n_connections)))
        except CannotRun as error:
            self.missing[server] = str(error)

    def in_process(self, model: str, n_rows: int) -> None:
        """Measure ``predict`` alone."""
        argv = [sys.executable, "-c", IN_PROCESS, self._folder / f"{model}.pkl", self._folder / f"arrays-{n_rows}.json"]
        pinned = ["taskset", "-c", str(serving_servers.SERVER_CORE), *argv, str(self._seconds)]
        said = subprocess.run(
            pinned, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, check=True
        ).stdout
        per_s, p50_ms, p99_ms, cpu_ms = json.loads(said)
        self._keep(
            Result(
                server="predict, in process",
                model=model,
                rows=n_rows,
                connections=1,
                per_s=per_s,
                p50_ms=p50_ms,
                p99_ms=p99_ms,
                cpu_ms=cpu_ms,
            )
        )

    def starts(self) -> tuple[float, float]:
        """Return how a replica's start and memory compare with a bare interpreter's."""
        bare: list[tuple[float, float]] = []
        ours: list[tuple[float, float]] = []
        pickled = self._folder / "lr-bundle" / "models" / "bench" / "model.pkl"
        for _ in range(self._turns):
            argv = [
                "taskset",
                "-c",
                str(serving_servers.SERVER_CORE),
                sys.executable,
                "-c",
                BARE,
                pickled,
                str(time.time()),
            ]
            took, resident = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split()
            bare.append((float(took), float(resident)))
            began = time.time()
            with SERVERS["ours"](self._folder, "lr") as site:
                until_ready(site, self._body(site, 1).read_bytes(), every_s=0.005)
                ours.append((time.time() - began, site.resident_mb()))
        medians = [[statistics.median(column) for column in zip(*each, strict=True)] for each in (ours, bare)]
        return medians[0][0] / medians[1][0], medians[0][1] / medians[1][1]

    def _body(self, site: Site, n_rows: int) -> Path:
        return self._folder / f"{site.form}-{n_rows}.json"

    def _loaded(self, server: str, site: Site, load: tuple[str, int, int]) -> Result:
        model, n_rows, n_connections = load
        cpu_s = site.cpu_s()
        said = self._wrk(site, n_rows, n_connections, self._seconds)
        cpu_s = site.cpu_s() - cpu_s
        good = said["n"] - said["status"]
        return Result(
            server=server,
            model=model,
            rows=n_rows,
            connections=n_connections,
            per_s=good / said["us"] * 1e6,
            p50_ms=said["p50"] / 1e3,
            p99_ms=said["p99"] / 1e3,
            cpu_ms=cpu_s / max(1, good) * 1e3,
            other=said["status"] + said["broken"],
        )

    def _wrk(self, site: Site, n_rows: int, n_connections: int, seconds: int) -> dict[str, int]:
        script = self._folder / "wrk.lua"
        headers = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in site.headers.items())
        script.write_text(SCRIPT.format(body=self._body(site, n_rows), headers=headers))
        argv = ["taskset", "-c", str(serving_servers.LOAD_CORE), "wrk", "-t1", f"-c{n_connections}", f"-d{seconds}s"]
        url = f"http://127.0.0.1:{site.port}{site.path}"
        said = subprocess.run([*argv, "-s", script, url], capture_output=True, text=True, check=True).stdout
        return dict(json.loads(said.strip().splitlines()[-1]))

    def _keep(self, result: Result) -> None:
        self.found[result.server, result.model, result.rows, result.connections] = result


FULL = [(rows, connections) for rows in (1, 100) for connections in (1, 16, 64)]
QUICK: dict[tuple[str, str], list[tuple[int, int]]] = {
    ("ours", "lr"): [(1, 1), (1, 64), (100, 64)],
    ("ours", "rf"): [(1, 64)],
    ("fastapi", "lr"): [(1, 1), (1, 64), (100, 64)],
    ("fastapi", "rf"): [(1, 64)],
    ("mlflow", "lr"): [(1, 64)],
    ("haproxy, constant", "lr"): [(1, 64)],
}


def measure(folder: Path, *, quick: bool) -> tuple[Bench, dict[str, float]]:
    """Measure everything; return it, and the figures."""
    for kind in ("lr", "rf", "slow"):
        serving_models.save(folder, kind)
    bench = Bench(folder, quick=quick)
    if quick:
        for (server, model), loads in QUICK.items():
            bench.take(server, model, loads)
    else:
        for server in SERVERS:
            for model in ("lr",) if "constant" in server else ("lr", "rf"):
                bench.take(server, model, FULL)
        for model in ("lr", "rf"):
            for n_rows in (1, 100):
                bench.in_process(model, n_rows)
    sys.stderr.write("slow model, starts\n")
    start, memory = bench.starts()
    figures = ratios(bench.found) | slow(folder, bench_seconds=1.5 if quick else 6.0)
    return bench, figures | {"start_vs_bare": start, "rss_vs_bare": memory}


def ratios(found: dict[Key, Result]) -> dict[str, float]:
    """Return the figures that compare two servers, as far as both could be measured."""
    wanted: dict[str, tuple[str, str, int, int, Callable[[Result], float]]] = {
        "lr_c64_vs_fastapi": ("fastapi", "lr", 1, 64, lambda one: one.cpu_ms),
        "lr_c64_vs_mlflow": ("mlflow", "lr", 1, 64, lambda one: one.cpu_ms),
        "lr_c64_vs_haproxy_constant": ("haproxy, constant", "lr", 1, 64, lambda one: one.cpu_ms),
        "rf_c64_vs_fastapi": ("fastapi", "rf", 1, 64, lambda one: one.cpu_ms),
        "lr_c1_vs_fastapi": ("fastapi", "lr", 1, 1, lambda one: one.per_s),
        "lr_100rows_vs_fastapi": ("fastapi", "lr", 100, 64, lambda one: one.per_s),
    }
    figures = {}
    for name, (rival, model, rows, connections, of) in wanted.items():
        ours, theirs = found.get(("ours", model, rows, connections)), found.get((rival, model, rows, connections))
        if ours and theirs:
            figures[name] = of(ours) / of(theirs)
    return figures


def show(bench: Bench, figures: dict[str, float]) -> None:
    """Print all of it."""
    print(
        f"{'':<22}{'model':<7}{'rows':>5}{'conns':>7}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU-ms':>9}{'other':>7}"
    )
    for one in bench.found.values():
        cells = f"{one.per_s:>10,.0f}{one.p50_ms:>9.2f}{one.p99_ms:>9.2f}{one.cpu_ms:>9.4f}{one.other:>7}"
        print(f"{one.server:<22}{one.model:<7}{one.rows:>5}{one.connections:>7}{cells}")
    versions = [f"{name} {version_of(name)}" for name in REQUIREMENTS if name not in bench.missing and is_made(name)]
    print("versions: " + ", ".join(versions))
    for server, why in bench.missing.items():
        print(f"{server:<22}{why}")
    for name, value in figures.items():
        print(f"{name:<30}{value:10.4g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute, once the environments are made")
    parser.add_argument("--json", action="store_true", help="a flat object of numbers")
    options = parser.parse_args()
    for program in ("wrk", "taskset"):
        if shutil.which(program) is None:
            sys.exit(f"There is no {program}: apt-get install {'wrk' if program == 'wrk' else 'util-linux'}.")
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        bench, figures = measure(Path(name), quick=options.quick)
    if options.json:
        lines = {
            "_".join(map(str, key)).replace(", ", "_").replace(" ", "_"): asdict(one)
            for key, one in bench.found.items()
        }
        details = {
            f"{name}_{of}": line[of] for name, line in lines.items() for of in ("per_s", "p99_ms", "cpu_ms", "other")
        }
        print(json.dumps(figures | details))
    else:
        show(bench, figures)


if __name__ == "__main__":
    main()
