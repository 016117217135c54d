"""The OpenAPI document says what the table does, and the labextension's copy is fresh."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from jupyter_mlops.server.openapi import document, text
from jupyter_mlops.server.routes import ROUTES

COMMITTED = Path(__file__).parents[2] / "labextension" / "openapi.json"
METHODS = {"get", "post", "patch", "delete"}


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return document()


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def operations(made: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in made["paths"].items() for method, one in item.items()]


def test_the_labextensions_copy_is_what_the_table_gives():
    assert COMMITTED.read_text() == text(), "python -m jupyter_mlops.server.openapi > labextension/openapi.json"


def test_it_holds_every_row_once(made):
    assert made["openapi"].startswith("3.1.")
    assert {(path, method) for path, method, _ in operations(made)} == {
        (f"/{row.path}", row.method.lower()) for row in ROUTES
    }
    assert len(operations(made)) == len(ROUTES)


def test_every_operation_has_an_id_of_its_own_a_summary_and_its_action(made):
    found = [one for _, _, one in operations(made)]

    assert len({one["operationId"] for one in found}) == len(found)
    assert all(one["summary"].endswith(".") for one in found)
    assert {one["x-action"] for one in found} == {"read", "write"}


def test_parameters_are_those_of_the_address(made):
    for path, method, one in operations(made):
        named = {item["name"] for item in one["parameters"] if item["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), (method, path)
        assert len({(item["in"], item["name"]) for item in one["parameters"]}) == len(one["parameters"])


def test_bodies_stand_where_they_may(made):
    for path, method, one in operations(made):
        assert method in METHODS
        assert "requestBody" not in one or method in {"post", "patch"}, (method, path)
        assert set(one["responses"]) > {"default"}, (method, path)
        statuses = set(one["responses"]) - {"default"}
        assert all(re.fullmatch(r"2\d\d", status) for status in statuses)


def test_every_reference_leads_somewhere_and_every_schema_is_used(made):
    targets = {ref.removeprefix("#/components/schemas/") for ref in refs(made)}

    assert targets == set(made["components"]["schemas"])


def test_every_schema_is_valid_json_schema(made):
    for schema in made["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_what_is_sent_is_always_there_and_what_is_taken_may_be_left_out(made):
    schemas = made["components"]["schemas"]

    assert set(schemas["Run"]["required"]) == set(schemas["Run"]["properties"])
    assert schemas["SubmitRun"]["required"] == ["file"]
    assert schemas["SubmitRun"]["additionalProperties"] is False


def test_long_work_answers_202_with_an_activity(made):
    for path in ("/images", "/services"):
        accepted = made["paths"][path]["post"]["responses"]["202"]
        assert accepted["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Activity"}


async def test_the_server_gives_it_with_its_own_address(api):
    answer = await api("GET", "openapi.json")

    assert answer.body["servers"] == [{"url": "/user/x/mlops/api"}]
    assert answer.body["paths"] == json.loads(text())["paths"]
