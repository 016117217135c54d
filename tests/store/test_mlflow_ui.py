"""MLflow's own web UI: what it says when it cannot start, and that it ends with who started it."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import psutil
import pytest

from jupyter_mlops.store.mlflow_ui import MlflowUi, UiFailed, UiPortTaken

HOLDER = """
import subprocess, sys, time
from jupyter_mlops.store.mlflow_ui import BOUND
command = ["/bin/sh", "-c", BOUND, "sh", sys.executable, "-c", "import time; time.sleep(60)"]
print(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True).pid, flush=True)
time.sleep(60)
"""


def test_what_it_starts_ends_with_a_process_that_was_killed():
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        child = psutil.Process(int(holder.stdout.readline()))
        family = [child, *child.children(recursive=True)]
        holder.kill()
        assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_port_that_is_taken_is_named(workspace):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(UiPortTaken, match=str(port)):
            MlflowUi(workspace.tracking_uri, workspace.registry_uri, workspace.root / "ui.log", port)


def test_another_that_takes_the_port_meanwhile_is_not_taken_for_it(workspace):
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with MlflowUi(workspace.tracking_uri, workspace.registry_uri, workspace.root / "ui.log", port) as ui:
        other = HTTPServer(("127.0.0.1", port), Answer)
        threading.Thread(target=other.serve_forever, daemon=True).start()
        try:
            with pytest.raises(UiFailed, match="does not start"):
                ui.wait_ready(lambda _: None)
        finally:
            other.shutdown()
            other.server_close()


def test_a_store_that_it_cannot_open_is_said_in_its_words(tmp_path):
    (tmp_path / "broken.db").write_bytes(b"This is no database. " * 100)
    uri = f"sqlite:///{tmp_path / 'broken.db'}"
    with MlflowUi(uri, uri, tmp_path / "ui.log") as server, pytest.raises(UiFailed, match="does not start"):
        server.wait_ready(lambda _: None)
