"""The workspace: found, made, moved, copied, refused."""

from __future__ import annotations

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, MlopsError, NotFound
from jupyter_mlops.store.folder import NewerWorkspace, NoWorkspace
from jupyter_mlops.workspace import Workspace, find_workspace, init_workspace


def test_it_is_made_closed_to_others_and_out_of_git(tmp_path):
    workspace = Workspace.open(tmp_path, create=True)
    assert workspace.made
    assert stat.S_IMODE(workspace.root.stat().st_mode) == 0o700
    assert (workspace.root / ".gitignore").read_text() == "*\n"
    assert not Workspace.open(tmp_path).made


def test_it_is_found_upward_as_git_does(tmp_path, monkeypatch):
    root = Workspace.open(tmp_path, create=True).root
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert find_workspace(deep) == root
    monkeypatch.chdir(deep)
    assert Workspace.open().root == root


def test_the_variable_overrides_but_a_nearer_one_inside_it_wins(tmp_path, monkeypatch):
    named, other = tmp_path / "named", tmp_path / "other"
    for folder in (named, other, named / "inner"):
        folder.mkdir()
        Workspace.open(folder, create=True)
    monkeypatch.setenv("MLOPS_WORKSPACE", str(named))
    assert find_workspace(other) == named / ".mlops"
    assert find_workspace(named / "inner") == named / "inner" / ".mlops"
    assert Workspace.open(other).root == other / ".mlops"  # a path given is what counts


def test_without_one_the_error_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoWorkspace) as caught:
        Workspace.open()
    assert "mlops init" in caught.value.hint
    with pytest.raises(NotFound, match="There is no folder"):
        Workspace.open(tmp_path / "nowhere", create=True)


def test_a_moved_workspace_finds_its_artifacts_again(tmp_path, make_workspace):
    before = make_workspace(tmp_path / "before")
    run = before.tracking.create_run("e", "r", tags={}, params={})
    (tmp_path / "file.txt").write_text("kept")
    before.tracking.store(run.id, tmp_path / "file.txt")
    before.close()
    shutil.move(tmp_path / "before", tmp_path / "after")
    after = Workspace.open(tmp_path / "after")
    assert after.id == before.id
    assert after.tracking.fetch(run.id, "file.txt", tmp_path / "got").read_text() == "kept"
    assert after.tracking.experiment("e", create=True)
    after.close()


def test_a_copy_beside_its_original_gets_an_id_of_its_own(tmp_path, make_workspace):
    original = make_workspace(tmp_path / "original")
    shutil.copytree(tmp_path / "original", tmp_path / "copy")
    assert Workspace.open(tmp_path / "copy").id != original.id
    assert Workspace.open(tmp_path / "original").id == original.id


def test_the_same_folder_by_another_way_is_no_copy(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    original = Workspace.open(tmp_path / "here", create=True)
    (tmp_path / "link").symlink_to(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "there")
    for way in (Path("../here"), Path("../here/.mlops"), tmp_path / "link", tmp_path / "there" / ".." / "here"):
        again = Workspace.open(way)
        assert (again.id, again.root) == (original.id, original.root)
    monkeypatch.setenv("MLOPS_WORKSPACE", "../here")
    assert (Workspace.open().id, Workspace.open().root) == (original.id, original.root)


def test_a_newer_workspace_is_refused_untouched(tmp_path):
    path = Workspace.open(tmp_path, create=True).root / "workspace.toml"
    path.write_text(path.read_text().replace("format = 1", "format = 7"))
    before = path.read_text()
    with pytest.raises(NewerWorkspace, match="format 7"):
        Workspace.open(tmp_path)
    assert path.read_text() == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = ", "is not valid TOML"),
        ("format = 1", 'format = "one"', "Expected `int`"),
        ("[snapshot]", "colour = 1\n[snapshot]", "unknown field `colour`"),
    ],
)
def test_a_settings_file_that_is_wrong_is_named(tmp_path, old, new, said):
    path = Workspace.open(tmp_path, create=True).root / "workspace.toml"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(BadInput, match=said) as caught:
        Workspace.open(tmp_path)
    assert "workspace.toml" in caught.value.message


