"""Services: a stable URL and two keys over a manifest that runs on a host."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

import msgspec

from jupyter_mlops.activities import cancel_activity
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, Conflict, MlopsError, Unavailable, UnknownThing
from jupyter_mlops.core.ids import check_name
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import plain
from jupyter_mlops.core.resources import Resources
from jupyter_mlops.core.service import Deployment, Limits, Service
from jupyter_mlops.delivery.calls import score
from jupyter_mlops.delivery.certificates import Given, install, renew
from jupyter_mlops.delivery.configuration import configured, publish_configuration
from jupyter_mlops.delivery.deployments import (
    ALL,
    DEPLOY,
    REMOVE,
    ROLLBACK,
    UPDATE,
    OneHost,
    Wanted,
    choose_name,
    find_deployment,
    remove_deployment,
    rollback,
    with_share,
)
from jupyter_mlops.delivery.keys import (
    Keys,
    Which,
    digests,
    forget_keys,
    fresh_keys,
    keep_keys,
    read_keys,
    replace_key,
)
from jupyter_mlops.delivery.logs import service_logs
from jupyter_mlops.delivery.manifests import manifest_for, show_manifest
from jupyter_mlops.delivery.placement import (
    BadReplicas,
    PortInUse,
    ServiceBusy,
    UnknownHost,
    check_kept_here,
    check_numbers,
    check_port,
    checked_host,
    elsewhere,
)
from jupyter_mlops.delivery.traffic import Mirrored, mirrored, set_mirror, set_traffic
from jupyter_mlops.ports import World

__all__ = [
    "BadReplicas",
    "Keys",
    "Mirrored",
    "PortInUse",
    "ServiceBusy",
    "UnknownHost",
    "activities_of",
    "configure",
    "delete_service",
    "deploy",
    "list_services",
    "mirrored",
    "regenerate_key",
    "remove_deployment",
    "rollback",
    "score",
    "service_keys",
    "service_logs",
    "set_mirror",
    "set_traffic",
    "show_service",
    "update",
    "with_withdrawn",
    "withdrawn_models",
]

DELETE: Final = "services.delete"


def deploy(
    world: World,
    name: str,
    model: str = "",
    *,
    manifest: str | None = None,
    deployment: str | None = None,
    traffic: int | None = None,
    host: str | None = None,
    bind: str | None = None,
    port: int = 0,
    replicas: int | None = None,
    resources: Resources | None = None,
    limits: Limits | None = None,
    settings: Mapping[str, object] | None = None,
    tls: bool = False,
    certificate: Given | None = None,
) -> Activity:
    """Ask the agent to serve a model (``NAME[:VERSION]``) or a manifest as service ``name``.

    A new service gets two keys and a port of its own for life. For one that exists it is an update: URL and keys
    stay, and nothing changes unless the new replicas are ready. Where an option is not given, a new service gets
    host ``process``, bind ``127.0.0.1``, a free port and one replica, and an existing one keeps what it has.

    ``deployment`` names the one to update, or a new one to add beside those that there are; ``traffic`` is its percent
    of the requests, of which a new one gets none unless it is the first. The others share the rest as they did.
    ``settings`` are those of ``configure``; for a service that exists they hold from now on, also where the update fails.
    So it is with HTTPS, by a ``certificate`` or, with ``tls``, a self-made one.

    Raises ``BadName``, ``UnknownThing``, ``UnknownHost``, ``Unavailable`` (the host does not answer), ``PortInUse``,
    ``BadReplicas``, ``BadTraffic``, ``WhichDeployment``, ``OneHost``, ``ServiceBusy``, and what making a manifest raises.
    """
    check_name("service", name)
    check_numbers(bind, port, replicas)
    fresh = configured(Service(name=name, host="", deployments=[], node=world.node), settings or {})
    known = _known(world, name)
    part = choose_name(known, deployment)
    if known is not None:
        _check_update(world, known, bind, port)
    _check_part(known, part, traffic, host)
    where = checked_host(world, host or (known.host if known else "process"))
    if known is None:
        check_port(world, bind or "127.0.0.1", port)
    wanted = Wanted(
        service=name,
        manifest=_chosen(world, name, model, manifest).ref,
        host=where,
        deployment=part,
        traffic=traffic,
        replicas=replicas,
        resources=resources,
        limits=limits,
    )
    if known is None:
        fresh = msgspec.structs.replace(fresh, host=where, bind=bind or "127.0.0.1", port=port)
        return _deploy_first(world, fresh, wanted, certificate, tls=tls)
    if settings:
        configure(world, name, settings)
    if certificate is not None or (tls and known.certificate is None):
        renew(world, name, certificate)
    verb = UPDATE if part in {one.name for one in known.deployments} else DEPLOY
    return world.submit(verb, f"service {name}", plain(wanted))


def update(
    world: World,
    name: str,
    model: str = "",
    *,
    manifest: str | None = None,
    deployment: str | None = None,
    replicas: int | None = None,
) -> Activity:
    """Ask the agent to let a deployment that exists serve another model or manifest, without a lost request.

    New replicas start beside the old ones; when all are ready and the manifest's own sample scores, the traffic moves,
    and the old ones stop when they have answered. If that fails, nothing changes and the activity says why. Raises
    ``UnknownThing``, ``UnknownDeployment``, and what ``deploy`` raises.
    """
    service = world.catalog.get(Service, name)
    part = find_deployment(service, choose_name(service, deployment)).name
    return deploy(world, name, model, manifest=manifest, deployment=part, replicas=replicas)


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
    check_kept_here(world, world.catalog.get(Service, name))
    service = world.catalog.edit(Service, name, lambda one: configured(one, changes), verb="configure")
    publish_configuration(world, service.name)
    return service


def regenerate_key(world: World, name: str, which: Which) -> Keys:
    """Replace one of a service's two keys and return both; replicas forget the old one within half a second.

    Nothing restarts, and the other key opens all along. Raises ``UnknownThing``, ``NoKeys`` and ``ServiceBusy``.
    """
    service = world.catalog.get(Service, name)
    check_kept_here(world, service)
    return replace_key(world, service.name, which)


def delete_service(world: World, name: str) -> Activity:
    """Ask the agent to stop a service and remove its gateway, replicas, keys and folder. Raises ``UnknownThing``."""
    service = world.catalog.get(Service, name)
    if service.node != world.node:
        raise elsewhere(service)
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
        if activity.verb in {DEPLOY, UPDATE, DELETE, REMOVE, ROLLBACK} and activity.args.get("service") == service
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


def _check_part(known: Service | None, part: str, traffic: int | None, host: str | None) -> None:
    """Say at once what the agent would say of a deployment's share and host."""
    parts = list(known.deployments) if known else []
    if known and host not in {None, known.host} and {one.name for one in parts} - {part}:
        raise OneHost(known, host or "")
    if part not in {one.name for one in parts}:
        parts.append(Deployment(name=part, manifest="", weight=0 if parts else ALL))
    if traffic is not None:
        with_share(parts, part, traffic)


def _check_update(world: World, known: Service, bind: str | None, port: int) -> None:
    check_kept_here(world, known)
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


def _deploy_first(world: World, service: Service, wanted: Wanted, certificate: Given | None, *, tls: bool) -> Activity:
    """Enter a service and ask for its first deployment; nothing of it stays where the agent cannot be asked."""
    if tls or certificate is not None:
        made = install(world, service.name, service.bind, certificate)
        service = msgspec.structs.replace(service, certificate=made)
    _reserve(world, service)
    try:
        return world.submit(DEPLOY, f"service {service.name}", plain(wanted))
    except BaseException:
        _release(world, service.name)
        raise


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
