"""Only a known key scores; keys change while the replica runs, and nothing else has to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.scoring.keys import CHECK_S, Keys, KeysMissing, KeyWrong


@pytest.mark.parametrize("path", ["/score", "/invocations", "/v2/models/iris/infer"])
def test_no_key_is_401_and_says_how_to_send_one(script_server: Any, path: str) -> None:
    answer = script_server.request("POST", path, b"{}", content_type="application/json")
    assert (answer.status, answer.json["code"]) == (401, "key-needed")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "x-api-key" in answer.json["hint"]


@pytest.mark.parametrize(
    "headers",
    [{"x_api_key": "wrong"}, {"authorization": "Bearer wrong"}, {"authorization": "Bearer a-primary-key2"}],
)
def test_a_wrong_key_is_401(script_server: Any, headers: dict[str, str]) -> None:
    answer = script_server.request("POST", "/score", b"{}", content_type="application/json", **headers)
    assert (answer.status, answer.json["code"]) == (401, "key-wrong")
    assert "www-authenticate" in answer.headers


@pytest.mark.parametrize(
    "headers",
    [
        {"x_api_key": "a-primary-key"},
        {"authorization": "Bearer a-primary-key"},
        {"authorization": "bearer a-primary-key"},
    ],
)
def test_the_key_opens_by_either_header(script_server: Any, headers: dict[str, str]) -> None:
    assert script_server.request("POST", "/score", b"{}", content_type="application/json", **headers).status == 200


@pytest.mark.parametrize("authorization", ["Basic YTpi", "Bearer", "Bearer ", "a-primary-key"])
def test_other_schemes_are_no_key(script_server: Any, authorization: str) -> None:
    answer = script_server.request("POST", "/score", b"{}", authorization=authorization)
    assert answer.json["code"] == "key-needed"


def test_health_metrics_and_documents_need_no_key(script_server: Any) -> None:
    for path in ("/health/live", "/health/ready", "/metrics", "/openapi.json", "/swagger.json", "/v2"):
        assert script_server.get(path).status == 200


def test_a_regenerated_key_takes_over_without_a_restart(start: Callable[..., Any], behaviour_bundle: Path) -> None:
    server = start(behaviour_bundle).ready()
    assert server.post({}).status == 200
    server.set_keys("fresh", "secondary")
    assert server.post({}, x_api_key="fresh").status == 200
    assert server.post({}, x_api_key="secondary").status == 200
    server.wait(lambda: server.post({}).json.get("code") == "key-wrong", "the end of the old key")


def test_a_broken_or_absent_file_leaves_the_keys_as_they_were(tmp_path: Path) -> None:
    now, said = [0.0], []
    file = tmp_path / "digests.json"
    file.write_text(json.dumps({"digests": ["2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"]}))
    keys = Keys(tmp_path, now=lambda: now[0], say=said.append)
    for content in ("{", '{"digests": ["xyz"]}', None):
        now[0] += 2 * CHECK_S
        file.unlink() if content is None else file.write_text(content)
        keys.check({b"x-api-key": b"secret"})
    assert len(said) == 3


def test_a_new_key_opens_at_once_and_wrong_ones_do_not_fill_the_log(tmp_path: Path) -> None:
    said: list[str] = []
    file = tmp_path / "digests.json"
    file.write_text('{"digests": []}')
    keys = Keys(tmp_path, now=lambda: 0.0, say=said.append)
    file.write_text(json.dumps({"digests": ["2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"]}))
    keys.check({b"x-api-key": b"secret"})
    file.unlink()
    for _ in range(3):
        with pytest.raises(KeyWrong):
            keys.check({b"x-api-key": b"guess"})
    keys.check({b"x-api-key": b"secret"})
    assert len(said) == 1


def test_no_digests_let_nobody_in(tmp_path: Path) -> None:
    (tmp_path / "digests.json").write_text('{"digests": []}')
    with pytest.raises(KeyWrong):
        Keys(tmp_path).check({b"x-api-key": b"secret"})


def test_a_replica_without_keys_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing, match=r"digests\.json"):
        Keys(tmp_path)
