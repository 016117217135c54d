"""What a script prints and logs is in the log as JSON lines with the id of the request, and a gigabyte of it harms nobody."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCRIPT = """
    import logging, os, sys

    print("being imported")

    def init():
        sys.stderr.write("no end of line")

    def run(data):
        if "flood" in data:
            for _ in range(2000):
                print("x" * 50_000)
            return "done"
        if "die" in data:
            print("the last words")
            os._exit(3)
        print("scoring", data)
        logging.getLogger("my.score").info("%s rows", 7)
        logging.info("wrong %d", "number")
        try:
            {}["missing"]
        except KeyError:
            logging.exception("it was not there")
        os.write(1, b"past Python\\n")
        sys.stdout.buffer.write(b"as bytes\\n")
        sys.stdout.buffer.flush()
        return "done"
"""


@pytest.fixture(scope="module")
def talking(tmp_path_factory: pytest.TempPathFactory, start_shared: Any, script_bundle: Any) -> Iterator[Any]:
    server = start_shared(script_bundle(tmp_path_factory.mktemp("talk") / "b", SCRIPT)).ready()
    yield server
    server.stop()


def said(server: Any, text: str) -> dict[str, Any]:
    return server.wait(lambda: next((x for x in server.lines() if text in x.get("message", "")), None), text)


def test_prints_and_log_records_are_lines_with_the_requests_id(talking: Any) -> None:
    assert talking.post({"a": 1}, x_request_id="talk-1").json == "done"
    printed = said(talking, "scoring {'a': 1}")
    assert (printed["id"], printed["level"], printed["logger"]) == ("talk-1", "info", "stdout")
    logged = said(talking, "7 rows")
    assert (logged["id"], logged["logger"]) == ("talk-1", "my.score")
    failed = said(talking, "it was not there")
    assert (failed["level"], "KeyError: 'missing'" in failed["stack"]) == ("error", True)
    assert said(talking, "wrong %d")
    assert said(talking, "being imported").get("id") is None
    assert "past Python\nas bytes" in talking.errors.read_text()


def test_a_gigabyte_is_cut_off_and_counted_and_others_are_answered(talking: Any) -> None:
    before = talking.log.stat().st_size
    began = time.monotonic()
    assert talking.post({"flood": 1}).json == "done"
    took_s = time.monotonic() - began
    assert talking.log.stat().st_size - before < 2_100_000 * (took_s / 0.2 + 2)
    dropped = next(line for line in talking.get("/metrics").body.decode().splitlines() if line.startswith("mlops_log_"))
    assert float(dropped.rpartition(" ")[2]) > 0
    assert max(len(line) for line in talking.log.read_text().splitlines()) < 17_000


def test_what_is_printed_before_the_process_ends_is_there(start: Callable[..., Any], script_bundle: Any, tmp_path: Path) -> None:  # fmt: skip
    server = start(script_bundle(tmp_path / "b", SCRIPT)).ready()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        server.post({"die": 1}, x_request_id="fatal")
    assert server.process.wait(10) == 3
    last = [json.loads(line) for line in server.log.read_text().splitlines()][-1]
    assert (last["message"], last["id"]) == ("the last words", "fatal")
