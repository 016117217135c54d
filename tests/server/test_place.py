"""Which workspace a server serves, and what it tells the kernels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_mlops.server.place import NoFile, OutsideRoot, Place
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def place(tmp_path: Path):
    root = tmp_path / "work" / "notebooks"
    root.mkdir(parents=True)
    place = Place(root)
    yield place
    place.close()


def test_there_is_no_workspace_until_something_is_written(place):
    assert place.workspace() is None
    assert list(place.root.iterdir()) == []


def test_the_first_write_makes_one_in_the_servers_folder_and_tells_kernels(place):
    made = place.make()

    assert made.home == place.root
    assert os.environ["MLOPS_WORKSPACE"] == str(place.root)
    assert place.workspace() is place.make() is made


def test_one_above_the_servers_folder_is_found(place):
    Workspace.open(place.root.parent, create=True).close()

    assert place.make().home == place.root.parent


def test_one_that_a_kernel_makes_later_is_found(place):
    assert place.workspace() is None
    Workspace.open(place.root, create=True).close()

    assert place.workspace().home == place.root


def test_a_named_one_wins_and_is_made_where_the_name_says(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("MLOPS_WORKSPACE", str(tmp_path / "there" / ".mlops"))
    place = Place(tmp_path / "here")

    assert place.workspace() is None
    assert place.make().home == tmp_path / "there"
    place.close()
    assert os.environ["MLOPS_WORKSPACE"] == str(tmp_path / "there" / ".mlops")


def test_one_that_is_made_anew_is_opened_anew(place):
    first = place.make()
    (first.root / "workspace.toml").unlink()
    assert place.workspace() is None

    second = place.make()

    assert second.id != first.id
    assert place.workspace() is second


def test_closing_takes_back_what_kernels_were_told(place):
    place.make()
    place.close()

    assert "MLOPS_WORKSPACE" not in os.environ


def test_paths_are_those_of_the_file_browser(place):
    (place.root / "a").mkdir()
    (place.root / "a" / "b.py").touch()

    assert place.below("a/b.py") == place.below("/a/../a/b.py") == place.root / "a" / "b.py"


@pytest.mark.parametrize("path", ["..", "../../x", "a/../../x", "link/passwd"])
def test_a_path_may_not_lead_out(place, path):
    (place.root / "link").symlink_to("/etc")

    with pytest.raises(OutsideRoot, match="not below"):
        place.below(path)


@pytest.mark.parametrize("path", ["missing.py", "x" * 5000, "null\0byte", "circle"])
def test_a_path_that_is_not_there_is_said_so(place, path):
    (place.root / "circle").symlink_to(place.root / "circle")

    with pytest.raises(NoFile, match="There is no"):
        place.below(path)
