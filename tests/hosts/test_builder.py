"""Images: the same for the same inputs, built from four layers, refused in words, and gone without a trace when cancelled."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from jupyter_mlops.core.errors import NotWritten
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.hosts import layers, loading
from jupyter_mlops.hosts.bases import BadBaseImage, NoBaseImage
from jupyter_mlops.hosts.builder import DockerBuilder, ImageInUse
from jupyter_mlops.hosts.engine import NoEngine
from jupyter_mlops.hosts.image import tag
from jupyter_mlops.hosts.wheels import CannotInstall

pytestmark = pytest.mark.docker


def quiet(line: str, fraction: float) -> None:
    """Listen to progress and say nothing."""


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


def layers_of(engine: docker.DockerClient, image: str) -> list[str]:
    return engine.images.get(image).attrs["RootFS"]["Layers"]


def run(engine: docker.DockerClient, image: str, code: str) -> str:
    return engine.containers.run(image, ["-c", code], entrypoint="python", remove=True).decode().strip()


def test_an_image_built_again_keeps_its_id_even_when_it_was_removed(builder, plain_bundle, images_root, workspace_id):
    image = builder.build(*plain_bundle, quiet).image_id
    assert builder.build(*plain_bundle, quiet).image_id == image
    another = DockerBuilder(images_root, workspace_id)
    another.remove(image)
    assert not another.is_current(image)
    assert another.build(*plain_bundle, quiet).image_id == image
    assert another.is_current(image)


def test_a_new_model_version_shares_every_layer_but_the_last(builder, bundle, image, another, engine):
    newer = builder.build(*another(bundle, version=2), quiet)
    old, new = layers_of(engine, image), layers_of(engine, newer.image_id)
    assert old[:-1] == new[:-1]
    assert old[-1] != new[-1]
    assert newer.n_bytes > 10_000_000


def test_the_environment_has_the_same_bytes_when_it_is_made_from_nothing(
    plain_bundle, builder, workspace_id, tmp_path, engine
):
    first = layers_of(engine, builder.build(*plain_bundle, quiet).image_id)
    second = layers_of(engine, DockerBuilder(tmp_path, workspace_id).build(*plain_bundle, quiet).image_id)
    assert first == second


def test_files_beside_those_of_the_manifest_stay_out(builder, plain_bundle, another):
    manifest, folder = another(plain_bundle)
    (folder / "code" / "__pycache__").mkdir()
    (folder / "code" / "__pycache__" / "score.pyc").write_bytes(b"left by a process replica")
    assert builder.build(manifest, folder, quiet).image_id == builder.build(*plain_bundle, quiet).image_id


def test_an_image_says_what_it_is_and_runs_as_nobody(image, engine, workspace_id):
    config = engine.images.get(image).attrs["Config"]
    assert config["Labels"]["mlops.manifest"] == "Tiny:1"
    assert config["Labels"]["mlops.models"] == "Tiny:1"
    assert config["Labels"]["mlops.runs"] == "f00d"
    assert config["Labels"]["mlops.snapshots"] == "5eed"
    assert config["Labels"]["mlops.commits"] == "0123abcd"
    assert config["Labels"]["org.opencontainers.image.revision"] == "0123abcd"
    assert config["Labels"]["mlops.release"] == "spring"
    assert "team" not in config["Labels"]
    assert config["Labels"]["mlops.workspace"] == workspace_id
    assert config["User"] == "10001:10001"
    assert "8080/tcp" in config["ExposedPorts"]
    assert config["Healthcheck"]["Test"][0] == "CMD"


def test_an_image_holds_the_scoring_server_and_none_of_the_rest(image, engine):
    found = run(engine, image, "import jupyter_mlops, os; print(*sorted(os.listdir(jupyter_mlops.__path__[0])))")
    assert [name for name in found.split() if name != "__pycache__"] == ["__init__.py", "core", "scoring"]


def test_an_image_carries_compiled_packages_of_its_own_environment(image, engine):
    code = "import sklearn, os, sys; print(sys.prefix, sklearn.__file__, os.path.exists(sklearn.__cached__))"
    prefix, file, cached = run(engine, image, code).split()
    assert prefix == "/opt/venv"
    assert file.startswith("/opt/venv/lib/")
    assert cached == "True"


def test_a_script_in_the_environment_starts_with_the_image_s_python(image, engine):
    script = engine.containers.run(image, ["-1", "/opt/venv/bin/f2py"], entrypoint="head", remove=True)
    assert script == b"#!/opt/venv/bin/python\n"


def test_progress_goes_from_zero_to_one(builder, plain_bundle, another):
    heard = []
    builder.build(*another(plain_bundle, version=7), lambda line, fraction: heard.append((fraction, line)))
    assert heard == sorted(heard, key=lambda each: each[0])
    assert heard[0][0] == 0
    assert heard[-1] == (1, "Built mlops/plain:7")


def test_a_requirement_that_nobody_has_is_named(builder, plain_bundle, another):
    with pytest.raises(CannotInstall, match=r"^no-such-package-of-ours==1\.0 cannot be installed"):
        builder.build(*another(plain_bundle, requirements=["no-such-package-of-ours==1.0"]), quiet)


@pytest.mark.parametrize(
    "wanted",
    [
        ["scikit-learn==1.6.1", "numpy==1.19.0"],  # one needs another version of the other
        ["msgspec<0.1"],  # against what the scoring server needs
        ["joblib==1.4.0", "joblib==1.3.0"],
    ],
)
def test_requirements_that_exclude_each_other_are_named(builder, plain_bundle, another, wanted):
    both = wanted if len(wanted) > 1 else [*wanted, "msgspec>=0.19"]
    with pytest.raises(CannotInstall) as raised:
        builder.build(*another(plain_bundle, requirements=wanted), quiet)
    assert not [each for each in both if each not in raised.value.message], raised.value.message


def test_a_package_without_a_wheel_is_built_in_a_container(builder, plain_bundle, another, engine, sources):
    sources(
        "tiny-thing",
        "import os\nfrom setuptools import setup\nassert os.path.isdir('/build'), 'not to be run on the host'\n"
        "setup(name='tiny-thing', version='1.0', py_modules=['tiny_thing'])\n",
    )
    manifest, folder = another(plain_bundle, requirements=["tiny-thing==1.0"])
    built = builder.build(manifest, folder, quiet)
    code = "import tiny_thing; print(tiny_thing.WHERE, tiny_thing.__file__)"
    assert run(engine, built.image_id, code) == "made here /opt/venv/lib/python3.11/site-packages/tiny_thing.py"
    assert "tiny-thing==1.0 \\\n    --hash=sha256:" in built.lock
    assert not engine.containers.list(all=True, filters={"name": "mlops-wheel-"})


def test_a_package_that_cannot_be_built_is_named_with_the_reason(builder, plain_bundle, another, sources):
    fails = (
        "import os\nfrom setuptools import setup\nif os.path.isdir('/build'):\n    raise OSError('no compiler here')\n"
    )
    sources("hard-thing", f"{fails}setup(name='hard-thing', version='1.0')\n")
    with pytest.raises(CannotInstall, match=r"^hard-thing==1\.0 has no wheel .*no compiler here") as raised:
        builder.build(*another(plain_bundle, requirements=["hard-thing==1.0"]), quiet)
    assert "--base-image" in raised.value.hint


def test_a_full_disk_is_named_and_nothing_is_left_on_it(plain_bundle, small_disk, workspace_id):
    with pytest.raises(NotWritten, match=r"cannot be written: No space left on device"):
        DockerBuilder(small_disk, workspace_id).build(*plain_bundle, quiet)
    left = {path.name.partition("-")[0] for path in (small_disk / "cache" / "images").iterdir()}
    assert left <= {"lock", "python"}


def test_a_base_image_that_cannot_be_had_is_named_with_the_command_to_get_it(builder, plain_bundle, another):
    # .invalid never resolves, so this needs no network
    name = "registry.invalid/nobody/base:1"
    with pytest.raises(NoBaseImage, match=name) as raised:
        builder.build(*another(plain_bundle, base_image=name), quiet)
    assert f"docker pull {name}" in raised.value.hint


def test_a_base_image_with_another_python_is_refused(builder, plain_bundle, another):
    with pytest.raises(BadBaseImage, match=r"has Python 3\.11, and manifest plain:1 asks for 3\.13"):
        builder.build(*another(plain_bundle, python="3.13"), quiet)


def test_a_base_image_without_python_is_refused(builder, plain_bundle, another, engine):
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    name = f"mlops-test-{new_id()}:1"
    engine.api.import_image_from_data(empty.getvalue(), repository=name)
    try:
        with pytest.raises(BadBaseImage, match="no Python that starts"):
            builder.build(*another(plain_bundle, base_image=name), quiet)
    finally:
        engine.images.remove(name)


def test_a_base_image_that_is_no_name_is_refused(builder, plain_bundle, another):
    with pytest.raises(BadBaseImage, match="No Such Thing"):
        builder.build(*another(plain_bundle, base_image="No Such Thing"), quiet)


class CancelledByTest(Exception):
    """Raised where a person cancels."""


@pytest.mark.parametrize("at", ["Resolving", "Installing", "Compiling", "Packing the packages", "Loading"])
def test_a_build_cancelled_at_any_step_leaves_nothing(at, plain_bundle, another, tmp_path, engine):
    manifest, folder = another(plain_bundle, name=f"cancelled-{new_id()}")

    def cancel(line: str, fraction: float) -> None:  # noqa: ARG001
        if line.startswith(at):
            raise CancelledByTest

    with pytest.raises(CancelledByTest):
        DockerBuilder(tmp_path, new_id()).build(manifest, folder, cancel)
    left = [path.name for path in (tmp_path / "cache" / "images").iterdir()]
    assert not [name for name in left if name.startswith("building-") or name.endswith(".part")]
    assert not engine.images.list(tag(manifest))
    assert not engine.images.list(filters={"label": f"mlops.manifest={manifest.ref}"})


@pytest.mark.parametrize("way", ["load_difference", "load_whole", "build_classically"])
def test_every_way_into_the_engine_gives_an_image_that_starts(way, plain_bundle, another, builder, tmp_path):
    manifest, folder = another(plain_bundle, name=f"by-{way.replace('_', '-')}")
    with builder._engine.asked_to("take an image") as engine:
        base = builder._base_in(engine, manifest.base_image, "", "", quiet)
        site = builder._site(base, engine, manifest, tmp_path, "")
        plan, _ = builder._plan(manifest, folder, site, "", quiet)
        if way == "load_whole":
            loading.load_whole(engine, plan, tmp_path, lambda: None)
        else:
            getattr(loading, way)(engine, plan, lambda: None)
        name = plan.tags[0]
        assert run(engine, name, "import jupyter_mlops.core.manifest, msgspec, os; print(os.getuid())") == "10001"
        assert engine.images.get(name).attrs["Config"]["Entrypoint"] == plan.settings["Entrypoint"]
        assert builder.build(manifest, folder, quiet).image_id == engine.images.get(name).id


def test_an_image_in_use_is_not_removed(builder, plain_bundle, another, engine, workspace_id):
    image = builder.build(*another(plain_bundle, version=9), quiet).image_id
    container = engine.containers.create(image, labels={"mlops.workspace": workspace_id})
    with pytest.raises(ImageInUse, match=container.name):
        builder.remove(image)
    container.remove()
    builder.remove(image)
    builder.remove(image)
    assert not builder.is_current(image)


@pytest.fixture
def newer_scoring_server(tmp_path, monkeypatch):
    """Another release of the package, as an upgrade leaves it."""
    package = tmp_path / "newer" / "jupyter_mlops"
    for part in layers.RUNTIME_PARTS:
        shutil.copytree(layers.PACKAGE / part, package / part, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "scoring" / "news.py").write_text("NEWS = 1\n")
    return lambda: monkeypatch.setattr(layers, "PACKAGE", package)


def test_after_an_upgrade_an_image_is_built_again_and_the_old_one_goes(
    builder, plain_bundle, engine, workspace_id, newer_scoring_server
):
    manifest, folder = plain_bundle
    old = builder.build(manifest, folder, quiet).image_id
    user = engine.containers.create(old, labels={"mlops.workspace": workspace_id})
    newer_scoring_server()
    assert not builder.is_current(old)
    new = builder.build(manifest, folder, quiet).image_id
    assert builder.is_current(new)
    engine.images.get(old)  # a container needs it
    user.remove()
    assert builder.build(manifest, folder, quiet).image_id == new
    with pytest.raises(docker.errors.ImageNotFound):
        engine.images.get(old)


def test_an_engine_that_does_not_answer_is_named(monkeypatch, plain_bundle, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(NoEngine, match=r"No Docker engine answers at unix://.*no\.sock"):
        DockerBuilder(tmp_path, "w").build(*plain_bundle, quiet)
    assert not [path for path in Path(tmp_path).rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("churn", "mlops/churn:3"), ("churn-model_2", "mlops/churn-model_2:3"), ("v1.2", "mlops/v1.2:3")],
)
def test_a_tag_is_the_manifest_s_name(plain_bundle, another, name, expected):
    assert tag(another(plain_bundle, name=name, version=3)[0]) == expected


def test_names_that_docker_does_not_take_get_tags_of_their_own(plain_bundle, another):
    tags = {tag(another(plain_bundle, name=name)[0]) for name in ("Churn", "CHURN", "churn", "a..b", "a.b", "a-")}
    assert len(tags) == 6
