"""What is kept of a service's requests, from the command line: told where it is deployed, shown, and as CSV."""

from __future__ import annotations

import csv
import io
import time

import msgspec
import pytest

from jupyter_mlops.core.service import Service
from jupyter_mlops.core.telemetry import Scored, Telemetry
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.services import deploy
from jupyter_mlops.monitoring.places import incoming_folder
from jupyter_mlops.scoring.spool import Spool


@pytest.fixture
def churn(here):
    """The open workspace with a service ``churn`` that answered twice."""
    here.catalog.add(Service(name="churn", host="process", deployments=[], node=here.node))
    spool = Spool(incoming_folder(here, "churn") / "r1")
    for number in range(2):
        line = Scored(
            at=time.time() - 60 + number,
            id=f"q{number}",
            route="/score",
            status=200,
            ms=1.25,
            rows=1,
            model="iris:3",
            inputs=msgspec.Raw(b'[{"age": 36}]'),
            outputs=msgspec.Raw(b'{"predictions":[1]}'),
        )
        spool.write([msgspec.json.encode(line) + b"\n"])
    return here


@pytest.mark.usefixtures("churn")
def test_requests_are_shown_as_a_table_as_json_and_as_csv_by_request_or_row(mlops):
    shown = mlops("services", "telemetry", "churn")
    assert shown.code == 0, shown.err
    assert all(text in shown.out for text in ("q0", "iris:3", '[{"age":36}]'))
    (last,) = mlops("services", "telemetry", "churn", "--tail", "1", "--json").json["items"]
    assert (last["id"], last["inputs"], last["outputs"]) == ("q1", [{"age": 36}], {"predictions": [1]})
    by_request = list(csv.DictReader(io.StringIO(mlops("services", "telemetry", "churn", "--csv").out)))
    assert [line["inputs"] for line in by_request] == ['[{"age":36}]'] * 2
    by_row = list(csv.DictReader(io.StringIO(mlops("services", "telemetry", "churn", "--csv", "--rows").out)))
    assert [(line["input.age"], line["prediction"]) for line in by_row] == [("36", "1")] * 2


@pytest.mark.usefixtures("churn")
def test_a_time_without_requests_and_what_is_no_time_are_told(mlops):
    assert "No requests since 1s" in mlops("services", "telemetry", "churn", "--since", "1s").out
    wrong = mlops("services", "telemetry", "churn", "--since", "noon")
    assert (wrong.code, "'noon' is no moment" in wrong.err) == (2, True)
    assert mlops("services", "telemetry", "nobody").code != 0


@pytest.mark.usefixtures("churn")
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([], "every request with inputs and outputs, in the workspace"),
        (["telemetry.enabled=false"], "off: nothing is kept"),
        (
            ["telemetry.sample=0.25", "telemetry.hash=email", "telemetry.drop=name,street"],
            "0.25 of the requests with inputs and outputs, in the workspace; hashed: email; left out: name, street",
        ),
    ],
)
def test_what_applies_is_told_with_the_service(mlops, changes, told):
    if changes:
        assert mlops("services", "configure", "churn", *changes).code == 0
    assert told in " ".join(mlops("services", "show", "churn").out.split())


def test_deploy_takes_what_is_kept_and_refuses_what_cannot_be(here, mlops, monkeypatch):
    monkeypatch.setattr(type(here), "ensure_agent", lambda _: None)
    file = here.home / "weights.bin"
    file.write_bytes(b"weights")
    (here.home / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    register_model(here, str(file), "m")
    create_manifest(here, ["m"], name="m", script=here.home / "score.py")
    refused = mlops("services", "deploy", "kept", "--manifest", "m", "--telemetry-store", "nowhere://x", "--no-wait")
    assert (refused.code, "nowhere://x" in refused.err) == (2, True)
    kept = "--telemetry-hash email --telemetry-hash phone --telemetry-drop name --telemetry-sample 0.5"
    answer = mlops("services", "deploy", "kept", "--manifest", "m", "--no-wait", *kept.split())
    assert answer.code == 0, answer.err
    assert here.catalog.get(Service, "kept").telemetry == Telemetry(sample=0.5, hash=["email", "phone"], drop=["name"])
    deploy(here, "off", manifest="m", settings={"telemetry.enabled": False})
    assert not here.catalog.get(Service, "off").telemetry.enabled
