"""Two deployments of one service: added, called, given traffic, updated, rolled back, mirrored and removed."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from contextlib import contextmanager

import msgspec
import pytest

from jupyter_mlops.activities import show_activity, wait_activity
from jupyter_mlops.core.errors import BadInput, Remote, UnknownThing
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.deployments import (
    BadTraffic,
    DeploymentServes,
    NothingBefore,
    OneHost,
    UnknownDeployment,
    WhichDeployment,
)
from jupyter_mlops.delivery.services import (
    deploy,
    mirrored,
    remove_deployment,
    rollback,
    service_keys,
    set_mirror,
    set_traffic,
    update,
)
from jupyter_mlops.gateway.runtime import GatewayFailed


def answers(house, said: str) -> str:
    return house.manifest("two", run=f"return {said!r}", sample=[1])


@pytest.fixture(scope="module")
def two(house):
    """A service ``two`` whose deployment ``blue`` says 'one' and whose ``green`` says 'two', without traffic."""
    house.deploy("two", answers(house, "one"))
    house.deploy("two", answers(house, "two"), deployment="green")
    yield house
    house.delete("two")


def done(house, activity) -> None:
    wait_activity(house.world, activity.name, timeout_s=60)


def shares(house) -> dict[str, int]:
    return {one.name: one.weight for one in house.service("two").deployments}


def said(house, n: int = 30) -> set[str]:
    return {house.post("two", 1)[1] for _ in range(n)}


def ask(house, deployment: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", house.service("two").port, timeout=10)
    key = service_keys(house.world, "two").primary
    try:
        headers = {"x-api-key": key, "content-type": "application/json", "x-mlops-deployment": deployment}
        connection.request("POST", "/score", b"1", headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def load(house):
    """Ask all the time, with keep-alive connections; give what was answered, by status and word."""
    port, key = house.service("two").port, service_keys(house.world, "two").primary
    seen: Counter[tuple[int, str]] = Counter()
    over = threading.Event()

    def run() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while not over.is_set():
            connection.request("POST", "/score", b"1", {"x-api-key": key, "content-type": "application/json"})
            answer = connection.getresponse()
            seen[answer.status, answer.read().decode()] += 1
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_deployment_that_is_added_gets_no_traffic_and_can_be_called_by_name(two):
    assert shares(two) == {"blue": 100, "green": 0}
    assert said(two) == {"one"}
    status, headers, body = ask(two, "green")
    assert (status, json.loads(body), headers["x-mlops-deployment"]) == (200, "two", "green")
    status, headers, body = ask(two, "red")
    assert (status, headers["content-type"]) == (404, "application/problem+json")
    assert json.loads(body)["code"] == "deployment-not-found"


def test_traffic_moves_at_once_and_no_request_is_lost(two):
    with load(two) as seen:
        for weights in (
            {"blue": 50, "green": 50},
            {"green": 100},
            {"blue": 90, "green": 10},
            {"blue": 0, "green": 100},
        ):
            set_traffic(two.world, "two", weights)
    assert {status for status, _ in seen} == {200}
    assert said(two) == {"two"}  # the moment that it returned
    assert shares(two) == {"blue": 0, "green": 100}


@pytest.mark.parametrize(
    ("weights", "error", "match"),
    [
        ({"blue": 90}, BadTraffic, "sum to 90 and not to 100"),
        ({"blue": 120, "green": -20}, BadTraffic, "120 is no percent"),
        ({"blue": 50, "red": 50}, UnknownDeployment, "no deployment 'red'"),
        ({}, BadTraffic, "sum to 0"),
    ],
)
def test_shares_that_make_no_sense_change_nothing(two, weights, error, match):
    before = two.service("two")
    with pytest.raises(error, match=match):
        set_traffic(two.world, "two", weights)
    assert two.service("two") == before


def test_rolling_back_gives_the_traffic_back_and_twice_takes_it_again(two):
    set_traffic(two.world, "two", {"blue": 100})
    running = two.replicas("two")
    done(two, rollback(two.world, "two"))
    assert shares(two) == {"blue": 0, "green": 100}
    assert said(two) == {"two"}
    done(two, rollback(two.world, "two"))
    assert said(two) == {"one"}
    assert two.replicas("two") == running
    assert [change.what for change in two.service("two").history[:3]] == [
        "redo traffic blue=100",
        "undo traffic blue=100",
        "traffic blue=100",
    ]


def green_was_asleep(service: Service) -> Service:
    """What is rolled back to has to be proved, so it is woken."""
    last, *older = service.history
    parts = [msgspec.structs.replace(one, replicas=int(one.name != "green")) for one in last.deployments]
    return msgspec.structs.replace(service, history=[msgspec.structs.replace(last, deployments=parts), *older])


def test_an_update_of_one_leaves_the_other_alone_keeps_what_is_changed_meanwhile_and_is_rolled_back(two):
    set_traffic(two.world, "two", {"blue": 50, "green": 50})
    other = [one for one in two.replicas("two") if one.deployment.startswith("blue")]
    with load(two) as seen:
        three = two.manifest("two", init="time.sleep(1)", run="return 'three'", sample=[1])
        activity = update(two.world, "two", manifest=three, deployment="green")
        two.eventually(lambda: show_activity(two.world, activity.name).message.startswith("Waiting until"))
        set_traffic(two.world, "two", {"blue": 40, "green": 60})
        done(two, activity)
        assert said(two) == {"one", "three"}
        assert ask(two, "green")[2] == '"three"'
        assert shares(two) == {"blue": 40, "green": 60}
        two.world.catalog.edit(Service, "two", green_was_asleep)
        done(two, rollback(two.world, "two"))
    assert {status for status, _ in seen} == {200}
    assert said(two) == {"one", "two"}
    assert [one for one in two.replicas("two") if one.deployment.startswith("blue")] == other
    assert len(two.replicas("two")) == 2
    assert shares(two) == {"blue": 40, "green": 60}


def test_an_update_that_fails_leaves_both_as_they_are(two):
    before, running = two.service("two"), two.replicas("two")
    with pytest.raises(Remote, match="sample"):
        done(
            two,
            update(
                two.world, "two", manifest=two.manifest("two", run="return data['no']", sample=[1]), deployment="green"
            ),
        )
    assert (two.service("two"), two.replicas("two")) == (before, running)
    assert said(two) == {"one", "two"}


def test_requests_are_copied_to_a_shadow_whose_answers_nobody_gets(two):
    set_traffic(two.world, "two", {"blue": 100})
    set_mirror(two.world, "two", {"green": 100})
    assert said(two, 10) == {"one"}
    found = two.eventually(lambda: [one for one in mirrored(two.world, "two") if one.copies.answered == 10])
    assert (found[0].deployment, found[0].percent, found[0].copies.failed) == ("green", 100, 0)
    two.kill(next(one for one in two.replicas("two") if one.deployment.startswith("green")).pid)
    assert said(two, 10) == {"one"}
    two.eventually(lambda: two.service("two").n_ready == 2)
    with pytest.raises(BadTraffic, match="101 is no percent"):
        set_mirror(two.world, "two", {"green": 101})
    with pytest.raises(UnknownDeployment):
        set_mirror(two.world, "two", {"red": 10})
    set_mirror(two.world, "two", {"green": 0})
    assert said(two, 10) == {"one"}


def test_what_the_gateway_refuses_changes_nothing(two, monkeypatch):
    before = two.service("two").deployments
    monkeypatch.setattr("jupyter_mlops.gateway.mirror._LUA", "this is not Lua")
    with pytest.raises(GatewayFailed, match="Lua") as refused:
        set_mirror(two.world, "two", {"green": 10})
    assert "built with Lua" in refused.value.hint
    assert two.service("two").deployments == before
    assert said(two, 10) == {"one"}


def test_what_cannot_be_is_refused_before_anything_is_made(two):
    set_traffic(two.world, "two", {"blue": 90, "green": 10})
    with pytest.raises(WhichDeployment, match="blue and green"):
        deploy(two.world, "two", manifest="two:1")
    with pytest.raises(UnknownDeployment, match="no deployment 'red'"):
        update(two.world, "two", manifest="two:1", deployment="red")
    with pytest.raises(UnknownThing):
        update(two.world, "nobody", manifest="two:1")
    with pytest.raises(OneHost, match="'process' together"):
        deploy(two.world, "two", manifest="two:1", deployment="green", host="docker")
    with pytest.raises(BadInput, match="name for a deployment"):
        deploy(two.world, "two", manifest="two:1", deployment="a b")
    with pytest.raises(BadTraffic, match="101 is no percent"):
        deploy(two.world, "two", manifest="two:1", deployment="red", traffic=101)
    with pytest.raises(BadTraffic, match="all of the traffic"):
        deploy(two.world, "other", manifest="two:1", traffic=50)
    with pytest.raises(DeploymentServes, match="10% of the traffic") as refused:
        remove_deployment(two.world, "two", "green")
    assert "services traffic two blue=... green=0" in refused.value.hint


def test_a_deployment_without_traffic_is_removed_and_the_last_one_stays(two):
    set_traffic(two.world, "two", {"blue": 100})
    with load(two) as seen:
        done(two, remove_deployment(two.world, "two", "green"))
    assert {status for status, _ in seen} == {200}
    assert shares(two) == {"blue": 100}
    assert len(two.replicas("two")) == 1
    assert ask(two, "green")[0] == 404
    with pytest.raises(DeploymentServes, match="the only deployment"):
        remove_deployment(two.world, "two", "blue")
    done(two, rollback(two.world, "two"))
    assert ask(two, "green")[2] == '"two"'


def test_a_new_deployment_may_take_its_share_as_it_comes(two):
    house = two
    house.deploy("two", "two:1", deployment="red", traffic=20)
    assert shares(house) == {"blue": 80, "green": 0, "red": 20}


def test_a_service_that_was_never_changed_has_nothing_to_go_back_to(house):
    house.deploy("fresh", house.manifest("fresh"), deployment="mine")
    assert [one.name for one in house.service("fresh").deployments] == ["mine"]
    with pytest.raises(NothingBefore, match="the same since it was made"):
        rollback(house.world, "fresh")
    house.delete("fresh")
