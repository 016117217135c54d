"""A replica's configuration changes while it runs, for every limit, and nothing else has to."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.core.service import Configuration, Limits
from jupyter_mlops.scoring.configuration import Configured


class Live:
    """A replica, and the file that configures it."""

    def __init__(self, kind: type, bundle: Path, folder: Path) -> None:
        self.file = folder / "keys" / "configuration-m1.json"
        self.file.parent.mkdir()
        self.set(limits={"max_body_bytes": 77})
        address = ("--port", "0", "--configuration", str(self.file))
        self.server = kind(bundle, folder, limits='{"max_body_bytes": 5}', address=address).ready()

    def write(self, text: str) -> None:
        fresh = self.file.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(self.file)

    def set(self, **configuration: Any) -> None:
        self.write(json.dumps(configuration))

    def change(self, **configuration: Any) -> None:
        """Write a configuration and wait until the replica says that it has it."""
        before = self.told()
        self.set(**configuration)
        self.server.wait(lambda: self.told() > before, "the configuration")

    def told(self) -> int:
        return sum(line.get("message") == "configured" for line in self.server.lines())

    def routes(self) -> list[tuple[int, str]]:
        return [(line["status"], line["level"]) for line in self.server.lines() if line.get("route") == "/score"]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, behaviour_bundle: Path, script_server: Any) -> Any:
    live = Live(type(script_server), behaviour_bundle, tmp_path_factory.mktemp("live"))
    yield live
    live.server.stop()


def test_the_file_stands_before_the_limits_it_was_started_with(live: Live) -> None:
    assert live.server.post({"x": 1}).status == 200
    shed = live.server.post({"x": "y" * 77})
    assert (shed.status, "77 bytes" in shed.json["detail"]) == (413, True)


def test_a_body_limit_changes_while_it_runs(live: Live) -> None:
    live.change(limits={"max_body_bytes": 5})
    assert live.server.post({"x": 1}).status == 413
    live.change(limits={})
    assert live.server.post({"x": "y" * 77}).status == 200


def test_a_shorter_timeout_ends_what_is_in_already(live: Live) -> None:
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(live.server.post, {"sleep_s": 3})
        live.server.wait(lambda: b"mlops_requests_in_flight 1" in live.server.get("/metrics").body, "the request")
        live.change(limits={"timeout_s": 0.2})
        assert slow.result().status == 504
    live.change(limits={})
    assert live.server.post({}).status == 200


def test_a_smaller_queue_sheds_and_a_larger_one_lets_in(live: Live) -> None:
    def answers() -> set[int]:
        with ThreadPoolExecutor(4) as pool:
            return {answer.status for answer in pool.map(lambda _: live.server.post({"sleep_s": 0.2}), range(4))}

    live.change(limits={"max_concurrent": 1, "max_queue": 0})
    assert answers() == {200, 429}
    live.change(limits={"max_concurrent": 1, "max_queue": 10})
    assert answers() == {200}


def test_a_log_level_keeps_what_is_below_it_out_of_the_log(live: Live) -> None:
    live.change(limits={"max_body_bytes": 50}, log_level="warning")
    before = len(live.routes())
    assert live.server.post({}).status == 200
    assert live.server.post({"x": "y" * 50}).status == 413
    live.server.wait(lambda: len(live.routes()) > before, "the line")
    assert live.routes()[before:] == [(413, "warning")]
    live.change(limits={})
    assert live.server.post({"x": "y" * 50}).status == 200
    live.server.wait(lambda: live.routes()[-1] == (200, "info"), "the line")


def test_a_file_that_is_broken_or_away_leaves_it_as_it_was_and_is_said_once(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "configuration-m1.json"
    look: Callable[[], Configuration | None] = Configured(file, say=said.append).fresh
    assert look() is None
    for broken in ("{", '{"limits": {"max_queue": -1}}', '{"log_level": "loud"}'):
        file.write_text(broken)
        assert look() is None
        assert look() is None
    assert len(said) == 3
    file.write_text('{"limits": {"max_queue": 3}}')
    assert look() == Configuration(limits=Limits(max_queue=3))
    assert look() is None
    file.unlink()
    assert look() is None
    assert len(said) == 3
