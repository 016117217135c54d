"""What is changed while a service answers: replicas take it over, none restarts, and no client notices."""

from __future__ import annotations

import threading
import time

import pytest

from jupyter_mlops.delivery.services import regenerate_key, service_keys, service_logs


@pytest.fixture(scope="module")
def live(house):
    house.deploy("live", house.manifest("live", run="return 'ok'", sample=[1]), replicas=2)
    yield house
    house.delete("live")


def test_a_regenerated_key_takes_over_in_running_replicas_while_the_other_opens_all_along(live):
    port, before, running = live.service("live").port, service_keys(live.world, "live"), live.replicas("live")
    seen, done = [], threading.Event()

    def load() -> None:
        while not done.is_set():
            seen.append(live.post_to(port, {}, before.secondary)[0])

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        after = regenerate_key(live.world, "live", "primary")
        made = time.monotonic()
        opened = [live.post_to(port, {}, after.primary)[0] for _ in range(6)]
        live.eventually(
            lambda: {live.post_to(port, {}, before.primary)[0] for _ in range(6)} == {401},
            timeout_s=2.0 - (time.monotonic() - made),
        )
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert set(opened) == {200}
    assert len(seen) > 10
    assert set(seen) == {200}
    assert live.replicas("live") == running
    assert after.primary not in "\n".join(service_logs(live.world, "live"))


def test_replicas_that_start_later_know_the_new_key_alone(live):
    before = service_keys(live.world, "live").secondary
    after = regenerate_key(live.world, "live", "secondary").secondary
    old = live.replicas("live")[0]
    live.kill(old.pid)
    live.eventually(
        lambda: live.service("live").n_ready == 2 and old.id not in {one.id for one in live.replicas("live")}
    )
    assert {live.post("live", {}, key=after)[0] for _ in range(6)} == {200}
    assert {live.post("live", {}, key=before)[0] for _ in range(6)} == {401}
