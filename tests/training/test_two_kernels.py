"""Two kernels that log to one run: nothing of either is lost, and neither ends it for the other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from kernels import Kernel

from jupyter_mlops.workspace import Workspace

CELL = """%%ml run -n shared --no-snapshot
import pathlib, time
import jupyter_mlops as ml
for i in range(100):
    ml.log(loss=1 / (i + 1), mine=i)
pathlib.Path('logged').touch()
while not pathlib.Path('other').exists():
    time.sleep(0.02)
ml.log(after=1)
"""


@pytest.fixture
def two(home: Path) -> Iterator[list[Kernel]]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "MLOPS_", "MLFLOW_"))}
    with ExitStack() as stack:
        kernels = [stack.enter_context(closing(Kernel(home, env))) for _ in range(2)]
        for kernel in kernels:
            kernel.run("%load_ext jupyter_mlops")
        yield kernels


@pytest.mark.slow
def test_what_two_kernels_log_to_one_run_is_all_there(two: list[Kernel], world: Workspace, home: Path) -> None:
    first, second = two
    first.client.execute(CELL)
    deadline = time.monotonic() + 60
    while not (home / "logged").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for _ in range(3):  # before and after what the first one logged has been shipped
        assert second.run("%ml log loss=9 theirs=1 --run shared").status == "ok"
        time.sleep(0.4)
    (home / "other").touch()
    while world.tracking.run("shared").status == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # When it has ended, too: from the second, and from a cell of its own, which is another run.
    assert second.run("%ml log theirs=2 --run shared").status == "ok"
    assert second.run("%%ml run -n other --no-snapshot\nimport jupyter_mlops as ml\nml.log(loss=5)").status == "ok"

    run = world.tracking.run("shared")
    assert run.status == "FINISHED"
    loss = [point.value for point in world.tracking.history(run.id, "loss")]
    assert sorted(loss) == sorted([*(1 / (i + 1) for i in range(100)), 9, 9, 9])
    assert [point.value for point in world.tracking.history(run.id, "mine")] == list(range(100))
    assert [point.value for point in world.tracking.history(run.id, "theirs")] == [1, 1, 1, 2]
    assert run.metrics["after"] == 1
    assert world.tracking.run("other").metrics["loss"] == 5
