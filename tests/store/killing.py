"""Log to runs in processes that are killed at random moments, and print what each had been told was logged.

    python killing.py WORKSPACE_FOLDER N_RUNS SEED

The processes are forks of this one, in which everything is imported already; each has its own shipping thread.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import time
from pathlib import Path

from jupyter_mlops.store import journal as journals
from jupyter_mlops.training.metrics import Counter
from jupyter_mlops.workspace import Workspace


def log_on(workspace: Workspace, run, told: memoryview) -> None:
    """Log without end, with new keys and calls of several keys among them; note what each call that returned did."""
    journal, counter = workspace.journals.open(run.id, run.artifact_uri), Counter()
    n = 0
    while True:
        values = {"loss": n * 0.5} if n % 10 else {"loss": n * 0.5, "acc": 1.0, f"key {n}": 1.0}
        journal.log(counter.points(values))
        n += 1
        told[0] = n  # in one store: struct's pack_into would write zeros first, and a kill may come between
        if n % 100 == 0:
            time.sleep(0.001)  # or a slow machine would spend its time on shipping what the fastest logged


def main() -> None:
    workspace = Workspace.open(Path(sys.argv[1]))
    rng = random.Random(int(sys.argv[3]))
    journals.SHIP_EVERY_S = 0.003  # so that kills fall among batches that are on their way
    found = {}
    for _ in range(int(sys.argv[2])):
        run = workspace.tracking.create_run("e", None, tags={}, params={})
        told = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("Q")
        child = os.fork()
        if child == 0:
            try:
                log_on(workspace, run, told)
            finally:
                os._exit(1)
        deadline = time.monotonic() + 10
        while not told[0] and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(rng.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        found[run.id] = told[0]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
