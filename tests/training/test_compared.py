"""Many runs side by side, in parts: what is not there hides none of the rest, and what is equal is told once."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.training.compared import (
    MOST,
    TooManyRuns,
    code_diff,
    code_versions,
    compared_curves,
    compared_data,
    compared_packages,
    compared_runs,
)


@pytest.fixture
def make_run(workspace, tmp_path):
    """Return a function that makes a finished run and returns its id."""

    def make(name: str, *, source: str = "", cell: str = "", packages=None, metrics=None, params=None) -> str:
        tags = {}
        if source:
            folder = tmp_path / "project"
            folder.mkdir(exist_ok=True)
            (folder / "train.py").write_text(source)
            tags["mlops.snapshot"] = take_snapshot(workspace, folder).name
        run = workspace.tracking.create_run("compare", name, tags=tags, params=params or {})
        for key, values in (metrics or {}).items():
            points = [
                MetricPoint(key=key, value=value, step=step, at_ms=1000 + step) for step, value in enumerate(values)
            ]
            workspace.tracking.log(run.id, metrics=points)
        if cell:
            workspace.tracking.write(run.id, cell.encode(), "source/cell.py")
        if packages is not None:
            recorded = Environment(python="3.11.7", packages=packages)
            workspace.tracking.write(run.id, encode(recorded), "mlops/environment.json")
        workspace.tracking.end_run(run.id, "FINISHED")
        return run.id

    return make


def test_runs_come_in_the_order_asked_for_and_a_missing_one_hides_none(workspace, make_run):
    a = make_run("a", metrics={"val_loss": [0.5], "auc": ["NaN"]})
    b = make_run("b", metrics={"rmse": ["Infinity"]})
    found = compared_runs(workspace, [b, "0" * 32, a, "never-was", b])
    assert [run.id for run in found.runs] == [b, a]
    assert [one.ref for one in found.absent] == ["0" * 32, "never-was"]
    assert all(one.message and one.hint for one in found.absent)
    assert found.lower_is_better == ["rmse", "val_loss"]
    assert (found.runs[1].metrics["auc"], found.runs[0].metrics["rmse"]) == ("NaN", "Infinity")


def test_a_deleted_run_is_shown_as_such_by_its_id_and_said_by_its_name(workspace, make_run):
    a, b = make_run("a"), make_run("b")
    workspace.tracking.delete_run(b)
    found = compared_runs(workspace, [a, b, "b"])
    assert [(run.name, run.deleted) for run in found.runs] == [("a", False), ("b", True)]
    assert [one.message for one in found.absent] == [f"The run b ({b[:8]}) is deleted."]


def test_more_runs_than_an_address_holds_are_refused(workspace):
    with pytest.raises(TooManyRuns, match="201 runs"):
        compared_runs(workspace, [f"{n:032x}" for n in range(MOST + 1)])


def test_curves_of_the_runs_that_have_logged_the_metric(workspace, make_run):
    a = make_run("a", metrics={"loss": [3.0, "NaN", 1.0]})
    make_run("b", metrics={"auc": [1.0]})
    c = make_run("c", metrics={"loss": [5.0]})
    found = compared_curves(workspace, ["a", "b", "c", "gone"], "loss")
    assert [(one.run, one.curve.at, one.curve.last) for one in found] == [
        (a, [0, 1, 2], [3.0, "NaN", 1.0]),
        (c, [0], [5.0]),
    ]
    (first, _) = compared_curves(workspace, ["a", "c"], "loss", axis="time")
    assert first.curve.at == [1000, 1001, 1002]
    (part,) = compared_curves(workspace, ["a", "c"], "loss", axis="time", within=(1001, 5000))
    assert (part.run, part.curve.at, part.curve.n_points) == (a, [1001, 1002], 2)


def test_runs_of_the_same_source_are_one_version_of_the_code(workspace, make_run):
    a = make_run("a", source="x = 1\n", cell="fit(1)\n")
    b = make_run("b", source="x = 2\n", cell="fit(1)\n")
    c = make_run("c", source="x = 1\n", cell="fit(1)\n")
    bare = make_run("bare")
    first, second, third = code_versions(workspace, ["a", "b", "c", "bare"])
    assert [first.runs, second.runs, third.runs] == [[a, c], [b], [bare]]
    assert (first.has_cell, third.has_cell, bool(first.snapshot), third.snapshot) == (True, False, True, "")
    # A page asks in parts and puts them together by the id.
    assert code_versions(workspace, ["c"])[0].id == first.id


def test_code_differs_from_the_base_that_was_chosen(workspace, make_run):
    make_run("a", source="x = 1\n", cell="fit(1)\n")
    make_run("b", source="x = 2\n")
    make_run("bare")
    cell, file = code_diff(workspace, "b", "a").changes
    assert (cell.path, cell.change, "+fit(1)" in cell.diff) == ("the cell", "added", True)
    assert (file.path, "-x = 2" in file.diff, "+x = 1" in file.diff) == ("train.py", True, True)
    assert code_diff(workspace, "a", "a").changes == []
    assert code_diff(workspace, "a", "bare").notes == ["bare has no snapshot, so the files are not compared."]
    with pytest.raises(UnknownThing):
        code_diff(workspace, "a", "never-was")


def test_runs_with_the_same_packages_are_told_once_and_damage_counts_as_none(workspace, make_run):
    a = make_run("a", packages={"numpy": "1.26.0", "pandas": "2.2"})
    b = make_run("b", packages={"pandas": "2.2", "numpy": "1.26.0"})
    c = make_run("c", packages={"numpy": "2.0.0", "pandas": "2.2"})
    bare, damaged = make_run("bare"), make_run("damaged")
    workspace.tracking.write(damaged, b'{"python": 3}', "mlops/environment.json")
    found = compared_packages(workspace, [a, b, c, bare, damaged])
    assert [one.runs for one in found] == [[a, b], [c], [bare, damaged]]
    assert found[0].packages == {"python": "3.11.7", "numpy": "1.26.0", "pandas": "2.2"}
    assert found[2].packages == {}


def test_runs_of_the_same_data_are_told_once_whatever_the_order_in_which_they_named_them(workspace, make_run):
    from mlflow.entities import Dataset, DatasetInput, InputTag

    def use(run: str, *used: tuple[str, str, str]) -> None:
        for context, name, digest in used:
            data = Dataset(name, digest, "local", "{}", profile='{"num_rows": 3}')
            tags = [InputTag("mlflow.data.context", context)]
            workspace.tracking.client.log_inputs(run, [DatasetInput(data, tags)])  # MLflow's only way

    a, b, c, bare = (make_run(name) for name in ("a", "b", "c", "bare"))
    use(a, ("training", "rows", "1"), ("test", "rows", "2"))
    use(b, ("test", "rows", "2"), ("training", "rows", "1"))
    use(c, ("training", "rows", "3"))
    found = compared_data(workspace, ["a", "b", "c", "bare"])
    assert [one.runs for one in found] == [[a, b], [c], [bare]]
    assert [(one.context, one.digest) for one in found[0].datasets] == [("test", "2"), ("training", "1")]
    assert found[2].datasets == []
    assert compared_data(workspace, [b])[0].id == found[0].id
