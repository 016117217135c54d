"""MLflow's own web UI answers on the workspace's store, and ends with all that it started."""

from __future__ import annotations

import socket

import psutil
import pytest
import requests

from jupyter_mlops.store.mlflow_ui import MlflowUi, UiFailed, UiPortTaken


@pytest.mark.slow
def test_it_shows_the_runs_of_the_store_and_leaves_no_process(workspace):
    run = workspace.tracking.create_run("ui", "seen", tags={}, params={})
    said: list[str] = []
    with MlflowUi(workspace.tracking_uri, workspace.registry_uri, workspace.root / "ui.log") as server:
        server.wait_ready(said.append)
        family = psutil.Process(server._process.pid).children(recursive=True)
        found = requests.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run.id}, timeout=10).json()
        assert found["run"]["info"]["run_name"] == "seen"
        assert "<html" in requests.get(server.url, timeout=10).text
        with socket.socket() as elsewhere:  # other machines are not answered
            assert elsewhere.connect_ex((socket.gethostbyname(socket.gethostname()), server.port)) != 0 or (
                socket.gethostbyname(socket.gethostname()).startswith("127.")
            )
    assert said
    assert said[0].startswith("Starting MLflow's web UI")
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []


def test_a_port_that_is_taken_is_named(workspace):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UiPortTaken, match=str(port)):
            MlflowUi(workspace.tracking_uri, workspace.registry_uri, workspace.root / "ui.log", port)


def test_a_store_that_it_cannot_open_is_said_in_its_words(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"This is no database. " * 100)
    uri = f"sqlite:///{tmp_path / 'broken.db'}"
    with MlflowUi(uri, uri, tmp_path / "ui.log") as server, pytest.raises(UiFailed, match="does not start"):
        server.wait_ready(lambda _: None)
