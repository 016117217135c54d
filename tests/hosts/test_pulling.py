"""Images without an engine, and for another processor: the base out of a registry or a file, and never started."""

from __future__ import annotations

import functools
import json
import struct
import tarfile
from pathlib import Path

import docker
import pytest
import requests

from jupyter_mlops.core.errors import FileThere
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.delivery.images import export_image, push_image
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.hosts import oci, pulling
from jupyter_mlops.hosts.bases import BadBaseImage, NoBaseImage
from jupyter_mlops.hosts.builder import BadPlatform, DockerBuilder
from jupyter_mlops.hosts.saved import opened
from jupyter_mlops.hosts.wheels import CannotInstall

MACHINES = {62: "amd64", 183: "arm64"}
"""What ELF calls them."""


def quiet(line: str, fraction: float) -> None:
    """Listen to progress and say nothing."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, serving, base_archive) -> str:
    """A registry without a login that has ``base:1`` for two processors, ``old:1`` for one, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("registry")
        patch.setenv("DOCKER_CONFIG", str(folder))
        with serving(folder, {}) as address:
            builder = DockerBuilder(folder, "w")
            entries = []
            for architecture in ("amd64", "arm64"):
                pushed = builder.push(base_archive(architecture), f"{address}/base:{architecture}", quiet)
                builder.push(base_archive(architecture), f"{address}/old:1", quiet)
                found = requests.get(f"http://{address}/v2/base/manifests/{architecture}", timeout=10)
                platform = {"os": "linux", "architecture": architecture}
                kind = {"mediaType": oci.MANIFEST_TYPE, "size": len(found.content)}
                entries.append({**kind, "digest": pushed.digest, "platform": platform})
            kind = "application/vnd.oci.image.index.v1+json"
            index = {"schemaVersion": 2, "mediaType": kind, "manifests": entries}
            headers = {"Content-Type": kind}
            put = requests.put(
                f"http://{address}/v2/base/manifests/1", data=json.dumps(index), headers=headers, timeout=10
            )
            assert put.status_code == 201, put.text
            yield address


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The builder's cache, shared by these tests: installing the same packages for each takes seconds."""
    return tmp_path_factory.mktemp("layers")


@pytest.fixture
def a_bundle(another, plain_bundle):
    """Return a function that makes a manifest and its bundle, of a script that needs no packages."""
    return functools.partial(another, plain_bundle)


@pytest.fixture(scope="module")
def arm(base_archive) -> Path:
    """A base image for ARM in a file."""
    return base_archive("arm64")


