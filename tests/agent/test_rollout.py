"""Services come up, are updated under load and go away, on real replicas behind a real gateway."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from jupyter_mlops.activities import cancel_activity, show_activity, wait_activity
from jupyter_mlops.core.errors import BadInput, Conflict, Remote, UnknownThing
from jupyter_mlops.core.service import Limits
from jupyter_mlops.delivery.keys import NoKeys, read_keys
from jupyter_mlops.delivery.models import ModelInUse, delete_model, show_model
from jupyter_mlops.delivery.services import (
    PortInUse,
    delete_service,
    deploy,
    list_services,
    score,
    service_keys,
    service_logs,
    show_service,
)


@pytest.fixture(scope="module")
def echo(house):
    house.deploy("echo", house.manifest("echo", run="return {'got': data, 'by': 1}", sample=[1]))
    return house


def test_a_service_answers_to_both_its_keys_and_to_no_other(echo):
    keys = service_keys(echo.world, "echo")
    assert echo.post("echo", {"x": 1}, key=keys.primary)[0] == 200
    assert echo.post("echo", {"x": 1}, key=keys.secondary)[0] == 200
    assert echo.post("echo", {"x": 1}, key="wrong")[0] == 401
    assert echo.post("echo", {"x": 1}, key="")[0] == 401


def test_the_record_tells_what_runs_and_where(echo):
    service = show_service(echo.world, "echo")
    assert (service.state, service.n_ready, service.message) == ("ready", 1, "")
    assert service.url == f"http://127.0.0.1:{service.port}"
    assert service.deployments[0].manifest == "echo:1"
    assert "echo" in show_model(echo.world, "model").services
    with pytest.raises(ModelInUse, match="echo"):
        delete_model(echo.world, "model:1")


def test_score_returns_the_answer_and_raises_the_services_own_error(echo):
    assert score(echo.world, "echo", b'{"x": 1}')["by"] == 1
    with pytest.raises(Remote, match="not JSON") as error:
        score(echo.world, "echo", b"{")
    assert error.value.exit_code == 2
    with pytest.raises(UnknownThing, match="'nobody'"):
        score(echo.world, "nobody", b"{}")


def test_an_update_keeps_url_and_keys_and_loses_no_request(echo):
    before, keys = show_service(echo.world, "echo"), service_keys(echo.world, "echo")
    new = echo.manifest("echo", run="return {'got': data, 'by': 2}", sample=[1])
    seen, done = [], threading.Event()

    def load() -> None:
        while not done.is_set():
            status, answer = echo.post_to(before.port, {"x": 1}, keys.primary)
            seen.append((status, answer["by"] if status == 200 else answer))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    echo.deploy("echo", new, replicas=2)
    done.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in seen} == {200}
    assert seen[0][1] == 1
    assert echo.post("echo", {})[1]["by"] == 2
    after = show_service(echo.world, "echo")
    assert (after.url, after.key_digests, after.n_ready) == (before.url, before.key_digests, 2)
    assert service_keys(echo.world, "echo") == keys
    assert {one.deployment for one in echo.replicas("echo")} == {"blue.2"}


def test_an_update_that_cannot_load_changes_nothing(echo):
    before, running = show_service(echo.world, "echo"), echo.replicas("echo")
    broken = echo.manifest("echo", init="raise ValueError('no such vocabulary')")
    with pytest.raises(Remote, match="no such vocabulary"):
        echo.deploy("echo", broken)
    assert show_service(echo.world, "echo") == before
    assert echo.replicas("echo") == running
    assert echo.post("echo", {})[0] == 200


def test_an_update_that_does_not_score_its_sample_changes_nothing(echo):
    before = show_service(echo.world, "echo")
    broken = echo.manifest("echo", run="return data['missing']", sample={"x": 1})
    with pytest.raises(Remote, match="sample"):
        echo.deploy("echo", broken)
    assert show_service(echo.world, "echo") == before


def test_a_first_deployment_that_fails_leaves_nothing(house):
    broken = house.manifest("broken", init="import package_that_is_not_there")
    with pytest.raises(Remote, match="package_that_is_not_there"):
        house.deploy("broken", broken)
    assert "broken" not in [one.name for one in list_services(house.world)]
    assert house.replicas("broken") == []
    assert "broken" not in house.world.gateway.services()
    assert not (house.world.root / "services" / "broken").exists()
    with pytest.raises(NoKeys):
        read_keys(house.world, "broken")


def test_a_deployment_that_is_cancelled_leaves_nothing(house):
    slow = house.manifest("slow", init="time.sleep(600)")
    activity = deploy(house.world, "slow", manifest=slow)
    house.eventually(lambda: show_activity(house.world, activity.name).message.startswith("Waiting until"))
    cancel_activity(house.world, activity.name)
    with pytest.raises(Conflict, match="was cancelled"):
        wait_activity(house.world, activity.name, timeout_s=30)
    assert "slow" not in [one.name for one in list_services(house.world)]
    assert house.replicas("slow") == []


def test_deleting_a_service_takes_everything_with_it(house):
    house.deploy("brief", house.manifest("brief"))
    port, pids = house.service("brief").port, [one.pid for one in house.replicas("brief")]
    house.delete("brief")
    assert house.replicas("brief") == []
    assert not (house.world.root / "services" / "brief").exists()
    with pytest.raises(NoKeys):
        read_keys(house.world, "brief")
    with pytest.raises(UnknownThing):
        delete_service(house.world, "brief")
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not any(house.world.hosts["process"].alive(one) for one in house.replicas("brief"))
    assert pids


def test_limits_and_logs_reach_the_replica(house):
    talk = house.manifest("talk", run="print('heard', data, flush=True)\n    return data")
    house.deploy("talk", talk, limits=Limits(max_body_bytes=50))
    assert house.post("talk", [1])[0] == 200
    assert house.post("talk", ["x" * 100])[0] == 413
    assert house.eventually(lambda: any("heard [1]" in line for line in service_logs(house.world, "talk")))
    house.delete("talk")


def test_bad_wishes_are_refused_before_anything_is_made(house):
    manifest = house.manifest("wish")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(PortInUse, match="taken by another program"):
            deploy(house.world, "wish", manifest=manifest, port=taken.getsockname()[1])
    for wrong in ({"host": "moon"}, {"replicas": 0}, {"port": 70000}, {"bind": "somewhere"}):
        with pytest.raises(BadInput):
            deploy(house.world, "wish", manifest=manifest, **wrong)
    with pytest.raises(BadInput, match="name for a service"):
        deploy(house.world, "a/b", manifest=manifest)
    with pytest.raises(UnknownThing):
        deploy(house.world, "wish", "nobody:7")
    assert "wish" not in [one.name for one in list_services(house.world)]


def test_a_port_belongs_to_one_service_for_life(house):
    first = house.manifest("first")
    house.deploy("first", first)
    port = house.service("first").port
    with pytest.raises(PortInUse, match="belongs to service 'first'"):
        deploy(house.world, "other", manifest=first, port=port)
    with pytest.raises(PortInUse, match="for life"):
        deploy(house.world, "first", manifest=first, port=port + 1)
    house.delete("first")


def test_a_logged_model_is_served_by_its_name_alone(house, sklearn_model):
    from jupyter_mlops.delivery.models import register_model

    register_model(house.world, str(sklearn_model), "iris")
    activity = deploy(house.world, "iris", "iris")
    wait_activity(house.world, activity.name, timeout_s=90)
    answer = score(house.world, "iris", json.dumps({"dataframe_records": [{"a": 3.0, "b": 0.0}]}).encode())
    assert answer["predictions"] == [1]
    house.delete("iris")
