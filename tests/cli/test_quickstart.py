"""The quickstart where it cannot begin."""

from __future__ import annotations


def test_without_an_engine_it_says_so_and_leaves_nothing(mlops, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    answer = mlops("quickstart", "--host", "docker", "--dir", tmp_path / "tour")
    assert answer.code == 5
    assert "No Docker engine answers" in answer.err
    assert not (tmp_path / "tour").exists()


def test_a_folder_that_stood_there_before_stays_as_it_was(mlops, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    (tmp_path / "tour").mkdir()
    (tmp_path / "tour" / "mine.txt").write_text("mine")
    assert mlops("quickstart", "--host", "docker", "--dir", tmp_path / "tour").code == 5
    assert [path.name for path in (tmp_path / "tour").iterdir()] == ["mine.txt"]
