"""REST: models and manifests, with nothing running."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def weights(here, jp_root_dir):
    """A workspace, and in the file browser a model trained elsewhere with its scoring script."""
    (jp_root_dir / "weights.bin").write_bytes(b"\x00\x01")
    (jp_root_dir / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    return here


@pytest.fixture
def register(api, weights):  # noqa: ARG001  # what it registers
    async def call(name: str = "churn", **more):
        return await api("POST", "models", {"name": name, "file": "weights.bin", **more})

    return call


async def test_a_file_becomes_a_model_version_that_is_listed_tagged_and_deleted(api, register):
    first = await register(tags={"team": "risk"})
    second = await register()

    assert (first.status, first.body["version"], second.body["version"]) == (201, 1, 2)
    assert first.body["tags"]["team"] == "risk"
    assert [one["name"] for one in (await api("GET", "models")).body["items"]] == ["churn"]
    (found,) = (await api("GET", "models", where="tags.team = 'risk'")).body["items"]
    assert [version["version"] for version in found["versions"]] == [1]
    assert (await api("GET", "models/churn")).body["latest"] == 2

    tagged = await api("PATCH", "models/churn/versions/2", {"tags": {"team": "growth", "old": None}})
    assert (tagged.status, tagged.body["tags"]["team"]) == (200, "growth")
    assert (await api("PATCH", "models/churn/versions/2", {"tags": {"team": None}})).body["tags"].get("team") is None

    change = {"description": "# Who leaves", "tags": {"owner": "ada"}}
    changed = (await api("PATCH", "models/churn", change)).body
    assert (changed["description"], changed["tags"]) == ("# Who leaves", {"owner": "ada"})
    assert (await api("PATCH", "models/churn/versions/1", {"description": "first"})).body["description"] == "first"

    got = await api("POST", "models/churn/versions/1/download", {"name": "got"})
    assert is_there(got.body["path"]), got.body
    gone = await api("DELETE", "models/churn/versions/1")
    assert (gone.status, gone.raw) == (204, b"")
    assert (await api("GET", "models/churn/versions/1")).status == 404
    assert (await api("GET", "models/churn/versions/2")).body["version"] == 2
    assert (await api("DELETE", "models/churn")).status == 204
    assert (await api("GET", "models")).body["items"] == []
    verbs = [(e["verb"], e["actor"]) for e in (await api("GET", "events")).body["items"] if e["kind"] == "model"]
    assert [verb for verb, _ in verbs] == [
        *("register", "register", "tag", "tag", "tag", "describe", "describe"),
        *("delete", "delete"),
    ]
    assert {actor for _, actor in verbs} == {"ada"}


async def test_an_alias_names_a_version_until_it_is_taken_away(api, register):
    await register()
    await register()
    named = await api("POST", "models/churn/aliases/champion", {"version": 1})
    assert (named.status, named.body["version"], named.body["aliases"]) == (200, 1, ["champion"])
    assert (await api("GET", "models/churn")).body["aliases"] == {"champion": 1}
    assert (await api("POST", "models/churn/aliases/champion", {"version": 3})).status == 404
    assert (await api("POST", "models/churn/aliases/champion", {"version": 1}, user="rita")).status == 403
    assert (await api("DELETE", "models/churn/aliases/champion")).status == 204
    assert (await api("DELETE", "models/churn/aliases/champion")).status == 404


async def test_what_is_in_versions_how_they_differ_and_what_became_of_them(api, register, jp_root_dir):
    await register()
    (jp_root_dir / "weights.bin").write_bytes(b"longer")
    await register()
    await api("POST", "manifests", {"models": ["churn:2"], "script": "score.py"})

    inside = (await api("GET", "models/churn/versions/1/contents")).body
    compared = (await api("GET", "models/churn/comparison", versions="2,1")).body
    delivered = (await api("GET", "models/churn/delivered")).body
    onward = (await api("GET", "lineage/model/churn%3A2", onward="true")).body

    assert [(one["path"], one["n_bytes"]) for one in inside["files"]] == [("weights.bin", 2)]
    assert [one["n_bytes"] for one in compared["files"]] == [[6, 2]]
    assert [one["ref"] for one in delivered["manifests"]] == ["churn:1"]
    assert "manifest:churn:1" in [node["id"] for node in onward["nodes"]]
    assert (await api("GET", "models/churn/comparison", versions="1,x")).status == 400
    assert (await api("GET", "models/churn/comparison", versions="1")).body["code"] == "too-few-versions"
    assert (await api("GET", "models/churn/versions/9/contents")).status == 404


async def test_a_manifest_is_made_compared_and_deleted(api, register):
    await register()
    made = await api("POST", "manifests", {"models": ["churn:1"], "script": "score.py", "python": "3.11"})
    assert (made.status, made.body["name"], made.body["version"]) == (201, "churn", 1), made.body
    await api("POST", "manifests", {"models": ["churn:1"], "script": "score.py", "python": "3.12", "trust": True})

    listed = (await api("GET", "manifests", name="churn")).body["items"]
    changes = (await api("GET", "manifests/churn%3A1/diff", b="churn:2")).body["items"]

    assert [one["version"] for one in listed] == [2, 1]
    assert (await api("GET", "manifests/churn")).body["version"] == 2
    assert ("python", "3.11", "3.12") in [(one["field"], one["before"], one["after"]) for one in changes]
    assert (await api("DELETE", "manifests/churn%3A1")).status == 204
    assert (await api("GET", "manifests/churn%3A1")).status == 404
    assert (await api("GET", "manifests/churn:2")).status == 200


@pytest.mark.parametrize(
    ("body", "status", "names"),
    [
        ({"name": "a b", "file": "weights.bin"}, 400, "a b"),
        ({"name": "a/b", "file": "weights.bin"}, 400, "a/b"),
        ({"name": "x" * 300, "file": "weights.bin"}, 400, "xxx"),
        ({"name": "churn"}, 400, "one source"),
        ({"name": "churn", "file": "weights.bin", "run": "r"}, 400, "one source"),
        ({"name": "churn", "file": "../x"}, 400, "../x"),
        ({"name": "churn", "file": "missing"}, 404, "missing"),
        ({"name": "churn", "run": "nothing"}, 404, "nothing"),
        ({"name": "churn", "run": "../../etc/passwd"}, 404, "passwd"),
        ({"name": "churn", "run": "./weights.bin"}, 404, "weights.bin"),
        ({"name": "churn", "file": "weights.bin", "tags": {"mlflow.x": "y"}}, 400, "mlflow.x"),
        ({"name": "churn", "file": "weights.bin", "tags": {"x": 1}}, 400, "$.tags"),
        ({"file": "weights.bin"}, 400, "name"),
        (["churn"], 400, "array"),
    ],
)
@pytest.mark.usefixtures("weights")
async def test_a_model_that_cannot_be_registered_says_why_and_leaves_nothing(api, body, status, names):
    answer = await api("POST", "models", body)

    assert answer.status == status, answer.body
    assert names in answer.body["detail"]
    assert answer.body["hint"]
    assert (await api("GET", "models")).body["items"] == []


@pytest.mark.parametrize(
    ("asked", "status", "names"),
    [
        (("GET", "models/nothing"), 404, "nothing"),
        (("GET", "models/churn/versions/9"), 404, "churn"),
        (("GET", "models/churn/versions/last"), 400, "last"),
        (("GET", "models?where=colour&x="), 400, "colour"),
        (("PATCH", "models/churn/versions/9", {"tags": {"a": "b"}}), 404, "churn"),
        (("PATCH", "models/churn/versions/1", {"tag": {}}), 400, "tag"),
        (("DELETE", "models/nothing"), 404, "nothing"),
        (("DELETE", "models/churn/versions/9"), 404, "churn"),
        (("GET", "lineage/model/nothing"), 404, "nothing"),
        (("GET", "manifests/nothing"), 404, "nothing"),
        (("GET", "manifests/a%2Fb"), 400, "a/b"),
        (("GET", "manifests/nothing/diff"), 400, "'b' is missing"),
        (("DELETE", "manifests/nothing"), 404, "nothing"),
        (("POST", "manifests", {"models": []}), 400, "model"),
        (("POST", "manifests", {"models": ["nothing:1"]}), 404, "nothing"),
        (("POST", "manifests", {"models": ["churn:1"], "script": "../score.py"}), 400, "../score.py"),
        (("POST", "manifests", {"models": ["churn:1"], "schema": "missing.json"}), 404, "missing.json"),
        (("POST", "manifests", {"models": "churn:1"}), 400, "$.models"),
        (("POST", "manifests", {"models": ["churn:1"], "trust": "yes"}), 400, "$.trust"),
        (("GET", "images/nothing"), 404, "nothing"),
        (("POST", "images", {"manifest": "nothing"}), 404, "nothing"),
        (("POST", "images", {}), 400, "manifest"),
    ],
)
async def test_what_is_not_there_or_wrong_is_named(api, register, asked, status, names):
    await register()

    answer = await api(*asked)

    assert answer.status == status, answer.body
    assert names in answer.body["detail"]


def is_there(path: str) -> bool:
    return Path(path).exists()
