from __future__ import annotations

from collections import Counter

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlops.gateway.config import SHARES, Plan, escape, plan_route, share_out
from jupyter_mlops.ports import Backend, Route


def backend(name: str, weight: int, n_replicas: int = 1) -> Backend:
    return Backend(deployment=name, weight=weight, addresses=[f"unix:/run/{name}-{n}.sock" for n in range(n_replicas)])


def plan(*names: str, taken: dict[str, str] | None = None) -> Plan:
    route = Route(service="churn", bind="127.0.0.1", port=0, backends=[backend(name, 10) for name in names])
    return plan_route(route, 20_000, "label", taken or {})


def test_shares_follow_the_weights() -> None:
    assert Counter(share_out([backend("m1", 90), backend("m2", 10)])) == {"m1": 90, "m2": 10}
    assert Counter(share_out([backend("m1", 1), backend("m2", 1), backend("m3", 1)])) == {"m1": 34, "m2": 33, "m3": 33}


def test_a_deployment_without_replicas_leaves_its_share_to_the_others() -> None:
    assert Counter(share_out([backend("m1", 50), backend("m2", 50, n_replicas=0)])) == {"m1": 100}


def test_nothing_is_shared_when_nobody_may_take_it() -> None:
    assert share_out([backend("m1", 100, n_replicas=0), backend("m2", 0)]) == []


def test_requests_that_are_held_are_shared_among_those_that_sleep_too():
    asleep = msgspec.structs.replace(backend("m2", 50, n_replicas=0), asleep=True)
    assert Counter(share_out([backend("m1", 50), asleep])) == {"m1": 50, "m2": 50}
    waking = [backend("m1", 90, n_replicas=0), backend("m2", 10, n_replicas=0)]
    assert Counter(share_out(waking, holds=True)) == {"m1": 90, "m2": 10}


@given(st.lists(st.integers(0, 100), max_size=12))
def test_every_number_that_can_be_drawn_has_an_owner(weights: list[int]) -> None:
    shares = share_out([backend(f"m{number}", weight) for number, weight in enumerate(weights)])
    assert len(shares) == (SHARES if any(weights) else 0)
    assert set(shares) == {f"m{number}" for number, weight in enumerate(weights) if weight}


def test_a_deployment_keeps_its_slot_and_a_new_one_avoids_a_slot_that_was_in_use() -> None:
    first = plan("m1", "m2")
    second = plan("m2", "m3", taken=first.names)
    assert second.names["m2"] == first.names["m2"]
    assert second.names["m3"] not in first.names.values()


def test_slots_grow_with_the_deployments() -> None:
    assert plan("m1").n_slots == 8
    assert plan(*(f"m{number}" for number in range(9))).n_slots == 16


def test_words_with_spaces_and_quotes_stay_one_word() -> None:
    assert escape("unix@/run/my folder/it's.sock") == r"unix@/run/my\ folder/it\'s.sock"
