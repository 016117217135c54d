"""An image as an OCI archive: its configuration, its manifest, and how it gets into the Docker engine."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.hosts.bases import Base
from jupyter_mlops.hosts.engine import EngineRefused
from jupyter_mlops.hosts.layers import CHUNK, Layer, Member, tar_stream
from jupyter_mlops.hosts.wheels import Tick

if TYPE_CHECKING:
    import docker

OCI = "application/vnd.oci.image"
MANIFEST_TYPE = f"{OCI}.manifest.v1+json"
INPUTS = "mlops.inputs"
"""The label by which an image is found that would be built from the same inputs."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An image to be: what goes on the base, and how it starts."""

    base: Base
    layers: Sequence[Layer]
    settings: Mapping[str, Any]
    """Docker's image configuration (``Env``, ``Entrypoint``, ``Labels``, ...)."""
    created: str
    """RFC 3339."""
    tags: Sequence[str]

    @property
    def config(self) -> bytes:
        """The image's configuration; its SHA-256 is the image's id in Docker's classic store."""
        settings = dict(self.settings)
        settings["Labels"] = {**settings["Labels"], INPUTS: self.inputs}
        return _json({**self._frame(), "config": settings})

    @property
    def inputs(self) -> str:
        """A digest of all that makes the image. It is the same in stores that give the image another id."""
        return sha256_of(_json({**self._frame(), "config": self.settings}))

    def _frame(self) -> dict[str, Any]:
        diff_ids = [*self.base.diff_ids, *(f"sha256:{layer.digest}" for layer in self.layers)]
        made_by = [f"FROM {self.base.name}"] * len(self.base.diff_ids) + [layer.made_by for layer in self.layers]
        return {
            "architecture": self.base.architecture,
            "os": "linux",
            "created": self.created,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": [{"created": self.created, "created_by": each} for each in made_by],
        }


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A layer as it stands in an archive; without ``path`` the engine is trusted to have it."""

    digest: str
    n_bytes: int
    path: Path | None = None
    compressed: bool = False


def load(client: docker.DockerClient, plan: Plan, folder: Path, tick: Tick) -> None:
    """Bring the planned image into the engine, in the first of three ways that it takes.

    An archive without the layers that the engine has; the whole archive; the classic builder, whose images get
    another id each time. ``folder`` takes temporary files. Raises ``EngineRefused``.
    """
    try:
        return load_difference(client, plan, tick)
    except EngineRefused:
        pass
    try:
        return load_whole(client, plan, folder, tick)
    except EngineRefused:
        return build_classically(client, plan, tick)


def load_difference(client: docker.DockerClient, plan: Plan, tick: Tick) -> None:
    """Load an archive that leaves out the base's layers and those of ours that some image in the engine has."""
    present = _present(client, plan)
    base = [Blob(digest=diff_id.removeprefix("sha256:"), n_bytes=0) for diff_id in plan.base.diff_ids]
    ours = [
        Blob(digest=layer.digest, n_bytes=layer.n_bytes, path=None if number < present else layer.path)
        for number, layer in enumerate(plan.layers)
    ]
    _send(client, plan, [*base, *ours], tick)


def _present(client: docker.DockerClient, plan: Plan) -> int:
    """Return how many of the plan's layers the engine has on top of the base, from the bottom."""
    wanted = [*plan.base.diff_ids, *(f"sha256:{layer.digest}" for layer in plan.layers)]
    most = len(plan.base.diff_ids)
    for image in client.images.list(filters={"label": "mlops.manifest"}):
        layers = image.attrs["RootFS"].get("Layers") or []
        same = next((n for n, (a, b) in enumerate(zip(layers, wanted, strict=False)) if a != b), None)
        most = max(most, min(len(layers), len(wanted)) if same is None else same)
    return most - len(plan.base.diff_ids)


def load_whole(client: docker.DockerClient, plan: Plan, folder: Path, tick: Tick) -> None:
    """Load an archive with every layer in it; the base's come out of the engine first."""
    saved = folder / "base.tar"
    with saved.open("wb") as file:
        for chunk in client.api.get_image(plan.base.id, chunk_size=CHUNK):
            file.write(chunk)
            tick()
    base = list(_unpack_layers(saved, folder))
    saved.unlink()
    ours = [Blob(digest=layer.digest, n_bytes=layer.n_bytes, path=layer.path) for layer in plan.layers]
    _send(client, plan, [*base, *ours], tick)


