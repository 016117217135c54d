"""Scripts and notebooks as runs: from a restored snapshot, in a process of their own, ended whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from kernels import ended

from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.process import is_alive
from jupyter_mlops.training.runs import cancel_run, process_of, read_log, run_artifact, show_run
from jupyter_mlops.training.submit import submit_file
from jupyter_mlops.workspace import Workspace


def notebook(path: Path, *cells: str) -> Path:
    first = nbformat.v4.new_code_cell("C = 1", metadata={"tags": ["parameters"]})
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(
        nbformat.v4.new_notebook(cells=[first, *map(nbformat.v4.new_code_cell, cells)], metadata=kernel), str(path)
    )
    return path


def test_a_script_gets_its_parameters_and_all_it_logs_is_kept(world, project):
    (project / "helper.py").write_text("def double(x):\n    return 2 * x\n")
    (project / "train.py").write_text(
        "import argparse, os, sys, threading\n"
        "import mlflow\nimport jupyter_mlops as ml\nfrom helper import double\n"
        "parser = argparse.ArgumentParser(); parser.add_argument('--C', type=float)\n"
        "C = parser.parse_args().C\n"
        "mlflow.log_metric('twice', double(C))\n"
        "with mlflow.start_run():\n    mlflow.log_param('inside', 'yes')\n"
        "thread = threading.Thread(target=mlflow.log_metric, args=('threaded', 1)); thread.start(); thread.join()\n"
        "ml.log({'acc': 0.5}); ml.log({'acc': 0.6})\n"
        "os.makedirs('outputs'); open('outputs/table.csv', 'w').write('a,b')\n"
        "print('to stdout'); print('to stderr', file=sys.stderr)\n"
    )
    run = ended(world, submit_file(world, project / "train.py", params={"C": "0.5"}, experiment="scripts", name="one"))
    assert (run.status, run.name, run.experiment) == ("FINISHED", "one", "scripts")
    assert run.params == {"C": "0.5", "inside": "yes"}
    assert run.metrics == {"twice": 1.0, "threaded": 1.0, "acc": 0.6}
    assert [point.step for point in world.tracking.history(run.id, "acc")] == [0, 1]
    assert read_log(world, run.id) == "to stdout\n"
    assert read_log(world, run.id, "stderr") == "to stderr\n"
    detail = show_run(world, run.id)
    assert "outputs/table.csv" in {one.path for one in detail.artifacts}
    assert detail.notebook == str(project / "train.py")
    assert not (project / "outputs").exists()  # it ran from its snapshot
    until = time.monotonic() + 10  # the worker tidies up a moment after the run has ended
    while (world.root / "work" / run.id).exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not (world.root / "work" / run.id).exists()


def test_a_script_that_raises_shows_its_own_frames_only(world, project):
    (project / "bad.py").write_text("def f():\n    raise ValueError('boom\\n\\nWhat to do.')\nf()\n")
    run = ended(world, submit_file(world, project / "bad.py"))
    assert (run.status, run.reason) == ("FAILED", "ValueError: boom")
    traceback = run_artifact(world, run.id, "traceback.txt").read_text()
    assert traceback.count("File ") == 2
    assert "runpy" not in traceback


def test_a_script_that_exits_with_a_code_or_dies_is_told_apart(world, project):
    (project / "exits.py").write_text("import sys\nsys.exit(3)\n")
    (project / "dies.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    first = submit_file(world, project / "exits.py")
    second = submit_file(world, project / "dies.py")
    assert (ended(world, first).status, ended(world, first).reason) == ("FAILED", "It ended with exit code 3.")
    assert (ended(world, second).status, ended(world, second).reason) == (
        "KILLED",
        "Its process was ended by SIGKILL.",
    )


def test_a_large_file_that_was_only_recorded_is_there_when_the_script_runs(world, project):
    text = (world.root / "workspace.toml").read_text()
    (world.root / "workspace.toml").write_text(text.replace("large_file_bytes = 100000000", "large_file_bytes = 1000"))
    try:
        small = Workspace.open(world.home)
        (project / "data.bin").write_bytes(b"x" * 5000)
        (project / "reads.py").write_text("print(len(open('data.bin', 'rb').read()))\n")
        run = ended(small, submit_file(small, project / "reads.py"))
        assert read_log(small, run.id) == "5000\n", read_log(small, run.id, "stderr")
        assert any("data.bin" in warning for warning in show_run(small, run.id).warnings)
        small.close()
    finally:
        (world.root / "workspace.toml").write_text(text)


def test_the_folder_that_travels_can_be_named(world, project):
    (project / "pkg").mkdir()
    (project / "common.txt").write_text("shared")
    (project / "pkg" / "main.py").write_text("print(open('common.txt').read())\n")
    run = ended(world, submit_file(world, project / "pkg" / "main.py", source=project))
    assert read_log(world, run.id) == "shared\n"


def test_a_notebook_is_executed_with_its_parameters_and_kept(world, project):
    path = notebook(
        project / "report.ipynb",
        "import mlflow\nmlflow.log_metric('outer', C)\nprint('C is', C)",
        "%load_ext jupyter_mlops",
        "%%ml run -e inner\nimport mlflow\nmlflow.log_metric('inner', C)",
    )
    run = ended(world, submit_file(world, path, params={"C": "7"}, experiment="notebooks"))
    assert run.status == "FINISHED", read_log(world, run.id, "stderr")
    assert run.metrics == {"outer": 7.0}
    assert "C is 7" in read_log(world, run.id)
    kept = json.loads(run_artifact(world, run.id, "notebooks/report.ipynb").read_text())
    assert any("C is 7" in str(cell.get("outputs")) for cell in kept["cells"])
    inner = world.tracking.runs(experiment="inner", limit=1)[0]
    assert (inner.parent, inner.metrics, inner.params) == (run.id, {"inner": 7.0}, {"C": "7"})
    assert show_run(world, inner.id).notebook == str(path)


def test_a_notebook_whose_cell_raises_fails_and_is_kept_so_far(world, project):
    path = notebook(project / "broken.ipynb", "print('before')", "1 / 0", "print('never')")
    run = ended(world, submit_file(world, path))
    assert run.status == "FAILED"
    assert "ZeroDivisionError" in run.reason
    kept = run_artifact(world, run.id, "notebooks/broken.ipynb").read_text()
    assert "before" in kept
    assert "never\\n" not in kept


def test_under_plain_papermill_the_injected_parameters_are_the_runs(world, project):
    path = notebook(
        project / "plain.ipynb",
        "%load_ext jupyter_mlops",
        "%%ml run -e plain\nimport mlflow\nmlflow.log_metric('c', C)",
    )
    env = {key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_", "PYTEST_", "MLFLOW_"))}
    words = [str(path), str(project / "out.ipynb"), "-p", "C", "9", "--cwd", str(project)]
    command = [sys.executable, "-m", "papermill", *words]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    run = world.tracking.runs(experiment="plain", limit=1)[0]
    assert (run.params, run.metrics) == ({"C": "9"}, {"c": 9.0})
    assert show_run(world, run.id).notebook == "unknown"


def test_cancelling_a_script_interrupts_it_and_ends_it_killed(world, project):
    (project / "waits.py").write_text(
        "import time\ntry:\n    print('ready', flush=True)\n    time.sleep(60)\nfinally:\n    print('cleaned up')\n"
    )
    run = submit_file(world, project / "waits.py")
    deadline = time.monotonic() + 60
    while "ready" not in read_log(world, run.id) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert cancel_run(world, run.id).status == "KILLED"
    assert "cleaned up" in read_log(world, run.id)
    with pytest.raises(MlopsError, match="is KILLED already"):
        cancel_run(world, run.id)


def test_a_killed_worker_leaves_a_run_that_names_its_dead_process(world, project):
    (project / "sleeps.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(60)\n")
    run = submit_file(world, project / "sleeps.py")
    deadline = time.monotonic() + 60
    while "ready" not in read_log(world, run.id) and time.monotonic() < deadline:
        time.sleep(0.1)
    process = process_of(world.tracking.run(run.id))
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(process.pid, signal.SIGKILL)
    while is_alive(process):
        time.sleep(0.05)
    for child in children:
        os.killpg(int(child), signal.SIGKILL)
    assert cancel_run(world, run.id).status == "KILLED"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.py", None, "There is no file"),
        ("broken.py", "def (", "is not a valid script, line 1"),
        ("broken.ipynb", "not json", "is not a valid notebook"),
        ("empty.ipynb", "{}", "it has no cells"),
        ("old.ipynb", '{"cells": [], "nbformat": 3}', "its nbformat is 3"),
        ("data.csv", "a,b", "neither a script nor a notebook"),
    ],
)
def test_a_file_that_cannot_run_is_refused_before_anything_is_written(world, project, name, content, said):
    if content is not None:
        (project / name).write_text(content)
    before = len(world.tracking.runs(limit=1000))
    with pytest.raises(MlopsError, match=said) as caught:
        submit_file(world, project / name)
    assert caught.value.hint
    assert len(world.tracking.runs(limit=1000)) == before


def test_a_source_named_through_its_parent_is_found(world, project, monkeypatch):
    (project / "below").mkdir()
    (project / "below" / "train.py").write_text("print('ran')\n")
    monkeypatch.chdir(project / "below")
    run = ended(world, submit_file(world, Path("train.py"), source=Path("..")))
    assert (run.status, run.tags["mlops.file"]) == ("FINISHED", "below/train.py")


def test_what_differs_from_the_commit_is_kept(world, project):
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(project), *words], check=True, capture_output=True)

    git("init", "--initial-branch=main")
    (project / "train.py").write_text("print(1)\n")
    git("add", ".")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-m", "first")
    (project / "train.py").write_text("print(2)\n")
    (project / "new.txt").write_text("new\n")
    run = ended(world, submit_file(world, project / "train.py"))
    assert run.tags["mlops.git.dirty"] == "true"
    assert "-print(1)\n+print(2)\n" in run_artifact(world, run.id, "source/dirty.diff").read_text()
    assert run_artifact(world, run.id, "source/untracked.txt").read_text() == "new.txt\n"
