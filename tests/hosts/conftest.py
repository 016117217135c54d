"""A real model, its manifest and its image, built once for all tests of the docker host and its builder."""

from __future__ import annotations

import hashlib
import secrets
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.core.manifest import Column, Manifest, ManifestFile, ManifestModel, Schema
from jupyter_mlops.core.record import encode
from jupyter_mlops.hosts.builder import DockerBuilder


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
        models=[ManifestModel(name="Tiny", version=1, run_id="f00d", flavor="sklearn")],
        files=[_pinned(folder, path) for path in sorted(folder.rglob("*")) if path.is_file()],
        requirements=[f"scikit-learn=={sklearn.__version__}", f"skops=={skops.__version__}"],
        schema=Schema(columns=[Column(name="a", type="double"), Column(name="b", type="double")]),
        sample={"inputs": [[0.5, 0.5]]},
        tags={"mlops.git.commit": "0123abcd", "team": "risk"},
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
