"""MLflow is imported by two requests at once, each of which needs another part of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import sys, threading, time
from pathlib import Path
from jupyter_mlops.workspace import Workspace

world = Workspace.open(Path.cwd(), create=True)
failed = []

def ask(part):
    try:
        part()
    except BaseException as error:
        failed.append(error)

first = threading.Thread(target=ask, args=(world.tracking.models,))
first.start()
while "mlflow" not in sys.modules and first.is_alive():
    time.sleep(0.001)
second = threading.Thread(target=ask, args=(world.tracking.experiments,))
second.start()
first.join()
second.join()
world.close()
sys.exit(repr(failed) if failed else 0)
"""


def test_two_threads_that_first_need_it_both_get_the_whole(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, check=True, timeout=120)
