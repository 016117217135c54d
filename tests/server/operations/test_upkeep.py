"""REST: what forms ask before, and what they do to several runs at once; snapshots of folders; the program that loads a run."""

from __future__ import annotations

import pytest


@pytest.fixture
def runs(here):
    """Two runs that ended, and one that goes on."""
    made = [here.tracking.create_run("churn", name, tags={"draft": "yes"}, params={}) for name in ("a", "b", "c")]
    for run in made[:2]:
        here.tracking.end_run(run.id, "FINISHED")
    return [run.id for run in made]


async def test_several_runs_are_tagged_deleted_and_brought_back_together(api, runs):
    tagged = await api("PATCH", "runs", {"runs": runs, "tags": {"team": "risk", "draft": None}})
    assert tagged.status == 200, tagged.body
    assert [(one["id"], one["tags"].get("team"), "draft" in one["tags"]) for one in tagged.body["items"]] == [
        (run, "risk", False) for run in runs
    ]
    assert (await api("PATCH", "runs", {"runs": runs, "deleted": True})).status == 409  # one goes on: none is deleted
    assert len((await api("GET", "runs")).body["items"]) == 3
    deleted = await api("PATCH", "runs", {"runs": runs[:2], "deleted": True})
    assert [one["deleted"] for one in deleted.body["items"]] == [True, True]
    assert [one["id"] for one in (await api("GET", "runs")).body["items"]] == [runs[2]]
    back = await api("PATCH", "runs", {"runs": runs[:2], "deleted": False})
    assert [one["deleted"] for one in back.body["items"]] == [False, False]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"runs": []}, 400),
        ({"runs": ["a"]}, 400),
        ({"runs": ["a"], "tags": {"x": "y"}, "deleted": True}, 400),
        ({"runs": ["a"], "tags": {"mlops.file": "y"}}, 400),
        ({"runs": ["a", "nobody"], "tags": {"x": "y"}}, 404),
    ],
)
async def test_changes_of_several_runs_that_make_no_sense_change_none(api, runs, body, status):
    assert (await api("PATCH", "runs", body)).status == status
    assert (await api("PATCH", "runs", {"runs": runs, "deleted": True}, user="rita")).status == 403
    assert all("x" not in one["tags"] for one in (await api("GET", "runs")).body["items"])


async def test_a_folder_becomes_a_snapshot_and_the_same_one_while_nothing_changes(api, jp_root_dir):
    folder = jp_root_dir / "code"
    folder.mkdir()
    (folder / "train.py").write_text("print(1)\n")
    taken = await api("POST", "snapshots", {"folder": "code"})
    assert (taken.status, taken.body["n_files"], taken.body["source"]) == (201, 1, str(folder)), taken.body
    assert (await api("POST", "snapshots", {"folder": "code"})).body["name"] == taken.body["name"]
    assert (await api("POST", "snapshots", {"folder": "../.."})).status == 400
    assert (await api("POST", "snapshots", {"folder": "nothing"})).status == 404
    assert (await api("POST", "snapshots", {"folder": "code/train.py"})).status == 400
    assert (await api("POST", "snapshots", {"folder": "code"}, user="rita")).status == 403


async def test_the_parameters_of_a_script_are_shown_with_no_workspace_there(api, jp_root_dir):
    (jp_root_dir / "train.py").write_text(
        "import argparse\nargparse.ArgumentParser().add_argument('--C', default=0.5, help='how much')\n"
    )
    shown = (await api("GET", "parameters", file="train.py")).body["items"]
    assert shown == [{"name": "C", "value": "0.5", "required": False, "help": "how much"}]
    assert (await api("GET", "parameters", file="nothing.py")).status == 404
    assert not (jp_root_dir / ".mlops").exists()


async def test_python_that_loads_a_run_names_it(api, runs, here):
    source = (await api("GET", f"runs/{runs[0]}/python")).body["source"]
    assert repr(runs[0]) in source
    assert repr(str(here.home)) in source
    assert (await api("GET", "runs/nobody/python")).status == 404
