"""Hosts and numbers of replicas over REST."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.service import Deployment, Service


@pytest.fixture
def churn(here, end_agents):
    part = Deployment(name="blue", manifest="churn:1")
    yield here.catalog.add(Service(name="churn", host="process", deployments=[part], node=here.node))
    end_agents(here)
    here.gateway.remove("churn")  # the agent has started one


@pytest.mark.usefixtures("churn")
async def test_replicas_follow_the_load_or_are_fixed(api):
    scaled = await api("POST", "services/churn/scale", {"min_replicas": 0, "max_replicas": 4})
    assert scaled.status == 200, scaled.body
    assert scaled.body["deployments"][0]["scale"]["max_replicas"] == 4
    fixed = await api("POST", "services/churn/scale", {"replicas": 2})
    assert (fixed.body["deployments"][0]["replicas"], fixed.body["deployments"][0]["scale"]) == (2, None)
    for body in ({}, {"replicas": 2, "max_replicas": 3}, {"min_replicas": 3, "max_replicas": 2}, {"replicas": 0}):
        assert (await api("POST", "services/churn/scale", body)).status == 400, body
    assert (await api("POST", "services/churn/scale", {"replicas": 2}, user="rita")).status == 403


@pytest.mark.docker
@pytest.mark.ssh
async def test_hosts_are_added_checked_and_removed(api, machine):
    body = {"name": "far", "url": machine.url, "ssh_config": machine.ssh_config}
    assert (await api("POST", "hosts", body, user="rita")).status == 403
    added = await api("POST", "hosts", body)
    assert (added.status, added.body["url"]) == (201, machine.url)
    assert [one["name"] for one in (await api("GET", "hosts", user="rita")).body["items"]] == [
        "process",
        "docker",
        "far",
    ]
    checked = (await api("GET", "hosts/far/check")).body
    assert (checked["answers"], checked["detail"].startswith("Docker")) == (True, True)
    assert (await api("POST", "hosts", body)).status == 409
    assert (await api("POST", "hosts", body | {"name": "off", "url": "ssh://127.0.0.1:1"})).status == 503
    assert (await api("POST", "hosts", body | {"name": "off", "url": "far"})).status == 400
    assert (await api("DELETE", "hosts/far")).status == 204
    assert (await api("DELETE", "hosts/far")).status == 404
