"""Services: a stable URL and two keys over a manifest that runs on a host."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from collections.abc import Mapping
from typing import Final

import msgspec

from jupyter_mlops.activities import cancel_activity
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, Conflict, MlopsError, Unavailable, UnknownThing
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import HostName, Limits, Service
from jupyter_mlops.delivery.calls import score
from jupyter_mlops.delivery.configuration import configured, publish_configuration
from jupyter_mlops.delivery.keys import (
    Keys,
    Which,
    digests,
    forget_keys,
    fresh_keys,
    keep_keys,
    read_keys,
    replace_key,
    service_folder,
)
from jupyter_mlops.delivery.manifests import manifest_for, show_manifest
from jupyter_mlops.ports import World

__all__ = [
    "Keys",
    "activities_of",
    "configure",
    "delete_service",
    "deploy",
    "list_services",
    "regenerate_key",
    "score",
    "service_keys",
    "service_logs",
    "show_service",
    "with_withdrawn",
    "withdrawn_models",
]

DEPLOY: Final = "services.deploy"
DELETE: Final = "services.delete"
MOST_REPLICAS: Final = 64
_HIGHEST_PORT: Final = 65_535


class BadReplicas(BadInput):
    """A number of replicas that makes no sense."""

    code = "bad-replicas"


class UnknownHost(BadInput):
    """No such host."""

    code = "unknown-host"


class PortInUse(Conflict):
    """Something answers on the port already."""

    code = "port-taken"


class ServiceBusy(Conflict):
    """The service is being deleted, or is kept elsewhere."""

    code = "service-busy"


def deploy(
    world: World,
    name: str,
    model: str = "",
    *,
    manifest: str | None = None,
    host: str | None = None,
    bind: str | None = None,
    port: int = 0,
    replicas: int | None = None,
    limits: Limits | None = None,
) -> Activity:
    """Ask the agent to serve a model (``NAME[:VERSION]``) or a manifest as service ``name``.

    A new service gets two keys and a port of its own for life. For one that exists it is an update: URL and keys
    stay, and nothing changes unless the new replicas are ready. Where an option is not given, a new service gets
    host ``process``, bind ``127.0.0.1``, a free port and one replica, and an existing one keeps what it has.

    Raises ``BadName``, ``UnknownThing``, ``UnknownHost``, ``Unavailable`` (the host does not answer), ``PortInUse``,
    ``BadReplicas``, ``ServiceBusy``, and what making a manifest raises.
    """
    check_name("service", name)
    _check_numbers(bind, port, replicas)
    known = _known(world, name)
    if known is not None:
        _check_update(world, known, bind, port)
    where = _checked_host(world, host or (known.host if known else "process"))
    if known is None:
        _check_port(world, bind or "127.0.0.1", port)
    chosen = _chosen(world, name, model, manifest)
    wanted = {
        "service": name,
        "manifest": chosen.ref,
        "host": where,
        "replicas": replicas or (known.deployments[0].replicas if known and known.deployments else 1),
        "limits": None if limits is None else msgspec.to_builtins(limits),
    }
    if known is not None:
        return world.submit(DEPLOY, f"service {name}", wanted)
    _reserve(
        world, Service(name=name, host=where, deployments=[], bind=bind or "127.0.0.1", port=port, node=world.node)
    )
    try:
        return world.submit(DEPLOY, f"service {name}", wanted)
    except BaseException:
        _release(world, name)
        raise


def list_services(world: World) -> list[Service]:
    """Return the services by name, as the agent last saw them."""
    return sorted(world.catalog.find(Service), key=lambda one: one.name)


def show_service(world: World, name: str) -> Service:
    """Return a service. Its message also says when its model is gone from the registry. Raises ``UnknownThing``."""
    service = world.catalog.get(Service, name)
    try:
        withdrawn = withdrawn_models(world, service)
    except Unavailable:
        return service  # whether the registry answers is not the service's state
    message = with_withdrawn(service.message, withdrawn)
    return service if message == service.message else msgspec.structs.replace(service, message=message)


def withdrawn_models(world: World, service: Service) -> list[str]:
    """Return the service's model versions that another MLflow client deleted from the registry."""
    gone: list[str] = []
    for deployment in service.deployments:
        for model in show_manifest(world, deployment.manifest).models:
            ref = f"{model.name}:{model.version}"
            try:
                world.tracking.model_version(ref)
            except UnknownThing:
                gone.append(ref)
    return gone


def with_withdrawn(message: str, withdrawn: list[str]) -> str:
    """Return a service's message with a sentence on models that are gone from the registry."""
    kept = message.partition(_GONE)[0].strip()
    return f"{kept} {_GONE}{' and '.join(withdrawn)}; {_GOES_ON}".strip() if withdrawn else kept


_GONE: Final = "Deleted from the model registry: "
_GOES_ON: Final = "the service goes on from its manifest's own copy."


def service_keys(world: World, name: str) -> Keys:
    """Return a service's keys in clear. Raises ``UnknownThing`` and ``NoKeys``."""
    return read_keys(world, world.catalog.get(Service, name).name)


def configure(world: World, name: str, changes: Mapping[str, object]) -> Service:
    """Change a service's limits and log level; running replicas take them over within half a second.

    Nothing restarts, and replicas that start later have them too. ``changes`` are by the names in
    ``configuration.SETTINGS``. Raises ``UnknownThing``, ``UnknownSetting``, ``BadSetting`` and ``ServiceBusy``.
    """
    _check_kept_here(world, world.catalog.get(Service, name))
    service = world.catalog.edit(Service, name, lambda one: configured(one, changes), verb="configure")
    publish_configuration(world, service.name)
    return service


