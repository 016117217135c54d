"""The same verbs with containers: an image is built on the way, and one service can move between hosts."""

from __future__ import annotations

import pytest

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.core.errors import Remote, Unavailable
from jupyter_mlops.delivery.images import list_images, request_build, show_image
from jupyter_mlops.delivery.services import configure, deploy, list_services, regenerate_key, service_keys, service_logs
from jupyter_mlops.monitoring.telemetry import read_telemetry
from jupyter_mlops.workspace import Workspace


@pytest.mark.docker
def test_a_service_moves_from_a_process_into_a_container_under_the_same_url(house):
    manifest = house.manifest("boxed", run="print('scored', flush=True)\n    return 'boxed'", sample=[1])
    house.deploy("boxed", manifest)
    before, keys = house.service("boxed"), service_keys(house.world, "boxed")
    house.deploy("boxed", manifest, host="docker")
    after = house.service("boxed")
    image = show_image(house.world, manifest)
    assert (after.url, service_keys(house.world, "boxed")) == (before.url, keys)
    assert after.deployments[0].image == image.image_id
    assert house.post("boxed", 1) == (200, "boxed")
    assert house.post("boxed", 1, key="wrong")[0] == 401
    fresh = regenerate_key(house.world, "boxed", "primary")
    assert house.post("boxed", 1, key=fresh.primary) == (200, "boxed")
    house.eventually(lambda: house.post("boxed", 1, key=keys.primary)[0] == 401, timeout_s=2)
    configure(house.world, "boxed", {"max_body_bytes": 3})
    house.eventually(lambda: house.post("boxed", [1, 2])[0] == 413, timeout_s=2)
    assert house.post("boxed", 1) == (200, "boxed")
    assert house.replicas("boxed") == []
    house.eventually(lambda: any("scored" in line for line in service_logs(house.world, "boxed")))
    house.eventually(lambda: "docker" in _hosts_that_kept(house, "boxed"))
    _no_key_in(house, image.image_id, [keys.primary, keys.secondary, fresh.primary])
    (container,) = [one for one in house.world.hosts["docker"].replicas() if one.service == "boxed"]
    house.world.hosts["docker"].stop(container, grace_s=2)  # the agent starts another; this one's log and requests stay
    assert any("scored" in line for line in service_logs(house.world, "boxed", replica=container.id))
    assert container.id in read_telemetry(house.world, "boxed").column("replica").to_pylist()
    house.eventually(lambda: container.id not in _ready(house, "boxed") and house.post("boxed", 1)[0] == 200)
    again = wait_activity(house.world, request_build(house.world, "boxed").name, timeout_s=60)
    assert again.result["image_id"] == image.image_id
    house.delete("boxed")
    assert [one for one in house.world.hosts["docker"].replicas() if one.service == "boxed"] == []
    house.world.builder.remove(image.image_id)


def _ready(house, service: str) -> set[str]:
    return {one.id for one in house.world.hosts["docker"].replicas() if one.service == service}


def _hosts_that_kept(house, service: str) -> set[str]:
    """Return the hosts of the replicas that kept a request with its answer."""
    table = read_telemetry(house.world, service)
    containers = {one.id for one in house.world.hosts["docker"].replicas()}
    answered = zip(table.column("replica").to_pylist(), table.column("outputs").to_pylist(), strict=True)
    return {"docker" if replica in containers else "process" for replica, outputs in answered if outputs == '"boxed"'}


def _no_key_in(house, image_id: str, keys: list[str]) -> None:
    """Look through what the engine knows of image and container, what the container wrote, and the bundle in it."""
    import docker

    client = docker.from_env()
    (replica,) = [one for one in house.world.hosts["docker"].replicas() if one.service == "boxed"]
    container = client.containers.get(replica.container)
    told = repr((client.images.get(image_id).attrs, client.images.get(image_id).history(), container.attrs)).encode()
    files = b"".join(b"".join(container.get_archive(path)[0]) for path in ("/run/mlops", container.attrs["Config"]["WorkingDir"]))  # fmt: skip
    client.close()
    assert b"digests" in files
    for key in keys:
        assert key.encode() not in told + container.logs() + files


@pytest.mark.docker
def test_a_container_that_ends_while_loading_leaves_nothing(house):
    broken = house.manifest("unboxed", init="raise ValueError('no such vocabulary')")
    with pytest.raises(Remote, match="no such vocabulary"):
        house.deploy("unboxed", broken, host="docker")
    assert "unboxed" not in [one.name for one in list_services(house.world)]
    assert [one for one in house.world.hosts["docker"].replicas() if one.service == "unboxed"] == []
    house.world.builder.remove(show_image(house.world, broken).image_id)


def test_without_an_engine_nothing_is_begun(house, monkeypatch):
    manifest = house.manifest("nowhere")
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere.sock")
    world = Workspace.open(house.world.home)
    with pytest.raises(Unavailable, match="Docker"):
        deploy(world, "nowhere", manifest=manifest, host="docker")
    with pytest.raises(Unavailable, match="Docker"):
        request_build(world, manifest)
    world.close()
    assert "nowhere" not in [one.name for one in list_services(house.world)]
    assert manifest not in [one.manifest for one in list_images(house.world)]
