"""Replicas in containers: they answer, are found again by a fresh host, can do little, and go when told."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import msgspec
import pytest
import requests

from jupyter_mlops.core.ids import ReplicaId
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Limits, Replica
from jupyter_mlops.hosts.docker import DockerHost, ImageGone
from jupyter_mlops.hosts.engine import NoEngine
from jupyter_mlops.ports import ReplicaSpec

pytestmark = pytest.mark.docker

KEY = "a-key-of-a-test"
ROW = {"inputs": [[3.0, 3.0]]}


def quiet(line: str) -> None:
    """Listen to the steps and say nothing."""


def write_keys(folder: Path, *keys: str) -> None:
    """Put the keys' digests where a replica reads them, as delivery does: by a rename."""
    part = folder / "keys" / ".digests.json"
    part.parent.mkdir(exist_ok=True)
    part.write_text(json.dumps({"digests": [hashlib.sha256(key.encode()).hexdigest() for key in keys]}))
    part.chmod(0o644)
    part.replace(folder / "keys" / "digests.json")


def until(holds: Callable[[], bool], what: str, within_s: float = 60) -> None:
    """Wait for something that happens by itself, and fail with its name when it does not."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)


def answer(replica: Replica, path: str = "/health/ready") -> tuple[int, str]:
    """Return a GET's status and body; status 0 where nothing answers."""
    try:
        got = requests.get(f"http://{replica.address}{path}", timeout=10)
    except requests.RequestException as error:
        return 0, str(error)
    return got.status_code, got.text


def score(replica: Replica, key: str | None = KEY) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return requests.post(f"http://{replica.address}/score", json=ROW, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def spec(image: str, bundle: tuple[Manifest, Path], tmp_path_factory: pytest.TempPathFactory) -> ReplicaSpec:
    folder = tmp_path_factory.mktemp("private") / "tiny"
    folder.mkdir()
    folder.parent.chmod(0o700)  # as a workspace is
    folder.chmod(0o700)
    write_keys(folder, KEY)
    return ReplicaSpec(
        service="tiny",
        deployment="m1",
        manifest=bundle[0],
        bundle=str(bundle[1]),
        image=image,
        folder=str(folder),
        limits=Limits(max_body_bytes=1000),
    )


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory, workspace_id: str) -> DockerHost:
    place = tmp_path_factory.mktemp("place")
    return DockerHost(place, place, workspace_id, "node-1")


@pytest.fixture(scope="module")
def replica(host: DockerHost, spec: ReplicaSpec) -> Iterator[Replica]:
    """One replica, ready, that the tests below look at and leave running."""
    started = host.start(spec, quiet)
    until(lambda: answer(started)[0] == 200, f"ready: {answer(started)} {host.logs(started)}")
    yield started
    host.stop(started)


def test_a_replica_answers_with_its_nonce_and_scores_with_the_key(replica):
    assert json.loads(answer(replica)[1])["nonce"] == replica.nonce
    assert replica.address.startswith("127.0.0.1:")
    assert score(replica).json()["predictions"] == [1]


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_the_right_key_it_does_not_score(replica, key):
    assert score(replica, key).status_code == 401


def test_its_limits_reach_it(replica):
    headers = {"Authorization": f"Bearer {KEY}"}
    got = requests.post(f"http://{replica.address}/score", data=b"[" + b"1," * 1000, headers=headers, timeout=10)
    assert got.status_code == 413


def test_keys_that_change_reach_it_without_a_restart(replica, spec):
    write_keys(Path(spec.folder), "a-newer-key")
    until(lambda: score(replica, "a-newer-key").status_code == 200, "the new key opens")
    assert score(replica).status_code == 401
    write_keys(Path(spec.folder), KEY)
    until(lambda: score(replica).status_code == 200, "the first key opens again")


def test_it_is_not_root_and_can_write_nothing_but_tmp(replica, engine):
    container = engine.containers.get(replica.container)

    def write(path: str) -> int:
        return container.exec_run(["python", "-c", f"open('{path}', 'w').close()"]).exit_code

    assert container.exec_run(["python", "-c", "import os; print(os.getuid())"]).output == b"10001\n"
    assert write("/tmp/scratch") == 0
    for path in ("/opt/bundle/x", "/opt/venv/x", "/run/mlops/keys/digests.json", "/etc/x"):
        assert write(path) != 0