def regenerate_key(world: World, name: str, which: Which) -> Keys:
    """Replace one of a service's two keys and return both; replicas forget the old one within half a second.

    Nothing restarts, and the other key opens all along. Raises ``UnknownThing``, ``NoKeys`` and ``ServiceBusy``.
    """
    service = world.catalog.get(Service, name)
    _check_kept_here(world, service)
    return replace_key(world, service.name, which)


def service_logs(world: World, name: str, tail: int = 100) -> list[str]:
    """Return the last lines of each replica's log, oldest first; of replicas that are gone where none runs."""
    service = world.catalog.get(Service, name)
    host = world.hosts[service.host]
    replicas = sorted((one for one in host.replicas() if one.service == name), key=lambda one: one.started_at)
    if len(replicas) == 1:
        return host.logs(replicas[0], tail)
    if replicas:
        return [f"{one.id}: {line}" for one in replicas for line in host.logs(one, tail)]
    files = sorted(service_folder(world, name).glob("logs/*.log"), key=lambda file: file.stat().st_mtime)
    return files[-1].read_text(encoding="utf-8", errors="replace").splitlines()[-tail:] if files else []


def delete_service(world: World, name: str) -> Activity:
    """Ask the agent to stop a service and remove its gateway, replicas, keys and folder. Raises ``UnknownThing``."""
    service = world.catalog.get(Service, name)
    if service.node != world.node:
        raise _elsewhere(service)
    for activity in activities_of(world, name):
        with contextlib.suppress(Conflict):  # it ended meanwhile
            cancel_activity(world, activity.name)
    world.catalog.edit(
        Service, name, lambda one: msgspec.structs.replace(one, state="deleting", message="It is being deleted.")
    )
    return world.submit(DELETE, f"service {name}", {"service": name})


def activities_of(world: World, service: str) -> list[Activity]:
    """Return the activities on a service that are queued or running."""
    return [
        activity
        for state in ("queued", "running")
        for activity in world.catalog.find(Activity, state=state)
        if activity.verb in {DEPLOY, DELETE} and activity.args.get("service") == service
    ]


def _chosen(world: World, name: str, model: str, manifest: str | None) -> Manifest:
    if manifest is not None:
        return show_manifest(world, manifest)
    if not model:
        raise BadInput(
            f"Nothing says what service {name!r} should serve.", hint=f"Write `mlops services deploy {name} MODEL`."
        )
    return manifest_for(world, model)


def _known(world: World, name: str) -> Service | None:
    try:
        return world.catalog.get(Service, name)
    except UnknownThing:
        return None


def _check_numbers(bind: str | None, port: int, replicas: int | None) -> None:
    if replicas is not None and not 1 <= replicas <= MOST_REPLICAS:
        raise BadReplicas(f"{replicas} is no number of replicas.", hint=f"Use 1 to {MOST_REPLICAS}.")
    if not 0 <= port <= _HIGHEST_PORT:
        raise BadInput(f"{port} is no port.", hint="Use 1 to 65535, or 0 for a free one.")
    if bind is not None:
        try:
            ipaddress.IPv4Address(bind)
        except ValueError:
            raise BadInput(
                f"{bind!r} is no IPv4 address to answer on.", hint="Use 127.0.0.1, or 0.0.0.0 for every network."
            ) from None


def _check_update(world: World, known: Service, bind: str | None, port: int) -> None:
    _check_kept_here(world, known)
    if not known.deployments and activities_of(world, known.name):
        raise ServiceBusy(
            f"Service {known.name!r} is being deployed for the first time.",
            hint="Follow it with `mlops activities list`.",
        )
    if port not in {0, known.port} or bind not in {None, known.bind}:
        raise PortInUse(
            f"Service {known.name!r} keeps {known.bind}:{known.port} for life.",
            hint="Deploy under another name to have another address.",
        )


def _check_kept_here(world: World, service: Service) -> None:
    if service.node != world.node:
        raise _elsewhere(service)
    if service.state == "deleting":
        raise ServiceBusy(f"Service {service.name!r} is being deleted.", hint="Follow it with `mlops activities list`.")


def _check_port(world: World, bind: str, port: int) -> None:
    """Say at once what the gateway would say later."""
    if not port:
        return
    for other in list_services(world):
        if other.port == port and other.node == world.node:
            raise PortInUse(f"Port {port} belongs to service {other.name!r}.", hint="Leave out --port for a free one.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                why = PortInUse(f"Port {port} on {bind} is taken by another program.", hint="Leave out --port.")
                raise why from error
            raise BadInput(f"{bind}:{port} cannot be bound: {error.strerror}.", hint="Leave out --port.") from error


def _checked_host(world: World, host: str) -> HostName:
    if host not in world.hosts:
        known = ", ".join(sorted(world.hosts))
        raise UnknownHost(f"There is no host {host!r}.", hint=f"Use one of: {known}.")
    world.hosts[host].check()
    if world.hosts[host].runs_images:
        world.builder.check()
    return host


def _reserve(world: World, service: Service) -> None:
    """Enter the service, so that its name and port are its own from now on, and make its keys."""
    keys = fresh_keys()
    world.catalog.add(msgspec.structs.replace(service, key_digests=digests(keys), message="It is being deployed."))
    try:
        keep_keys(world, service.name, keys)
    except BaseException:
        _release(world, service.name)
        raise


def _release(world: World, name: str) -> None:
    try:
        forget_keys(world, name)
    except MlopsError:
        return  # the store that could not keep them
    finally:
        world.catalog.remove(Service, name)


def _elsewhere(service: Service) -> ServiceBusy:
    return ServiceBusy(
        f"Service {service.name!r} is kept by the agent on {service.node!r}.", hint="Run the command on that machine."
    )
