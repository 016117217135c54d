"""REST: a model trained elsewhere becomes a service that answers, with no kernel open."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.delivery.services import list_services

ROWS = {"dataframe_split": {"columns": ["age", "spend"], "data": [[20.0, 1.0], [50.0, 0.0]]}}


@pytest.fixture
def agent_of(here):
    """The workspace, whose agent and replicas end with the test."""
    yield here
    stop_agent(here)
    for service in here.gateway.services():
        here.gateway.remove(service)
    for name in {service.host for service in list_services(here)}:
        for replica in here.hosts[name].replicas():
            here.hosts[name].stop(replica, grace_s=1)


async def done(api, activity: dict[str, Any], timeout_s: float = 240) -> dict[str, Any]:
    """Watch an activity as the panel does; return it when it ended."""
    seen: list[float] = []
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        now = (await api("GET", f"activities/{activity['name']}")).body
        seen.append(now["progress"])
        if now["state"] in {"done", "failed", "cancelled"}:
            assert all(0 <= value <= 1 for value in seen)
            return now
        await asyncio.sleep(0.1)
    raise AssertionError(now)


async def register(api, model_here: str) -> None:
    answer = await api("POST", "models", {"name": "churn", "file": model_here})
    assert answer.status == 201, answer.body


async def change_while_it_runs(api, service: dict[str, Any], keys: dict[str, str]) -> None:
    """Regenerate a key and change settings of service ``risk``."""
    fresh = await api("POST", "services/risk/keys/secondary/regenerate")
    assert fresh.status == 200
    assert fresh.body["primary"] == keys["primary"]
    assert fresh.body == (await api("GET", "services/risk/keys")).body != keys
    assert (await api("POST", "services/risk/keys/tertiary/regenerate")).status == 400
    made = [one for one in (await api("GET", "events")).body["items"] if one["verb"] == "regenerate-secondary-key"]
    assert [(one["kind"], one["name"], one["actor"]) for one in made] == [("service", "risk", "ada")]

    changed = await api("PATCH", "services/risk", {"max_body_bytes": 10, "log_level": "warning"})
    assert (changed.status, changed.body["log_level"], changed.body["url"]) == (200, "warning", service["url"])
    assert changed.body["limits"] == {**service["limits"], "max_body_bytes": 10}
    assert (await api("PATCH", "services/nothing", {"max_queue": 1})).status == 404
    for wrong, named in (({"max_qeue": 1}, "max_qeue"), ({"max_queue": -1}, "max_queue"), ({"log_level": "x"}, "'x'")):
        refused = await api("PATCH", "services/risk", wrong)
        assert (refused.status, named in refused.body["detail"]) == (400, True), refused.body
    deadline = time.monotonic() + 10
    while (await api("POST", "services/risk/score", ROWS)).status != 413:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert (await api("PATCH", "services/risk", {"max_body_bytes": 1000})).status == 200
    while (await api("POST", "services/risk/score", ROWS)).status != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def look_at_figures(api, service: dict[str, Any]) -> None:
    """See in the figures what was asked, and be told beside an answer who gave it and how long that took."""
    example = (await api("GET", "services/risk/example", user="rita")).body
    assert (example["deployment"], example["is_sample"]) == (service["deployments"][0]["name"], True)
    before = (await api("GET", "services/risk/figures", user="rita")).body
    scored = await api("POST", "services/risk/score", example["body"], deployment=example["deployment"])
    assert (scored.status, scored.headers["x-mlops-deployment"]) == (200, example["deployment"])
    assert float(scored.headers["server-timing"].removeprefix("service;dur=")) > 0
    wrong = await api("POST", "services/risk/score", raw=b"{")
    assert (wrong.status, wrong.headers["content-type"]) == (400, "application/problem+json")
    assert wrong.headers["x-request-id"]
    nobody = await api("POST", "services/risk/score", example["body"], deployment="green")
    assert (nobody.status, nobody.body["code"]) == (404, "deployment-not-found")

    after = (await api("GET", "services/risk/figures")).body
    grown = {name: after["answered"][name] - before["answered"][name] for name in before["answered"]}
    assert grown == {"requests": 3, "ok": 1, "refused": 2, "failed": 0, "in_flight": 0}
    assert (after["agent"], after["trouble"]) == (True, "")
    (old,), (one,) = before["replicas"], after["replicas"]
    assert (one["state"], one["current"], one["deployment"]) == ("ready", True, example["deployment"])
    assert one["statuses"]["200"] == old["statuses"]["200"] + 1
    assert sum(one["latencies"]["counts"]) == sum(one["statuses"].values())
    assert len(one["latencies"]["counts"]) == len(one["latencies"]["bounds_s"]) + 1
    assert (one["cpu_s"] > 0, one["memory_bytes"] > 10_000_000, one["pid"] > 0) == (True, True, True)
    (counts,) = (await api("GET", "counts", user="rita")).body["items"]
    assert (counts["service"], counts["answered"]) == ("risk", after["answered"])

    logged = (await api("GET", "services/risk/logs", deployment=example["deployment"])).body["items"]
    assert {json.loads(line)["deployment"] for line in logged} == {example["deployment"]}
    assert (await api("GET", "services/risk/logs", deployment="green")).body["items"] == []


async def look_at_telemetry(api, answer) -> None:
    """Read what was kept of the first request, hide a column of the next, and switch it off."""
    kept = (await api("GET", "services/risk/telemetry", since="1h")).body["items"]
    first = next(one for one in kept if one["status"] == 200 and one["rows"] == 2)
    assert (first["inputs"], first["outputs"], first["model"]) == (ROWS, answer, "churn:1")
    assert len((await api("GET", "services/risk/telemetry", limit=1)).body["items"]) == 1
    assert (await api("GET", "services/risk/telemetry", since="noon")).status == 400
    changed = await api("PATCH", "services/risk", {"telemetry": {"drop": ["age"], "sample": 0.5, "enabled": False}})
    assert changed.body["telemetry"] == {
        "enabled": False,
        "sample": 0.5,
        "hash": [],
        "drop": ["age"],
        "store": "",
        "keep_days": 0,
    }
    assert (await api("PATCH", "services/risk", {"telemetry": {"sample": 2}})).status == 400


async def give_a_certificate(api, service) -> None:
    """Let it speak HTTPS; it goes on answering the workspace, which trusts its own authority."""
    assert (await api("GET", "services/risk/certificate")).status == 404
    refused = await api("POST", "services/risk/certificate", {"certificate": {"certificate": "no", "key": "no"}})
    assert (refused.status, refused.body["code"]) == (400, "bad-certificate")
    trust = (await api("POST", "services/risk/certificate", {})).body
    assert trust["authority"].startswith("-----BEGIN CERTIFICATE-----")
    assert (await api("GET", "services/risk/certificate", user="rita")).body == trust
    assert (await api("GET", "services/risk")).body["url"] == service["url"].replace("http:", "https:")
    deadline = time.monotonic() + 10
    while (await api("POST", "services/risk/score", ROWS)).status != 200:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


@pytest.mark.usefixtures("agent_of")
async def test_a_service_is_deployed_called_and_deleted_on_this_machine(api, model_here):
    await register(api, model_here)

    asked = await api("POST", "services", {"name": "risk", "model": "churn", "limits": {"max_queue": 3}})
    assert (asked.status, asked.body["verb"], asked.body["created_by"]) == (202, "services.deploy", "ada")
    ended = await done(api, asked.body)
    assert ended["state"] == "done", ended

    service = (await api("GET", "services/risk")).body
    assert (service["state"], service["limits"]["max_queue"]) == ("ready", 3)
    assert [one["name"] for one in (await api("GET", "services")).body["items"]] == ["risk"]
    assert (await api("GET", "agent")).body["running"] is True
    assert (await api("GET", "models/churn")).body["services"] == ["risk"]

    scored = await api("POST", "services/risk/score", ROWS)
    assert (scored.status, len(scored.body.get("predictions", []))) == (200, 2), scored.body
    wrong = await api("POST", "services/risk/score", raw=b"{")
    assert wrong.status == 400
    assert wrong.body["code"]

    keys = (await api("GET", "services/risk/keys")).body
    program = (await api("GET", "services/risk/clients/javascript", user="rita")).body
    assert (program["file"], service["url"] in program["source"]) == ("client.js", True)
    assert keys["primary"] not in program["source"]
    assert (await api("GET", "services/risk/clients/cobol")).status == 400
    own = HTTPRequest(f"{service['url']}/score", "POST", {"x-api-key": keys["primary"]}, json.dumps(ROWS))
    own.headers["Content-Type"] = "application/json"
    assert json.loads((await AsyncHTTPClient().fetch(own)).body) == scored.body
    assert (await api("GET", "services/risk/keys", user="rita")).status == 403
    await look_at_figures(api, service)
    await change_while_it_runs(api, service, keys)
    await look_at_telemetry(api, scored.body)
    await give_a_certificate(api, service)

    assert (await api("DELETE", "agent", user="rita")).status == 403
    assert (await api("DELETE", "agent")).status == 204
    assert (await api("DELETE", "agent")).status == 204  # stopping what is stopped changes nothing
    assert (await api("GET", "agent")).body["running"] is False
    assert (await api("POST", "agent", user="rita")).status == 403
    assert (await api("POST", "agent")).body["running"] is True
    assert (await api("DELETE", "agent/unit")).status == 204  # none was installed
    assert (await api("DELETE", "agent")).status == 204
    assert (await api("POST", "services/risk/score", ROWS)).body == scored.body  # services go on without it
    assert isinstance((await api("GET", "services/risk/logs", tail=5)).body["items"], list)
    assert {node["kind"] for node in (await api("GET", "lineage/service/risk")).body["nodes"]} >= {
        "service",
        "manifest",
        "model",
    }

    refused = await api("DELETE", "models/churn")
    assert (refused.status, "risk" in refused.body["detail"]) == (409, True)

    gone = await api("DELETE", "services/risk")
    assert gone.status == 202
    assert (await done(api, gone.body))["state"] == "done"
    assert (await api("GET", "services/risk")).status == 404
    assert (await api("DELETE", "models/churn")).status == 204


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        ({"name": "risk", "model": "nothing"}, 404, "nothing"),
        ({"name": "risk", "model": "churn:9"}, 404, "churn:9"),
        ({"name": "risk"}, 400, "risk"),
        ({"name": "a/b", "model": "churn"}, 400, "a/b"),
        ({"name": "x" * 300, "model": "churn"}, 400, "xxx"),
        ({"name": "risk", "model": "churn", "host": "cloud"}, 400, "cloud"),
        ({"name": "risk", "model": "churn", "replicas": 0}, 400, "0"),
        ({"name": "risk", "model": "churn", "replicas": "two"}, 400, "$.replicas"),
        ({"name": "risk", "model": "churn", "port": 70000}, 400, "70000"),
        ({"name": "risk", "model": "churn", "bind": "everywhere"}, 400, "everywhere"),
        ({"name": "risk", "model": "churn", "limits": {"max_qeue": 1}}, 400, "max_qeue"),
        ({"name": "risk", "manifest": "nothing"}, 404, "nothing"),
    ],
)
@pytest.mark.usefixtures("here")
async def test_a_service_that_cannot_be_says_why_and_leaves_nothing(api, jp_root_dir, body, status, names):
    (jp_root_dir / "weights.bin").write_bytes(b"x")
    await api("POST", "models", {"name": "churn", "file": "weights.bin"})

    answer = await api("POST", "services", body)

    assert answer.status == status, answer.body
    assert names in answer.body["detail"]
    assert answer.body["hint"]
    assert (await api("GET", "services")).body["items"] == []
    assert (await api("GET", "activities")).body["items"] == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "services/nothing"),
        ("DELETE", "services/nothing"),
        ("GET", "services/nothing/keys"),
        ("POST", "services/nothing/keys/primary/regenerate"),
        ("GET", "services/nothing/logs"),
        ("GET", "services/nothing/figures"),
        ("GET", "services/nothing/example"),
        ("POST", "services/nothing/score"),
        ("GET", "lineage/service/nothing"),
    ],
)
@pytest.mark.usefixtures("here")
async def test_a_service_that_is_not_there_is_named(api, method, path):
    answer = await api(method, path)

    assert (answer.status, "nothing" in answer.body["detail"]) == (404, True)


@pytest.mark.usefixtures("here")
async def test_an_image_is_exported_nowhere_but_into_a_new_file_of_the_server(api, jp_root_dir):
    (jp_root_dir / "there.tar").write_bytes(b"mine")
    for body, status, code in (
        ({"name": "../out.tar"}, 400, "bad-name"),
        ({"name": "out.tar", "inside": ".."}, 400, "outside-root"),
        ({"name": "out.tar", "inside": "nowhere"}, 404, "file-not-found"),
        ({"name": "out.zip"}, 400, "bad-input"),
        ({"name": "there.tar"}, 409, "file-exists"),
        ({"name": "out.tar"}, 404, "-not-found"),  # the image, or without an engine the manifest
    ):
        answer = await api("POST", "images/nothing/export", body)

        assert (answer.status, answer.body["code"].endswith(code)) == (status, True), answer.body
    assert (jp_root_dir / "there.tar").read_bytes() == b"mine"
    assert (await api("GET", "activities")).body["items"] == []


@pytest.mark.docker
async def test_an_image_is_built_and_deployed(api, agent_of, model_here, jp_root_dir):
    await register(api, model_here)
    manifest = (await api("POST", "manifests", {"models": ["churn:1"]})).body

    asked = await api("POST", "images", {"manifest": f"{manifest['name']}:{manifest['version']}"})
    assert (asked.status, asked.body["verb"]) == (202, "images.build")
    ended = await done(api, asked.body, timeout_s=280)
    assert ended["state"] == "done", ended
    image = (await api("GET", "images/churn%3A1")).body
    assert image["image_id"].startswith("sha256:")
    assert [one["tag"] for one in (await api("GET", "images")).body["items"]] == [image["tag"]]

    tested = await done(api, (await api("POST", "images/churn/test")).body)
    assert (tested["state"], tested["result"]["same"]) == ("done", True), tested
    away = await done(api, (await api("POST", "images/churn/push", {"target": "127.0.0.1:1/churn:1"})).body)
    assert (away["state"], away["error"]["code"]) == ("failed", "no-registry")

    export = (await api("POST", "images/churn/export", {"name": "churn.tar"})).body
    state = "queued"
    while state == "queued":
        await asyncio.sleep(0.05)
        state = (await api("GET", f"activities/{export['name']}")).body["state"]
    await api("POST", f"activities/{export['name']}/cancel")
    assert (await done(api, export))["state"] == "cancelled"
    assert [file.name for file in jp_root_dir.iterdir() if ".tar" in file.name] == []

    deployed = await done(
        api, (await api("POST", "services", {"name": "boxed", "model": "churn", "host": "docker"})).body
    )
    assert (deployed["state"], deployed["error"]) == ("done", None)
    scored = await api("POST", "services/boxed/score", ROWS)
    assert (scored.status, len(scored.body.get("predictions", []))) == (200, 2), scored.body

    refused = await api("DELETE", "images/churn")
    assert (refused.status, refused.body["code"]) == (409, "image-deployed")
    assert (await done(api, (await api("DELETE", "services/boxed")).body))["state"] == "done"
    assert (await api("DELETE", "images/churn")).status == 204
    assert (await api("GET", "images/churn")).status == 404
    assert not agent_of.builder.is_current(image["image_id"])
