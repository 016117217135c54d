"""Replicas in containers, beyond what every host promises: what they may do, and what the engine does for them."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import msgspec
import pytest

from jupyter_mlops.agent.probe import ask
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Limits, Replica
from jupyter_mlops.hosts.docker import DockerHost, ImageGone
from jupyter_mlops.hosts.engine import NoEngine
from jupyter_mlops.ports import ReplicaSpec

pytestmark = pytest.mark.docker

KEY = "a-key-of-a-test"


def quiet(line: str) -> None:
    """Listen to the steps and say nothing."""


def until(holds: Callable[[], bool], what: str, within_s: float = 60) -> None:
    """Wait for something that happens by itself, and fail with its name when it does not."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)


def answer(replica: Replica, path: str = "/health/ready") -> tuple[int, str]:
    """Return a GET's status and body; status 0 where nothing answers."""
    try:
        status, got = ask(replica, "GET", path, timeout_s=10)
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error)
    return status, got.decode()


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def spec(image: str, bundle: tuple[Manifest, Path], tmp_path_factory: pytest.TempPathFactory) -> ReplicaSpec:
    folder = tmp_path_factory.mktemp("private")
    folder.chmod(0o700)  # as a workspace is
    (folder / "keys").mkdir()
    (folder / "keys" / "digests.json").write_text(json.dumps({"digests": [hashlib.sha256(KEY.encode()).hexdigest()]}))
    return ReplicaSpec(
        service="tiny",
        deployment="m1",
        manifest=bundle[0],
        bundle=str(bundle[1]),
        image=image,
        folder=str(folder),
        limits=Limits(),
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
    assert replica.address.startswith("unix:")
    status, got = ask(replica, "POST", "/score", b'{"inputs": [[3.0, 3.0]]}', key=KEY, timeout_s=10)
    assert (status, json.loads(got)["predictions"]) == (200, [1])


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


def test_a_replica_that_crashed_starts_again_and_is_known_to_be_in_another_life(host, spec, engine):
    started = host.start(spec, quiet)
    until(lambda: host.alive(started) and answer(started)[0] == 200, "ready")
    before = next(each for each in host.replicas() if each.id == started.id)
    engine.containers.get(started.container).exec_run(["python", "-c", "import os; os.kill(1, 15)"])
    until(lambda: engine.containers.get(started.container).attrs["RestartCount"] > 0, "started again")

    def now() -> Replica:
        return next(each for each in host.replicas() if each.id == started.id)

    until(lambda: answer(now())[0] == 200, "ready again")
    assert host.alive(now())
    assert (now().address, now().life != before.life) == (before.address, True)
    host.stop(started)


def test_a_container_that_was_killed_takes_no_connection_so_that_nothing_is_sent_to_it(host, spec, engine):
    started = host.start(spec, quiet)
    path = started.address.removeprefix("unix:")
    until(lambda: host.alive(started) and answer(started)[0] == 200, "ready")
    with socket.socket(socket.AF_UNIX) as taken:
        taken.connect(path)
        engine.api.kill(started.container, "KILL")
        taken.settimeout(5)
        assert taken.recv(1) == b""  # by then it is gone
    with socket.socket(socket.AF_UNIX) as refused, pytest.raises(ConnectionRefusedError):
        refused.connect(path)
    host.stop(started)
    assert not os.path.lexists(path)


def test_a_container_cannot_lead_us_to_another_socket_of_this_machine(host, replica, engine):
    swap = "import os; os.chdir('/run/mlops/sockets'); os.unlink('s'); os.symlink('/var/run/docker.sock', 's')"
    assert engine.containers.get(replica.container).exec_run(["python", "-c", swap]).exit_code == 0
    assert [each.address for each in host.replicas() if each.id == replica.id] == [replica.address]
    assert json.loads(answer(replica)[1])["nonce"] == replica.nonce


def test_a_container_without_a_socket_is_met_on_its_port(host, spec, engine, tmp_path):
    begins = engine.images.get(spec.image).attrs["Config"]["Entrypoint"]
    entrypoint = json.dumps(["/usr/bin/env", "-u", "MLOPS_SOCKET", *begins])
    (tmp_path / "Dockerfile").write_text(f"FROM {spec.image}\nENTRYPOINT {entrypoint}\n")
    old = engine.images.build(path=str(tmp_path), rm=True)[
        0
    ].id  # as an image is that was built before there were sockets
    for _ in range(2):  # the second one is not waited for
        started = host.start(msgspec.structs.replace(spec, image=old), quiet)
        assert started.address.startswith("127.0.0.1:")
        until(lambda one=started: answer(one)[0] == 200, "ready")
        assert started in host.replicas()
        host.stop(started)
    engine.images.remove(old)


def test_stopping_removes_the_container_even_one_that_keeps_crashing(host, spec, engine, tmp_path):
    (tmp_path / "keys").mkdir()  # no digests in it, so the replica ends at once
    started = host.start(msgspec.structs.replace(spec, folder=str(tmp_path)), quiet)
    until(lambda: engine.containers.get(started.container).attrs["RestartCount"] > 0, "started again")
    assert "digests" in "".join(host.logs(started))
    assert started.id in {each.id for each in host.replicas()}
    host.stop(started)
    assert not engine.containers.list(all=True, filters={"id": started.container})
    assert host.logs(started) == []


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


def test_one_that_is_only_starting_ends_when_it_is_told_to(host, spec, engine):
    started = host.start(spec, quiet)
    pid = engine.api.inspect_container(started.container)["State"]["Pid"]

    def listens() -> bool:
        (caught,) = re.findall(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)

    until(listens, "it looks at SIGTERM")
    since = time.monotonic()
    host.stop(started)
    assert time.monotonic() - since < 10
