"""REST: the workspace itself, and what happened in it."""

from __future__ import annotations

import platform
from importlib.metadata import version

import pytest

from jupyter_mlops import __version__
from jupyter_mlops.server.routes import ROUTES


async def test_an_empty_place_has_no_workspace_and_reading_makes_none(api, jp_root_dir):
    lists = [row for row in ROUTES if row.method == "GET" and row.has_items and row.is_collection]
    collections = [row for row in lists if not any(query.required for query in row.in_query.values())]
    answers = {row.path: await api("GET", row.path) for row in collections}

    assert {path: answer.body["items"] for path, answer in answers.items()} == {row.path: [] for row in collections}
    shown = (await api("GET", "workspace")).body
    assert (shown["exists"], shown["id"], shown["home"]) == (False, "", str(jp_root_dir))
    for path in ("status", "runs/x", "services/x"):
        answer = await api("GET", path)
        assert (answer.status, answer.body["code"]) == (404, "workspace-not-found")
    assert (await api("DELETE", "models/x")).status == 404
    assert not (jp_root_dir / ".mlops").exists()


async def test_a_refused_body_makes_no_workspace(api, jp_root_dir):
    assert (await api("POST", "runs", {"fil": "x.py"})).status == 400
    assert not (jp_root_dir / ".mlops").exists()


async def test_making_one_twice_gives_the_same(api, jp_root_dir, monkeypatch):
    monkeypatch.setenv("HOME", str(jp_root_dir.parent))
    first = await api("POST", "workspace")
    second = await api("POST", "workspace")

    assert (first.status, second.status) == (201, 201)
    assert first.body["id"] == second.body["id"]
    assert first.body | {"id": "", "seq": 0} == {
        "exists": True,
        "id": "",
        "name": jp_root_dir.name,
        "home": str(jp_root_dir),
        "short_home": f"~/{jp_root_dir.name}",
        "root": str(jp_root_dir / ".mlops"),
        "seq": 0,
        "version": __version__,
    }


async def test_a_gc_where_there_is_none_makes_none(api, jp_root_dir):
    answer = await api("POST", "snapshots/gc", {})
    assert (answer.status, answer.body["code"]) == (404, "workspace-not-found")
    assert not (jp_root_dir / ".mlops").exists()


async def test_the_first_write_makes_one(api, jp_root_dir):
    (jp_root_dir / "x.bin").write_bytes(b"x")

    assert (await api("POST", "models", {"name": "m", "file": "x.bin"})).status == 201
    shown = (await api("GET", "workspace")).body
    assert (shown["home"], shown["short_home"]) == (str(jp_root_dir), str(jp_root_dir))


async def test_the_packages_that_are_here_now_are_told(api):
    here = (await api("GET", "environment")).body
    assert here["python"] == platform.python_version()
    assert here["packages"]["msgspec"] == version("msgspec")


async def test_status_asks_every_part(api, here):
    status = (await api("GET", "status")).body

    assert status["workspace"]["id"] == here.id
    parts = {part["part"]: part for part in status["parts"]}
    assert parts["catalog"]["answers"]
    assert parts["tracking"]["answers"]
    assert "MLflow" in parts["tracking"]["detail"]


async def test_a_workspace_that_is_newer_than_the_code_is_left_alone(api, here):
    file = here.root / "workspace.toml"
    newer = file.read_text().replace("format = 1", "format = 99")
    file.write_text(newer)

    answer = await api("GET", "workspace")

    assert (answer.status, answer.body["code"]) == (409, "newer-workspace")
    assert file.read_text() == newer


@pytest.mark.usefixtures("here")
async def test_activities_are_listed_and_named_when_they_are_not_there(api):
    assert (await api("GET", "activities", state="queued", limit=5)).body == {"items": []}
    for method, path in (("GET", "activities/nothing"), ("POST", "activities/nothing/cancel")):
        answer = await api(method, path)
        assert (answer.status, "nothing" in answer.body["detail"]) == (404, True)
    assert (await api("GET", "activities", state="asleep")).status == 400


@pytest.mark.usefixtures("here")
async def test_events_are_numbered_and_limited(api):
    assert (await api("GET", "events", after=-1)).status == 400
    assert (await api("GET", "events", limit=0)).status == 400
    assert (await api("GET", "events", after="x")).status == 400
