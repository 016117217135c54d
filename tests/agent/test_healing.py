"""What is killed comes back: same URL, same keys. What belongs to nobody goes."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import msgspec
import pytest

from jupyter_mlops.activities import show_activity, wait_activity
from jupyter_mlops.agent.control import AgentStatus, agent_status, stop_agent
from jupyter_mlops.core.errors import Remote
from jupyter_mlops.core.process import process_id
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.restarts import restarts_of
from jupyter_mlops.delivery.services import service_keys, show_service
from jupyter_mlops.gateway.instance import read_state as gateway_state


@pytest.fixture(scope="module")
def steady(house):
    house.deploy("steady", house.manifest("steady", run="return 'steady'"))
    return house


def is_well(house) -> bool:
    return house.service("steady").n_ready == 1 and house.post("steady", 1) == (200, "steady")


def test_a_killed_replica_is_replaced_at_the_same_url(steady):
    (old,), url = steady.replicas("steady"), steady.service("steady").url
    steady.kill(old.pid)
    steady.eventually(lambda: [one.id for one in steady.replicas("steady")] not in ([], [old.id]) and is_well(steady))
    assert steady.service("steady").url == url
    assert len(steady.replicas("steady")) == 1
    (part,) = steady.service("steady").deployments
    assert restarts_of(steady.world, steady.service("steady")) == {part.name: 1}


def test_a_killed_gateway_comes_back_on_its_port(steady):
    port = steady.service("steady").port
    state = gateway_state(steady.world.root / "services" / "steady" / "gateway")
    steady.kill(state.process.pid)
    steady.eventually(lambda: not steady.world.gateway.alive("steady"))
    steady.eventually(lambda: steady.world.gateway.alive("steady") and is_well(steady))
    assert steady.service("steady").port == port


def test_services_outlive_the_agent_and_the_next_one_adopts_them(steady):
    (replica,) = steady.replicas("steady")
    steady.kill(agent_status(steady.world).pid)
    steady.eventually(lambda: not agent_status(steady.world).running)
    assert steady.post("steady", 1) == (200, "steady")
    steady.world.ensure_agent()
    steady.eventually(lambda: agent_status(steady.world).running)
    steady.deploy("other", steady.manifest("other"))
    assert steady.replicas("steady") == [replica]
    steady.delete("other")


def test_what_died_while_no_agent_ran_is_healed_by_the_next(steady):
    (old,) = steady.replicas("steady")
    assert stop_agent(steady.world)
    assert agent_status(steady.world) == AgentStatus(running=False)
    assert not stop_agent(steady.world)
    assert steady.post("steady", 1) == (200, "steady")
    steady.kill(old.pid)
    steady.world.ensure_agent()
    steady.eventually(lambda: [one.id for one in steady.replicas("steady")] not in ([], [old.id]) and is_well(steady))


def test_a_port_taken_by_another_program_is_said_until_it_is_free(steady):
    port = steady.service("steady").port
    state = gateway_state(steady.world.root / "services" / "steady" / "gateway")
    stop_agent(steady.world)
    steady.kill(state.process.pid)
    steady.eventually(lambda: not steady.world.gateway.alive("steady"))
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        steady.eventually(lambda: taken.bind(("127.0.0.1", port)) or True)
        taken.listen()
        steady.world.ensure_agent()
        steady.eventually(lambda: steady.service("steady").state == "failed")
        assert str(port) in steady.service("steady").message
    steady.eventually(lambda: is_well(steady))
    assert steady.service("steady").port == port


def test_a_second_agent_leaves_at_once(steady):
    pid = agent_status(steady.world).pid
    argv = [sys.executable, "-m", "jupyter_mlops.agent", "--workspace", str(steady.world.home)]
    assert subprocess.run(argv, check=False, timeout=60).returncode == 0
    assert agent_status(steady.world).pid == pid


def test_an_agent_without_a_workspace_says_so(tmp_path):
    argv = [sys.executable, "-m", "jupyter_mlops.agent", "--workspace", str(tmp_path)]
    ended = subprocess.run(argv, check=False, timeout=60, capture_output=True, text=True)
    assert ended.returncode != 0
    assert str(tmp_path) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_activity_that_an_agent_died_with_is_done_by_the_next(steady):
    slow = steady.manifest("slowly", init="time.sleep(3)")
    from jupyter_mlops.delivery.services import deploy

    activity = deploy(steady.world, "slowly", manifest=slow)
    steady.eventually(lambda: show_activity(steady.world, activity.name).message.startswith("Waiting until"))
    left = steady.replicas("slowly")
    steady.kill(agent_status(steady.world).pid)
    steady.eventually(lambda: not agent_status(steady.world).running)
    steady.world.ensure_agent()
    wait_activity(steady.world, activity.name, timeout_s=60)
    assert steady.post("slowly", [1])[0] == 200
    assert not {one.id for one in left} & {one.id for one in steady.replicas("slowly")}
    steady.delete("slowly")


def test_a_stopped_agent_hands_its_activity_to_the_next(steady):
    slow = steady.manifest("handed", init="time.sleep(3)")
    from jupyter_mlops.delivery.services import deploy

    activity = deploy(steady.world, "handed", manifest=slow)
    steady.eventually(lambda: show_activity(steady.world, activity.name).message.startswith("Waiting until"))
    assert stop_agent(steady.world)
    assert show_activity(steady.world, activity.name).state == "queued"
    assert steady.replicas("handed") == []
    steady.world.ensure_agent()
    wait_activity(steady.world, activity.name, timeout_s=60)
    steady.delete("handed")


def test_replicas_and_gateways_of_no_service_are_removed(steady):
    steady.deploy("orphan", steady.manifest("orphan"))
    stop_agent(steady.world)
    steady.world.catalog.remove(Service, "orphan")
    steady.world.ensure_agent()
    steady.eventually(lambda: not steady.replicas("orphan") and "orphan" not in steady.world.gateway.services())


def test_a_half_made_service_is_cleared_away(steady):
    made = steady.world.catalog.add(Service(name="half", host="process", deployments=[], node=steady.world.node))
    old = msgspec.structs.replace(made, created_at=made.created_at - 3600)
    steady.world.catalog.edit(Service, "half", lambda _: old)
    steady.eventually(lambda: "half" not in [one.name for one in steady.world.catalog.find(Service)])


def test_an_unknown_verb_fails_with_a_reason(steady):
    activity = steady.world.submit("moon.land", "the moon", {})
    with pytest.raises(Remote, match=r"does not know the verb 'moon\.land'"):
        wait_activity(steady.world, activity.name, timeout_s=30)


def test_a_service_goes_on_when_another_client_deletes_its_model(steady):
    weights = steady.world.home / "gone.bin"
    weights.write_bytes(b"x")
    script = steady.world.home / "lone" / "score.py"
    script.parent.mkdir()
    script.write_text("def init(): pass\ndef run(data): return 'still'\n")
    from jupyter_mlops.delivery.manifests import create_manifest

    register_model(steady.world, str(weights), "gone")
    steady.deploy("lasting", create_manifest(steady.world, ["gone"], script=script).ref)
    steady.world.tracking.client.delete_registered_model("gone")
    assert "gone:1" in show_service(steady.world, "lasting").message
    steady.eventually(lambda: "gone:1" in steady.service("lasting").message)
    steady.kill(steady.replicas("lasting")[0].pid)
    steady.eventually(lambda: steady.post("lasting", 1) == (200, "still"))
    steady.delete("lasting")


def test_two_workspaces_with_the_same_service_do_not_meet(steady, make_house):
    other = make_house("neighbour")
    other.deploy("steady", other.manifest("steady", run="return 'neighbour'"))
    ours, theirs = steady.service("steady").port, other.service("steady").port
    assert ours != theirs
    key = service_keys(other.world, "steady").primary
    assert other.post("steady", 1) == (200, "neighbour")
    assert steady.post_to(ours, 1, key)[0] == 401
    other.delete("steady")
    assert steady.post("steady", 1) == (200, "steady")


def test_the_agent_ends_when_its_workspace_vanishes(make_house, tmp_path):
    leaving = make_house("leaving")
    leaving.world.ensure_agent()
    status = leaving.eventually(lambda: agent_status(leaving.world).running and agent_status(leaving.world))
    file = leaving.world.root / "workspace.toml"
    file.rename(tmp_path / "workspace.toml")
    leaving.eventually(lambda: not agent_status(leaving.world).running)
    (tmp_path / "workspace.toml").rename(file)
    assert status.pid != signal.SIGTERM


def test_a_run_whose_process_dies_is_ended_while_the_agent_runs(house):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = process_id(child.pid)
        tags = {
            "mlops.node": house.world.node,
            "mlops.pid": str(identity.pid),
            "mlops.pid_started": str(identity.started),
            "mlops.boot_id": identity.boot_id,
        }
        run_id = house.world.tracking.create_run("reaped", None, tags=tags, params={}).id
        house.world.ensure_agent()
        child.kill()
    house.eventually(lambda: house.world.tracking.run(run_id).status == "KILLED", timeout_s=10)
