"""What tracking costs, beside MLflow's own calls on the same kind of store in the same run.

    python tests/bench/tracking.py [--quick] [--json]

Ours and theirs take turns, so that whatever else the machine does befalls both.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import ast
import contextlib
import io
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CALLS = 100_000
RATE = 5000
LOAD = """
import sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
if sys.argv[1] == "with":
    shell.run_line_magic("load_ext", "jupyter_mlops")
shell.run_cell("1 + 1")
print(time.thread_time())  # of the thread that the user waits for
"""


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def load_ext(tries: int, folder: Path) -> float:
    """CPU seconds of a fresh IPython with the extension, less those without; the least of some tries each."""
    env = {**os.environ, "IPYTHONDIR": str(folder / "ipython")}
    least = {"with": 9.0, "without": 9.0}
    for _ in range(tries):
        for how, best in least.items():
            done = subprocess.run(
                [sys.executable, "-c", LOAD, how], cwd=folder, env=env, check=True, capture_output=True, text=True
            )
            least[how] = min(best, float(done.stdout.splitlines()[-1]))
    return least["with"] - least["without"]


class Calls:
    """``ml.log`` and MLflow's ways to log a point."""

    def __init__(self, folder: Path) -> None:
        import mlflow

        import jupyter_mlops as ml
        from jupyter_mlops.training.active import activate
        from jupyter_mlops.training.capture import Plan, begin
        from jupyter_mlops.workspace import Workspace

        self.ml, self.mlflow = ml, mlflow
        self.workspace = Workspace.open(folder, create=True)
        self.capture = begin(self.workspace, Plan(folder=folder, snapshot=False))
        activate(self.capture)
        mlflow.set_tracking_uri(wal(folder / "theirs.db"))
        self.run = mlflow.start_run()

    def ours(self) -> None:
        log = self.ml.log
        for n in range(CALLS):
            log({"loss": n * 0.1})

    def sync(self, n_calls: int) -> None:
        for n in range(n_calls):
            self.mlflow.log_metric("sync", n * 0.1, step=n)

    def in_the_background(self, n_calls: int) -> None:
        for n in range(n_calls):
            self.mlflow.log_metric("async", n * 0.1, step=n, synchronous=False)
        self.mlflow.flush_async_logging()

    def batch(self, n_calls: int) -> None:
        from mlflow.entities import Metric

        client = self.mlflow.MlflowClient()
        now = time.time_ns() // 1_000_000
        for start in range(0, n_calls, 1000):
            points = [Metric("batch", n * 0.1, now, n) for n in range(start, start + 1000)]
            client.log_batch(self.run.info.run_id, points)

    def measure(self, tries: int, n_theirs: int) -> dict[str, float]:
        """Microseconds a point, wall clock, medians; theirs until the point is in the store, which log() does not wait for."""
        taken: dict[str, list[float]] = {"ours": [], "sync": [], "async": [], "batch": []}
        for _ in range(tries):
            taken["ours"].append(seconds(self.ours) / CALLS)
            self.wait_until_shipped()
            taken["sync"].append(seconds(lambda: self.sync(n_theirs)) / n_theirs)
            taken["async"].append(seconds(lambda: self.in_the_background(n_theirs)) / n_theirs)
            taken["batch"].append(seconds(lambda: self.batch(n_theirs * 10)) / (n_theirs * 10))
        return {name: statistics.median(times) * 1e6 for name, times in taken.items()}

    def n_shipped(self) -> int:
        with contextlib.closing(sqlite3.connect(self.workspace.root / "mlflow.db")) as store:
            (count,) = store.execute(
                "SELECT COUNT(*) FROM metrics WHERE run_uuid = ?", (self.capture.run.id,)
            ).fetchone()
        return int(count)

    def wait_until_shipped(self) -> float:
        """Points a second that a backlog drains at."""
        began, before = time.perf_counter(), self.n_shipped()
        while not self.capture.journal.flush():
            pass
        return (self.n_shipped() - before) / (time.perf_counter() - began)

    def drain(self) -> float:
        self.ours()
        self.ours()
        return self.wait_until_shipped()

    def visibility(self, for_s: float) -> float:
        """The longest time that a point waited to be seen, in seconds, at 5,000 points a second."""
        already, began, worst = self.n_shipped(), time.perf_counter(), 0.0
        logged: list[float] = []
        while (now := time.perf_counter() - began) < for_s:
            while len(logged) < now * RATE:
                self.ml.log({"steady": 1.0})
                logged.append(time.perf_counter() - began)
            seen = self.n_shipped() - already
            if seen < len(logged):
                worst = max(worst, time.perf_counter() - began - logged[seen])
            time.sleep(0.02)
        self.wait_until_shipped()
        return worst


def wal(path: Path) -> str:
    """A store of MLflow's own in WAL mode, which is faster: what is compared is not the journal mode."""
    import mlflow

    uri = f"sqlite:///{path}"
    mlflow.MlflowClient(uri).search_experiments()
    with contextlib.closing(sqlite3.connect(path)) as store:
        store.execute("PRAGMA journal_mode=WAL")
    return uri


