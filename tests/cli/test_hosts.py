"""Hosts and numbers of replicas from the command line."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.scaling import wanted_resources


@pytest.mark.usefixtures("here")
def test_the_hosts_of_this_machine_are_listed_and_answer(mlops):
    assert [one["name"] for one in mlops("hosts", "list", "--json").json["items"]] == ["process", "docker"]
    checked = mlops("hosts", "check", "process")
    assert (checked.code, "answers" in checked.out, "Python" in checked.out) == (0, True, True)
    assert mlops("hosts", "check", "nowhere").code == 3
    assert mlops("hosts", "remove", "process").code == 2


@pytest.mark.docker
@pytest.mark.ssh
def test_a_host_is_added_checked_listed_and_removed(here, machine, mlops):
    added = mlops("hosts", "add", "far", "docker", machine.url, "--ssh-config", machine.ssh_config)
    assert (added.code, "--host far" in added.out) == (0, True), added.err
    assert "Docker" in mlops("hosts", "check", "far").out
    (state,) = [one for one in mlops("hosts", "list", "--json").json["items"] if one["name"] == "far"]
    assert (state["where"], state["services"]) == (machine.url, [])
    again = mlops("hosts", "add", "far", "docker", machine.url)
    assert (again.code, "already" in again.err) == (4, True)
    here.hosts["far"].close()
    machine.stop()
    away = mlops("hosts", "check", "far")
    machine.start()
    assert (away.code, "does not listen for ssh" in away.err, "Start sshd" in away.err) == (5, True, True)
    assert mlops("hosts", "remove", "far").code == 0
    assert "far" not in mlops("hosts", "list").out


@pytest.fixture
def churn(here, end_agents):
    """A service that is held to limits, and whose replicas do not run."""
    part = Deployment(name="blue", manifest="churn:1", resources=Resources(cpus=2, memory_bytes=1 << 30))
    yield here.catalog.add(Service(name="churn", host="process", deployments=[part], node=here.node))
    end_agents(here)
    here.gateway.remove("churn")  # the agent has started one


@pytest.mark.usefixtures("churn")
def test_scaling_is_set_shown_and_ended(mlops):
    scaled = mlops("services", "scale", "churn", "--min", 1, "--max", 8, "--target-utilization", 0.5, "--json")
    assert scaled.code == 0, scaled.err
    assert scaled.json["deployments"][0]["scale"] == {
        "min_replicas": 1,
        "max_replicas": 8,
        "target_utilization": 0.5,
        "concurrency": 10,
        "cool_down_s": 60.0,
    }
    shown = mlops("services", "scale", "churn", "--max", 4).out
    assert "1 of 1 to 4" in shown
    assert "2 processor cores and 1024 MB of memory of its own, beyond which its allocations fail" in " ".join(
        shown.split()
    )
    fixed = mlops("services", "scale", "churn", "--replicas", 3, "--json").json["deployments"][0]
    assert (fixed["replicas"], fixed["scale"]) == (3, None)
    for wrong in (
        [],
        ["--replicas", 2, "--max", 3],
        ["--min", 5, "--max", 2],
        ["--target-utilization", 3],
        ["--replicas", 99],
    ):
        refused = mlops("services", "scale", "churn", *wrong)
        assert refused.code == 2, wrong
    assert mlops("services", "scale", "nobody", "--replicas", 2).code == 3


@pytest.mark.usefixtures("churn")
def test_limits_are_changed_one_at_a_time(here):
    assert wanted_resources(here, "churn", None, None, None) is None
    assert wanted_resources(here, "churn", None, 0.5, None) == Resources(cpus=0.5, memory_bytes=1 << 30)
    assert wanted_resources(here, "churn", "green", None, "512m") == Resources(memory_bytes=512 << 20)
    assert wanted_resources(here, "new", None, 1, None) == Resources(cpus=1)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("option", "value"), [("--memory", "much"), ("--memory", "1k"), ("--cpu", "-1"), ("--host", "moon")]
)
def test_limits_and_hosts_that_are_none_are_refused_before_anything_is_made(mlops, option, value):
    answer = mlops("services", "deploy", "new", "model", option, value)
    assert (answer.code, value in answer.err) == (2, True), answer.err
    assert mlops("services", "list", "--json").json["items"] == []
