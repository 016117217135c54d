"""What is changed while a service answers: replicas take it over, none restarts, and no client notices."""

from __future__ import annotations

import json
import threading
import time

import pytest

from jupyter_mlops.activities import show_activity, wait_activity
from jupyter_mlops.core.errors import Remote
from jupyter_mlops.core.service import Limits, Replica
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.delivery.services import configure, deploy, regenerate_key, service_keys, service_logs

LARGE = ["x" * 100]


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


def statuses(live, body) -> set[int]:
    """Ask often enough that every replica is asked."""
    return {live.post("live", body)[0] for _ in range(6)}


def files(live) -> set[str]:
    return {file.name for file in (service_folder(live.world, "live") / "keys").glob("configuration-*")}


def test_a_changed_limit_reaches_running_replicas_without_a_restart_and_replicas_that_start_later(live):
    running = live.replicas("live")
    assert statuses(live, LARGE) == {200}

    configure(live.world, "live", {"max_body_bytes": 50, "log_level": "warning"})

    live.eventually(lambda: statuses(live, LARGE) == {413}, timeout_s=2)
    assert statuses(live, {}) == {200}
    assert live.replicas("live") == running
    live.kill(running[0].pid)

    def young() -> list[Replica]:
        return [one for one in live.replicas("live") if one.id not in {old.id for old in running}]

    # A service that has not noticed yet still says that it has two.
    live.eventually(lambda: len(young()) == 1 and live.service("live").n_ready == 2)
    assert statuses(live, LARGE) == {413}
    assert statuses(live, {}) == {200}
    (younger,) = young()

    def logged() -> set[int]:
        assert statuses(live, LARGE) == {413}  # a replica that has just started gets few requests
        lines = map(json.loads, service_logs(live.world, "live", replica=younger.id))
        return {line["status"] for line in lines if "route" in line}

    assert live.eventually(logged) == {413}


def test_an_update_keeps_what_was_configured_unless_it_brings_limits_of_its_own(live):
    live.deploy("live", live.manifest("live", run="return 'newer'", sample=[1]))
    assert (live.service("live").limits.max_body_bytes, live.service("live").log_level) == (50, "warning")
    assert statuses(live, LARGE) == {413}
    with pytest.raises(Remote, match="sample"):
        live.deploy("live", live.manifest("live", run="return data['no']", sample=[1]), limits=Limits(max_queue=7))
    assert live.service("live").limits.max_queue == 10
    assert files(live) == {"configuration-blue.2.json"}
    live.deploy("live", live.manifest("live", run="return 'newest'", sample=[1]), limits=Limits(max_queue=7))
    assert live.service("live").limits == Limits(max_queue=7)
    assert statuses(live, LARGE) == {200}
    assert files(live) == {"configuration-blue.3.json"}


def test_what_is_changed_during_an_update_is_not_lost(live):
    slow = live.manifest("live", init="time.sleep(1.5)", run="return 'slow'", sample=[1])
    activity = deploy(live.world, "live", manifest=slow)
    live.eventually(lambda: show_activity(live.world, activity.name).message.startswith("Waiting until"))

    configure(live.world, "live", {"max_body_bytes": 60})
    before = service_keys(live.world, "live").secondary
    fresh = regenerate_key(live.world, "live", "secondary").secondary

    live.eventually(lambda: statuses(live, LARGE) == {413}, timeout_s=2)  # the old replicas
    wait_activity(live.world, activity.name, timeout_s=30)
    assert live.post("live", {}) == (200, "slow")
    assert live.post("live", {}, key=fresh) == (200, "slow")
    assert live.post("live", {}, key=before)[0] == 401
    live.eventually(lambda: statuses(live, LARGE) == {413}, timeout_s=2)
    assert live.service("live").limits.max_body_bytes == 60
