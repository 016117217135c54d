"""After a reboot a service is back at its URL with its keys; one whose replicas keep ending says so, and is not hurried."""

from __future__ import annotations

import shutil

import pytest

from jupyter_mlops.agent.control import start_agent, stop_agent
from jupyter_mlops.core.process import boot_id
from jupyter_mlops.delivery.services import service_keys


@pytest.fixture(scope="module")
def lasting(house):
    run = "import os\n    os._exit(3) if data == 'die' else None\n    return 'lasting'"
    house.deploy("lasting", house.manifest("lasting", run=run, sample=[1]))
    yield house
    house.delete("lasting")


def test_it_comes_back_after_a_reboot_with_url_and_keys(lasting):
    before, keys = lasting.service("lasting"), service_keys(lasting.world, "lasting")
    reboot(lasting, "lasting")
    start_agent(lasting.world)
    lasting.eventually(lambda: lasting.post("lasting", 1) == (200, "lasting"))
    lasting.eventually(lambda: lasting.service("lasting").n_ready == 1)
    assert lasting.service("lasting").url == before.url
    assert service_keys(lasting.world, "lasting") == keys


def reboot(house, name: str) -> None:
    """End all that runs, and let what is written of it name an earlier boot; what was in the runtime folder is gone."""
    stop_agent(house.world)
    folder = house.world.root / "services" / name
    for process in house.world.gateway.processes(name):
        house.kill(process.pid)
    for replica in house.replicas(name):
        house.kill(replica.pid)
    house.eventually(lambda: not house.world.gateway.alive(name))
    shutil.rmtree(house.world.runtime)
    house.world.runtime.mkdir(mode=0o700)
    written = [*(folder / "replicas").glob("*.json"), folder / "gateway" / "gateway.json"]
    for path in written:
        text = path.read_text()
        assert boot_id() in text
        path.write_text(text.replace(boot_id(), "before"))


def test_a_crash_loop_shows_in_state_and_message_and_starts_are_spaced(lasting):
    ids = []
    for _ in range(2):
        (replica,) = lasting.eventually(
            lambda: (
                [one for one in lasting.replicas("lasting") if one.id not in ids] and lasting.service("lasting").n_ready
            )
        ) and lasting.replicas("lasting")
        ids.append(replica.id)
        assert lasting.post("lasting", "die")[0] in {502, 503}
        lasting.eventually(lambda: lasting.service("lasting").n_ready == 0)
    service = lasting.service("lasting")
    assert service.state == "failed"
    assert "0 of 1 replicas are ready. A replica of lasting:1 ended" in service.message
    said = lasting.eventually(
        lambda: "times in a row" in lasting.service("lasting").message and lasting.service("lasting")
    )
    assert "the next start waits up to" in said.message
