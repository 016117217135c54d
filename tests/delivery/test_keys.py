"""A service's keys are replaced one at a time, and what fails on the way leaves both as they were."""

from __future__ import annotations

import hashlib
import json
import subprocess
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from jupyter_mlops.core.errors import Unavailable, UnknownThing
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.keys import (
    NoKeys,
    digests,
    fresh_keys,
    keep_keys,
    publish_digests,
    read_keys,
    service_folder,
)
from jupyter_mlops.delivery.services import ServiceBusy, regenerate_key
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def churn(workspace):
    """A workspace with a service ``churn``, its keys kept and published as a deployment does."""
    keys = fresh_keys()
    workspace.catalog.add(
        Service(name="churn", host="process", deployments=[], node=workspace.node, key_digests=digests(keys))
    )
    keep_keys(workspace, "churn", keys)
    publish_digests(workspace, "churn")
    return workspace


def published(world: Workspace) -> list[str]:
    return json.loads((service_folder(world, "churn") / "keys" / "digests.json").read_bytes())["digests"]


@pytest.mark.parametrize("which", ["primary", "secondary"])
def test_one_key_is_replaced_and_the_other_stays(churn, which):
    before = read_keys(churn, "churn")

    after = regenerate_key(churn, "churn", which)

    other = "secondary" if which == "primary" else "primary"
    assert getattr(after, which) not in {before.primary, before.secondary}
    assert getattr(after, other) == getattr(before, other)
    assert read_keys(churn, "churn") == after
    assert churn.catalog.get(Service, "churn").key_digests == digests(after) == published(churn)
    assert hashlib.sha256(getattr(after, which).encode()).hexdigest() in published(churn)


def test_an_event_tells_which_key_and_who_and_no_record_has_a_key(churn):
    after = regenerate_key(churn.for_actor("ada"), "churn", "secondary")

    event = churn.catalog.events()[-1]
    assert (event.kind, event.name, event.verb, event.actor) == (
        "service",
        "churn",
        "regenerate-secondary-key",
        "ada",
    )
    # in another process: when this one closes a database's file, SQLite's locks on it are gone
    files = [str(path) for path in churn.root.rglob("*") if path.is_file() and "secret" not in path.name]
    told = subprocess.run(["cat", *files], stdout=subprocess.PIPE, check=True).stdout
    assert after.primary.encode() not in told
    assert after.secondary.encode() not in told


def test_a_secret_store_that_cannot_be_written_leaves_both_keys_as_they_were(churn, monkeypatch):
    before = read_keys(churn, "churn")
    store = type(churn.secrets)

    def full(*_: object) -> None:
        raise Unavailable("The secret store cannot be written (No space left on device).")

    with monkeypatch.context() as patch:
        patch.setattr(store, "set", full)
        with pytest.raises(Unavailable, match="No space left"):
            regenerate_key(churn, "churn", "primary")

    assert read_keys(churn, "churn") == before
    assert published(churn) == churn.catalog.get(Service, "churn").key_digests == digests(before)


def test_both_keys_replaced_at_once_are_both_new_everywhere(churn):
    before = read_keys(churn, "churn")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda which: regenerate_key(churn, "churn", which), ["primary", "secondary"] * 4))

    after = read_keys(churn, "churn")
    assert {after.primary, after.secondary}.isdisjoint({before.primary, before.secondary})
    assert published(churn) == churn.catalog.get(Service, "churn").key_digests == digests(after)


def test_a_service_that_cannot_have_new_keys_says_why(churn):
    with pytest.raises(UnknownThing, match="'nobody'"):
        regenerate_key(churn, "nobody", "primary")
    churn.secrets.delete(f"service/{churn.id}/churn/primary")
    with pytest.raises(NoKeys, match="churn"):
        regenerate_key(churn, "churn", "primary")
    for change, words in (({"state": "deleting"}, "being deleted"), ({"node": "elsewhere"}, "'elsewhere'")):
        churn.catalog.edit(Service, "churn", lambda one, change=change: msgspec.structs.replace(one, **change))
        with pytest.raises(ServiceBusy, match=words):
            regenerate_key(churn, "churn", "primary")
