"""Log lines reach a collector as OTLP over HTTP, wait for one that is away, and never make a request wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_mlops.core.telemetry import About
from jupyter_mlops.scoring import otlp
from jupyter_mlops.scoring.otlp import Exporter


class Collector:
    """An HTTP server that reads OTLP's JSON."""

    def __init__(self, port: int = 0) -> None:
        self.records: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, answer = collector.answers.pop(0) if collector.answers else (200, {})
                if status == 200:
                    collector.read(self.path, self.headers["content-type"], body)
                data = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def read(self, path: str, media: str, body: dict[str, Any]) -> None:
        assert (path, media) == ("/v1/logs", "application/json")
        for resource in body["resourceLogs"]:
            about = {each["key"]: each["value"]["stringValue"] for each in resource["resource"]["attributes"]}
            for scope in resource["scopeLogs"]:
                for record in scope["logRecords"]:
                    assert isinstance(record["timeUnixNano"], str)  # 64 bits are a string in OTLP's JSON
                    self.records.append({**record, "resource": about, "attributes": _plain(record["attributes"])})

    def find(self, text: str) -> dict[str, Any] | None:
        return next((each for each in self.records if text in json.dumps(each)), None)

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def _plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    read = {"stringValue": str, "intValue": int, "doubleValue": float, "boolValue": bool}
    return {each["key"]: next(read[kind](value) for kind, value in each["value"].items()) for each in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def test_a_replicas_log_reaches_a_collector_that_is_named_while_it_runs(collector: Collector, start: Any, behaviour_bundle: Path, tmp_path: Path) -> None:  # fmt: skip
    file = tmp_path / "configuration.json"
    about = json.dumps({"service": "churn", "deployment": "blue", "replica": "r1"})
    server = start(behaviour_bundle, address=("--port", "0", "--configuration", str(file), "--about", about)).ready()
    (tmp_path / "new").write_text(json.dumps({"otlp_endpoint": collector.url}))
    (tmp_path / "new").rename(file)
    server.wait(lambda: any(line.get("message") == "configured" for line in server.lines()), "the change")
    server.post({"raise": "no"}, x_request_id="found")
    server.wait(lambda: collector.find("LookupError") and collector.find('"http.route"'), "the lines")
    line = next(each for each in collector.records if each["attributes"].get("http.route"))
    assert (line["attributes"]["request.id"], line["attributes"]["http.response.status_code"]) == ("found", 500)
    assert (line["severityNumber"], line["severityText"]) == (17, "ERROR")
    assert abs(int(line["timeUnixNano"]) / 1e9 - time.time()) < 60
    assert line["resource"] == {
        "service.name": "churn",
        "service.version": "iris:3",
        "service.instance.id": "r1",
        "mlops.deployment": "blue",
        "mlops.manifest": "iris:1",
    }
    stack = collector.find("exception.stacktrace")
    assert stack is not None
    assert "LookupError" in stack["attributes"]["exception.stacktrace"]
    assert server.stop() == 0
    assert collector.find("draining")  # what was left is sent at the end


LINE = msgspec.json.encode({"at": 1.5, "level": "info", "message": "x", "n": 1, "f": 0.5, "b": True, "l": [1]})


def exporter(url: str) -> Exporter:
    one = Exporter(About(service="churn"), manifest="m:1", model="iris:3")
    one.configure(url)
    return one


def until(holds: Any) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_lines_wait_for_a_collector_that_is_away_or_busy(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp, "GATHER_S", 0.01)
    monkeypatch.setattr(otlp, "FIRST_PAUSE_S", 0.05)
    collector.answers = [(503, {}), (429, {})]
    one = exporter(collector.url)
    one.take([LINE] * 3)
    until(lambda: one.n_sent == 3)
    assert one.dropped == 0
    assert collector.records[0]["attributes"] == {"n": 1, "f": 0.5, "b": True, "l": "[1]"}
    port = collector.server.server_port
    collector.close()
    one.take([LINE])
    time.sleep(0.1)
    again = Collector(port)
    try:
        until(lambda: one.n_sent == 4)
    finally:
        again.close()
        collector.thread.join()
    one.end()


def test_what_is_refused_or_does_not_fit_is_dropped_and_counted(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr(otlp, "GATHER_S", 0.01)
    collector.answers = [(400, {}), (200, {"partialSuccess": {"rejectedLogRecords": "2"}})]
    one = exporter(collector.url)
    one.take([LINE] * 3)
    until(lambda: one.dropped == 3)
    one.take([LINE] * 5)
    until(lambda: one.n_sent == 3)
    assert one.dropped == 5
    one.configure("http://127.0.0.1:9")  # nobody is there
    began = time.monotonic()
    for _ in range(30):
        one.take([LINE] * 1000)
    assert time.monotonic() - began < 1
    assert one.dropped >= 5 + 30_000 - otlp.MOST_LINES - otlp.AT_ONCE
    one.configure("")
    until(lambda: one.dropped == 30_005)


@pytest.mark.parametrize("path", ["", "/", "/v1/logs", "/v1/logs/"])
def test_an_endpoint_is_named_with_its_path_or_without(collector: Collector, path: str) -> None:
    assert otlp._post(collector.url + path, json.dumps({"resourceLogs": []}).encode())[0] == 200
