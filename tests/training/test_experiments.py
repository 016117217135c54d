"""Experiments: the one in use, and those that are put away."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.errors import BadTitle, UnknownThing
from jupyter_mlops.training.capture import Plan, create
from jupyter_mlops.training.experiments import (
    archive_experiment,
    list_experiments,
    restore_experiment,
    show_experiment,
    use_experiment,
)
from jupyter_mlops.training.finding import find_runs
from jupyter_mlops.workspace import Workspace


def test_runs_that_name_no_experiment_go_to_the_one_in_use_in_every_process(workspace):
    assert workspace.experiment_in_use() == "Default"
    elsewhere = Workspace.open(workspace.home)
    made = use_experiment(elsewhere, "churn")
    elsewhere.close()
    assert (made.name, made.in_use, made.n_runs) == ("churn", True, 0)
    run, _ = create(workspace, Plan(snapshot=False))
    named, _ = create(workspace, Plan(snapshot=False, experiment="other"))
    assert (run.experiment, named.experiment) == ("churn", "other")
    assert [(one.name, one.n_runs) for one in list_experiments(workspace) if one.in_use] == [("churn", 1)]
    assert [event.verb for event in workspace.catalog.events() if event.kind == "experiment"] == ["use"]


@pytest.mark.parametrize("name", ["", "it's", " a", "a ", "a\nb", "a\u2028b", "x" * 101, "-x"])
def test_a_bad_name_is_refused_and_nothing_changes(workspace, name):
    with pytest.raises(BadTitle):
        use_experiment(workspace, name)
    assert workspace.experiment_in_use() == "Default"
    assert [one.name for one in list_experiments(workspace)] == ["Default"]


@pytest.mark.parametrize("name", ["카드 이탈", "انسحاب العملاء", "fold 3 / C=0.5", "7"])
def test_names_of_experiments_and_runs_may_be_of_any_script(workspace, name):
    use_experiment(workspace, name)
    run, _ = create(workspace, Plan(snapshot=False, name=name))
    found = find_runs(workspace, experiment=name, where=f"name = '{name}'").items
    assert [(one.id, one.name, one.experiment) for one in found] == [(run.id, name, name)]
    assert workspace.tracking.run(name).id == run.id


def test_an_archived_experiment_keeps_its_runs_and_comes_back_with_them(workspace):
    use_experiment(workspace, "old")
    run, _ = create(workspace, Plan(snapshot=False))
    assert archive_experiment(workspace, "old").archived
    assert [one.name for one in list_experiments(workspace)] == ["Default"]
    assert [(one.name, one.n_runs) for one in list_experiments(workspace, archived=True)] == [("old", 1)]
    assert show_experiment(workspace, "old").archived
    assert workspace.tracking.runs() == []
    assert workspace.experiment_in_use() == "Default"
    with pytest.raises(UnknownThing, match="no experiment 'old'"):
        archive_experiment(workspace, "old")
    restore_experiment(workspace, "old")
    assert [one.id for one in workspace.tracking.runs(experiment="old")] == [run.id]
    assert list_experiments(workspace, archived=True) == []
    with pytest.raises(UnknownThing):
        restore_experiment(workspace, "old")


def test_an_unknown_experiment_is_named(workspace):
    for verb in (show_experiment, archive_experiment, restore_experiment):
        with pytest.raises(UnknownThing, match="experiment 'nothing'"):
            verb(workspace, "nothing")