def test_init_takes_urls_and_refuses_a_second_time(tmp_path):
    workspace = init_workspace(tmp_path, tracking_uri="http://127.0.0.1:9", blob_url="memory://blobs")
    assert workspace.tracking_uri == workspace.registry_uri == "http://127.0.0.1:9"
    assert Workspace.open(tmp_path).settings == workspace.settings
    with pytest.raises(BadInput, match="has a workspace already"):
        init_workspace(tmp_path)


def test_status_tells_of_each_part_whether_it_answers(tmp_path):
    workspace = init_workspace(tmp_path, tracking_uri="http://127.0.0.1:9")
    parts = {one.part: one for one in workspace.status()}
    assert parts["catalog"].answers
    assert parts["host process"].answers
    assert not parts["tracking"].answers
    assert "connection refused" in parts["tracking"].detail
    workspace.close()


def test_two_users_share_parts_and_keep_their_names(workspace):
    ada, bob = workspace.for_actor("ada"), workspace.for_actor("bob")
    ada.catalog.record("run", "r", "start")
    bob.catalog.record("run", "r", "end")
    assert [one.actor for one in workspace.catalog.events()] == ["ada", "bob"]


def test_a_read_only_folder_is_named_and_nothing_is_made(small_disk):
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(MlopsError, match="cannot be written") as caught:
        Workspace.open(small_disk, create=True)
    assert str(small_disk) in caught.value.message
    assert caught.value.hint
    assert not (small_disk / ".mlops").exists()


def test_a_workspace_that_became_read_only_is_named(small_disk):
    workspace = Workspace.open(small_disk, create=True)
    workspace.catalog.record("run", "r", "start")
    workspace.close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    again = Workspace.open(small_disk)
    with pytest.raises(MlopsError, match="cannot be written"):
        again.catalog.record("run", "r", "end")
    assert not {one.part: one for one in again.status()}["workspace"].answers
    again.close()


def test_a_full_disk_is_named_and_nothing_is_lost(small_disk, fill):
    workspace = Workspace.open(small_disk, create=True)
    workspace.catalog.record("run", "r", "start")
    fill(small_disk / "filler")
    with pytest.raises(MlopsError, match="the disk is full"):
        record_until_full(workspace)
    (small_disk / "filler").unlink()
    workspace.catalog.record("run", "r", "end")
    assert [one.verb for one in workspace.catalog.events(limit=100_000) if one.name == "r"] == ["start", "end"]
    workspace.close()


def test_making_one_on_a_full_disk_leaves_nothing(small_disk, fill):
    fill(small_disk / "filler")
    with pytest.raises(MlopsError, match="the disk is full"):
        Workspace.open(small_disk, create=True)
    assert not (small_disk / ".mlops").exists()


def test_a_disk_that_is_too_full_for_a_tracking_store_gets_none_until_there_is_room(small_disk):
    workspace = Workspace.open(small_disk, create=True)
    with (small_disk / "filler").open("wb") as filler:
        filler.write(b"0" * 2_700_000)
    told = {one.part: one for one in workspace.status()}["tracking"]
    assert not told.answers
    assert "the disk is full" in told.detail
    assert [path.name for path in workspace.root.glob("mlflow.db*")] == ["mlflow.db.lock"]
    (small_disk / "filler").unlink()
    assert [one.name for one in workspace.tracking.experiments()] == ["Default"]
    workspace.close()


def test_work_for_the_agent_is_refused_where_the_agent_could_not_do_it(small_disk, fill):
    workspace = Workspace.open(small_disk, create=True)
    workspace.catalog.record("run", "r", "start")
    fill(small_disk / "filler")
    with pytest.raises(MlopsError, match="the disk is full"):
        workspace.submit("images.build", "image churn:1", {})
    with pytest.raises(MlopsError, match="the disk is full"):
        workspace.ensure_agent()
    (small_disk / "filler").unlink()
    assert workspace.catalog.find(Activity) == []
    assert not (workspace.root / "agent").exists()
    workspace.close()


def record_until_full(workspace: Workspace) -> None:
    for _ in range(10_000):
        workspace.catalog.record("run", "r" * 1000, "start")
