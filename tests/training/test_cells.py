"""Tracked cells, in a real kernel: the cell runs as IPython would run it, and all of it is recorded."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import closing
from pathlib import Path

import kernels
import pytest

from jupyter_mlops.training.runs import RunDetail, read_log, run_artifact, show_run
from jupyter_mlops.workspace import Workspace


def newest(world: Workspace) -> RunDetail:
    return show_run(world, world.tracking.runs(limit=1)[0].id)


def paths(detail: RunDetail) -> set[str]:
    return {one.path for one in detail.artifacts}


def test_a_cell_shows_its_last_expression_and_becomes_a_finished_run(kernel, world):
    reply = kernel.run("%%ml run -e churn -n first -p C=0.5 --tag team=risk\n6 * 7")
    assert reply.results == [{"text/plain": "42"}]
    run = newest(world).run
    assert (run.name, run.experiment, run.status) == ("first", "churn", "FINISHED")
    assert run.params == {"C": "0.5"}
    assert run.tags["team"] == "risk"
    assert run.ended_at >= run.started_at
    assert "first" in reply.displays[-1]["text/plain"]
    assert "<table" in reply.displays[-1]["text/html"]


def test_plain_mlflow_threads_and_start_run_go_to_the_same_run(kernel, world):
    kernel.run(
        "%%ml run\n"
        "import mlflow, threading\n"
        "mlflow.log_metric('direct', 1)\n"
        "with mlflow.start_run(run_name='joined') as inner:\n"
        "    mlflow.log_param('inside', 'yes')\n"
        "thread = threading.Thread(target=mlflow.log_metric, args=('threaded', 2))\n"
        "thread.start(); thread.join()\n"
        "mlflow.log_metric('after', 3)\n"
    )
    run = newest(world).run
    assert run.metrics == {"direct": 1.0, "threaded": 2.0, "after": 3.0}
    assert run.params == {"inside": "yes"}
    assert (run.name, run.status) == ("joined", "FINISHED")


def test_a_second_start_run_in_a_cell_is_a_child_and_names_imported_before_work_too(kernel, world):
    kernel.run("from mlflow import start_run")
    kernel.run(
        "%%ml run -n parent\nimport mlflow\n"
        "for C in (1, 2, 3):\n    with start_run():\n        mlflow.log_param('C', C)\n"
    )
    runs = world.tracking.runs(limit=3)
    parent = next(run for run in runs if run.name == "parent")
    assert parent.params == {"C": "1"}
    assert sorted(run.params["C"] for run in runs if run.parent == parent.id) == ["2", "3"]


def test_mlflow_is_put_back_after_the_cell_also_when_it_raised(kernel, home):
    kernel.run("%%ml run\nraise ValueError('x')")
    reply = kernel.run(
        "import mlflow, os\nprint(mlflow.active_run(), os.environ.get('MLFLOW_TRACKING_URI'), mlflow.start_run.__module__)"
    )
    assert reply.stdout.strip() == "None None mlflow.tracking.fluent"
    assert not (home / "mlruns").exists()


def test_ml_log_numbers_the_steps_and_takes_numpy(kernel, world):
    kernel.run(
        "%%ml run\nimport numpy as np, jupyter_mlops as ml\n"
        "for i in range(3):\n    ml.log({'loss': np.float32(i)})\n"
        "ml.log({'acc': 0.5}, step=7)\nget_ipython().run_line_magic('ml', 'log auc=0.9')"
    )
    run = newest(world).run
    assert [(p.step, p.value) for p in world.tracking.history(run.id, "loss")] == [(0, 0.0), (1, 1.0), (2, 2.0)]
    assert [p.step for p in world.tracking.history(run.id, "acc")] == [7]
    assert run.metrics["auc"] == 0.9


def test_a_metric_that_is_no_number_names_its_key(kernel, world):
    reply = kernel.run("%%ml run\nimport jupyter_mlops as ml\nml.log({'acc': 'high'})")
    assert "'acc' is 'high', which is not a number" in reply.evalue
    assert newest(world).run.status == "FAILED"


def test_output_of_threads_and_child_processes_is_shown_and_stored(kernel, world):
    reply = kernel.run(
        "%%ml run\nimport subprocess, sys, threading\nprint('cell')\n"
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join()\n"
        "subprocess.run(['echo', 'child'], check=True)\nprint('problem', file=sys.stderr)"
    )
    run = newest(world).run
    for text in (reply.stdout, read_log(world, run.id)):
        assert {"cell", "thread", "child"} <= set(text.split())
    assert read_log(world, run.id, "stderr") == "problem\n"


def test_output_can_be_read_while_the_run_goes_on(kernel, home):
    reply = kernel.run(
        "%%ml run -n reading\nprint('early', flush=True)\nimport time\n"
        "from pathlib import Path\nfrom jupyter_mlops.workspace import Workspace\n"
        "from jupyter_mlops.training.runs import read_log\n"
        f"seen = read_log(Workspace.open(Path({str(home)!r})), 'reading')\n"
        "assert seen == 'early\\n', seen"
    )
    assert reply.status == "ok", reply.traceback


def test_figures_and_rich_outputs_are_stored(kernel, world):
    kernel.run(
        "%%ml run\n%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\n"
        "from IPython.display import HTML, display\ndisplay(HTML('<b>bold</b>'))\n"
        "import jupyter_mlops as ml\nml.log_figure(plt.figure(), 'empty.svg')\nplt.close('all')"
    )
    detail = newest(world)
    assert {"figures/figure-1.png", "displays/display-2.html", "figures/empty.svg"} <= paths(detail)
    assert run_artifact(world, detail.run.id, "figures/figure-1.png").read_bytes().startswith(b"\x89PNG")


def test_files_written_under_outputs_are_collected_and_older_ones_are_not(kernel, world, home):
    (home / "outputs").mkdir(exist_ok=True)
    (home / "outputs" / "old.txt").write_text("old")
    import os

    os.utime(home / "outputs" / "old.txt", (1, 1))
    kernel.run("%%ml run\nimport os\nos.makedirs('outputs/deep')\nopen('outputs/deep/new.csv', 'w').write('a')")
    assert "outputs/deep/new.csv" in paths(newest(world))
    assert "outputs/old.txt" not in paths(newest(world))


def test_a_failing_cell_shows_the_right_line_once_and_keeps_the_traceback(kernel, world):
    reply = kernel.run("# a comment\n\n%%ml run\nx = 1\nx / 0")
    assert reply.ename == "ZeroDivisionError"
    assert "5 x / 0" in _plain(reply.traceback)
    assert reply.stderr == ""
    detail = newest(world)
    assert (detail.run.status, detail.run.reason) == ("FAILED", "ZeroDivisionError: division by zero")
    assert "ZeroDivisionError" in run_artifact(world, detail.run.id, "traceback.txt").read_text()


def test_a_syntax_error_is_a_failed_run(kernel, world):
    reply = kernel.run("%%ml run -n broken\ndef (")
    assert reply.ename == "SyntaxError"
    assert (newest(world).run.name, newest(world).run.status) == ("broken", "FAILED")


def test_debug_works_after_a_failed_cell(kernel):
    kernel.run("%%ml run\ndef f():\n    where = 5\n    raise ValueError\nf()")
    reply = kernel.run("import sys; print(sys.last_value.__traceback__.tb_next.tb_next.tb_frame.f_locals)")
    assert reply.stdout.strip() == "{'where': 5}"


@pytest.mark.parametrize(
    "body",
    [
        "import time\nprint('go', flush=True)\ntime.sleep(60)",
        # ipykernel cancels an awaiting cell when its event loop next wakes up
        "import asyncio\nprint('go', flush=True)\nfor _ in range(600):\n    await asyncio.sleep(0.1)",
    ],
)
def test_an_interrupted_cell_is_killed_not_finished(kernel, world, body):
    reply = kernel.run(f"%%ml run\n{body}", interrupt_when="go")
    assert reply.ename in {"KeyboardInterrupt", "CancelledError"}
    assert (newest(world).run.status, newest(world).run.reason) == ("KILLED", "Interrupted.")


def test_a_clean_exit_is_finished_and_top_level_await_works(kernel, world):
    kernel.run("%%ml run\nimport asyncio\nawait asyncio.sleep(0)\nraise SystemExit(0)")
    assert newest(world).run.status == "FINISHED"


def test_a_cell_magic_under_it_runs_as_ipython_runs_it(kernel, world):
    reply = kernel.run("%%ml run\n%%time\nvalue = 11")
    assert "Wall time" in reply.stdout
    assert kernel.run("value").results == [{"text/plain": "11"}]
    reply = kernel.run("%%ml run\n%%bash\necho from bash")
    assert read_log(world, newest(world).run.id) == "from bash\n"
    assert "cannot stand under" in kernel.run("%%ml run\n%%ml run\n1").evalue


def test_blank_lines_and_comments_may_stand_before_it(kernel, world):
    kernel.run("\n# why\n\n%%ml run -n commented\npass")
    assert newest(world).run.name == "commented"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("-p C", "'C' is not KEY=VALUE."),
        ("-n 'ends '", "'ends ' is not a name for a run."),
        ("-e _hidden", "'_hidden' is not a name for an experiment."),
        (f"-n {'x' * 300}", "is not a name for a run."),
        ("--nonsense", "No such option"),
        ("-p 'C=1", "do not match"),
    ],
)
def test_when_the_run_cannot_begin_the_cell_does_not_run(kernel, world, line, said):
    before = world.tracking.runs(limit=1)[0].id
    reply = kernel.run(f"%%ml run {line}\nprint('it ran')")
    assert said in reply.evalue
    assert "Hint: " in reply.traceback
    assert len(reply.traceback.splitlines()) == 2
    assert reply.stdout == ""
    assert world.tracking.runs(limit=1)[0].id == before


def test_a_dead_tracking_server_stops_the_cell_in_seconds(kernel, tmp_path):
    (tmp_path / "far").mkdir()
    far = Workspace.open(tmp_path / "far", create=True)
    text = (
        (far.root / "workspace.toml").read_text().replace('# tracking_uri = ""', 'tracking_uri = "http://127.0.0.1:9"')
    )
    (far.root / "workspace.toml").write_text(text)
    kernel.run(f"import os; os.environ['MLOPS_WORKSPACE'] = {str(tmp_path / 'far')!r}")
    try:
        reply = kernel.run("%%ml run\nprint('it ran')", timeout_s=30)
    finally:
        kernel.run("del os.environ['MLOPS_WORKSPACE']")
    assert "http://127.0.0.1:9 does not answer (connection refused)" in reply.evalue
    assert reply.stdout == ""


def test_a_run_says_where_it_comes_from(kernel, world, home):
    kernel.run("first_name = 1")
    kernel.run("%%ml run\nsecond_name = first_name")
    detail = newest(world)
    assert detail.notebook == str(home / "work.ipynb")
    assert detail.run.project == home.name
    assert detail.environment.packages["mlflow"]
    assert detail.snapshot
    assert run_artifact(world, detail.run.id, "source/cell.py").read_text() == "%%ml run\nsecond_name = first_name"
    session = json.loads(run_artifact(world, detail.run.id, "source/session.ipynb").read_text())
    assert [cell["source"] for cell in session["cells"]][-2:] == [
        "first_name = 1",
        "%%ml run\nsecond_name = first_name",
    ]


def test_the_snapshot_is_taken_before_the_cell_starts(kernel, world, home, tmp_path):
    from jupyter_mlops.inputs.snapshots import restore_snapshot

    (home / "lib.py").write_text("before")
    kernel.run("%%ml run\nopen('lib.py', 'w').write('after')")
    restore_snapshot(world, newest(world).snapshot, tmp_path / "restored")
    assert (tmp_path / "restored" / "lib.py").read_text() == "before"


def test_without_a_snapshot_there_is_none(kernel, world):
    kernel.run("%%ml run --no-snapshot\npass")
    assert newest(world).snapshot == ""


def test_autolog_goes_to_the_run_and_is_off_after_it(kernel, world):
    kernel.run(
        "%%ml run --autolog\nfrom sklearn.linear_model import LogisticRegression\n"
        "LogisticRegression(C=0.25).fit([[0.0], [1.0]], [0, 1])"
    )
    run = newest(world).run
    assert run.params["C"] == "0.25"
    n_runs = len(world.tracking.runs(limit=1000))
    kernel.run("LogisticRegression().fit([[0.0], [1.0]], [0, 1])")
    assert len(world.tracking.runs(limit=1000)) == n_runs


def test_line_magics_show_tables_and_say_errors_in_two_lines(kernel):
    reply = kernel.run("%ml runs list")
    assert "EXPERIMENT" in reply.results[0]["text/plain"]
    assert "<table" in reply.results[0]["text/html"]
    reply = kernel.run("%ml runs show nothing-like-it")
    assert reply.evalue == "There is no run 'nothing-like-it' in this workspace."
    assert len(reply.traceback.splitlines()) == 2
    assert "is not a cell magic" in kernel.run("%%ml runs list\nx").evalue


def test_every_run_leaves_events_by_its_actor(kernel, world):
    kernel.run("%%ml run\npass")
    run = newest(world).run
    events = [event for event in world.catalog.events(limit=10_000) if event.name == run.id]
    assert [event.verb for event in events] == ["start", "end"]
    assert events[0].actor == run.actor == world.actor


def test_a_workspace_that_was_taken_away_is_made_anew(tmp_path, open_workspace):
    open_workspace(tmp_path).close()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MLOPS_", "MLFLOW_"))}
    kernel = kernels.Kernel(tmp_path, env)
    try:
        assert kernel.run("%load_ext jupyter_mlops\n%ml runs").status == "ok"
        shutil.rmtree(tmp_path / ".mlops")
        reply = kernel.run("%%ml run -n anew\nimport jupyter_mlops as ml\nml.log(a=1)")
        assert "Made a workspace" in reply.stdout
    finally:
        kernel.close()
    with closing(Workspace.open(tmp_path)) as world:
        assert world.tracking.run("anew").metrics == {"a": 1}


def test_loading_takes_no_heavy_imports(tmp_path: Path):
    import subprocess
    import sys

    code = (
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "import sys\nbefore = set(sys.modules)\n"
        "InteractiveShell.instance().run_line_magic('load_ext', 'jupyter_mlops')\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(new & {'mlflow', 'pandas', 'tornado', 'numpy', 'sklearn', 'sqlalchemy', 'docker', 'click'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[]"


def _plain(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)
