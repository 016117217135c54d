"""The same verbs with containers: an image is built on the way, and one service can move between hosts."""

from __future__ import annotations

import pytest

from jupyter_mlops.activities import wait_activity
from jupyter_mlops.core.errors import Remote, Unavailable
from jupyter_mlops.delivery.images import list_images, request_build, show_image
from jupyter_mlops.delivery.services import configure, deploy, list_services, regenerate_key, service_keys, service_logs
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
    again = wait_activity(house.world, request_build(house.world, "boxed").name, timeout_s=60)
    assert again.result["image_id"] == image.image_id
    house.delete("boxed")
    assert [one for one in house.world.hosts["docker"].replicas() if one.service == "boxed"] == []
    house.world.builder.remove(image.image_id)


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
