"""``mlops runs reproduce`` from a terminal: what it says before, its verdicts, its exit code."""

from __future__ import annotations

import pytest

TRAIN = "import random\nimport jupyter_mlops as ml\nml.log(fixed=0.1 + 0.2, drawn=random.random())\nprint('trained')\n"


@pytest.fixture
def trained(here, mlops):
    """A finished run of a script that draws a number without a seed."""
    (here.home / "train.py").write_text(TRAIN)
    answer = mlops("run", "train.py", "-n", "first")
    assert answer.code == 0, answer.err
    return here


def test_what_differs_is_shown_and_the_exit_code_is_1(trained, mlops):
    dry = mlops("runs", "reproduce", "first", "--dry-run")
    assert dry.code == 0, dry.err
    assert "It can be reproduced." in dry.out
    assert [run["name"] for run in mlops("runs", "list", "--json").json["items"]] == ["first"]

    answer = mlops("runs", "reproduce", "first", "--environment", "current")
    assert answer.code == 1
    assert "trained" in answer.out
    assert "1 metric of 2 not the same." in answer.out
    lines = {line.split()[0]: line for line in answer.out.splitlines() if line.startswith(("fixed", "drawn"))}
    assert lines["fixed"].endswith("equal")
    assert lines["drawn"].endswith("different")
    assert "reproduces" in mlops("runs", "show", "first-again").out

    (trained.home / "train.py").unlink()
    found = mlops("runs", "reproduce", "first", "--rtol", "0.999999", "--json")
    assert found.json["same"] is (found.code == 0)
    assert {one["metric"]: one["verdict"] for one in found.json["metrics"]}["fixed"] == "equal"


@pytest.mark.usefixtures("trained")
def test_bad_input_is_refused_with_a_hint(mlops, tmp_path):
    answer = mlops("runs", "reproduce", "first", "--rtol", "2")
    assert (answer.code, "2.0 is no relative tolerance." in answer.err) == (2, True)
    assert mlops("runs", "reproduce", "nothing").code == 3
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    answer = mlops("runs", "reproduce", "first", "--into", tmp_path / "full")
    assert answer.code == 4
    assert (tmp_path / "full" / "file").exists()
    assert mlops("runs", "reproduce", "first", "--environment", "other").code == 2


def test_what_cannot_be_restored_is_said_and_nothing_executes(trained, mlops):
    (trained.home / ".env").write_text("TOKEN=1")
    assert mlops("run", "train.py", "-n", "secret").code == 0
    (trained.home / ".env").unlink()
    dry = mlops("runs", "reproduce", "secret", "--dry-run")
    assert dry.code == 1
    assert ".env looks like a secret" in dry.out
    assert "It cannot be reproduced as it is." in dry.out
    answer = mlops("runs", "reproduce", "secret")
    assert answer.code == 4
    assert ".env looks like a secret" in answer.err
    assert "Traceback" not in answer.err
    assert len(mlops("runs", "list", "--json").json["items"]) == 2


def test_a_secret_is_linked_where_a_script_runs_and_the_run_says_so(here, mlops):
    (here.home / "train.py").write_text("print(open('.env').read())\n")
    (here.home / ".env").write_text("TOKEN=1")
    answer = mlops("run", "train.py", "-n", "linked")
    assert answer.code == 0
    assert "TOKEN=1" in answer.out
    assert ".env" in mlops("runs", "show", "linked").out