def test_it_has_no_capabilities_and_is_published_on_loopback_alone(replica, engine):
    settings = engine.containers.get(replica.container).attrs["HostConfig"]
    assert settings["CapDrop"] == ["ALL"]
    assert settings["SecurityOpt"] == ["no-new-privileges:true"]
    assert settings["LogConfig"]["Config"] == {"max-size": "10m", "max-file": "3"}
    ports = engine.containers.get(replica.container).attrs["NetworkSettings"]["Ports"]
    assert {each["HostIp"] for each in ports["8080/tcp"]} == {"127.0.0.1"}


def test_the_image_s_own_health_check_passes(replica, engine):
    container = engine.containers.get(replica.container)
    check = container.attrs["Config"]["Healthcheck"]["Test"][1:]
    assert container.exec_run(check).exit_code == 0


def test_a_fresh_host_finds_it_alive_where_it_is(replica, workspace_id, tmp_path):
    fresh = DockerHost(tmp_path, tmp_path, workspace_id, "node-1")
    assert fresh.replicas() == [replica]
    assert fresh.alive(replica)


@pytest.mark.parametrize(("workspace", "node"), [("another", "node-1"), (None, "node-2")])
def test_another_workspace_or_node_neither_sees_nor_stops_it(replica, host, workspace_id, tmp_path, workspace, node):  # noqa: PLR0917
    other = DockerHost(tmp_path, tmp_path, workspace or workspace_id, node)
    assert other.replicas() == []
    assert not other.alive(replica)
    assert other.logs(replica) == []
    other.stop(replica)
    assert host.alive(replica)


def test_a_replica_with_another_nonce_is_not_that_replica(replica, host):
    assert not host.alive(msgspec.structs.replace(replica, nonce="0" * 32))


def test_what_it_writes_can_be_read(replica, host):
    assert host.logs(replica)
    assert len(host.logs(replica, tail=1)) == 1


def test_a_replica_that_crashed_starts_again_and_its_new_address_is_known(host, spec, engine):
    started = host.start(spec, quiet)
    until(lambda: answer(started)[0] == 200, "ready")
    engine.containers.get(started.container).exec_run(["python", "-c", "import os; os.kill(1, 15)"])
    until(lambda: engine.containers.get(started.container).attrs["RestartCount"] > 0, "started again")

    def now() -> Replica:
        return next(each for each in host.replicas() if each.id == started.id)

    until(lambda: answer(now())[0] == 200, "ready again")
    assert host.alive(now())
    host.stop(started)


def test_a_stopped_replica_is_gone_and_stopping_it_again_is_no_error(host, spec, engine):
    started = host.start(spec, quiet)
    until(lambda: answer(started)[0] == 200, "ready")
    host.stop(started)
    assert not host.alive(started)
    assert started.id not in {each.id for each in host.replicas()}
    assert not engine.containers.list(all=True, filters={"id": started.container})
    assert host.logs(started) == []
    host.stop(started)


def test_one_that_was_never_started_is_not_alive(host):
    never = Replica(
        id=ReplicaId("0"), service="s", deployment="d", manifest="m:1", host="docker", address="", started_at=0
    )
    assert not host.alive(never)
    host.stop(never)


def test_an_image_that_is_gone_is_named_with_the_command_to_build_it(host, spec):
    before = host.replicas()
    with pytest.raises(ImageGone, match="Tiny:1") as raised:
        host.start(msgspec.structs.replace(spec, image="sha256:" + "0" * 64), quiet)
    assert raised.value.hint == "Build it again with `mlops images build Tiny:1`."
    assert host.replicas() == before


def test_the_engine_is_named_with_its_version(host):
    assert host.check().startswith("Docker ")
    assert host.check().count(".") == 1


def test_no_engine_is_said_with_its_address_and_the_way_out(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(NoEngine, match=r"No Docker engine answers at unix://.*no\.sock") as raised:
        DockerHost(tmp_path, tmp_path, "w", "n").replicas()
    assert "--host process" in raised.value.hint
