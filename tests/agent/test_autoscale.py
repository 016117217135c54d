"""Replicas follow the load: more within seconds, fewer after the cool-down, none while there is nothing to do."""

from __future__ import annotations

import threading
import time

import pytest

from jupyter_mlops.agent.autoscale import Trend
from jupyter_mlops.agent.control import agent_status, stop_agent
from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.scale import Scale
from jupyter_mlops.delivery.scaling import BadScale, scale, scale_to
from jupyter_mlops.gateway.holding import process_of
from jupyter_mlops.ports import Load

FAST = Scale(min_replicas=1, max_replicas=8, target_utilization=0.5, concurrency=10, cool_down_s=60)


def followed(trend: Trend, wanted: Scale, loads: list[int], replicas: int = 1, step_s: float = 0.5) -> list[int]:
    """Return the number of replicas after each look, a step apart, at so many requests in flight."""
    counts = []
    for number, in_flight in enumerate(loads):
        now = trend.since + number * step_s
        trend.note(Load(in_flight=in_flight, total=trend.total + in_flight), wanted, now)
        replicas = trend.wanted(replicas, wanted, now)
        counts.append(replicas)
    return counts


def test_replicas_are_added_as_soon_as_the_mean_load_needs_them():
    assert followed(Trend(since=0.0), FAST, [0, 20, 20, 20, 20, 20]) == [1, 2, 3, 3, 4, 4]


def test_there_are_never_more_than_the_most():
    assert followed(Trend(since=0.0), FAST, [1000] * 4)[-1] == 8


def test_replicas_go_when_the_cool_down_saw_no_need_for_them():
    counts = followed(Trend(since=0.0), FAST, [20] * 5 + [1] * 200)
    assert counts[5 + 115] == 4
    assert counts[-1] == 1


def test_a_peak_within_the_cool_down_keeps_them():
    counts = followed(Trend(since=0.0), FAST, [20] * 5 + [0] * 100 + [20] * 5 + [0] * 100)
    assert counts[-1] == 4


def test_an_agent_that_just_began_stops_none_before_it_has_looked_for_so_long():
    assert followed(Trend(since=0.0), FAST, [0] * 119, replicas=5)[-1] == 5
    assert followed(Trend(since=0.0), FAST, [0] * 122, replicas=5)[-1] == 1


def test_requests_that_are_over_between_two_looks_keep_the_last_one():
    lazy, trend = Scale(min_replicas=0, cool_down_s=2), Trend(since=0.0)
    for number in range(20):
        trend.note(Load(in_flight=0, total=number), lazy, number * 0.5)
        assert trend.wanted(1, lazy, number * 0.5) == 1
    for number in range(20, 30):
        trend.note(Load(in_flight=0, total=19), lazy, number * 0.5)
    assert trend.wanted(1, lazy, 14.5) == 0


@pytest.fixture(scope="module")
def tides(house):
    """A service that takes a while for each answer."""
    run = "time.sleep(0.2)\n    return 'tides'"
    house.deploy("tides", house.manifest("tides", run=run, sample=[1]))
    yield house
    house.delete("tides")


def test_bad_bounds_are_refused_and_change_nothing(tides):
    before = tides.service("tides")
    for wrong in (
        {"min_replicas": 3, "max_replicas": 2},
        {"max_replicas": 0},
        {"target_utilization": 1.5},
        {"cool_down_s": 0.0},
    ):
        with pytest.raises(BadScale):
            scale(tides.world, "tides", **wrong)
    with pytest.raises(BadInput, match="no number of replicas"):
        scale_to(tides.world, "tides", 0)
    with pytest.raises(UnknownThing):
        scale(tides.world, "nobody", min_replicas=1)
    assert tides.service("tides").deployments == before.deployments


def test_a_fixed_number_of_replicas_is_had_and_kept(tides):
    scale_to(tides.world, "tides", 3)
    tides.eventually(lambda: tides.service("tides").n_ready == 3 and len(tides.replicas("tides")) == 3)
    scale_to(tides.world, "tides", 1)
    tides.eventually(lambda: tides.service("tides").n_ready == 1 and len(tides.replicas("tides")) == 1)
    assert tides.post("tides", 1) == (200, "tides")


def test_load_brings_replicas_within_five_seconds_and_calm_takes_them_away(tides):
    scale(tides.world, "tides", min_replicas=1, max_replicas=2, concurrency=2, target_utilization=0.5, cool_down_s=2)
    seen, done = [], threading.Event()

    def load() -> None:
        while not done.is_set():
            seen.append(tides.post("tides", 1)[0])

    threads = [threading.Thread(target=load) for _ in range(6)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    tides.eventually(lambda: tides.service("tides").deployments[0].replicas == 2, timeout_s=5)
    tides.eventually(lambda: tides.service("tides").n_ready == 2)
    assert time.monotonic() - began < 15
    done.set()
    for thread in threads:
        thread.join()
    tides.eventually(lambda: len(tides.replicas("tides")) == 1)
    assert set(seen) == {200}


def asleep(house) -> bool:
    return house.service("tides").deployments[0].replicas == 0 and house.replicas("tides") == []


def test_without_load_none_runs_and_the_first_request_with_a_key_waits_for_one_even_after_its_holder_was_killed(tides):
    scale(tides.world, "tides", min_replicas=0, max_replicas=2, cool_down_s=1)
    tides.eventually(lambda: asleep(tides))
    assert tides.service("tides").state == "ready"
    assert "first request" in tides.service("tides").message
    folder = tides.world.root / "services" / "tides" / "gateway"
    killed = process_of(folder)
    tides.kill(killed.pid)
    tides.eventually(lambda: process_of(folder) != killed)
    assert tides.post("tides", 1, key="wrong")[0] == 401
    assert tides.post("tides", 1, key="")[0] == 401
    time.sleep(1)
    assert asleep(tides), "somebody without a key woke it"
    assert stop_agent(tides.world)  # what holds the requests starts another
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(tides.post("tides", ["x" * 100_000]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [(200, "tides")] * 4
    assert agent_status(tides.world).running


def test_bounds_that_forbid_sleep_end_it(tides):
    scale(tides.world, "tides", min_replicas=1, max_replicas=1)
    tides.eventually(lambda: tides.service("tides").n_ready == 1)
    tides.eventually(lambda: not (tides.world.root / "services" / "tides" / "gateway" / "activator.json").exists())
    assert tides.post("tides", 1) == (200, "tides")