def runs(folder: Path, tries: int) -> dict[str, float]:
    """Milliseconds, medians: `%%ml run` around `pass` in 200 unchanged files under git, and start_run with end_run."""
    from IPython.core.interactiveshell import InteractiveShell

    for n in range(200):
        (folder / f"module_{n}.py").write_text(f"VALUE = {n}\n" * 50)
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    os.chdir(folder)
    shell: Any = InteractiveShell.instance()
    shell.run_cell("%load_ext jupyter_mlops")
    time.sleep(3)  # as a user who writes the first cell takes longer

    def ours() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            shell.run_cell("%%ml run\npass").raise_error()

    first = seconds(ours)
    import mlflow

    mlflow.set_tracking_uri(wal(folder.parent / "theirs.db"))

    def theirs() -> None:
        with mlflow.start_run():
            pass

    for _ in range(3):
        ours()
        theirs()
    taken = [(seconds(ours), seconds(theirs)) for _ in range(tries)]
    own, their = (statistics.median(times) for times in zip(*taken, strict=True))
    ratio = statistics.median(ours / theirs for ours, theirs in taken)
    return {
        "run_ms": own * 1e3,
        "mlflow_run_ms": their * 1e3,
        "run_overhead_vs_mlflow": ratio,
        "first_run_extra_s": first - own,
    }


IN_A_KERNEL = """
import mlflow, time
mlflow.set_tracking_uri({uri!r})
def seconds(work):
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
def ours():
    get_ipython().run_cell("%%ml run\\npass", store_history=True).raise_error()
def theirs():
    with mlflow.start_run():
        pass
for _ in range(3):
    ours(), theirs()
taken = [(seconds(ours), seconds(theirs)) for _ in range({tries})]
open({found!r}, "w").write(repr(taken))
"""


def runs_in_a_kernel(folder: Path, tries: int) -> float:
    """The same ratio in a kernel, as JupyterLab starts it, which also shows a card and hears what the cell puts out."""
    from jupyter_client.manager import start_new_kernel

    found = folder.parent / "found"
    cell = IN_A_KERNEL.format(uri=wal(folder.parent / "theirs.db"), tries=tries, found=str(found))
    env = {**os.environ, "JPY_SESSION_NAME": str(folder / "work.ipynb")}
    manager, client = start_new_kernel(cwd=str(folder), env=env)
    try:
        for source in ("%load_ext jupyter_mlops", cell):
            reply = client.execute_interactive(source, timeout=300, output_hook=lambda _: None)["content"]
            assert reply["status"] == "ok", reply
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    taken = ast.literal_eval(found.read_text())
    return statistics.median(ours / theirs for ours, theirs in taken)


def measure(*, quick: bool) -> dict[str, float]:
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        folders = [Path(scratch) / name for name in ("load", "calls", "theirs/runs")]
        for folder in folders:
            folder.mkdir(parents=True)
        found["load_ext_cpu_s"] = load_ext(3 if quick else 7, folders[0])
        found |= runs(folders[2], 20 if quick else 60)
        found["kernel_run_overhead_vs_mlflow"] = runs_in_a_kernel(folders[2], 20 if quick else 60)
        calls = Calls(folders[1])
        costs = calls.measure(3 if quick else 5, 500 if quick else 2000)
        found["log_call_us"] = costs["ours"]
        found["vs_mlflow_sync"] = costs["ours"] / costs["sync"]
        found |= {f"mlflow_{how}_us": costs[how] for how in ("sync", "async", "batch")}
        found["drain_per_s"] = calls.drain()
        found["visible_after_s"] = calls.visibility(2 if quick else 10)
        calls.mlflow.end_run()
        calls.capture.end("FINISHED")
        os.chdir("/")
    return found


ROWS = (
    ("load_ext_cpu_s", "%load_ext, CPU seconds", 0.15),
    ("first_run_extra_s", "first run after 3 s, more than later ones, s", 1.0),
    ("run_ms", "%%ml run around pass, ms", None),
    ("mlflow_run_ms", "start_run and end_run, ms", None),
    ("run_overhead_vs_mlflow", "ratio", 2.0),
    ("kernel_run_overhead_vs_mlflow", "ratio in a kernel, with its card", 2.0),
    ("log_call_us", "ml.log, us a call", 10.0),
    ("mlflow_sync_us", "log_metric, us", None),
    ("mlflow_async_us", "log_metric(synchronous=False), us", None),
    ("mlflow_batch_us", "log_batch of 1000, us a point", None),
    ("vs_mlflow_sync", "ratio of ml.log to log_metric", None),
    ("visible_after_s", "seen in MLflow at 5,000 points a second, after s at most", 1.0),
    ("drain_per_s", "points a second that a backlog drains at (5,000 at least)", None),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer tries: under a minute")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = measure(quick=given.quick)
    if given.json:
        print(json.dumps({name: round(value, 5) for name, value in found.items()}))
        return
    for name, what, limit in ROWS:
        print(f"{what:<62}{found[name]:>12,.3f}" + ("" if limit is None else f"   at most {limit:g}"))


if __name__ == "__main__":
    main()
