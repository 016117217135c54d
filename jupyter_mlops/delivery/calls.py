"""Calling a service over HTTP: connections that are kept, its key, patience where it is full, and its errors as ours."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import ssl
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from jupyter_mlops.core.certificate import Certificate
from jupyter_mlops.core.errors import BadInput, Failed, Problem, Remote, Unavailable
from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.certificates import NamedConnection, known_as, trusting
from jupyter_mlops.delivery.keys import read_keys
from jupyter_mlops.ports import World

ANYWHERE: Final = "0.0.0.0"  # noqa: S104  # compared with, not bound
JSON: Final = "application/json"
PATIENCE_S: Final = 60.0
"""A service that is full is asked again for so long."""
_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FULL: Final = 429
_GRACE_S: Final = 5.0
"""A replica gives up after its own limit and says so; wait a little longer than that."""
_PAUSES_S: Final = (0.1, 30.0)
"""The shortest and the longest pause before a service is asked again, whatever it says itself."""


class ServiceDown(Unavailable):
    """A service does not answer."""

    code = "service-down"

    def __init__(self, endpoint: Endpoint, why: str) -> None:
        super().__init__(
            f"{endpoint.called} does not answer at {endpoint.url or 'any address yet'}: {why}.", hint=endpoint.hint
        )


class BadAnswer(Failed):
    """A service answered what cannot be read."""

    code = "bad-answer"


class BadAddress(BadInput):
    """What should be the address of a service is none."""

    code = "bad-address"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a service answers, and what opens it."""

    name: str = ""
    """Its name in the workspace; empty where only its address is known."""
    url: str
    """Without a trailing slash; empty where it has no address yet."""
    key: str = field(repr=False)
    timeout_s: float
    """How long one answer may take."""
    hint: str
    """What to do when it does not answer."""
    certificate: Certificate | None = None
    """The one that it has to show; ``None`` where any will do that the system trusts."""
    trust: ssl.SSLContext | None = None
    """What that certificate is checked against."""

    @property
    def called(self) -> str:
        """How a sentence begins that is about it."""
        return f"Service {self.name!r}" if self.name else "The service"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes

    @property
    def media(self) -> str:
        """The content type, without its settings."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def endpoint_of(world: World, name: str) -> Endpoint:
    """Return where a service of the workspace answers, with its primary key.

    Raises ``UnknownThing``, ``NoKeys``, and ``ServiceDown`` for one that has no address yet.
    """
    service = world.catalog.get(Service, name)
    endpoint = Endpoint(
        name=name,
        url=service.url.replace(f"//{ANYWHERE}:", "//127.0.0.1:", 1),
        key=read_keys(world, name).primary,
        timeout_s=service.limits.timeout_s + _GRACE_S,
        hint=f"See why with `mlops services show {name}` and `mlops services logs {name}`.",
        certificate=service.certificate,
        trust=trusting(world, service),
    )
    if not service.port:
        raise ServiceDown(endpoint, service.message.rstrip(".") or "it is being deployed")
    return endpoint


def score(world: World, name: str, body: bytes, content_type: str = JSON, *, patience_s: float = PATIENCE_S) -> Any:
    """Send a request body to a service of the workspace and return its answer, decoded from JSON.

    While the service is full it is asked again, for ``patience_s``. Raises ``UnknownThing``, ``NoKeys``, ``ServiceDown``,
    ``BadAnswer``, and ``Remote`` with the service's own error.
    """
    with contextlib.closing(Caller(lambda: endpoint_of(world, name), patience_s=patience_s)) as caller:
        return caller.decoded(caller.score(body, content_type))


class Caller:
    """Asks one service. Safe to use from several threads; connections are kept for the next request."""

    def __init__(
        self,
        find: Callable[[], Endpoint],
        *,
        patience_s: float = PATIENCE_S,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """``find`` is called for the first request, and again where the key that it gave is refused.

        Every request carries ``headers``.
        """
        self._find = find
        self._headers = dict(headers or {})
        self._patience_s = patience_s
        self._endpoint: Endpoint | None = None
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._lock = threading.Lock()
        weakref.finalize(self, _close, self._idle)  # who asks from a notebook does not close

    @property
    def endpoint(self) -> Endpoint:
        """Where the service answers. Raises what finding it raises."""
        with self._lock:
            if self._endpoint is None:
                self._endpoint = self._find()
            return self._endpoint

    def close(self) -> None:
        """Close the connections that are kept."""
        _close(self._idle)

    def score(
        self,
        body: bytes,
        media: str = JSON,
        *,
        accept: str = JSON,
        path: str = "/score",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a body to be scored, again and again while the service is full; return the answer of status 200.

        Raises ``ServiceDown``, ``BadAnswer``, and ``Remote`` with the service's own error.
        """
        answer = self.tried(body, media, accept=accept, path=path, headers=headers)
        if answer.status != _OK:
            raise self.refused(answer)
        return answer

    def tried(
        self,
        body: bytes,
        media: str = JSON,
        *,
        accept: str = JSON,
        path: str = "/score",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a body to be scored as ``score`` does; return the last answer, whatever its status. Raises ``ServiceDown``."""
        until = time.monotonic() + self._patience_s
        headers = {**(headers or {}), "content-type": media, "accept": accept}
        fresh = False
        while True:
            endpoint = self.endpoint
            answer = self.ask("POST", path, body, {**headers, "authorization": f"Bearer {endpoint.key}"})
            if answer.status == _FULL and (pause_s := _pause_s(answer)) < until - time.monotonic():
                time.sleep(pause_s)
            elif answer.status == _UNAUTHORIZED and not fresh:
                fresh = True
                if not self._moved(endpoint):
                    return answer
            else:
                return answer

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and return the answer, whatever its status. Raises ``ServiceDown``."""
        endpoint = self.endpoint
        while True:
            kept = self._taken()
            connection = kept or _connected(endpoint)
            try:
                connection.request(
                    method, urlsplit(endpoint.url).path + path, body, {**self._headers, **(headers or {})}
                )
                answer = connection.getresponse()
                content = answer.read()
            except TimeoutError as error:
                connection.close()
                raise ServiceDown(endpoint, f"no answer within {endpoint.timeout_s:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if kept is not None and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                    continue  # the service ended a connection that was idle, as any server does
                why = getattr(error, "strerror", None) or str(error) or type(error).__name__
                raise ServiceDown(endpoint, why) from error
            if answer.will_close:
                connection.close()
            else:
                self._idle.append(connection)
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(status=answer.status, headers=found, body=content)

    def decoded(self, answer: Answer) -> Any:
        """Return an answer's JSON. Raises ``BadAnswer``."""
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise BadAnswer(f"{self.endpoint.called} answered what is no JSON: {error}.") from error

    def _taken(self) -> http.client.HTTPConnection | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None

    def _moved(self, known: Endpoint) -> bool:
        """Look again where the service is; tell whether it is elsewhere or has another key."""
        found = self._find()
        with self._lock:
            self._endpoint = found
        return found != known

    def refused(self, answer: Answer) -> Exception:
        """Return the error that an answer of another status than 200 tells of."""
        endpoint = self.endpoint
        if answer.media != "application/problem+json":
            return ServiceDown(endpoint, f"its gateway answered {answer.status}, so no replica is ready")
        try:
            problem = decode(answer.body, Problem)
        except msgspec.MsgspecError:
            return BadAnswer(f"{endpoint.called} answered an error that cannot be read: {answer.body[:200]!r}.")
        # The replica knows neither its address nor its service's name; whoever reads the hint here is not beside it.
        hint = problem.hint.replace("/openapi.json", f"{endpoint.url}/openapi.json", 1)
        hint = hint.replace(" NAME`", f" {endpoint.name or 'NAME'}`")
        return Remote(msgspec.structs.replace(problem, hint=hint))


def _close(connections: deque[http.client.HTTPConnection]) -> None:
    while connections:
        connections.pop().close()


def _pause_s(answer: Answer) -> float:
    """Return how long to wait: what the service says, and a little more, so that those who wait do not come together."""
    try:
        told = float(answer.headers.get("retry-after", ""))
    except ValueError:
        told = 1.0  # a date, or nothing
    shortest, longest = _PAUSES_S
    return min(max(told, shortest), longest) * random.uniform(1.0, 1.5)  # noqa: S311 - no secret


def _connected(endpoint: Endpoint) -> http.client.HTTPConnection:
    """Return a connection that will be made with the first request. Raises ``BadAddress``."""
    try:
        parts = urlsplit(endpoint.url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"{endpoint.url!r} is no address of a service: {error}.", hint=_ADDRESS) from error
    if not host or parts.scheme not in {"http", "https"}:
        raise BadAddress(f"{endpoint.url!r} is no address of a service.", hint=_ADDRESS)
    if endpoint.certificate is not None and endpoint.trust is not None:
        name = known_as(endpoint.certificate, host)
        return NamedConnection(host, port, name=name, timeout=endpoint.timeout_s, context=endpoint.trust)
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=endpoint.timeout_s, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, port, timeout=endpoint.timeout_s)


_ADDRESS: Final = "Give one such as http://127.0.0.1:8080."
