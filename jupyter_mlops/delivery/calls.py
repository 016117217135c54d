"""Calling a service: one request through its gateway with its primary key."""

from __future__ import annotations

import http.client
import json
from typing import Any, Final

import msgspec

from jupyter_mlops.core.errors import Failed, Problem, Remote, Unavailable
from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.keys import read_keys
from jupyter_mlops.ports import World

ANYWHERE: Final = "0.0.0.0"  # noqa: S104  # compared with, not bound
_OK: Final = 200
_GRACE_S: Final = 5.0
"""A replica gives up after its own limit and says so; wait a little longer than that."""


class ServiceDown(Unavailable):
    """A service does not answer."""

    code = "service-down"

    def __init__(self, service: Service, why: str) -> None:
        super().__init__(
            f"Service {service.name!r} does not answer at {service.url or 'any address yet'}: {why}.",
            hint=f"See why with `mlops services show {service.name}` and `mlops services logs {service.name}`.",
        )


class BadAnswer(Failed):
    """A service answered what cannot be read."""

    code = "bad-answer"


def score(world: World, name: str, body: bytes, content_type: str = "application/json") -> Any:
    """Send a request body to a service and return its answer, decoded from JSON.

    Raises ``UnknownThing``, ``NoKeys``, ``ServiceDown``, ``BadAnswer``, and ``Remote`` with the service's own error.
    """
    service = world.catalog.get(Service, name)
    if not service.port:
        raise ServiceDown(service, service.message.rstrip(".") or "it is being deployed")
    status, media, answer = _post(world, service, body, content_type)
    if status == _OK:
        try:
            return json.loads(answer)
        except ValueError as error:
            raise BadAnswer(f"Service {name!r} answered what is no JSON: {error}.") from error
    if media.startswith("application/problem+json"):
        raise Remote(_problem(service, answer))
    raise ServiceDown(service, f"its gateway answered {status}, so no replica is ready")


def _post(world: World, service: Service, body: bytes, content_type: str) -> tuple[int, str, bytes]:
    """Return status, content type and body of the answer."""
    headers = {"content-type": content_type, "authorization": f"Bearer {read_keys(world, service.name).primary}"}
    address = "127.0.0.1" if service.bind == ANYWHERE else service.bind
    connection = http.client.HTTPConnection(address, service.port, timeout=service.limits.timeout_s + _GRACE_S)
    try:
        connection.request("POST", "/score", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type", ""), answer.read()
    except TimeoutError as error:
        raise ServiceDown(service, f"no answer within {service.limits.timeout_s + _GRACE_S:.0f} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise ServiceDown(service, getattr(error, "strerror", None) or str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _problem(service: Service, answer: bytes) -> Problem:
    try:
        problem = decode(answer, Problem)
        # The replica knows neither its address nor its service's name; whoever reads the hint here is not beside it.
        hint = problem.hint.replace("/openapi.json", f"{service.url}/openapi.json", 1)
        hint = hint.replace(" NAME`", f" {service.name}`")
        return msgspec.structs.replace(problem, hint=hint)
    except msgspec.MsgspecError as error:
        raise BadAnswer(f"Service {service.name!r} answered an error that cannot be read: {answer[:200]!r}.") from error
