"""A service's deployments over REST; none of them runs here: tests/agent shows what the agent does."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Deployment, Service


@pytest.fixture
def churn(here):
    """A service with two deployments."""
    parts = [Deployment(name="blue", manifest="churn:1"), Deployment(name="green", manifest="churn:2", weight=0)]
    return here.catalog.add(Service(name="churn", host="process", deployments=parts, node=here.node))


@pytest.mark.usefixtures("churn")
async def test_traffic_and_copies_are_changed_and_shown(api):
    split = await api("PATCH", "services/churn/traffic", {"weights": {"blue": 90, "green": 10}})
    assert (split.status, split.body["url"]) == (200, "")
    assert {one["name"]: one["weight"] for one in split.body["deployments"]} == {"blue": 90, "green": 10}
    assert split.body["history"][0]["by"] == "ada"
    copying = await api("PATCH", "services/churn/mirror", {"percents": {"green": 5}})
    assert copying.body["deployments"][1]["mirror"] == 5
    shown = (await api("GET", "services/churn/mirror", user="rita")).body["items"]
    assert shown == [{"deployment": "green", "percent": 5, "copies": {"answered": 0, "failed": 0, "dropped": 0}}]


async def test_what_goes_on_says_whether_a_deployment_is_updated_or_added(api, churn, here):
    manifest = here.catalog.add(Manifest(name="churn", models=[], files=[]))
    with hold(here.root):  # no agent begins, so what is asked stays to be seen
        for path, body, verb in (
            ("services/churn/update", {"manifest": manifest.ref, "deployment": "green"}, "services.update"),
            ("services", {"name": churn.name, "manifest": manifest.ref, "deployment": "blue"}, "services.update"),
            ("services", {"name": churn.name, "manifest": manifest.ref, "deployment": "red"}, "services.deploy"),
        ):
            asked = await api("POST", path, body)
            assert (asked.status, asked.body["verb"], asked.body["subject"]) == (202, verb, "service churn")


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize(
    ("method", "path", "body", "refused"),
    [
        ("PATCH", "traffic", {"weights": {"blue": 90}}, (400, "bad-traffic")),
        ("PATCH", "traffic", {"weights": {"blue": 50, "red": 50}}, (404, "deployment-not-found")),
        ("PATCH", "traffic", {"weights": {"blue": "all"}}, (400, "bad-body")),
        ("PATCH", "mirror", {"percents": {"blue": 101}}, (400, "bad-traffic")),
        ("DELETE", "deployments/blue", None, (409, "deployment-serves")),
        ("DELETE", "deployments/red", None, (404, "deployment-not-found")),
        ("POST", "rollback", None, (409, "nothing-before")),
        ("POST", "update", {"model": "churn:3"}, (400, "which-deployment")),
        ("POST", "update", {"model": "churn:3", "deployment": "green", "color": 1}, (400, "bad-body")),
    ],
)
async def test_what_cannot_be_is_a_problem_with_its_code(api, method, path, body, refused):
    answer = await api(method, f"services/churn/{path}", body)
    assert (answer.status, answer.body["code"]) == refused
    reader = await api(method, f"services/churn/{path}", body, user="rita")
    assert reader.status == 403
