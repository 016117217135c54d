"""Deployments of a service from the command line: shares, copies, and what is refused."""

from __future__ import annotations

import pytest

from jupyter_mlops.cli.services import services
from jupyter_mlops.core.service import Deployment, Service


@pytest.fixture
def churn(here):
    """A service with two deployments, of which none runs."""
    parts = [Deployment(name="blue", manifest="churn:1"), Deployment(name="green", manifest="churn:2", weight=0)]
    return here.catalog.add(Service(name="churn", host="process", deployments=parts, node=here.node))


@pytest.mark.usefixtures("churn")
def test_traffic_is_split_and_shown_with_what_was_before(mlops):
    answer = mlops("services", "traffic", "churn", "blue=90", "green=10%", "--json")
    assert answer.code == 0, answer.err
    assert {one["name"]: one["weight"] for one in answer.json["deployments"]} == {"blue": 90, "green": 10}
    assert answer.json["history"][0]["what"] == "traffic blue=90 green=10"
    assert [one["weight"] for one in answer.json["history"][0]["deployments"]] == [100, 0]
    shown = mlops("services", "traffic", "churn", "green=100").out
    assert "100%" in shown
    assert "traffic green=100" in shown


@pytest.mark.usefixtures("churn")
def test_copies_are_asked_for_and_counted(here, mlops):
    assert "No request is copied. Begin with `mlops services mirror churn" in mlops("services", "mirror", "churn").out
    assert mlops("services", "mirror", "churn", "green=10", "--json").json["items"] == [
        {"deployment": "green", "percent": 10, "copies": {"answered": 0, "failed": 0, "dropped": 0}}
    ]
    assert "10% copied" in mlops("services", "traffic", "churn", "blue=100").out
    assert "10%" in mlops("services", "mirror", "churn").out
    assert "mirror" in {event.verb for event in here.catalog.events()}


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["traffic", "churn", "blue=50"], 2, ("The shares sum to 50 and not to 100.", "blue=90 green=10")),
        (["traffic", "churn", "blue"], 2, ("'blue' is not KEY=VALUE.", "blue=90 green=10")),
        (["traffic", "churn", "blue=all"], 2, ("'all' is no percent, for 'blue'.", "blue=90 green=10")),
        (["traffic", "churn", "red=100"], 3, ("has no deployment 'red'", "It has blue and green")),
        (["mirror", "churn", "blue=60", "green=50"], 2, ("More than every request", "100 or less")),
        (["remove", "churn", "blue"], 4, ("has 100% of the traffic", "services traffic churn green=... blue=0")),
        (["rollback", "churn"], 4, ("the same since it was made", "services show churn")),
        (["update", "churn", "churn:3"], 2, ("has the deployments blue and green", "--deployment blue")),
        (["update", "churn", "churn:3", "--deployment", "red"], 3, ("has no deployment 'red'", "deploy churn MODEL")),
        (["traffic", "nobody", "blue=100"], 3, ("'nobody'", "services list")),
    ],
)
def test_what_cannot_be_is_said_with_the_way_out(here, mlops, words, code, told):
    before = here.catalog.last_seq()
    answer = mlops("services", *words)
    assert [part for part in told if part not in answer.err] == []
    assert (answer.code, answer.out, here.catalog.last_seq()) == (code, "", before)


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize(
    ("command", "place", "found"), [("remove", 1, ["green"]), ("traffic", 1, ["green="]), ("mirror", 1, ["green="])]
)
def test_deployments_are_completed_once_the_service_is_named(command, place, found):
    complete = services.commands[command].params[place].shell_complete
    with services.commands[command].make_context(command, ["churn", "g"]) as ctx:
        assert [item.value for item in complete(ctx, "g")] == found
