"""The workspace's own commands: init, status, and which workspace counts."""

from __future__ import annotations

import subprocess
import sys

import pytest


def test_init_makes_a_workspace_here_or_there(mlops, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mlops("init").out == f"Made a workspace in {tmp_path / '.mlops'}.\n"
    (tmp_path / "sub").mkdir()
    made = mlops("init", "sub", "--tracking-uri", "https://mlflow.example.com", "--json").json
    assert made["root"] == str(tmp_path / "sub" / ".mlops")
    assert "https://mlflow.example.com" in (tmp_path / "sub" / ".mlops" / "workspace.toml").read_text()


def test_init_twice_says_that_there_is_one(mlops, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mlops("init").code == 0
    again = mlops("init")
    assert again.code == 2
    assert "already" in again.err


def test_init_in_a_folder_that_is_not_there_names_it(mlops, tmp_path):
    answer = mlops("init", tmp_path / "nowhere")
    assert answer.code == 3
    assert "nowhere" in answer.err


@pytest.mark.parametrize(
    ("option", "url"), [("--tracking-uri", "foo://x"), ("--registry-uri", "models"), ("--catalog-url", "mongodb://x/y")]
)
def test_init_with_a_url_that_nothing_can_open_is_refused_and_leaves_nothing(mlops, tmp_path, option, url):
    answer = mlops("init", tmp_path, option, url)
    assert answer.code == 2
    assert url in answer.err
    assert "begins with one of" in answer.err
    assert not (tmp_path / ".mlops").exists()


def test_init_in_a_read_only_folder_names_it_and_leaves_nothing(tmp_path, unprivileged):
    tmp_path.chmod(0o500)
    answer = subprocess.run(
        [*unprivileged, sys.executable, "-c", "from jupyter_mlops.cli import main; main()", "init", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    tmp_path.chmod(0o700)
    assert answer.returncode == 5, answer
    assert str(tmp_path) in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (tmp_path / ".mlops").exists()


@pytest.mark.usefixtures("here")
def test_status_shows_each_part_and_whether_it_answers(mlops):
    answer = mlops("status")
    assert answer.code == 0, answer.out
    for part in ("workspace", "catalog", "tracking", "blobs", "secrets", "host process", "host docker", "agent"):
        assert part in answer.out
    parts = {item["part"]: item for item in mlops("status", "--json").json["items"]}
    assert parts["catalog"]["answers"]
    assert parts["tracking"]["where"].endswith("mlflow.db")


def test_status_of_a_tracking_server_that_does_not_answer_is_no_and_exit_code_5(mlops, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert mlops("init", "--tracking-uri", "http://127.0.0.1:9").code == 0
    answer = mlops("status")
    assert answer.code == 5
    assert "does not answer" in answer.out
    runs = mlops("runs", "list")
    assert runs.code == 5
    assert "127.0.0.1:9" in runs.err


@pytest.mark.usefixtures("here")
def test_the_option_names_another_workspace(mlops, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert mlops("init", elsewhere).code == 0
    parts = mlops("--workspace", elsewhere, "status", "--json").json["items"]
    assert parts[0]["where"] == str(elsewhere / ".mlops")


@pytest.mark.usefixtures("here")
def test_agent_status_when_none_runs(mlops):
    assert "not running" in mlops("agent", "status").out
    assert mlops("agent", "status", "--json").json["running"] is False
    assert mlops("agent", "stop").out == "The agent was not running.\n"


@pytest.mark.usefixtures("here")
def test_empty_lists_say_how_to_get_the_first_one(mlops):
    for noun in ("models", "manifests", "images", "services", "activities", "snapshots"):
        answer = mlops(noun, "list")
        assert answer.code == 0
        assert answer.out.startswith("No ")
        assert mlops(noun, "list", "--json").json == {"items": []}
