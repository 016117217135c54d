"""REST: services."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import msgspec

from jupyter_mlops.core import service as core
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import encode
from jupyter_mlops.delivery import scaling, services
from jupyter_mlops.delivery.calls import JSON, Caller, endpoint_of
from jupyter_mlops.delivery.certificates import Given, Trust, renew, show_certificate
from jupyter_mlops.delivery.clients import ClientProgram, Example, Language, client_program, service_example
from jupyter_mlops.monitoring.telemetry import Request, list_requests
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Most
from jupyter_mlops.server.row import Body, Passed, Raw

PROBLEM: Final = "application/problem+json"
_PASSED_ON: Final = ("x-mlops-deployment", "x-request-id", "retry-after")


class WantedLimits(core.Limits, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one replica shall accept."""


class ConfigureTelemetry(Body, frozen=True, kw_only=True):
    """What to change of a service's telemetry. What is left out stays as it is."""

    enabled: bool | None = None
    sample: float | None = None
    hash: list[str] | None = None
    drop: list[str] | None = None
    store: str | None = None
    keep_days: int | None = None


class ConfigureService(Body, frozen=True, kw_only=True):
    """What to change of a service while it runs. What is left out stays as it is."""

    max_concurrent: int | None = None
    max_queue: int | None = None
    max_batch: int | None = None
    max_body_bytes: int | None = None
    timeout_s: float | None = None
    log_level: str | None = None
    otlp_endpoint: str | None = None
    telemetry: ConfigureTelemetry | None = None


class GivenCertificate(Given, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A certificate to show, and its key."""


class RenewCertificate(Body, frozen=True, kw_only=True):
    """Which certificate to show from now on: a given one, else a fresh self-made one."""

    certificate: GivenCertificate | None = None


class DeployService(Body, frozen=True, kw_only=True):
    """What to serve under a name, a ``model`` or a ``manifest``. What is left out stays as it is; a new service gets the defaults."""

    name: str
    model: str = ""
    """``NAME[:VERSION]``."""
    manifest: str | None = None
    """``NAME[:VERSION]``, where the model's own will not do."""
    deployment: str | None = None
    """The one to update, or a new one beside those that there are; may be left out where there is one."""
    traffic: int | None = None
    """Percent of the requests that it gets; a new one none, unless it is the first."""
    host: str | None = None
    bind: str | None = None
    port: int = 0
    """0: a free one, or the one that it has."""
    replicas: int | None = None
    cpus: float | None = None
    """Processors for each replica; 0 is no limit."""
    memory: str | None = None
    """For each replica, such as ``512m`` or ``2g``; ``0`` is no limit."""
    gpus: int | None = None
    """For each replica."""
    limits: WantedLimits | None = None
    settings: ConfigureService | None = None
    """What ``PATCH`` takes; it holds from now on, also where an update fails."""
    tls: bool = False
    """Speak HTTPS, with a self-made certificate unless one is given."""
    certificate: GivenCertificate | None = None


class Service(core.Service, frozen=True, kw_only=True):
    """Desired state, beside it what the agent last saw, and where it answers."""

    url: str = ""
    """Without a trailing slash; empty until it has a port."""


def with_url(service: core.Service) -> Service:
    """Return a service with its address, which its record does not hold."""
    return Service(**msgspec.structs.asdict(service), url=service.url)


def list_services(world: World) -> Sequence[Service]:
    """List services."""
    return [with_url(service) for service in services.list_services(world)]


def show_service(world: World, name: str) -> Service:
    """Show a service."""
    return with_url(services.show_service(world, name))


def deploy_service(world: World, body: DeployService) -> Activity:
    """Deploy a model as a service, or update the service of that name."""
    limits = None if body.limits is None else core.Limits(**msgspec.structs.asdict(body.limits))
    return services.deploy(
        world,
        body.name,
        body.model,
        manifest=body.manifest,
        deployment=body.deployment,
        traffic=body.traffic,
        host=body.host,
        bind=body.bind,
        port=body.port,
        replicas=body.replicas,
        resources=scaling.wanted_resources(world, body.name, body.deployment, body.cpus, body.memory, gpus=body.gpus),
        limits=limits,
        settings=_changes(body.settings or ConfigureService()),
        tls=body.tls,
        certificate=body.certificate,
    )


def _changes(body: ConfigureService) -> dict[str, Any]:
    return {
        **_given(msgspec.structs.replace(body, telemetry=None)),
        **_given(body.telemetry or ConfigureTelemetry(), prefix="telemetry."),
    }


def _given(body: Body, prefix: str = "") -> dict[str, Any]:
    return {prefix + name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}


def configure_service(world: World, name: str, body: ConfigureService) -> Service:
    """Change a service's limits, telemetry and logs while it runs."""
    return with_url(services.configure(world, name, _changes(body)))


def show_service_logs(
    world: World, name: str, *, tail: Most = 100, since: str | None = None, replica: str = "", deployment: str = ""
) -> Sequence[str]:
    """Show the last lines that a service's replicas wrote, as JSON, in the order of time."""
    return services.service_logs(world, name, tail, since=since, replica=replica, deployment=deployment)


def renew_certificate(world: World, name: str, body: RenewCertificate) -> Trust:
    """Let a service show another certificate; no connection is dropped for it."""
    renew(world, name, body.certificate)
    world.ensure_agent()
    return show_certificate(world, name)


def show_telemetry(world: World, name: str, *, since: str = "1h", limit: Most = 100) -> Sequence[Request]:
    """Show the newest requests that were kept of a service, oldest first."""
    return list_requests(world, name, since=since, newest=limit)


def score_service(world: World, name: str, body: Raw, *, deployment: str = "") -> Passed:
    """Send a body to a service, with its key, and pass its answer on; that it is full or refuses, too.

    ``deployment`` calls one directly. The headers say which one answered (``x-mlops-deployment``), under which id
    (``x-request-id``), and how long it took as seen from here (``server-timing``).
    """
    chosen = {"x-mlops-deployment": deployment} if deployment else {}
    with contextlib.closing(Caller(lambda: endpoint_of(world, name), patience_s=0, headers=chosen)) as caller:
        return _passed(caller, body)


def _passed(caller: Caller, body: Raw) -> Passed:
    _ = caller.endpoint  # it and the key are looked up before the time counts
    began = time.perf_counter()
    answer = caller.tried(body.data, body.content_type or JSON)
    headers = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    headers["server-timing"] = f"service;dur={(time.perf_counter() - began) * 1e3:.3f}"
    if answer.status == HTTPStatus.OK:
        return Passed(status=answer.status, data=answer.body, media=answer.media or JSON, headers=headers)
    error = caller.refused(answer)
    if not isinstance(error, MlopsError):
        raise error
    problem = error.problem()
    return Passed(status=problem.status, data=encode(problem), media=PROBLEM, headers=headers)


def show_example(world: World, name: str, *, deployment: str = "") -> Example:
    """Return a body that a service scores, of the deployment that most of the traffic goes to unless one is named."""
    return service_example(world, name, deployment)


def show_client(world: World, name: str, language: Language) -> ClientProgram:
    """Return a program that calls a service; it takes the key from a variable of the environment."""
    return client_program(world, name, language)