def _unpack_layers(saved: Path, folder: Path) -> Iterator[Blob]:
    """Yield the layers of a saved image, in order, each in a file of its own."""
    with tarfile.open(saved) as archive:
        listing = archive.extractfile("manifest.json")
        assert listing is not None
        for number, name in enumerate(json.load(listing)[0]["Layers"]):
            source = archive.extractfile(name)
            assert source is not None
            path, digest = folder / f"base-{number}", hashlib.sha256()
            with path.open("wb") as file:
                while chunk := source.read(CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
            with path.open("rb") as file:
                compressed = file.read(2) == b"\x1f\x8b"
            yield Blob(digest=digest.hexdigest(), n_bytes=path.stat().st_size, path=path, compressed=compressed)


def _send(client: docker.DockerClient, plan: Plan, blobs: Sequence[Blob], tick: Tick) -> None:
    import docker
    import requests

    def stream() -> Iterator[bytes]:
        for block in tar_stream(members(plan.config, plan.tags, blobs)):
            tick()
            yield block

    try:
        # The engine reports a failed load as an event, not as a status.
        for event in client.api.load_image(stream()):  # type: ignore[no-untyped-call]  # the stubs leave it out
            tick()
            if "error" in event:
                raise EngineRefused("load the image", event["error"])
    except (docker.errors.APIError, requests.RequestException) as error:
        raise EngineRefused("load the image", error) from error


def image_manifest(config: bytes, blobs: Sequence[Blob]) -> bytes:
    """Return OCI's manifest of an image: where its configuration and its layers are, from the bottom."""
    return _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor("config.v1+json", sha256_of(config), len(config)),
            "layers": [
                _descriptor(f"layer.v1.tar{'+gzip' * blob.compressed}", blob.digest, blob.n_bytes) for blob in blobs
            ],
        }
    )


def members(config: bytes, tags: Sequence[str], blobs: Sequence[Blob]) -> Iterator[Member]:
    """Yield an archive that is both an OCI layout and what ``docker save`` writes, so that either store reads it."""
    manifest = image_manifest(config, blobs)
    top = _descriptor("manifest.v1+json", sha256_of(manifest), len(manifest))
    names = [{"io.containerd.image.name": f"docker.io/{tag}"} for tag in tags]
    yield Member(name="oci-layout", content=b'{"imageLayoutVersion":"1.0.0"}')
    yield Member(
        name="index.json",
        content=_json({"schemaVersion": 2, "manifests": [top | {"annotations": name} for name in names]}),
    )
    yield Member(
        name="manifest.json",
        content=_json(
            [
                {
                    "Config": f"blobs/sha256/{sha256_of(config)}",
                    "RepoTags": list(tags),
                    "Layers": [f"blobs/sha256/{blob.digest}" for blob in blobs],
                }
            ]
        ),
    )
    for content in (config, manifest):
        yield Member(name=f"blobs/sha256/{sha256_of(content)}", content=content)
    written = set()
    for blob in blobs:
        if blob.path and blob.digest not in written:
            written.add(blob.digest)
            yield Member(name=f"blobs/sha256/{blob.digest}", content=blob.path)


def build_classically(client: docker.DockerClient, plan: Plan, tick: Tick) -> None:
    """Build by a Dockerfile, for engines that load no archives."""
    import docker
    import requests

    settings = json.loads(plan.config)["config"]
    lines = [f"FROM {plan.base.id}"]
    lines += [f"ADD {number}.tar /" for number in range(len(plan.layers))]
    lines += [f"ENV {key}={_quoted(value)}" for key, _, value in (each.partition("=") for each in settings["Env"])]
    lines += [f"LABEL {_quoted(key)}={_quoted(value)}" for key, value in settings["Labels"].items()]
    lines += [f"EXPOSE {port}" for port in settings["ExposedPorts"]]
    lines += [f"HEALTHCHECK CMD {json.dumps(settings['Healthcheck']['Test'][1:])}"]
    lines += [f"USER {settings['User']}", f"WORKDIR {settings['WorkingDir']}", "CMD []"]
    lines += [f"ENTRYPOINT {json.dumps(settings['Entrypoint'])}"]
    members = [Member(name="Dockerfile", content="\n".join(lines).encode())]
    members += [Member(name=f"{number}.tar", content=layer.path) for number, layer in enumerate(plan.layers)]
    first, *others = plan.tags
    try:
        # The SDK asks for a file, and hands it on to requests, which takes a stream as well.
        context: Any = tar_stream(members)
        for event in client.api.build(
            fileobj=context, custom_context=True, tag=first, rm=True, forcerm=True, decode=True
        ):
            tick()
            if "error" in event:
                raise EngineRefused("build the image", event["error"])
        for tag in others:
            client.images.get(first).tag(tag)
    except (docker.errors.APIError, requests.RequestException) as error:
        raise EngineRefused("build the image", error) from error


def _quoted(text: str) -> str:
    return json.dumps(text).replace("$", "\\$")


def _descriptor(kind: str, digest: str, n_bytes: int) -> dict[str, Any]:
    return {"mediaType": f"{OCI}.{kind}", "digest": f"sha256:{digest}", "size": n_bytes}


def sha256_of(content: bytes) -> str:
    """Return 64 digits."""
    return hashlib.sha256(content).hexdigest()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
