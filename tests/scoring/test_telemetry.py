"""Requests are counted and logged as JSON lines; what cannot be written never harms an answer."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.scoring.telemetry import MOST_LINES, Histogram, Log, LogNotWritable


def metrics(server: Any) -> dict[str, float]:
    lines = server.get("/metrics").body.decode().splitlines()
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if not line.startswith("#"))
    }


def test_answers_are_counted_by_route_and_status(script_server: Any) -> None:
    before = metrics(script_server)
    script_server.post({})
    script_server.post(b"nope")
    script_server.get("/made/up/by/a/client")
    after = metrics(script_server)

    def grew(name: str) -> float:
        return after[name] - before.get(name, 0)

    assert grew('mlops_requests_total{route="/score",status="200"}') == 1
    assert grew('mlops_requests_total{route="/score",status="400"}') == 1
    assert grew('mlops_requests_total{route="other",status="404"}') == 1
    assert grew('mlops_request_seconds_count{route="/score"}') == 2
    assert grew("mlops_rows_total") == 1
    assert after["mlops_ready"] == 1
    assert after["process_resident_memory_bytes"] > 1e6
    assert not any("made" in name for name in after)


def test_each_request_is_a_line_with_its_id_and_health_is_not(script_server: Any) -> None:
    script_server.post({"a": 1}, x_request_id="find-me")
    script_server.get("/health/ready", x_request_id="not-me")
    line = script_server.wait(
        lambda: next((x for x in script_server.lines() if x.get("id") == "find-me"), None), "the line"
    )
    assert (line["route"], line["status"], line["bytes_in"]) == ("/score", 200, 8)
    assert line["ms"] >= 0
    assert not any(x.get("id") == "not-me" for x in script_server.lines())


def test_the_log_is_its_owners_alone(script_server: Any) -> None:
    assert stat.S_IMODE(script_server.log.stat().st_mode) == 0o600


def test_keys_are_in_no_log(script_server: Any) -> None:
    script_server.post({}, x_api_key="a-wrong-key")
    script_server.wait(lambda: any(x.get("status") == 401 for x in script_server.lines()), "the refusal")
    assert "a-wrong-key" not in script_server.log.read_text()


def test_histograms_count_by_upper_bound() -> None:
    histogram = Histogram((1, 2))
    for value in (0.5, 1, 1.5, 9):
        histogram.observe(value)
    assert histogram.lines("x", 'a="b"') == [
        'x_bucket{a="b",le="1"} 2', 'x_bucket{a="b",le="2"} 3', 'x_bucket{a="b",le="+Inf"} 4',
        'x_sum{a="b"} 12', 'x_count{a="b"} 4',
    ]  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_counted() -> None:
    log = Log(Path("/dev/full"))
    log.event("one")
    log.write()
    assert log.dropped == 1


def test_a_flood_is_dropped_and_counted(tmp_path: Path) -> None:
    log = Log(tmp_path / "log")
    for _ in range(MOST_LINES + 7):
        log.event("x")
    log.write()
    assert log.dropped == 7
    assert len((tmp_path / "log").read_text().splitlines()) == MOST_LINES


def test_a_log_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogNotWritable, match="No such file or directory"):
        Log(tmp_path / "no" / "log")
