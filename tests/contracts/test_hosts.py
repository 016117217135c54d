"""What every host promises, wherever it runs replicas. A host joins by a function in ``SETTINGS``."""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.agent.probe import ask, is_ready
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.ids import ReplicaId, new_id
from jupyter_mlops.core.manifest import Manifest, ManifestFile
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.service import Limits, Replica
from jupyter_mlops.hosts.builder import DockerBuilder
from jupyter_mlops.hosts.docker import DockerHost
from jupyter_mlops.hosts.process import ProcessHost
from jupyter_mlops.hosts.remote import RemoteDockerHost
from jupyter_mlops.hosts.remote import connect as connect_remote
from jupyter_mlops.ports import Distant, Host, ReplicaSpec

KEY = "the key"
SCRIPT = """
import hashlib, os, threading, time

def init():
    print('the script is loaded')

def run(data):
    if 'die' in data:
        os._exit(1)
    if 'allocate' in data:
        return sum(bytearray(os.urandom(1)) * data['allocate']) >= 0
    if 'burn' in data:  # hashing lets go of the interpreter, so each thread may have a processor of its own
        began, used, block = time.monotonic(), time.process_time(), bytes(1 << 20)
        def burn():
            while time.monotonic() - began < data['burn']:
                hashlib.sha256(block)
        threads = [threading.Thread(target=burn) for _ in range(3)]
        [each.start() for each in threads], [each.join() for each in threads]
        return (time.process_time() - used) / (time.monotonic() - began)
    return {**data, 'threads': os.environ.get('OMP_NUM_THREADS')}
"""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A host to test: how to get an object of it, and what its replicas are made of."""

    connect: Callable[[str, str], Host]
    """Return a fresh object for a workspace and a node."""
    root: Path
    """The workspace's folder."""
    image: str = ""


@contextmanager
def process_setting(root: Path) -> Iterator[Setting]:
    """Replicas as processes of this machine."""
    runtime = Path(tempfile.mkdtemp(prefix="ho"))
    yield Setting(root=root, connect=lambda workspace, node: ProcessHost(root, runtime, workspace, node))
    shutil.rmtree(runtime)


@contextmanager
def docker_setting(root: Path, image: str) -> Iterator[Setting]:
    """Replicas in containers, of workspaces whose ids no other session of tests on this engine has."""
    unique = new_id()

    def connect(workspace: str, node: str) -> DockerHost:
        return DockerHost(root, root, f"{unique}-{workspace}", node)

    yield Setting(root=root, connect=connect, image=image)


@contextmanager
def remote_setting(root: Path, image: str, machine) -> Iterator[Setting]:
    """Replicas in containers of another machine's engine, which is this one's, through ssh."""
    unique, runtime = new_id(), Path(tempfile.mkdtemp(prefix="ho"))
    entry = NamedHost(name="far", url=machine.url, ssh_config=machine.ssh_config)

    def connect(workspace: str, node: str) -> RemoteDockerHost:
        return connect_remote(entry, runtime, f"{unique}-{workspace}", node, partial(DockerBuilder, root, unique))

    yield Setting(root=root, connect=connect, image=image)
    connect("ws1", "node1").close()
    shutil.rmtree(runtime)


SETTINGS: dict[str, tuple[Callable[..., AbstractContextManager[Setting]], list[str]]] = {
    # how it is set up, and the fixtures that this takes
    "process": (process_setting, []),
    "docker": (docker_setting, ["image"]),
    "remote": (remote_setting, ["image", "machine"]),
}
MARKS = {"docker": [pytest.mark.docker], "remote": [pytest.mark.docker, pytest.mark.ssh]}


