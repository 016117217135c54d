"""A service on another machine's engine is one like any other: same verbs, and it comes back when the way there breaks."""

from __future__ import annotations

import json
import time
from contextlib import closing

import docker
import pytest

from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.delivery.hosts import add_host, check_host, list_hosts, remove_host
from jupyter_mlops.delivery.services import configure, deploy, regenerate_key, service_keys, service_logs
from jupyter_mlops.hosts.tunnel import NoMachine, Tunnel
from jupyter_mlops.monitoring.compaction import collect
from jupyter_mlops.monitoring.telemetry import read_telemetry

pytestmark = [pytest.mark.docker, pytest.mark.ssh]


@pytest.fixture(scope="module")
def far(house, machine):
    """A house with a service on another machine."""
    add_host(house.world, "far", machine.url, ssh_config=machine.ssh_config)
    manifest = house.manifest("far", run="print('scored', flush=True)\n    return 'far'", sample=[1])
    house.deploy("far", manifest, host="far", resources=Resources(cpus=1, memory_bytes=256 << 20))
    yield house
    image = house.service("far").deployments[0].image
    assert house.post("far", 8)[0] == 200
    house.delete("far")
    assert asked(house).count(8) == 1  # what it was asked last came here before its container was gone
    with closing(docker.from_env()) as engine:
        assert not [one for one in engine.volumes.list() if one.name.endswith("-telemetry")]
    house.world.hosts["far"].builder.remove(image)
    assert [one for one in house.world.hosts["far"].replicas() if one.service == "far"] == []
    remove_host(house.world, "far")


def asked(far):
    """Return what the service was asked, as far as it is known here, and answered."""
    table = read_telemetry(far.world, "far").to_pylist()
    return [json.loads(line["inputs"]) for line in table if line["status"] == 200]


def replica(far):
    return next(one for one in far.world.hosts["far"].replicas() if one.service == "far")


def test_it_answers_at_a_url_of_this_machine_and_only_with_its_key(far):
    assert far.service("far").host == "far"
    assert far.post("far", 1) == (200, "far")
    assert far.post("far", 1, key="wrong")[0] == 401
    far.eventually(lambda: any("scored" in line for line in service_logs(far.world, "far")))


def test_the_hosts_of_this_machine_do_not_take_its_containers_for_theirs(far):
    assert [one for one in far.world.hosts["docker"].replicas() if one.service == "far"] == []
    assert not far.world.hosts["docker"].alive(replica(far))


def test_keys_and_limits_that_change_reach_it(far):
    before = service_keys(far.world, "far")
    fresh = regenerate_key(far.world, "far", "primary").primary
    assert far.post("far", 1, key=fresh) == (200, "far")
    far.eventually(lambda: far.post("far", 1, key=before.primary)[0] == 401, timeout_s=2)
    assert far.post("far", 1, key=before.secondary) == (200, "far")
    configure(far.world, "far", {"max_body_bytes": 3})
    far.eventually(lambda: far.post("far", [1, 2])[0] == 413, timeout_s=2)
    configure(far.world, "far", {"max_body_bytes": 1000})
    far.eventually(lambda: far.post("far", [1, 2]) == (200, "far"), timeout_s=2)


def test_it_comes_back_when_the_connection_breaks(far):
    url = far.service("far").url
    tunnel: Tunnel = far.world.hosts["far"]._tunnel
    far.kill(tunnel._state().process.pid)
    far.eventually(lambda: far.post("far", 1) == (200, "far") and far.service("far").state == "ready")
    assert far.service("far").url == url


def test_it_comes_back_when_its_container_crashes_and_says_that_it_did(far):
    old = replica(far)
    with closing(docker.from_env()) as engine:
        pid = engine.api.inspect_container(old.container)["State"]["Pid"]
    began, n_known = time.monotonic(), len(asked(far))
    far.kill(pid)

    def is_up() -> bool:
        found = [one for one in far.world.hosts["far"].replicas() if one.service == "far"]
        return any(one.address for one in found) and far.post("far", 1) == (200, "far")

    far.eventually(lambda: is_up() and far.service("far").state == "ready")
    assert far.service("far").n_ready == 1

    def gathered() -> bool:
        assert far.post("far", 7)[0] == 200  # the new process publishes what the old one was writing
        collect(far.world)
        return len(asked(far)) > n_known

    time.sleep(max(0.0, 1.5 - (time.monotonic() - began)))
    far.eventually(gathered)
    before = asked(far)
    collect(far.world)
    assert asked(far) == before  # none comes twice


def test_it_says_that_the_machine_is_away_and_comes_back_with_it_though_its_engine_was_restarted(far, machine):
    keys = service_keys(far.world, "far")
    machine.stop()
    old = replica(far)
    far.kill(far.world.hosts["far"]._tunnel._state().process.pid)
    far.eventually(lambda: far.service("far").state == "failed")
    assert "does not listen for ssh" in far.service("far").message
    seen = check_host(far.world, "far")
    assert (seen.answers, seen.services) == (False, ["far"])
    assert "does not listen for ssh" in seen.detail
    assert seen.hint
    with closing(docker.from_env()) as engine:  # as dockerd does it when it is started again
        engine.containers.get(old.container).restart(timeout=0)
    machine.start()
    far.eventually(lambda: far.post("far", 1) == (200, "far") and far.service("far").state == "ready")
    assert check_host(far.world, "far").answers
    assert (replica(far).container, service_keys(far.world, "far")) == (old.container, keys)


def test_a_host_that_services_use_cannot_be_removed_and_no_host_twice_be_added(far, machine):
    assert [(one.name, one.services) for one in list_hosts(far.world) if one.name == "far"] == [("far", ["far"])]
    with pytest.raises(Conflict, match="'far'"):
        remove_host(far.world, "far")
    for name in ("far", "docker"):
        with pytest.raises(Conflict, match="already"):
            add_host(far.world, name, machine.url)


def test_bad_hosts_are_refused_and_not_entered(house, machine, tmp_path):
    for url in (
        "far",
        "ssh://",
        "ssh://-oProxyCommand=x@far",
        "ssh://a:secret@far",
        "http://far",
        "tcp://far/x",
        "ssh://far:x",
    ):
        with pytest.raises(BadInput, match="no URL"):
            add_host(house.world, "wrong", url)
    with pytest.raises(BadInput, match="certificates"):
        add_host(house.world, "wrong", "tcp://127.0.0.1:2376")
    with pytest.raises(BadInput, match="no use for ssh"):
        add_host(house.world, "wrong", machine.url, certificates=str(tmp_path))
    with pytest.raises(BadInput, match="There is no"):
        add_host(house.world, "wrong", machine.url, ssh_config=str(tmp_path / "none"))
    with pytest.raises(NoMachine, match="does not listen"):
        add_host(house.world, "wrong", "ssh://127.0.0.1:1", ssh_config=machine.ssh_config)
    with pytest.raises(UnknownThing, match="'wrong'"):
        remove_host(house.world, "wrong")
    with pytest.raises(BadInput, match="no host 'wrong'"):
        deploy(house.world, "wrong", manifest="none", host="wrong")
    assert "wrong" not in [one.name for one in house.world.catalog.find(NamedHost)]
