"""Runs from the command line: begun, followed, cancelled, looked at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import zipfile

import pytest

from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

pytestmark = pytest.mark.usefixtures("there")

TRAIN = """\
import argparse
import sys
import jupyter_mlops as ml

parser = argparse.ArgumentParser()
parser.add_argument("--C", type=float)
C = parser.parse_args().C
print("C is", C)
print("careful", file=sys.stderr)
ml.log({"acc": C / 2})
open("note.txt", "w").write("here")
ml.log_file("note.txt")
"""
MLOPS = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()"]


@pytest.fixture(scope="module")
def lab(tmp_path_factory, open_workspace):
    """A folder with a workspace in which one run, ``baseline``, has ended well."""
    home = tmp_path_factory.mktemp("lab")
    workspace = open_workspace(home)
    (home / "train.py").write_text(TRAIN)
    done = subprocess.run(
        [*MLOPS, "run", "train.py", "-p", "C=0.5", "-e", "steps", "-n", "baseline", "--tag", "team=lab"],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )
    yield home, done
    workspace.close()


@pytest.fixture
def there(lab, monkeypatch):
    monkeypatch.chdir(lab[0])
    return lab[0]


def test_a_files_output_is_shown_and_the_run_after_it(lab):
    _, done = lab
    assert done.returncode == 0, done.stderr
    assert "C is 0.5" in done.stdout
    assert "careful" in done.stderr
    assert "Run baseline (" in done.stderr
    assert "FINISHED" in done.stdout
    assert done.stdout.index("C is 0.5") < done.stdout.index("FINISHED")


def test_list_shows_the_run_with_its_metrics(mlops):
    shown = mlops("runs", "list", "-e", "steps", "--status", "FINISHED").out
    assert "baseline" in shown
    assert "acc=0.25" in shown
    [item] = mlops("runs", "list", "--json").json["items"]
    assert item["params"] == {"C": "0.5"}
    assert item["tags"]["team"] == "lab"


def test_filters_that_match_nothing_say_so(mlops):
    assert mlops("runs", "list", "--status", "KILLED").out == "No runs match.\n"
    assert mlops("runs", "list", "--project", "nobodys").out == "No runs match.\n"


def test_show_has_parameters_metrics_outputs_and_where_it_came_from(mlops):
    shown = mlops("runs", "show", "baseline").out
    for part in (
        "Parameters",
        "0.5",
        "Metrics",
        "0.25",
        "files/note.txt",
        "snapshot",
        "environment  Python 3",
        "team=lab",
    ):
        assert part in shown
    detail = mlops("runs", "show", "baseline", "--json").json
    assert detail["run"]["name"] == "baseline"
    assert detail["environment"]["packages"]


def test_logs(mlops):
    assert mlops("runs", "logs", "baseline").out == "C is 0.5\n"
    assert mlops("runs", "logs", "baseline", "--stream", "stderr").out == "careful\n"


def test_experiments(mlops):
    assert "steps" in mlops("experiments", "list").out
    assert mlops("experiments", "show", "steps", "--json").json["name"] == "steps"
    missing = mlops("experiments", "show", "nope")
    assert missing.code == 3
    assert "'nope'" in missing.err


def test_log_adds_metrics_to_a_run(mlops):
    answer = mlops("log", "f1=0.9", "recall=1", "--run", "baseline", "--step", "3")
    assert answer.code == 0
    assert "f1=0.9" in answer.out
    assert mlops("runs", "show", "baseline", "--json").json["run"]["metrics"]["f1"] == 0.9


@pytest.mark.parametrize(
    ("args", "code", "named"),
    [
        (["log", "f1"], 2, "'f1'"),
        (["log", "f1=high", "--run", "baseline"], 2, "'f1=high'"),
        (["log", "f1=1"], 2, "No run is named"),
        (["log", "f1=1", "--run", "nope"], 3, "'nope'"),
        (["run", "gone.py"], 3, "gone.py"),
        (["run", "train.txt"], 3, "train.txt"),
        (["run", "broken.py"], 2, "broken.py"),
        (["run", "broken.ipynb"], 2, "broken.ipynb"),
        (["run", "train.py", "-p", "C"], 2, "'C'"),
        (["run", "train.py", "--tag", "team"], 2, "'team'"),
        (["run", "train.py", "-e", "_b"], 2, "_b"),
        (["run", "train.py", "--source", "nowhere"], 3, "nowhere"),
        (["runs", "show", "nope"], 3, "'nope'"),
        (["runs", "list", "-e", "nope"], 3, "'nope'"),
        (["runs", "logs", "nope"], 3, "'nope'"),
        (["runs", "cancel", "baseline"], 4, "baseline"),
        (["snapshots", "show", "run:nope"], 3, "'nope'"),
        (["snapshots", "show", "0123456789abcdef"], 3, "0123456789abcdef"),
    ],
)
def test_bad_input_is_named_and_begins_no_run(there, mlops, args, code, named):
    (there / "broken.py").write_text("def")
    (there / "broken.ipynb").write_text("{}")
    before = len(mlops("runs", "list", "--json").json["items"])
    answer = mlops(*args)
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert named in answer.err.splitlines()[0]
    assert answer.err.splitlines()[1].startswith("Hint: ")
    assert len(mlops("runs", "list", "--json").json["items"]) == before


def test_a_runs_snapshot_is_shown_compared_and_restored(there, mlops, tmp_path):
    name = mlops("runs", "show", "baseline", "--json").json["snapshot"]
    assert name in mlops("snapshots", "list").out
    assert "train.py" in mlops("snapshots", "show", "run:baseline").out
    (there / "train.py").write_text(TRAIN + "print('more')\n")
    try:
        changed = mlops("snapshots", "diff", "run:baseline").out
        assert "+print('more')" in changed
        assert {"path": "train.py", "change": "changed"}.items() <= next(
            one for one in mlops("snapshots", "diff", name, "--json").json["items"] if one["path"] == "train.py"
        ).items()
    finally:
        (there / "train.py").write_text(TRAIN)
    assert mlops("snapshots", "restore", "run:baseline", tmp_path / "then").code == 0
    assert (tmp_path / "then" / "train.py").read_text() == TRAIN
    assert mlops("snapshots", "restore", "run:baseline", tmp_path / "then").code == 4
    wrote = mlops("snapshots", "export", "run:baseline", tmp_path / "then.zip")
    assert wrote.out.startswith("Wrote ")
    assert f"of snapshot {name} to {tmp_path / 'then.zip'}" in wrote.out
    assert zipfile.is_zipfile(tmp_path / "then.zip")
    assert mlops("snapshots", "export", "run:baseline", tmp_path / "then.zip").code == 4
    assert mlops("snapshots", "export", "run:baseline", tmp_path / "then.rar").code == 2


def test_a_gc_keeps_what_runs_refer_to_and_says_what_it_freed(there, mlops):
    assert mlops("snapshots", "gc").out == "Nothing to remove.\n"
    world = Workspace.open(there)
    (there / "unused.txt").write_text("x" * 1000)
    snapshot = take_snapshot(world, there)
    (there / "unused.txt").unlink()
    world.close()
    dry = mlops("snapshots", "gc", "--dry-run")
    assert dry.out.startswith("Would free ")
    assert snapshot.name in dry.out
    assert mlops("snapshots", "gc", "--json").json["snapshots"] == [snapshot.name]
    assert mlops("snapshots", "show", snapshot.name).code == 3
    assert mlops("snapshots", "show", "run:baseline").code == 0


def test_events_say_who_did_what(mlops):
    items = mlops("events", "list", "--json").json["items"]
    assert {"run", "snapshot"} <= {item["kind"] for item in items}
    last = items[-1]["seq"]
    assert mlops("events", "list", "--after", last).out == "No events.\n"
    assert items[0]["actor"] in mlops("events", "list", "--limit", "5").out


def test_a_run_that_fails_gives_exit_code_1_and_with_json_its_output_does_not_mix_with_the_record(there, mlops):
    (there / "bad.py").write_text("print('hello')\nraise ValueError('no data')\n")
    answer = mlops("run", "bad.py", "--no-snapshot", "--json")
    assert answer.code == 1
    assert answer.json["status"] == "FAILED"
    assert answer.json["reason"] == "ValueError: no data"
    assert "hello" in answer.err
    assert "Traceback" in answer.err
    assert "jupyter_mlops/" not in answer.err


def test_without_waiting_the_run_comes_back_at_once_and_can_be_cancelled(there, mlops):
    (there / "slow.py").write_text("import time\ntime.sleep(600)\n")
    run = mlops("run", "slow.py", "--no-snapshot", "--no-wait", "--json").json
    assert run["status"] == "RUNNING"
    answer = mlops("runs", "cancel", run["id"][:8])
    assert answer.code == 0
    assert "KILLED" in answer.out


def test_an_interrupt_cancels_the_run(there, mlops):
    (there / "slow.py").write_text("import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    with subprocess.Popen(
        [*MLOPS, "run", "slow.py", "-n", "stopped", "--no-snapshot"],
        cwd=there,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "begun\n"
        child.send_signal(signal.SIGINT)
        _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Cancelling the run stopped" in err
    assert "Traceback" not in err.split("Cancelling")[1]
    assert mlops("runs", "show", "stopped", "--json").json["run"]["status"] == "KILLED"


def test_a_file_that_knows_nothing_of_mlflow_is_logged_where_autologging_is_asked_for(mlops, here):
    (here.home / "fit.py").write_text(
        "from sklearn.datasets import load_iris\nfrom sklearn.linear_model import LogisticRegression\n"
        "LogisticRegression(C=0.5, max_iter=500).fit(*load_iris(return_X_y=True))\n"
    )
    answer = mlops("run", "fit.py", "--autolog", "-n", "with")
    assert answer.code == 0, answer.err
    run = here.tracking.run("with")
    assert run.params["C"] == "0.5"
    assert run.metrics["training_accuracy_score"] > 0.9
    answer = mlops("run", "fit.py", "-n", "without")
    assert answer.code == 0, answer.err
    assert here.tracking.run("without").params == {}
