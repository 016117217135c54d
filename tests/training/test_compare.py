"""Runs side by side: what they were given, measured, executed and saw."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.training.compare import TooFewRuns, compare_runs, metric_lines


@pytest.fixture
def make_run(workspace, tmp_path):
    """Return a function that makes a run of a folder with one file, and packages."""

    def make(name: str, source: str, *, params=None, metrics=None, packages=None, cell: str = ""):
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        (folder / "train.py").write_text(source)
        snapshot = take_snapshot(workspace, folder)
        run = workspace.tracking.create_run(
            "compare", name, tags={"mlops.snapshot": snapshot.name}, params=params or {}
        )
        points = [MetricPoint(key=key, value=value, step=0, at_ms=1) for key, value in (metrics or {}).items()]
        workspace.tracking.log(run.id, metrics=points)
        for path, data in (
            ("mlops/environment.json", encode(Environment(python="3.11.7", packages=packages or {}))),
            ("source/cell.py", cell.encode()),
        ):
            folder, _, file = path.rpartition("/")
            (tmp_path / file).write_bytes(data)
            workspace.tracking.store(run.id, tmp_path / file, folder)
        workspace.tracking.end_run(run.id, "FINISHED")
        return run

    return make


def test_what_differs_comes_first_and_the_best_of_each_metric_is_known(workspace, make_run):
    make_run("a", "x = 1\n", params={"C": "1", "seed": "7"}, metrics={"auc": 0.8, "loss": 0.5, "n": 3.0})
    make_run("b", "x = 1\n", params={"C": "2", "seed": "7", "extra": "y"}, metrics={"auc": 0.9, "loss": 0.6, "n": 3.0})

    found = compare_runs(workspace, ["a", "b"])

    assert [(line.name, line.values, line.differs) for line in found.params] == [
        ("C", ["1", "2"], True),
        ("extra", [None, "y"], True),
        ("seed", ["7", "7"], False),
    ]
    assert {line.name: line.best for line in found.metrics} == {"auc": 1, "loss": 0, "n": None}
    assert found.code[0].changes == []
    assert (found.environment, found.data, found.notes) == ([], [], [])


def test_code_and_packages_are_compared(workspace, make_run):
    make_run("a", "x = 1\n", packages={"numpy": "1.26.0", "pandas": "2.2"}, cell="%%ml run\nfit(1)\n")
    make_run("b", "x = 2\n", packages={"numpy": "2.0.0", "pandas": "2.2"}, cell="%%ml run\nfit(2)\n")

    found = compare_runs(workspace, ["a", "b"])

    cell, file = found.code[0].changes
    assert (cell.path, "-fit(1)" in cell.diff, "+fit(2)" in cell.diff) == ("the cell", True, True)
    assert (file.path, "-x = 1" in file.diff, "+x = 2" in file.diff) == ("train.py", True, True)
    assert [(line.name, line.values) for line in found.environment] == [("numpy", ["1.26.0", "2.0.0"])]


def test_three_runs_are_compared_with_the_first(workspace, make_run):
    for name, source in (("a", "1\n"), ("b", "2\n"), ("c", "1\n")):
        make_run(name, source)
    found = compare_runs(workspace, ["a", "b", "c"])
    assert [(code.run, len(code.changes)) for code in found.code] == [("b", 1), ("c", 0)]


def test_a_run_without_a_snapshot_is_compared_as_far_as_it_goes(workspace, make_run):
    make_run("a", "x = 1\n")
    workspace.tracking.create_run("compare", "bare", tags={}, params={"C": "1"})
    found = compare_runs(workspace, ["a", "bare"])
    assert [line.name for line in found.params] == ["C"]
    assert found.notes == [
        "bare has no snapshot, so the files are not compared.",
        "bare recorded no packages.",
    ]


def test_one_run_cannot_be_compared(workspace, make_run):
    make_run("a", "x = 1\n")
    for refs in ([], ["a"], ["a", "a"]):
        with pytest.raises(TooFewRuns):
            compare_runs(workspace, refs)
    with pytest.raises(UnknownThing):
        compare_runs(workspace, ["a", "nothing"])


@pytest.mark.parametrize(
    ("name", "values", "best"),
    [
        ("val_loss", [0.2, 0.1], 1),
        ("RMSE", [0.2, 0.1], 1),
        ("error_rate", [0.2, 0.1], 1),
        ("auc", [0.2, "NaN"], None),
        ("auc", ["NaN", 0.2, 0.3], 2),
        ("auc", ["-Infinity", 0.2, "Infinity"], 2),
        ("lossless", [0.1, 0.2], 1),
    ],
)
def test_less_is_better_of_losses_and_errors_and_nan_never_is(name, values, best):
    (line,) = metric_lines([{name: value} for value in values])
    assert line.best == best
