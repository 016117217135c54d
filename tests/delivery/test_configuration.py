"""What can be changed of a service while it runs is checked, recorded and written for its replicas."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Configuration, Deployment, Limits, Service
from jupyter_mlops.core.telemetry import Telemetry
from jupyter_mlops.delivery.configuration import (
    SETTINGS,
    BadSetting,
    UnknownSetting,
    UnknownStore,
    configured,
    forget_configurations,
    publish_configuration,
)
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.delivery.services import ServiceBusy, configure
from jupyter_mlops.server.operations.services import ConfigureService, ConfigureTelemetry

PLAIN = Service(name="churn", host="process", deployments=[Deployment(name="m1", manifest="churn:1")])


@pytest.fixture
def churn(workspace):
    """A workspace with a service ``churn``, which has no replicas."""
    workspace.catalog.add(msgspec.structs.replace(PLAIN, node=workspace.node))
    return workspace


def published(world, deployment: str) -> Configuration:
    file = service_folder(world, "churn") / "keys" / f"configuration-{deployment}.json"
    return decode(file.read_bytes(), Configuration)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("max_concurrent", "32", 32),
        ("max_queue", 0, 0),
        ("max_batch", "1", 1),
        ("max_body_bytes", 1000, 1000),
        ("timeout_s", "2.5", 2.5),
        ("timeout_s", 3, 3.0),
    ],
)
def test_a_limit_is_read_from_text_and_numbers_and_the_others_stay(name, given, kept):
    assert configured(PLAIN, {name: given}).limits == msgspec.structs.replace(Limits(), **{name: kept})


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("max_concurrent", 0, "a whole number from 1 to 100000"),
        ("max_queue", "-1", "a whole number from 0"),
        ("max_queue", "many", "a whole number"),
        ("max_queue", "", "a whole number"),
        ("max_queue", True, "a whole number"),
        ("max_queue", None, "a whole number"),
        ("max_batch", "1.5", "a whole number"),
        ("max_body_bytes", "10MB", "a whole number"),
        ("timeout_s", 0, "a number above 0, at most 3600"),
        ("timeout_s", "nan", "a number above 0"),
        ("timeout_s", "inf", "a number above 0"),
        ("log_level", "loud", "one of info, warning, error"),
        ("telemetry.sample", 1.5, "a number from 0 to 1"),
        ("telemetry.sample", "nan", "a number from 0 to 1"),
        ("telemetry.enabled", "perhaps", "true or false"),
        ("telemetry.hash", [1], "names of columns"),
        ("otlp_endpoint", "collector:4318", "a URL, or nothing"),
    ],
)
def test_a_value_that_a_setting_cannot_have_is_named_with_what_it_takes(name, value, takes):
    with pytest.raises(BadSetting) as caught:
        configured(PLAIN, {"max_queue": 1, name: value})
    assert name in caught.value.message
    assert repr(value) in caught.value.message
    assert takes in caught.value.hint


@pytest.mark.parametrize("name", ["max_qeue", "limits", "", "host"])
def test_an_unknown_setting_is_named_with_all_that_there_are(name):
    with pytest.raises(UnknownSetting, match=repr(name)) as caught:
        configured(PLAIN, {name: 1})
    assert all(known in caught.value.hint for known in SETTINGS)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("telemetry.enabled", "false", False),
        ("telemetry.enabled", True, True),
        ("telemetry.sample", "0.1", 0.1),
        ("telemetry.sample", 0, 0.0),
        ("telemetry.hash", "email, name", ["email", "name"]),
        ("telemetry.drop", ["a,b"], ["a,b"]),
        ("telemetry.drop", "", []),
        ("telemetry.store", "memory://there", "memory://there"),
        ("telemetry.store", "", ""),
        ("telemetry.store", "/data/there", "/data/there"),
        ("telemetry.store", "there", str(Path("there").absolute())),
        ("telemetry.keep_days", "30", 30),
    ],
)
def test_a_setting_of_telemetry_is_read_and_the_others_stay(name, given, kept):
    before = msgspec.structs.replace(PLAIN, telemetry=Telemetry(hash=["x"], sample=0.7))
    wanted = msgspec.structs.replace(before.telemetry, **{name.partition(".")[2]: kept})
    assert configured(before, {name: given}).telemetry == wanted


def test_a_store_that_fsspec_does_not_know_is_refused_before_anything_is_kept_for_it():
    with pytest.raises(UnknownStore, match="nowhere://x"):
        configured(PLAIN, {"telemetry.store": "nowhere://x"})


def test_what_columns_are_hashed_with_is_published_before_they_are_hashed_and_stays(churn):
    file = service_folder(churn, "churn") / "keys" / "telemetry-key.json"
    configure(churn, "churn", {"telemetry.drop": "email"})
    assert not file.exists()
    configure(churn, "churn", {"telemetry.hash": "email"})
    key = file.read_bytes()
    assert len(key) > 40
    file.unlink()
    configure(churn, "churn", {"telemetry.hash": "email,name"})
    assert file.read_bytes() == key
    records = churn.catalog.get(Service, "churn"), churn.catalog.events()
    assert key.decode() not in repr(records)


def test_rest_takes_every_setting():
    names = set(ConfigureService.__struct_fields__) - {"telemetry"}
    assert names | {f"telemetry.{name}" for name in ConfigureTelemetry.__struct_fields__} == set(SETTINGS)


def test_a_change_is_recorded_and_written_for_each_deployment(churn):
    service = configure(churn.for_actor("ada"), "churn", {"max_queue": 3, "log_level": "error"})

    assert churn.catalog.get(Service, "churn") == service
    assert published(churn, "m1") == Configuration(limits=Limits(max_queue=3), log_level="error")
    event = churn.catalog.events()[-1]
    assert (event.kind, event.name, event.verb, event.actor) == ("service", "churn", "configure", "ada")


def test_one_wrong_setting_among_others_changes_nothing(churn):
    before = churn.catalog.last_seq()
    with pytest.raises(UnknownSetting):
        configure(churn, "churn", {"max_queue": 3, "nothing": 1})
    assert churn.catalog.get(Service, "churn").limits == Limits()
    assert churn.catalog.last_seq() == before


def test_what_is_rolled_out_has_its_own_until_the_record_has_it(churn):
    mine = Configuration(limits=Limits(timeout_s=5))
    publish_configuration(churn, "churn", {"m2": mine, "m1": mine})
    assert (published(churn, "m1"), published(churn, "m2")) == (Configuration(), mine)
    forget_configurations(churn, "churn", ["m2", "m3"])
    assert not (service_folder(churn, "churn") / "keys" / "configuration-m2.json").exists()


def test_a_service_that_is_kept_elsewhere_is_not_changed_from_here(churn):
    churn.catalog.edit(Service, "churn", lambda one: msgspec.structs.replace(one, node="elsewhere"))
    with pytest.raises(ServiceBusy, match="'elsewhere'"):
        configure(churn, "churn", {"max_queue": 3})
