"""Services from the command line: what is asked of one that exists."""

from __future__ import annotations

import json

import pytest

from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.keys import digests, fresh_keys, keep_keys, publish_digests, service_folder


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


@pytest.mark.usefixtures("keys")
def test_settings_are_changed_and_shown(here, mlops):
    answer = mlops("services", "configure", "churn", "max_queue=50", "timeout_s=2.5", "log_level=warning", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["limits"]["max_queue"] == 50
    shown = mlops("services", "show", "churn").out
    assert "50 waiting" in shown
    assert "within 2.5 s" in shown
    assert "from level warning" in shown
    assert here.catalog.events()[-1].verb == "configure"


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize(
    ("change", "said", "hint"),
    [
        ("max_qeue=1", "There is no setting 'max_qeue'. Did you mean max_queue?", "log_level"),
        ("max_queue=many", "max_queue cannot be 'many'.", "a whole number from 0"),
        ("timeout_s=nan", "timeout_s cannot be 'nan'.", "a number above 0"),
        ("log_level=loud", "log_level cannot be 'loud'.", "info, warning, error"),
    ],
)
def test_a_setting_that_cannot_be_is_named_with_what_there_is(here, mlops, change, said, hint):
    before = here.catalog.last_seq()
    answer = mlops("services", "configure", "churn", "max_batch=1", change)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err
    assert hint in answer.err
    assert here.catalog.last_seq() == before


def test_settings_are_completed_with_their_equals_sign():
    from jupyter_mlops.cli.services import configure

    complete = configure.params[1].shell_complete
    with configure.make_context("configure", ["churn", "max_b=1"]) as ctx:
        assert [item.value for item in complete(ctx, "max_b")] == ["max_batch=", "max_body_bytes="]


@pytest.mark.usefixtures("keys")
def test_logs_of_replicas_that_are_gone_are_printed_as_json_lines(here, mlops):
    logs = service_folder(here, "churn") / "logs"
    logs.mkdir()
    for number in range(2):
        line = {"at": 1.5 - number, "level": "info", "message": f"line {number}"}
        (logs / f"m1-r{number}.log").write_text(json.dumps(line) + "\n")
    printed = [json.loads(line) for line in mlops("services", "logs", "churn").out.splitlines()]
    assert [(line["replica"], line["message"]) for line in printed] == [("r1", "line 1"), ("r0", "line 0")]
    assert len(mlops("services", "logs", "churn", "--replica", "r1", "--json").json) == 1
    assert mlops("services", "logs", "churn", "--since", "1h").out.strip() == ""
    missing = mlops("services", "logs", "churn", "--replica", "nope")
    assert (missing.code, "'nope'" in missing.err, "r0" in missing.err) == (3, True, True)


@pytest.mark.usefixtures("keys")
def test_a_certificate_is_made_shown_and_renewed(here, mlops, monkeypatch):
    monkeypatch.setattr(type(here), "ensure_agent", lambda _: None)  # there is nothing that it would show it with
    plain = mlops("services", "tls", "churn")
    assert (plain.code, "speaks plain HTTP" in plain.err, "--renew" in plain.err) == (3, True, True)
    first = mlops("services", "tls", "churn", "--renew", "--json").json
    assert "127.0.0.1" in first["certificate"]["names"]
    assert first["authority"].startswith("-----BEGIN CERTIFICATE")
    again = mlops("services", "tls", "churn", "--renew", "--json").json
    assert again["authority"] == first["authority"]
    assert again["certificate"]["fingerprint"] != first["certificate"]["fingerprint"]
    assert again["certificate"]["fingerprint"] in mlops("services", "tls", "churn").out
    assert "self-made, until" in mlops("services", "show", "churn").out
    alone = mlops("services", "tls", "churn", "--cert", here.home / "nothing.pem")
    assert (alone.code, "needs its key" in alone.err) == (2, True)
    missing = mlops("services", "tls", "churn", "--cert", here.home / "nothing.pem", "--key", here.home / "nothing.pem")
    assert (missing.code, "nothing.pem cannot be read: No such file" in missing.err) == (2, True)
