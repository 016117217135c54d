"""Images from the command line: built, shown and deleted, in a real engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import msgspec
import pytest
import yaml

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.images import build_image
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.predictions import ask, await_ready

pytestmark = pytest.mark.docker


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def layers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The builder's cache, shared by these workspaces: installing the same packages for each takes seconds."""
    return tmp_path_factory.mktemp("layers")


@pytest.fixture
def manifest(here, engine, layers) -> Iterator[Manifest]:
    """A manifest ``echo:1`` of a scoring script that needs no packages; its images are gone after the test."""
    (here.root / "cache").mkdir(exist_ok=True)
    (here.root / "cache" / "images").symlink_to(layers)
    (here.home / "model.bin").write_bytes(b"weights")
    register_model(here, str(here.home / "model.bin"), "echo")
    (here.home / "score.py").write_text("def init(): ...\n\n\ndef run(data):\n    return {'twice': 2 * data['a']}\n")
    (here.home / "row.json").write_text('{"a": 1.5}')
    yield create_manifest(here, ["echo"], script=here.home / "score.py", sample=here.home / "row.json")
    for image in engine.images.list(filters={"label": f"mlops.workspace={here.id}"}):
        engine.images.remove(image.id, force=True)


@pytest.fixture
def other_than_here(here, manifest):  # noqa: ARG001  # which registers the model
    """Return a function that builds ``other:1``, of a script with a line for what it does in a container."""

    def make(init: str = "pass", run: str = "pass") -> None:
        (here.home / "other.py").write_text(
            "import os\nimport time\n\nBOXED = os.getuid() == 10001\n\n"
            f"def init():\n    if BOXED:\n        {init}\n\n"
            f"def run(data):\n    if BOXED:\n        {run}\n    return {{'scores': [0.5, data['a']]}}\n"
        )
        other = create_manifest(
            here, ["echo"], name="other", script=here.home / "other.py", sample=here.home / "row.json"
        )
        assert other.prediction == {"scores": [0.5, 1.5]}
        build_image(here, other.ref, lambda line, fraction: None)  # noqa: ARG005

    return make


@pytest.fixture
def no_trial_left(here, engine) -> Iterator[None]:
    yield
    assert not engine.containers.list(all=True, filters={"label": f"mlops.workspace={here.id}"})


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


def test_images_of_older_versions_go_when_nothing_refers_to_them(here, image, manifest, mlops, engine):
    def version(number: int):
        (here.home / "row.json").write_text(json.dumps({"a": float(number)}))
        made = create_manifest(here, ["echo"], script=here.home / "score.py", sample=here.home / "row.json")
        assert made.ref == f"echo:{number}"
        return build_image(here, made.ref, lambda line, fraction: None)  # noqa: ARG005

    here.catalog.add(Service(name="voice", host="docker", deployments=[Deployment(name="m1", manifest=manifest.ref)]))
    pushing = here.catalog.add(Activity(name="p1", verb="images.push", subject="x", args={"image": "echo:2"}))
    second, third = version(2), version(3)
    assert {one["name"] for one in mlops("images", "list", "--json").json["items"]} == {"echo:1", "echo:2", "echo:3"}
    here.catalog.edit(Activity, pushing.name, lambda one: msgspec.structs.replace(one, state="done"))
    version(4)
    # The first is deployed; the second was being pushed while the third was built.
    assert {one["name"] for one in mlops("images", "list", "--json").json["items"]} == {"echo:1", "echo:4"}
    engine.images.get(image.image_id)
    for gone in (second, third):
        with pytest.raises(docker.errors.ImageNotFound):
            engine.images.get(gone.image_id)


def test_the_lock_of_what_is_installed_stays_with_the_image(image, mlops):
    shown = mlops("images", "show", "echo", "--json").json
    assert shown["platform"] == image.platform
    assert image.platform in {"linux/amd64", "linux/arm64"}
    pins = [line for line in shown["lock"].splitlines() if "==" in line]
    assert [pin.partition("==")[0] for pin in pins] == ["httptools", "msgspec", "uvloop", "zstandard"]
    assert shown["lock"].count("--hash=sha256:") >= len(pins)


def test_a_build_into_a_file_takes_a_base_in_a_file(here, manifest, mlops, engine):
    without = mlops("images", "build", "echo", "--base", __file__)
    assert (without.code, "--base is for --output" in without.err) == (2, True)
    refused = mlops("images", "build", "echo", "--output", "echo.tar", "--base", __file__)
    assert (refused.code, "test_images.py is not a whole image" in refused.err) == (2, True)
    with (here.home / "base.tar").open("wb") as file:
        file.writelines(engine.images.get(manifest.base_image).save(chunk_size=1 << 20))
    built = mlops("images", "build", "echo", "--output", "echo.tar", "--base", "base.tar", "--json").json
    assert built["image"] == "mlops/echo:1"
    with (here.home / "echo.tar").open("rb") as file:
        (loaded,) = engine.images.load(file)
    # The same as the engine builds: what it has already is not built again.
    assert build_image(here, manifest.ref, lambda line, fraction: None).image_id == loaded.id  # noqa: ARG005
    assert mlops("images", "test", "echo").code == 0


