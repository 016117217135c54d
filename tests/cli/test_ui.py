"""``mlops ui``: it opens, and however it ends, no process of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil
import pytest
import requests

CLI = "import sys; from jupyter_mlops.cli.process import run; sys.exit(run(sys.argv[1:]))"


@pytest.mark.slow
def test_it_shows_the_runs_of_the_store_and_ctrl_c_leaves_no_process(workspace):
    run = workspace.tracking.create_run("ui", "seen", tags={}, params={})
    command = [sys.executable, "-c", CLI, "ui", "--no-browser"]
    process = subprocess.Popen(command, cwd=workspace.home, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    said = next(line for line in process.stderr if "web UI is at" in line)
    url = said.split()[-5].rstrip(".")
    port = int(url.rpartition(":")[2])
    found = requests.get(f"{url}/api/2.0/mlflow/runs/get", params={"run_id": run.id}, timeout=10).json()
    assert found["run"]["info"]["run_name"] == "seen"
    assert "<html" in requests.get(url, timeout=10).text
    family = psutil.Process(process.pid).children(recursive=True)
    assert {one.laddr.ip for member in family for one in member.net_connections() if one.laddr.port == port} == {
        "127.0.0.1"
    }
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=20)[1]
    assert (process.returncode, rest.strip()) == (0, "Stopped.")
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_tracking_server_has_its_own_web_ui(here, mlops, monkeypatch):
    monkeypatch.setattr(type(here), "tracking_uri", "http://tracking.example:5000")
    answer = mlops("ui", "--no-browser")
    assert answer.code == 0
    assert "http://tracking.example:5000" in answer.out
