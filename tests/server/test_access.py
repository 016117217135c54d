"""Who may do what: every route asks Jupyter Server's identity provider and authorizer."""

from __future__ import annotations

import json
import re
from http.cookies import SimpleCookie

from jupyter_mlops.server.routes import ROUTES


def address(row) -> str:
    return re.sub(r"{\w+}", "churn", row.path)


async def test_no_route_answers_without_a_token(api):
    answers = {(row.method, row.path): await api(row.method, address(row), user=None) for row in ROUTES}

    assert {key: answer.status for key, answer in answers.items() if answer.status != 403} == {}
    assert all(answer.body["code"] == "unauthenticated" for answer in answers.values())
    assert all("no token" in answer.body["detail"] and answer.body["hint"] for answer in answers.values())
    assert all(answer.headers["Content-Type"] == "application/problem+json" for answer in answers.values())


async def test_no_route_answers_to_a_wrong_token(api):
    answers = {(row.method, row.path): await api(row.method, address(row), user="eve") for row in ROUTES}

    assert {key: answer.status for key, answer in answers.items() if answer.status != 403} == {}


async def test_a_reader_may_look_at_everything_but_keys_and_change_nothing(api, jp_root_dir):
    refused = set()
    for row in ROUTES:
        answer = await api(row.method, address(row), user="rita")
        if answer.status == 403:
            refused.add((row.method, row.path))
            assert answer.body["detail"] == f"User is not authorized to {row.needs} on resource: mlops."

    changing = {(row.method, row.path) for row in ROUTES if row.method != "GET"}
    assert refused == changing | {("GET", "services/{name}/keys")}
    assert not (jp_root_dir / ".mlops").exists()


async def test_a_browser_needs_the_xsrf_token_to_change_things(api, http_server_client):
    login_page = await http_server_client.fetch("/user/x/login")
    cookies = SimpleCookie()
    for answer in (login_page, await api("GET", "runs")):
        for line in answer.headers.get_list("Set-Cookie"):
            cookies.load(line)
    jar = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())}

    without = await api("POST", "workspace", user=None, headers=jar)
    with_it = await api("POST", "workspace", user=None, headers={**jar, "X-XSRFToken": cookies["_xsrf"].value})

    assert (without.status, with_it.status) == (403, 201)
    assert "_xsrf" in without.body["detail"]


async def test_an_unknown_address_is_a_problem_too(api):
    answer = await api("GET", "nothing/of/this/kind")

    assert (answer.status, answer.body["code"]) == (404, "not-found")
    assert "openapi.json" in answer.body["detail"]
    assert (await api("GET", "nothing", user=None)).status == 403


async def test_a_method_that_a_route_does_not_have_is_refused(api):
    answer = await api("DELETE", "runs")

    assert (answer.status, answer.body["code"]) == (405, "method-not-allowed")


async def test_answers_are_not_cached_and_not_sniffed(api):
    answer = await api("GET", "runs")

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert json.loads(answer.raw)["items"] == []
