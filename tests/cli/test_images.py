"""Images from the command line: built, shown and deleted, in a real engine."""

from __future__ import annotations

from collections.abc import Iterator

import docker
import msgspec
import pytest

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.images import build_image
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model

pytestmark = pytest.mark.docker


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def manifest(here, engine) -> Iterator[Manifest]:
    """A manifest ``echo:1`` of a scoring script that needs no packages; its images are gone after the test."""
    (here.home / "model.bin").write_bytes(b"weights")
    register_model(here, str(here.home / "model.bin"), "echo")
    (here.home / "score.py").write_text("def init(): ...\n\n\ndef run(data):\n    return {'twice': 2 * data['a']}\n")
    (here.home / "row.json").write_text('{"a": 1.5}')
    yield create_manifest(here, ["echo"], script=here.home / "score.py", sample=here.home / "row.json")
    for image in engine.images.list(filters={"label": f"mlops.workspace={here.id}"}):
        engine.images.remove(image.id, force=True)


@pytest.fixture
def image(here, manifest):
    """The record of the image of ``echo:1``."""
    return build_image(here, manifest.ref, lambda line, fraction: None)  # noqa: ARG005


def test_an_image_is_deleted_from_the_engine_and_the_workspace(image, mlops, engine):
    assert image.tag in mlops("images", "list").out
    assert mlops("images", "delete", "echo").out == "Deleted image echo:1.\n"
    assert mlops("images", "list", "--json").json["items"] == []
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(image.image_id)
    again = mlops("images", "delete", "echo:1")
    assert (again.code, "has no image yet" in again.err) == (3, True)


def test_an_image_that_was_removed_behind_our_back_is_deleted_all_the_same(image, mlops, engine):
    engine.images.remove(image.image_id, force=True)
    assert mlops("images", "delete", "echo:1").code == 0
    assert mlops("images", "show", "echo:1").code == 3


def test_an_image_that_a_service_runs_is_kept(here, image, mlops, engine):
    runs_it = Deployment(name="m1", manifest=image.manifest, image=image.image_id)
    here.catalog.add(Service(name="voice", host="docker", deployments=[runs_it]))
    refused = mlops("images", "delete", "echo:1")
    assert refused.code == 4
    assert refused.err.splitlines()[0].endswith("The image of echo:1 is deployed by voice.")
    assert "mlops services delete voice" in refused.err
    engine.images.get(image.image_id)
    here.catalog.edit(Service, "voice", lambda one: msgspec.structs.replace(one, deployments=[]))
    assert mlops("images", "delete", "echo:1").code == 0


@pytest.mark.usefixtures("image")
def test_pushing_to_what_is_no_registry_is_refused_before_anything_is_done(mlops):
    refused = mlops("images", "push", "echo:1", "Nowhere")
    assert (refused.code, refused.out) == (2, "")
    assert "'Nowhere' does not name an image in a registry" in refused.err
    assert mlops("images", "push", "nope", "localhost:1/x:1").code == 3
    away = mlops("images", "push", "echo:1", "localhost:1/x:1")
    assert away.code == 5
    assert "The registry localhost:1 does not answer" in away.err
