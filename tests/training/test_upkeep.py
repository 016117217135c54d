"""Tags, notes, the trash and the way back out of it."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.training.runs import list_runs, log_metrics
from jupyter_mlops.training.upkeep import (
    NOTE,
    ReservedTag,
    delete_run,
    delete_runs,
    restore_run,
    restore_runs,
    tag_run,
)


@pytest.fixture
def run(workspace):
    made = workspace.tracking.create_run("keep", "old", tags={"draft": "yes"}, params={})
    workspace.tracking.log(made.id, metrics=[MetricPoint(key="auc", value=0.5, step=0, at_ms=1)])
    workspace.tracking.end_run(made.id, "FINISHED")
    return made


def test_tags_are_set_and_removed_and_the_change_is_in_the_audit_trail(workspace, run):
    changed = tag_run(workspace, "old", {"team": "risk", "draft": None, "never": None}, note="*good*")
    assert {key: value for key, value in changed.tags.items() if not key.startswith(("mlflow.run", "mlflow.user"))} == {
        "team": "risk",
        NOTE: "*good*",
    }
    event = workspace.catalog.events()[-1]
    assert (event.kind, event.name, event.verb) == ("run", run.id, "tag")


def test_facts_are_not_changed_as_tags(workspace, run):
    for key in ("mlops.snapshot", "mlflow.source.name", " "):
        with pytest.raises(ReservedTag):
            tag_run(workspace, run.id, {key: "x"})
    with pytest.raises(BadInput, match="no tag to change"):
        tag_run(workspace, run.id, {})


def test_a_deleted_run_is_out_of_lists_refuses_changes_and_comes_back_whole(workspace, run):
    assert delete_run(workspace, "old").deleted
    assert list_runs(workspace, experiment="keep") == []
    for ref in ("old", run.id[:8]):
        with pytest.raises(UnknownThing, match=rf"^The run old \({run.id[:8]}\) is deleted\.$") as missed:
            workspace.tracking.run(ref)
        assert (missed.value.code, missed.value.status) == ("run-deleted", 404)
        assert f"mlops runs restore {run.id[:8]}" in missed.value.hint
    assert workspace.tracking.run(run.id).deleted
    for change in (
        lambda: log_metrics(workspace, run.id, {"auc": 1.0}),
        lambda: tag_run(workspace, run.id, {"a": "b"}),
        lambda: delete_run(workspace, run.id),
    ):
        with pytest.raises(Conflict, match="deleted") as error:
            change()
        assert f"mlops runs restore {run.id}" in error.value.hint

    for ref in (run.id[:8], "old", run.id):
        back = restore_run(workspace, ref)
        assert (back.id, back.deleted, back.metrics) == (run.id, False, {"auc": 0.5})
        delete_run(workspace, run.id)
    assert [event.verb for event in workspace.catalog.events()][-2:] == ["restore", "delete"]


def test_a_run_of_an_archived_experiment_is_said_to_be_in_one(workspace, run):
    workspace.tracking.archive_experiment("keep")
    with pytest.raises(UnknownThing, match="is in the archived experiment 'keep'") as missed:
        workspace.tracking.run("old")
    assert "mlops experiments restore 'keep'" in missed.value.hint
    workspace.tracking.restore_experiment("keep")
    assert workspace.tracking.run("old").id == run.id


def test_of_several_runs_all_are_deleted_and_restored_or_none(workspace, run):
    same = workspace.tracking.create_run("keep", "old", tags={}, params={})
    workspace.tracking.end_run(same.id, "FINISHED")
    with pytest.raises(UnknownThing, match="nothing"):
        delete_runs(workspace, ["old", "nothing"])
    assert len(list_runs(workspace, experiment="keep")) == 2
    assert [one.id for one in delete_runs(workspace, ["old", "old", same.id])] == [same.id]  # one name is one run
    with pytest.raises(Conflict, match="is not deleted"):
        restore_runs(workspace, [same.id, run.id])
    assert [one.id for one in list_runs(workspace, experiment="keep")] == [run.id]
    assert [one.id for one in restore_runs(workspace, [same.id])] == [same.id]


def test_a_running_run_is_not_deleted_and_what_is_not_in_the_trash_not_restored(workspace, run):
    running = workspace.tracking.create_run("keep", "going", tags={}, params={})
    with pytest.raises(Conflict, match="RUNNING"):
        delete_run(workspace, running.id)
    for ref in (run.id, run.id[:8], "old"):
        with pytest.raises(Conflict, match="is not deleted"):
            restore_run(workspace, ref)
    for ref in ("nothing", "it's"):
        with pytest.raises(UnknownThing, match="There is no run"):
            restore_run(workspace, ref)
