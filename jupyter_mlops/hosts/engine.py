"""The Docker engine: how to reach it, and what to say when it does not answer."""

from __future__ import annotations

import os
import socket
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from jupyter_mlops.core.errors import Failed, Unavailable

if TYPE_CHECKING:
    import docker

PING_S = 5
"""How long a ping may take."""

WORKSPACE = "mlops.workspace"
"""The label that says whose an image or a container is."""


class NoEngine(Unavailable):
    """No Docker engine answers."""

    code = "no-docker-engine"

    def __init__(self, address: str, *, denied: bool = False) -> None:
        super().__init__(
            f"This user may not talk to the Docker engine at {address}."
            if denied
            else f"No Docker engine answers at {address}.",
            hint="Join the engine's group with `sudo usermod -aG docker $USER` and log in again, or use `--host process`."
            if denied
            else "Start Docker (`docker version` tells whether it answers) or set DOCKER_HOST, or use `--host process`.",
        )


class EngineRefused(Failed):
    """The Docker engine answers, but does not do what it was asked."""

    code = "docker-refused"

    def __init__(self, what: str, why: object) -> None:
        super().__init__(f"The Docker engine did not {what}: {explanation(why)}.")


class Way(Protocol):
    """How an engine is reached."""

    def connect(self) -> docker.DockerClient:
        """Return a client of an engine that answers. Raises ``NoEngine``, or another ``Unavailable`` that says more."""

    def hold(self) -> None:
        """See, before each call, that the way is open. Cheap when it is. Raises as ``connect`` does."""

    def lost(self, error: Exception) -> Unavailable:
        """Return what to say when a call breaks off with an error of docker's or of a library below it."""


class Local:
    """The engine that the docker command would use."""

    def connect(self) -> docker.DockerClient:
        """Return a client of an engine that answers. Raises ``NoEngine``."""
        _knock(_address())
        import docker

        return greeted(lambda: docker.from_env(timeout=PING_S), self.lost)

    def hold(self) -> None:
        """Do nothing: the engine listens or not."""

    def lost(self, error: Exception) -> NoEngine:  # noqa: ARG002  # whatever it is, nobody answered
        """Return that it does not answer."""
        return NoEngine(_address())


def greeted(make: Callable[[], docker.DockerClient], lost: Callable[[Exception], Unavailable]) -> docker.DockerClient:
    """Return a client whose engine has answered. Raises what ``lost`` returns."""
    import docker
    import requests

    client = None
    try:
        client = make()
        client.ping()
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        if client is not None:
            client.close()
        raise lost(error) from error
    return client


class Engine:
    """An engine, reached for at the first use."""

    def __init__(self, *, patience_s: int, way: Way | None = None) -> None:
        """``patience_s`` is how long the engine may be silent during a call; the way is the docker command's own."""
        self._patience_s = patience_s
        self._way = way or Local()
        self._client: docker.DockerClient | None = None

    @contextmanager
    def asked_to(self, what: str) -> Iterator[docker.DockerClient]:
        """Give the client for a block that does ``what``; in it only docker's NotFound is the caller's to handle.

        Raises ``NoEngine`` and ``EngineRefused`` for everything else that goes wrong between us and the engine.
        """
        import docker
        import requests

        self._way.hold()
        if self._client is None:
            self._client = self._connect()
        try:
            yield self._client
        except docker.errors.NotFound:
            raise
        except docker.errors.APIError as error:
            raise EngineRefused(what, error) from error
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise self._way.lost(error) from error

    def version(self) -> str:
        """Return ``Docker 26.1``. Raises ``NoEngine``."""
        with self.asked_to("tell its version") as client:
            return "Docker " + ".".join(client.version()["Version"].split(".")[:2])

    def _connect(self) -> docker.DockerClient:
        client = self._way.connect()
        client.api.timeout = self._patience_s
        weakref.finalize(self, client.close)
        return client


def _knock(address: str) -> None:
    """Raise ``NoEngine`` where nobody listens: the SDK says less of why, and leaves its socket open."""
    if not address.startswith("unix://"):
        return
    with socket.socket(socket.AF_UNIX) as knocker:
        knocker.settimeout(PING_S)
        try:
            knocker.connect(address.removeprefix("unix://"))
        except OSError as error:
            raise NoEngine(address, denied=isinstance(error, PermissionError)) from error


def explanation(error: object) -> str:
    """Return the engine's own words, in one line, without a full stop."""
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split()).rstrip(".")


def _address() -> str:
    if address := os.environ.get("DOCKER_HOST"):
        return address
    from docker.context import ContextAPI

    context = ContextAPI.get_current_context()
    return str(context.Host) if context and context.Host else "unix:///var/run/docker.sock"
