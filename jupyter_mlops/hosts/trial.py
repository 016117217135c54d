"""A container on trial: started from an image as a replica would be, and removed whatever happens."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.hosts.docker import SCRATCH
from jupyter_mlops.hosts.engine import WORKSPACE, Engine
from jupyter_mlops.hosts.image import KEYS, PORT
from jupyter_mlops.hosts.limiting import threads
from jupyter_mlops.hosts.shipping import ImageRemoved

if TYPE_CHECKING:
    import docker

SHOWN: Final = 3
MOST: Final = 500
"""Of what a container wrote, lines and characters that an error repeats."""


class Container:
    """A container that runs, or has ended."""

    def __init__(self, engine: Engine, container_id: str, address: str) -> None:
        self._engine, self._id = engine, container_id
        self.address = address
        """``127.0.0.1:PORT``."""

    def ended(self) -> str:
        """Return the last line that it wrote if it has ended; empty while it runs."""
        with self._engine.asked_to("look at the container") as client:
            if client.api.inspect_container(self._id)["State"]["Running"]:
                return ""
            lines = self._lines(client)
        return lines[-1].removeprefix("mlops: ") if lines else "it wrote nothing."

    def said(self) -> str:
        """Return its last lines as one."""
        with self._engine.asked_to("look at the container") as client:
            return " / ".join(self._lines(client)[-SHOWN:])[-MOST:]

    def _lines(self, client: docker.DockerClient) -> list[str]:
        lines = bytes(client.api.logs(self._id, tail=20)).decode(errors="replace").split("\n")
        return [line.strip() for line in lines if line.strip() and not line.startswith("Hint: ")]


@contextlib.contextmanager
def running(engine: Engine, image: Image, digests: Sequence[str], workspace: str, scratch: Path) -> Iterator[Container]:
    """Give a container of the image that opens to keys of these digests. Raises ``ImageRemoved`` and the engine's errors."""
    import docker

    with tempfile.TemporaryDirectory(prefix="trial-", dir=scratch) as folder:
        keys = Path(folder, "keys")
        keys.mkdir(mode=0o755)  # the container's user is another one; the folder above lets nobody else in
        (keys / "digests.json").write_bytes(encode({"digests": list(digests)}))
        container_id = ""
        try:
            try:
                with engine.asked_to("start the container") as client:
                    container = client.containers.create(
                        image.image_id,
                        name=f"mlops-trial-{new_id()}",
                        labels={WORKSPACE: workspace, "mlops.trial": image.manifest},
                        environment=threads(Resources()),
                        ports={f"{PORT}/tcp": ("127.0.0.1", None)},  # type: ignore[dict-item]  # the stubs leave it out
                        mounts=[docker.types.Mount(KEYS, str(keys.resolve()), type="bind", read_only=True)],
                        read_only=True,
                        tmpfs=SCRATCH,
                        cap_drop=["ALL"],
                        security_opt=["no-new-privileges:true"],
                    )
                    container_id = str(container.id)
                    container.start()
                    ports = client.api.inspect_container(container_id)["NetworkSettings"]["Ports"]
            except docker.errors.ImageNotFound as error:
                raise ImageRemoved(image) from error
            # One that has ended already has no port any more; it is asked on none, and says why.
            port = (ports.get(f"{PORT}/tcp") or [{"HostPort": 0}])[0]["HostPort"]
            yield Container(engine, container_id, f"127.0.0.1:{port}")
        finally:
            if container_id:
                with contextlib.suppress(docker.errors.NotFound), engine.asked_to("remove the container") as client:
                    client.api.remove_container(container_id, force=True, v=True)
