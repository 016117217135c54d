"""Whatever ends a kernel or a worker: its run ends too, within ten seconds or at the next start, and says why."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import nbformat
import pytest
from kernels import Kernel

from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.core.process import is_alive, process_id
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.gone import process_of
from jupyter_mlops.training.reaper import Reaper
from jupyter_mlops.training.runs import list_runs, read_log
from jupyter_mlops.training.submit import submit_file
from jupyter_mlops.workspace import Workspace

CELL = "%%ml run -n {name} --no-snapshot\nimport mlflow, time\nchild = mlflow.start_run(run_name='{name}-child', nested=True)\nprint('go', flush=True)\n{body}\n"
SLEEP = "time.sleep(600)"


def until(true, timeout_s: float = 60.0) -> float:
    """Wait; return for how long. Raises when it does not come true."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < timeout_s, "it did not come true"
        time.sleep(0.05)
    return time.monotonic() - began


def named(world: Workspace, name: str) -> Run:
    return world.tracking.run(name)


@pytest.fixture
def mortal(home) -> Iterator[Kernel]:
    """A kernel that a test may kill."""
    dropped = ("PYTEST_", "MLOPS_", "MLFLOW_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    kernel = Kernel(home, env)
    kernel.run("%load_ext jupyter_mlops")
    yield kernel
    kernel.close()


def begin(kernel: Kernel, world: Workspace, name: str, body: str = SLEEP) -> Run:
    """Begin a tracked cell that does not end, with a plain child run of MLflow's in it."""
    kernel.client.execute(CELL.format(name=name, body=body))
    until(lambda: any(run.name == name for run in world.tracking.runs(limit=20)))
    until(lambda: "go" in read_log(world, name))
    return named(world, name)


def reap(world: Workspace, name: str, *, patient: bool = True) -> Run:
    """Reap as the agent does until the run has ended."""
    reaper = Reaper(world, patient=patient)
    reaper.refresh()
    until(lambda: reaper.reap() or named(world, name).status != "RUNNING", 10)
    return named(world, name)


@pytest.mark.slow
def test_a_killed_kernels_run_and_its_plain_child_end_within_ten_seconds_where_an_agent_runs(mortal, world):
    run = begin(mortal, world, "killed")
    pid = process_of(run).pid
    world.ensure_agent()
    try:
        os.kill(pid, signal.SIGKILL)
        took_s = until(lambda: {named(world, n).status for n in ("killed", "killed-child")} == {"KILLED"}, 30)
        assert took_s < 10
    finally:
        stop_agent(world)
    assert (
        named(world, "killed").reason == f"The kernel (process {pid}) died, or was shut down, while the run was active."
    )
    assert named(world, "killed-child").reason.startswith("Its parent run ended. The kernel")
    assert read_log(world, "killed") == "go\n"


def test_a_restarted_kernel_is_named_as_the_reason_and_ends_the_run_when_it_loads_us(mortal, world):
    first = process_of(begin(mortal, world, "restarted")).pid
    mortal.manager.restart_kernel(now=True)
    mortal.client.wait_for_ready(timeout=60)
    mortal.run("%load_ext jupyter_mlops")
    until(lambda: named(world, "restarted").status == "KILLED", 30)
    reason = named(world, "restarted").reason
    assert reason.startswith("The kernel was restarted: process ")
    assert reason.endswith(f" took the place of {first}.")
    until(lambda: named(world, "restarted-child").status == "KILLED", 30)


def test_a_list_in_a_fresh_terminal_ends_what_a_killed_kernel_left(mortal, world, home):
    os.kill(process_of(begin(mortal, world, "listed")).pid, signal.SIGKILL)
    time.sleep(0.2)
    words = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()", "runs", "list", "--json"]
    done = subprocess.run(words, cwd=home, capture_output=True, text=True, check=True)
    assert '"RUNNING"' not in done.stdout
    assert named(world, "listed").status == "KILLED"


def test_a_kernel_that_forked_workers_is_seen_dead_although_they_live(mortal, world):
    body = "import os\nif not os.fork():\n    time.sleep(20)\n    os._exit(0)\nprint('forked', flush=True)\n" + SLEEP
    run = begin(mortal, world, "forked", body)
    until(lambda: "forked" in read_log(world, "forked"))
    os.kill(process_of(run).pid, signal.SIGKILL)
    assert reap(world, "forked").status == "KILLED"
    assert not (world.root / "journal" / run.id).exists()


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)", "KILLED", "Interrupted."),
        ("os.kill(os.getpid(), signal.SIGKILL)", "KILLED", "Its process was ended by SIGKILL."),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "FAILED", "Its process crashed with SIGSEGV."),
        ("sys.exit(137)", "FAILED", "It ended with exit code 137."),
    ],
)
def test_what_ended_a_script_is_named(world, home, body, status, reason):
    file = home / f"ends_{abs(hash(body))}.py"
    file.write_text(f"import os, signal, sys, time\n{body}\n")
    run = submit_file(world, file, snapshot=False)
    until(lambda: named(world, run.id).status != "RUNNING")
    assert (named(world, run.id).status, named(world, run.id).reason) == (status, reason)


@pytest.mark.parametrize(
    ("source", "status", "reason"),
    [
        ("import os\nos.kill(os.getpid(), 9)", "KILLED", "Its kernel was ended by SIGKILL."),
        ("raise KeyboardInterrupt", "KILLED", "Interrupted."),
    ],
)
def test_what_ended_a_notebooks_kernel_is_named(world, home, source, status, reason):
    path = home / f"dies_{abs(hash(source))}.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    run = submit_file(world, path, snapshot=False)
    until(lambda: named(world, run.id).status != "RUNNING")
    assert (named(world, run.id).status, named(world, run.id).reason) == (status, reason)


@pytest.mark.slow
def test_a_killed_worker_takes_its_notebook_and_the_runs_in_it_along(world, home):
    cell = "%%ml run -n inner --no-snapshot\nimport os, time\nprint('kernel', os.getpid(), flush=True)\ntime.sleep(600)"
    path = home / "watched.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell)]), path)
    run = submit_file(world, path, snapshot=False)
    until(lambda: "kernel" in read_log(world, run.id))
    kernel = process_id(int(read_log(world, run.id).split("kernel ")[1].split()[0]))
    worker = process_of(named(world, run.id))
    os.kill(worker.pid, signal.SIGKILL)
    until(lambda: not is_alive(kernel), 20)
    list_runs(world)
    assert (
        named(world, run.id).reason == f"Its worker (process {worker.pid}) was killed, or ended without ending the run."
    )
    assert (named(world, "inner").status, named(world, "inner").parent) == ("KILLED", run.id)