@pytest.fixture
def alone(cache, tmp_path, monkeypatch) -> DockerBuilder:
    """A builder that has no engine."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return DockerBuilder(cache, "alone")


def machines(archive: Path, scratch: Path) -> set[str]:
    """Return the processors that the libraries in an image are for."""
    found = set()
    with opened(archive) as saved:
        for number in range(saved.n_layers):
            saved.layer(number, scratch / "layer", lambda: None)
            with tarfile.open(scratch / "layer") as layer:
                for member in layer:
                    if ".so" in member.name and member.isfile() and "libc.so" not in member.name:
                        found.add(MACHINES[struct.unpack_from("<H", layer.extractfile(member).read(20), 18)[0]])
    return found


def test_an_image_for_another_processor_is_built_without_an_engine(alone, registry, a_bundle, tmp_path):
    manifest, folder = a_bundle(base_image=f"{registry}/base:1")
    built = alone.write(manifest, folder, tmp_path / "one.tar", quiet, platform="linux/arm64")
    assert (built.platform, built.tag) == ("linux/arm64", "mlops/plain:1-arm64")
    assert machines(tmp_path / "one.tar", tmp_path) == {"arm64"}
    with opened(tmp_path / "one.tar") as saved:
        assert saved.architecture == "arm64"
        assert f"sha256:{oci.sha256_of(saved.config)}" == built.image_id
        assert saved.settings["User"] == "10001:10001"
        assert "LANG=C.UTF-8" in saved.settings["Env"]
    assert "msgspec==" in built.lock
    assert built.lock.count("--hash=sha256:") >= 4
    alone.push(tmp_path / "one.tar", f"{registry}/plain:1", quiet)
    stored = requests.get(f"http://{registry}/v2/plain/manifests/1", headers={"Accept": oci.MANIFEST_TYPE}, timeout=10)
    assert stored.json()["config"]["digest"] == built.image_id


def test_the_same_base_out_of_a_registry_and_a_file_gives_the_same_image_to_the_byte(
    alone, registry, a_bundle, arm, tmp_path
):
    manifest, folder = a_bundle(base_image=f"{registry}/base:1")
    first = alone.write(manifest, folder, tmp_path / "one.tar", quiet, platform="linux/arm64")
    other = DockerBuilder(tmp_path, "alone")
    again = other.write(manifest, folder, tmp_path / "two.tar", quiet, platform="linux/arm64", base=arm)
    assert again.image_id == first.image_id
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_registry_that_is_away_leaves_what_was_pulled(alone, serving, base_archive, tmp_path, monkeypatch):
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "cache").mkdir()
    with serving(tmp_path, {}) as address:
        name = f"{address}/base:1"
        alone.push(base_archive("amd64"), name, quiet)
        first = pulling.from_registry(name, "amd64", tmp_path / "cache", lambda _: None)
    again = pulling.from_registry(name, "amd64", tmp_path / "cache", lambda _: None)
    assert again == first
    with pytest.raises(NoBaseImage, match="does not answer") as raised:
        pulling.from_registry(f"{address}/other:1", "amd64", tmp_path / "cache", lambda _: None)
    assert "--base BASE.tar" in raised.value.hint


def test_a_base_image_that_is_not_there_for_the_processor_is_named(alone, registry, a_bundle, tmp_path):
    cases = {"old:1": "is for linux/arm64, not linux/amd64", "none:1": "cannot be had"}
    for name, why in cases.items():
        manifest, folder = a_bundle(base_image=f"{registry}/{name}")
        with pytest.raises((BadBaseImage, NoBaseImage), match=why):
            alone.write(manifest, folder, tmp_path / "x.tar", quiet, platform="linux/amd64")
    assert not (tmp_path / "x.tar").exists()


def test_what_cannot_be_built_is_refused_before_anything_is_done(alone, a_bundle, arm, tmp_path):
    with pytest.raises(BadPlatform, match="'linux/riscv64'"):
        alone.write(*a_bundle(), tmp_path / "x.tar", quiet, platform="linux/riscv64")
    newer = a_bundle(python="3.13")
    with pytest.raises(BadBaseImage, match=r"has Python 3\.11, and manifest plain:1 asks for 3\.13"):
        alone.write(*newer, tmp_path / "x.tar", quiet, platform="linux/arm64", base=arm)
    (tmp_path / "there.tar").touch()
    with pytest.raises(FileThere):
        alone.write(*a_bundle(), tmp_path / "there.tar", quiet, platform="linux/arm64", base=arm)


def test_a_package_without_a_wheel_needs_an_engine(alone, a_bundle, arm, tmp_path, sources):
    manifest, folder = a_bundle(requirements=["tiny-thing==1.0"])
    sources("tiny-thing", "from setuptools import setup\nsetup(name='tiny-thing', version='1.0')\n")
    with pytest.raises(CannotInstall, match=r"no wheel of tiny-thing==1\.0 for linux/arm64, and nothing here runs"):
        alone.write(manifest, folder, tmp_path / "x.tar", quiet, platform="linux/arm64", base=arm)
    assert not (tmp_path / "x.tar").exists()


@pytest.fixture
def echo(workspace, cache, registry, tmp_path, monkeypatch):
    """A workspace without an engine, with a manifest ``echo:1`` on the registry's base image."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (workspace.root / "cache").mkdir(exist_ok=True)
    (workspace.root / "cache" / "images").symlink_to(cache / "cache" / "images")
    (tmp_path / "model.bin").write_bytes(b"weights")
    register_model(workspace, str(tmp_path / "model.bin"), "echo")
    (tmp_path / "score.py").write_text("def init(): ...\n\n\ndef run(data):\n    return data\n")
    create_manifest(workspace, ["echo"], script=tmp_path / "score.py", base_image=f"{registry}/base:1")
    return workspace


def test_what_was_never_built_is_pushed_and_exported_without_an_engine(echo, registry, tmp_path):
    heard = []
    pushed = push_image(echo, "echo", f"{registry}/echo:1", lambda line, done: heard.append(done))  # noqa: ARG005
    assert heard == sorted(heard)
    exported = export_image(echo, "echo", tmp_path / "echo.tar", quiet, edge=True)
    stored = requests.get(f"http://{registry}/v2/echo/manifests/1", headers={"Accept": oci.MANIFEST_TYPE}, timeout=10)
    assert stored.headers["Docker-Content-Digest"] == pushed.digest
    with opened(tmp_path / "echo.tar") as saved:
        assert stored.json()["config"]["digest"] == f"sha256:{oci.sha256_of(saved.config)}"
    assert (exported.image, len(exported.beside)) == ("echo:1", 3)
    assert [one.verb for one in echo.catalog.events() if one.kind == "image"] == ["push", "export"]


@pytest.mark.docker
def test_an_engine_takes_an_image_for_another_processor_beside_its_own(
    cache, registry, a_bundle, workspace_id, tmp_path
):
    manifest, folder = a_bundle(base_image=f"{registry}/base:1", name=f"both-{new_id()}")
    builder = DockerBuilder(cache, workspace_id)
    built = builder.build(manifest, folder, quiet, platform="linux/arm64")
    in_file = builder.write(manifest, folder, tmp_path / "x.tar", quiet, platform="linux/arm64")
    assert in_file.image_id == built.image_id
    engine = docker.from_env()
    try:
        found = engine.images.get(built.tag)
        assert (found.id, found.attrs["Architecture"]) == (built.image_id, "arm64")
        assert built.tag.endswith(":1-arm64")
        with pytest.raises(docker.errors.ImageNotFound):
            engine.images.get(f"{registry}/base:1")
    finally:
        engine.images.remove(built.image_id, force=True)
        engine.close()