@pytest.fixture(scope="module")
def image(bundle: tuple[Manifest, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The id of the bundle's image, in this machine's engine."""
    builder = DockerBuilder(tmp_path_factory.mktemp("images"), new_id())
    manifest = msgspec.structs.replace(bundle[0], python="3.11")
    built = builder.build(manifest, bundle[1], lambda line, fraction: None).image_id  # noqa: ARG005
    yield built
    builder.remove(built)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    """A scoring script that answers what it is asked."""
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "code").mkdir()
    (folder / "code/score.py").write_text(SCRIPT)
    digest = hashlib.sha256(SCRIPT.encode()).hexdigest()
    file = ManifestFile(path="code/score.py", digest=digest, n_bytes=len(SCRIPT))
    python = "{}.{}".format(*sys.version_info)
    manifest = Manifest(name="echo", version=1, models=[], files=[file], script=file.path, python=python)
    (folder / "manifest.json").write_bytes(encode(manifest))
    return manifest, folder


@pytest.fixture(scope="module", params=[pytest.param(name, marks=MARKS.get(name, ())) for name in SETTINGS])
def setting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    make, names = SETTINGS[request.param]
    with make(tmp_path_factory.mktemp("workspace"), *map(request.getfixturevalue, names)) as made:
        yield made
        for replica in made.connect("ws1", "node1").replicas():
            made.connect("ws1", "node1").stop(replica, grace_s=0)


@pytest.fixture(scope="module")
def host(setting: Setting) -> Host:
    return setting.connect("ws1", "node1")


@pytest.fixture(scope="module")
def spec(setting: Setting, bundle: tuple[Manifest, Path]) -> ReplicaSpec:
    folder = setting.root / "services" / "echo"
    (folder / "keys").mkdir(parents=True)
    write_keys(folder, KEY)
    return ReplicaSpec(
        service="echo",
        deployment="m1",
        manifest=bundle[0],
        bundle=str(bundle[1]),
        image=setting.image,
        folder=str(folder),
        limits=Limits(max_body_bytes=1000),
    )


@pytest.fixture(scope="module")
def replica(host: Host, spec: ReplicaSpec) -> Replica:
    """A replica that is ready; tests leave it running."""
    return started(host, spec)


def started(host: Host, spec: ReplicaSpec) -> Replica:
    """Start a replica and wait until it is ready."""
    replica = host.start(spec, lambda line: None)  # noqa: ARG005
    while not is_ready(replica):
        assert host.alive(replica), host.logs(replica)
        time.sleep(0.02)
    return replica


def write_keys(folder: Path, *keys: str) -> None:
    """Replace the digests, as delivery does it."""
    digests = [hashlib.sha256(key.encode()).hexdigest() for key in keys]
    part = folder / "keys" / "digests.part"
    part.write_text(json.dumps({"digests": digests}))
    part.chmod(0o644)
    part.replace(folder / "keys" / "digests.json")


def score(replica: Replica, body: object, key: str = KEY) -> tuple[int, bytes]:
    return ask(replica, "POST", "/score", json.dumps(body).encode(), key=key, timeout_s=10)


def test_it_says_what_answers(host: Host) -> None:
    assert any(letter.isdigit() for letter in host.check())


def test_a_replica_scores_for_who_has_the_key(replica: Replica) -> None:
    assert score(replica, {"inputs": [1]})[0] == 200
    assert score(replica, {"inputs": [1]}, key="wrong")[0] == 401


def test_it_says_its_nonce(host: Host, replica: Replica) -> None:
    assert json.loads(ask(replica, "GET", "/health/ready", timeout_s=10)[1])["nonce"] == replica.nonce
    assert host.alive(replica)


def test_its_record_says_what_it_is(host: Host, replica: Replica, spec: ReplicaSpec) -> None:
    assert (replica.host, replica.service, replica.deployment) == (host.name, "echo", "m1")
    assert replica.manifest == spec.manifest.ref
    assert abs(replica.started_at - time.time()) < 600


def test_its_limits_reach_it(replica: Replica) -> None:
    assert score(replica, "x" * 2000)[0] == 413


def test_keys_that_change_reach_it(host: Host, replica: Replica, spec: ReplicaSpec) -> None:
    def write_keys_of(key: str) -> None:
        write_keys(Path(spec.folder), key)
        if isinstance(host, Distant):
            host.publish(spec.service, spec.folder)

    write_keys_of("another key")
    while score(replica, {}, key="another key")[0] == 401:
        time.sleep(0.02)
    assert score(replica, {}, key=KEY)[0] == 401
    write_keys_of(KEY)
    while score(replica, {})[0] == 401:
        time.sleep(0.02)


def test_a_fresh_object_finds_it_as_it_is(setting: Setting, replica: Replica) -> None:
    fresh = setting.connect("ws1", "node1")
    assert replica in fresh.replicas()
    assert fresh.alive(replica)


@pytest.mark.parametrize(("workspace", "node"), [("ws2", "node1"), ("ws1", "node2")])
def test_another_workspace_or_node_neither_sees_nor_stops_it(
    setting: Setting, host: Host, replica: Replica, workspace: str, node: str
) -> None:
    other = setting.connect(workspace, node)
    assert other.replicas() == []
    assert not other.alive(replica)
    other.stop(replica)
    assert host.alive(replica)


def test_one_with_another_nonce_is_another(host: Host, replica: Replica) -> None:
    other = msgspec.structs.replace(replica, nonce="another")
    assert not host.alive(other)
    host.stop(other)
    assert host.alive(replica)


def test_what_it_prints_can_be_read(host: Host, replica: Replica) -> None:
    assert "the script is loaded" in "\n".join(host.logs(replica))
    assert len(host.logs(replica, tail=1)) == 1


def test_two_replicas_are_two_and_each_stops_alone(host: Host, replica: Replica, spec: ReplicaSpec) -> None:
    other = started(host, spec)
    assert {one.id for one in host.replicas()} == {replica.id, other.id}
    assert (other.address, other.nonce) != (replica.address, replica.nonce)
    for _ in range(2):
        host.stop(other)
        assert not host.alive(other)
        assert [one.id for one in host.replicas()] == [replica.id]
    with pytest.raises((OSError, http.client.HTTPException)):
        score(other, {})
    assert host.alive(replica)


@pytest.fixture(scope="module")
def held(host: Host, spec: ReplicaSpec) -> Iterator[Replica]:
    """A replica that may use one processor and 200 MB."""
    replica = started(host, msgspec.structs.replace(spec, resources=Resources(cpus=1, memory_bytes=200 << 20)))
    yield replica
    host.stop(replica, grace_s=0)


def test_a_replica_gets_no_more_processors_than_it_was_given(held: Replica) -> None:
    status, answer = score(held, {"burn": 0.5})
    assert status == 200
    assert 0.0 < float(json.loads(answer)) < 1.3
    assert json.loads(score(held, {})[1])["threads"] == "1"


def test_a_replica_gets_no_more_memory_than_it_was_given(held: Replica) -> None:
    assert score(held, {"allocate": 50 << 20})[0] == 200
    try:
        status = score(held, {"allocate": 400 << 20})[0]
    except (OSError, http.client.HTTPException):
        return  # the kernel ended it
    assert status == 500


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_said_and_nothing_is_left(host: Host, spec: ReplicaSpec) -> None:
    before = {one.id for one in host.replicas()}
    with pytest.raises(MlopsError, match=r"(?i)gpu"):
        host.start(msgspec.structs.replace(spec, resources=Resources(gpus=1)), lambda line: None)  # noqa: ARG005
    assert {one.id for one in host.replicas()} == before


def test_one_that_crashes_is_seen_to_or_is_started_again_where_the_host_says(
    host: Host, spec: ReplicaSpec, replica: Replica
) -> None:
    other = started(host, spec)
    with pytest.raises((OSError, http.client.HTTPException)):
        score(other, {"die": True})

    def now() -> Replica:
        return next(one for one in host.replicas() if one.id == other.id)

    while not (is_ready(now()) or not host.seen_alive(now())):
        time.sleep(0.02)
    host.stop(now(), grace_s=0.5)
    assert host.seen_alive(replica)
    assert other.id not in {one.id for one in host.replicas()}


def test_one_that_was_never_started_is_not_there(host: Host) -> None:
    never = Replica(
        id=ReplicaId("0"),
        service="echo",
        deployment="m1",
        manifest="echo:1",
        host=host.name,
        address="unix:/none.sock",
        started_at=0.0,
    )
    assert not host.alive(never)
    assert host.logs(never) == []
    host.stop(never)
