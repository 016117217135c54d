"""A real model, its manifest and its image, built once for all tests of the docker host and its builder."""

from __future__ import annotations

import gzip
import hashlib
import json
import secrets
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.core.manifest import Column, Manifest, ManifestFile, ManifestModel, Schema
from jupyter_mlops.core.record import encode
from jupyter_mlops.hosts.builder import DockerBuilder
from jupyter_mlops.hosts.layers import Member, tar_stream, write_layer
from jupyter_mlops.hosts.oci import Blob, members


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    """A LogisticRegression on two columns as MLflow saves it, and the manifest that pins it."""
    import sklearn
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("bundle")
    model = LogisticRegression().fit([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [3.0, 3.0]], [0, 1, 0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.sklearn
        import skops

        mlflow.sklearn.save_model(model, str(folder / "models" / "Tiny"), pip_requirements=["scikit-learn"])
    manifest = Manifest(
        name="Tiny",
        version=1,
        created_at=1_700_000_000.0,
        models=[
            ManifestModel(name="Tiny", version=1, run_id="f00d", flavor="sklearn", snapshot="5eed", commit="0123abcd")
        ],
        files=[_pinned(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()],
        requirements=[f"scikit-learn=={sklearn.__version__}", f"skops=={skops.__version__}"],
        schema=Schema(columns=[Column(name="a", type="double"), Column(name="b", type="double")]),
        sample={"inputs": [[0.5, 0.5]]},
        tags={"mlops.release": "spring", "team": "risk"},
    )
    (folder / "manifest.json").write_bytes(encode(manifest))
    return manifest, folder


def _pinned(folder: Path, path: Path) -> ManifestFile:
    content = path.read_bytes()
    return ManifestFile(
        path=path.relative_to(folder).as_posix(), digest=hashlib.sha256(content).hexdigest(), n_bytes=len(content)
    )


@pytest.fixture(scope="session")
def plain_bundle(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Path]:
    """A scoring script that needs no packages, for tests that build and never score."""
    folder = tmp_path_factory.mktemp("plain")
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text("def init(): ...\ndef run(data): return data\n")
    manifest = Manifest(
        name="plain",
        version=1,
        models=[],
        files=[_pinned(folder, folder / "code" / "score.py")],
        script="code/score.py",
    )
    (folder / "manifest.json").write_bytes(encode(manifest))
    return manifest, folder


@pytest.fixture(scope="session")
def another(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Manifest, Path]]:
    """Return a function that makes a manifest and bundle like the given one with some fields changed."""

    def make(known: tuple[Manifest, Path], **changes: object) -> tuple[Manifest, Path]:
        manifest, folder = msgspec.structs.replace(known[0], **changes), tmp_path_factory.mktemp("bundle")
        for file in manifest.files:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
            (folder / file.path).write_bytes((known[1] / file.path).read_bytes())
        (folder / "manifest.json").write_bytes(encode(manifest))
        return manifest, folder

    return make


@pytest.fixture(scope="session")
def workspace_id() -> Iterator[str]:
    """A workspace of this test session; what it left in the engine is removed at the end."""
    import docker

    name = secrets.token_hex(8)
    yield name
    client = docker.from_env()
    mine = {"label": f"mlops.workspace={name}"}
    for container in client.containers.list(all=True, filters=mine):
        container.remove(force=True)
    for image in client.images.list(filters=mine):
        client.images.remove(image.id, force=True)
    client.close()


@pytest.fixture(scope="session")
def images_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workspace folder with the builder's cache."""
    return tmp_path_factory.mktemp("images")


@pytest.fixture(scope="session")
def builder(images_root: Path, workspace_id: str) -> DockerBuilder:
    return DockerBuilder(images_root, workspace_id)


@pytest.fixture(scope="session")
def image(builder: DockerBuilder, bundle: tuple[Manifest, Path]) -> str:
    """The id of the image of ``bundle``."""
    return builder.build(*bundle, lambda line, fraction: None).image_id  # noqa: ARG005


@pytest.fixture(scope="session")
def base_archive(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a function that saves a base image for an architecture: all that is looked at of one, in two small layers."""

    def make(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp("base")
        lib = {"amd64": "x86_64", "arm64": "aarch64"}[architecture]
        system = [
            Member(name="bin", link="usr/bin"),
            Member(name="lib", link="usr/lib"),
            Member(name="usr/bin/python3", link="/usr/local/bin/none"),
            Member(
                name=f"usr/lib/{lib}-linux-gnu/libc.so.6",
                content=b"\x7fELF GNU C Library (Debian GLIBC 2.36-9) stable release version 2.36.\n",
            ),
        ]
        python = [
            Member(name="usr/bin/.wh.python3", content=b""),
            Member(name="usr/local/bin/python3", link="python3.11"),
            Member(name="usr/local/bin/python3.11", content=architecture.encode(), executable=True),
        ]
        parts = [write_layer(folder, f"{n}", part, "base", lambda: None) for n, part in enumerate((system, python))]
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["PATH=/bin:/usr/local/bin", "LANG=C.UTF-8"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{part.digest}" for part in parts]},
        }
        blobs = [Blob(digest=part.digest, n_bytes=part.n_bytes, path=part.path) for part in parts]
        file = folder / "base.tar"
        file.write_bytes(b"".join(tar_stream(members(json.dumps(config).encode(), ["base:1"], blobs))))
        return file

    return make


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Return a function that offers a package as its source alone, with a ``setup.py``."""
    links = tmp_path / "links"
    links.mkdir()
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))

    def offer(name: str, setup: str) -> None:
        stem = f"{name.replace('-', '_')}-1.0"
        about = f"Metadata-Version: 2.2\nName: {name}\nVersion: 1.0\n"
        members = [
            Member(name=f"{stem}/{file}", content=text.encode())
            for file, text in {"PKG-INFO": about, "setup.py": setup, "tiny_thing.py": "WHERE = 'made here'\n"}.items()
        ]
        (links / f"{stem}.tar.gz").write_bytes(gzip.compress(b"".join(tar_stream(members)), mtime=0))

    return offer