@pytest.mark.usefixtures("image")
def test_pushing_to_what_is_no_registry_is_refused_before_anything_is_done(mlops):
    refused = mlops("images", "push", "echo:1", "Nowhere")
    assert (refused.code, refused.out) == (2, "")
    assert "'Nowhere' does not name an image in a registry" in refused.err
    assert mlops("images", "push", "nope", "localhost:1/x:1").code == 3
    away = mlops("images", "push", "echo:1", "localhost:1/x:1")
    assert away.code == 5
    assert "The registry localhost:1 does not answer" in away.err


@pytest.mark.usefixtures("image", "no_trial_left")
def test_an_image_that_scores_as_its_manifest_recorded_passes(mlops, manifest):
    assert manifest.prediction == {"twice": 3.0}
    tested = mlops("images", "test", "echo", "--json")
    assert (tested.code, tested.json["same"], tested.json["answer"]) == (0, True, {"twice": 3.0})
    assert 0 < tested.json["median_ms"] < 1000
    assert tested.json["ready_s"] > 0


@pytest.mark.usefixtures("no_trial_left")
def test_an_image_that_scores_otherwise_fails_and_says_where(mlops, other_than_here):
    other_than_here(run="data = {'a': 2.5}")
    tested = mlops("images", "test", "other")
    assert tested.code == 1
    assert "the answer.scores[1] is 2.5 instead of 1.5" in tested.out
    assert mlops("images", "test", "other", "--json").json["same"] is False


@pytest.mark.usefixtures("no_trial_left")
def test_an_image_that_does_not_start_fails_with_its_last_words(mlops, other_than_here):
    other_than_here(init="raise ValueError('no such vocabulary')")
    tested = mlops("images", "test", "other")
    assert tested.code == 1
    assert "no such vocabulary" in tested.err


@pytest.mark.usefixtures("no_trial_left")
def test_an_image_that_is_never_ready_fails_in_time(mlops, other_than_here):
    other_than_here(init="print('fetching the vocabulary', flush=True); time.sleep(600)")
    tested = mlops("images", "test", "other", "--timeout", "1")
    assert tested.code == 1
    assert "was not ready within 1 s" in tested.err
    assert "fetching the vocabulary" in tested.err


def test_an_image_that_is_gone_from_the_engine_is_named_with_the_command_to_build_it(image, engine, mlops):
    engine.images.remove(image.image_id, force=True)
    tested = mlops("images", "test", "echo")
    assert tested.code == 3
    assert "mlops images build echo:1" in tested.err


@pytest.mark.usefixtures("image")
def test_an_export_writes_over_nothing_and_leaves_no_half_file(here, mlops):
    (here.home / "echo.tar").write_bytes(b"mine")
    refused = mlops("images", "export", "echo", "echo.tar")
    assert (refused.code, "echo.tar exists" in refused.err) == (4, True)
    assert (here.home / "echo.tar").read_bytes() == b"mine"
    assert mlops("images", "export", "echo", "echo.zip").code == 2
    assert mlops("images", "export", "echo", "other.tar", "--image", "a:1").code == 2
    nowhere = mlops("images", "export", "echo", "no-folder/echo.tar")
    assert (nowhere.code, "no-folder/echo.tar cannot be written" in nowhere.err) == (5, True)
    assert not [path for path in here.home.iterdir() if path.name.endswith(".part")]


def test_what_is_exported_is_loaded_with_its_id_and_starts_a_container_that_scores_with_the_key(
    here, image, engine, mlops
):
    exported = mlops("images", "export", "echo:1", "echo.tar", "--iot-edge", "--json").json
    assert exported["n_bytes"] == (here.home / "echo.tar").stat().st_size
    assert exported["n_bytes"] < image.n_bytes / 2  # its layers are compressed
    engine.images.remove(image.image_id, force=True)
    with (here.home / "echo.tar").open("rb") as file:
        assert [each.id for each in engine.images.load(file)] == [image.image_id]
    assert engine.images.get(image.tag).id == image.image_id
    compose = yaml.safe_load((here.home / "echo.compose.yaml").read_text())["services"]["echo"]
    deployment = json.loads((here.home / "echo.deployment.json").read_text())["modulesContent"]
    module = deployment["$edgeAgent"]["properties.desired"]["modules"]["echo"]
    assert compose["image"] == module["settings"]["image"] == image.tag
    assert module["imagePullPolicy"] == "never"
    assert len(module["settings"]["createOptions"]) < 512  # what older devices take in one string
    options = json.loads(module["settings"]["createOptions"])
    host = options["HostConfig"]
    assert compose["volumes"] == ["./echo.keys:/run/mlops/keys:ro"]
    assert host["Binds"] == ["/etc/mlops/echo/keys:/run/mlops/keys:ro"]
    # The engine takes it as it is, but for the folder, which is here, and the port, which may be taken.
    host |= {
        "Binds": [f"{here.home}/echo.keys:/run/mlops/keys:ro"],
        "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1"}]},
    }
    container = engine.api.create_container_from_config({"Image": image.tag, **options})
    try:
        engine.api.start(container["Id"])
        port = engine.api.inspect_container(container["Id"])["NetworkSettings"]["Ports"]["8080/tcp"][0]["HostPort"]
        await_ready("echo:1", f"127.0.0.1:{port}", lambda: "", 60)
        status, answer = ask(f"127.0.0.1:{port}", "POST", "/score", b'{"a": 4}', key=exported["key"], timeout_s=10)
        assert (status, json.loads(answer)) == (200, {"twice": 8})
    finally:
        engine.api.remove_container(container["Id"], force=True)
