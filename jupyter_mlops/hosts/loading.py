"""How a planned image gets into a Docker engine, or into a file."""

from __future__ import annotations

import functools
import hashlib
import json
import tarfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.hosts.engine import EngineRefused
from jupyter_mlops.hosts.layers import CHUNK, Member, tar_stream
from jupyter_mlops.hosts.oci import Blob, members
from jupyter_mlops.hosts.plan import Plan
from jupyter_mlops.hosts.saved import opened, packed
from jupyter_mlops.hosts.wheels import Tick

if TYPE_CHECKING:
    import docker


def load(client: docker.DockerClient, plan: Plan, folder: Path, tick: Tick) -> None:
    """Bring the planned image into the engine, in the first of three ways that it takes.

    An archive without the layers that the engine has; the whole archive; the classic builder, whose images get
    another id each time. A base that is in an archive travels with the rest. ``folder`` takes temporary files.

    Raises ``EngineRefused`` or ``BadArchive``.
    """
    if plan.base.archive is not None:
        return _send(client, plan, packed_blobs(plan, folder, lambda _: tick()), tick)
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
    for one in client.api.images(filters={"label": "mlops.manifest"}):
        layers = client.images.get(one["Id"]).attrs["RootFS"].get("Layers") or []
        same = next((n for n, (a, b) in enumerate(zip(layers, wanted, strict=False)) if a != b), None)
        most = max(most, min(len(layers), len(wanted)) if same is None else same)
        if most >= len(wanted) - 1:  # as it is of a version before; each further look costs milliseconds
            break
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


def packed_blobs(plan: Plan, folder: Path, say: Callable[[str], None]) -> list[Blob]:
    """Return all layers of a plan whose base is in an archive, compressed in ``folder``. Raises ``BadArchive``."""
    assert plan.base.archive is not None
    with opened(plan.base.archive, plan.base.architecture) as saved:
        blobs = [
            saved.layer(number, folder / f"base-{number}", lambda: say("Checking the base image"))
            for number in range(saved.n_layers)
        ]
    for layer in plan.layers:
        with layer.path.open("rb") as source:
            line = f"Compressing the {layer.made_by}"
            blobs.append(packed(source, folder / layer.digest, functools.partial(say, line))[0])
    return blobs
