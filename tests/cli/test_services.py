"""Services from the command line: what is asked of one that exists."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.keys import digests, fresh_keys, keep_keys, publish_digests


@pytest.fixture
def keys(here):
    """The keys of a service ``churn``, which has no replicas."""
    keys = fresh_keys()
    here.catalog.add(Service(name="churn", host="process", deployments=[], node=here.node, key_digests=digests(keys)))
    keep_keys(here, "churn", keys)
    publish_digests(here, "churn")
    return keys


@pytest.mark.parametrize("verb", [["list"], []], ids=["list", "short"])
def test_keys_are_shown_both_or_one_alone(keys, mlops, verb):
    shown = mlops("services", "keys", *verb, "churn")
    assert (shown.code, keys.primary in shown.out, keys.secondary in shown.out) == (0, True, True)
    assert mlops("services", "keys", *verb, "churn", "--secondary").out == f"{keys.secondary}\n"
    assert mlops("services", "keys", *verb, "--json", "churn").json == {
        "primary": keys.primary,
        "secondary": keys.secondary,
    }


def test_a_key_is_regenerated_and_shown(keys, mlops):
    fresh = mlops("services", "keys", "regenerate", "churn", "primary", "--json").json
    assert fresh["secondary"] == keys.secondary
    assert fresh["primary"] != keys.primary
    assert mlops("services", "keys", "churn", "--primary").out == f"{fresh['primary']}\n"
    assert "regenerate-primary-key" in mlops("events", "list").out
