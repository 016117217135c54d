"""Lineage goes back to manifest, model, run, snapshot, commit, environment and packages."""

from __future__ import annotations

import numpy as np
import pytest

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.lineage import lineage
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model


@pytest.fixture(scope="module")
def served(trained):
    world = trained.world
    world.tracking.log_dataset(trained.run.id, np.arange(4.0), "people", "training")
    register_model(world, trained.run.id, "origin", path="frame")
    manifest = create_manifest(world, ["origin:1"])
    part = Deployment(name="m1", manifest=manifest.ref)
    world.catalog.add(Service(name="origin-api", host="process", deployments=[part]))
    return trained


def test_a_service_goes_back_to_the_packages_of_its_run(served):
    found = lineage(served.world, "service", "origin-api")
    run = f"run:{served.run.id}"
    (data,) = served.world.tracking.datasets(served.run.id)
    assert [(link.source, link.relation, link.target) for link in found.links] == [
        (run, "used", f"dataset:people:{data.digest}"),
        (run, "started from", "snapshot:0123456789abcdef"),
        (run, "at commit", f"git:{'c' * 40}"),
        (run, "ran in", f"environment:{served.run.id}"),
        (run, "ran on", f"target:local:{served.world.node}"),
        ("model:origin:1", "trained by", run),
        ("manifest:origin:1", "serves", "model:origin:1"),
        ("service:origin-api", "deploys", "manifest:origin:1"),
    ]
    nodes = {node.id: node for node in found.nodes}
    assert found.nodes[0].id == "service:origin-api"
    assert nodes[f"environment:{served.run.id}"].facts["packages"] == {"scikit-learn": "1.9.1"}
    assert nodes[f"git:{'c' * 40}"].facts["branch"] == "main"
    assert nodes["snapshot:0123456789abcdef"].missing
    assert nodes[run].facts["params"] == {"C": "0.5"}


def test_a_model_and_a_run_begin_at_themselves(served):
    assert lineage(served.world, "model", "origin").nodes[0].id == "model:origin:1"
    assert lineage(served.world, "run", "train").nodes[0].id == f"run:{served.run.id}"


def test_a_model_that_another_client_deleted_is_marked_and_passed_through(served):
    world = served.world
    register_model(world, served.run.id, "brief", path="frame")
    manifest = create_manifest(world, ["brief:1"])
    world.catalog.add(
        Service(name="brief-api", host="process", deployments=[Deployment(name="m", manifest=manifest.ref)])
    )
    world.tracking.client.delete_registered_model("brief")
    nodes = {node.id: node for node in lineage(world, "service", "brief-api").nodes}
    assert nodes["model:brief:1"].missing
    assert f"run:{served.run.id}" in nodes


def test_onward_from_a_model_are_the_manifests_images_and_services_made_of_it(served):
    world = served.world
    register_model(world, served.run.id, "onward", path="frame")
    manifest = create_manifest(world, ["onward:1"])
    for n, name in enumerate((manifest.ref, f"{manifest.ref}-arm64")):
        world.catalog.add(Image(name=name, manifest=manifest.ref, image_id=f"sha256:{n}", tag=f"mlops/{name}"))
    parts = [
        Deployment(name="blue", manifest="origin:1", weight=0),
        Deployment(name="green", manifest=manifest.ref, image="sha256:0"),
    ]
    world.catalog.add(Service(name="onward-api", host="docker", deployments=parts))
    found = lineage(world, "model", "onward:1", onward=True)
    links = {(link.source, link.relation, link.target) for link in found.links}
    assert {
        ("manifest:onward:1", "serves", "model:onward:1"),
        ("image:onward:1", "built from", "manifest:onward:1"),
        ("service:onward-api", "deploys", "manifest:onward:1"),
        ("service:onward-api", "runs", "image:onward:1"),
        ("model:onward:1", "trained by", f"run:{served.run.id}"),
    } <= links
    assert found.nodes[0].id == "model:onward:1"
    assert "manifest:origin:1" not in {node.id for node in found.nodes}, "what else the service deploys is not of it"
    assert "service:onward-api" not in {node.id for node in lineage(world, "model", "onward:1").nodes}


def test_onward_from_a_run_are_its_models(served):
    found = lineage(served.world, "run", served.run.id, onward=True)
    kinds = {node.id for node in found.nodes}
    assert found.nodes[0].id == f"run:{served.run.id}"
    assert {"model:origin:1", "manifest:origin:1", "service:origin-api"} <= kinds


def test_what_is_unknown_is_named(served):
    with pytest.raises(UnknownThing, match="'nobody'"):
        lineage(served.world, "service", "nobody")
    with pytest.raises(UnknownThing):
        lineage(served.world, "model", "nobody:1")
