"""Rolling a manifest out to a service: all of it, or nothing that a client would notice."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from jupyter_mlops.agent.probe import ask, is_ready
from jupyter_mlops.agent.progress import Interrupted
from jupyter_mlops.core.errors import Failed, MlopsError, Problem, UnknownThing
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import Record, decode, encode
from jupyter_mlops.core.service import Deployment, HostName, Limits, Replica, Service
from jupyter_mlops.delivery.bundles import materialize
from jupyter_mlops.delivery.configuration import forget_configurations, publish_configuration
from jupyter_mlops.delivery.images import build_image
from jupyter_mlops.delivery.keys import forget_keys, publish_digests, read_keys, service_folder
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.ports import Backend, Host, ReplicaSpec, Route, Say, World

READY_S: Final = 300.0
"""A large model may take minutes to load."""
LOOK_EVERY_S: Final = 0.1
SAYS: Final = "mlops: "
HINT: Final = "Hint: "
"""How a replica begins the line of the error that ended it, and the line after."""
_OK: Final = 200


class NotReady(Failed):
    """A new replica ended, or did not become ready in time."""

    code = "replica-not-ready"


class SampleFailed(Failed):
    """A new replica does not score the manifest's own sample."""

    code = "sample-failed"


class Wanted(Record, frozen=True, kw_only=True):
    """What ``services.deploy`` was asked for: the activity's arguments."""

    service: str
    manifest: str
    host: HostName
    replicas: int
    limits: Limits | None = None
    """``None``: those that the service has when the traffic moves."""


def roll_out(world: World, wanted: Wanted, say: Say) -> dict[str, Any]:
    """Make ``wanted`` so; returns what the activity results in.

    New replicas start beside the old ones and take over when all are ready and have scored the manifest's sample.
    If that fails, an existing service stays as it is and of a new one nothing stays; the reason is raised.
    """
    service = world.catalog.get(Service, wanted.service)
    clear_strays(world, service, {service.host, wanted.host})
    try:
        done = _start(world, service, wanted, say)
    except BaseException as error:
        if not service.deployments and not isinstance(error, Interrupted):
            with contextlib.suppress(MlopsError, OSError):  # the reason matters more; the agent tries again later
                raze(world, service)
        raise
    for host_name in {service.host, wanted.host}:
        host = world.hosts[host_name]
        for old in replicas_of(host, service.name):
            if old.deployment != done.deployments[0].group:
                say("Letting the old replicas finish.", 0.95)
                host.stop(old)
    forget_configurations(world, done.name, _gone(service, done))
    return {"service": done.name, "url": done.url, "manifest": wanted.manifest}


def _start(world: World, service: Service, wanted: Wanted, say: Say) -> Service:
    """Start, prove and switch over; on any error what was started is stopped and the route is the old one."""
    say("Laying out the files.", 0.02)
    manifest, host = show_manifest(world, wanted.manifest), world.hosts[wanted.host]
    image = ""
    if host.runs_images:
        image = build_image(world, manifest.ref, lambda line, done: say(line, 0.05 + 0.55 * done)).image_id
    deployment = Deployment(
        name=_name(world, service, manifest), manifest=manifest.ref, replicas=wanted.replicas, image=image
    )
    limits = wanted.limits or service.limits
    new = msgspec.structs.replace(service, host=wanted.host, deployments=[deployment], limits=limits)
    started: list[Replica] = []
    with _undone_on_error(world, new, started):
        for number in range(1, wanted.replicas + 1):
            step = f"Starting replica {number} of {wanted.replicas}"
            say(step, 0.6)
            started.append(start_replica(world, new, deployment, lambda line: say(line, 0.6)))
        await_ready(host, manifest, started, say)
        prove(world, new, manifest, started[0], say)
        say("Moving the traffic.", 0.92)
        try:
            port = world.gateway.apply(route(new, {deployment.group: started}))
            done = world.catalog.edit(
                Service, service.name, lambda one: _switched(one, new, port, wanted.limits), verb="deploy"
            )
        except BaseException:
            _route_back(world, service)
            raise
    publish_configuration(world, done.name)  # it may have been changed while they started
    with contextlib.suppress(MlopsError):  # lineage can be found without it
        world.catalog.link(f"service:{service.name}", "deploys", f"manifest:{manifest.ref}")
    return done


def start_replica(world: World, service: Service, deployment: Deployment, say: Any) -> Replica:
    """Start one replica of a deployment; it is not ready yet."""
    manifest = show_manifest(world, deployment.manifest)
    folder = service_folder(world, service.name)
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    publish_digests(world, service.name)
    publish_configuration(world, service.name, {deployment.group: service.configuration})
    spec = ReplicaSpec(
        service=service.name,
        deployment=deployment.group,
        manifest=manifest,
        bundle=str(materialize(world, manifest)),
        image=deployment.image,
        folder=str(folder),
        limits=service.limits,
    )
    return world.hosts[service.host].start(spec, say)


def await_ready(host: Host, manifest: Manifest, replicas: Sequence[Replica], say: Say) -> None:
    """Wait until every replica is ready. Raises ``NotReady`` as soon as one ended, with the last line of its log."""
    deadline = time.monotonic() + READY_S
    waiting = list(replicas)
    while waiting:
        say(f"Waiting until {manifest.ref} is loaded.", 0.7)
        for replica in list(waiting):
            if is_ready(replica):
                waiting.remove(replica)
            elif not host.alive(replica):
                why, hint = last_words(host, replica)
                raise NotReady(f"A replica of {manifest.ref} ended before it was ready: {why}", hint=hint)
            elif time.monotonic() > deadline:
                raise NotReady(
                    f"A replica of {manifest.ref} was not ready within {READY_S:.0f} s: {last_words(host, replica)[0]}"
                )
        if waiting:
            time.sleep(LOOK_EVERY_S)


def prove(world: World, service: Service, manifest: Manifest, replica: Replica, say: Say) -> None:
    """Score the manifest's own sample on a new replica, with the service's key. Raises ``SampleFailed``."""
    if manifest.sample is None:
        return
    say("Scoring the sample.", 0.9)
    key = read_keys(world, service.name).primary
    try:
        body = encode(manifest.sample)
        status, answer = ask(replica, "POST", "/score", body, key=key, timeout_s=service.limits.timeout_s)
    except (OSError, http.client.HTTPException) as error:
        raise SampleFailed(f"{manifest.ref} gave no answer to its own sample: {error}.") from error
    if status != _OK:
        raise SampleFailed(
            f"{manifest.ref} does not score its own sample: {_detail(answer)}",
            hint="Fix the model, or give a sample that it scores: `mlops manifests create MODEL --sample FILE`.",
        )


def route(service: Service, ready: dict[str, list[Replica]]) -> Route:
    """Return what the service's gateway should do, given the ready replicas of each deployment."""
    return Route(
        service=service.name,
        bind=service.bind,
        port=service.port,
        backends=[
            Backend(
                deployment=deployment.name,
                weight=deployment.weight,
                addresses=sorted(one.address for one in ready.get(deployment.group, [])),
            )
            for deployment in service.deployments
        ],
    )


def replicas_of(host: Host, service: str) -> list[Replica]:
    """Return a service's replicas on a host, dead ones included."""
    return [one for one in host.replicas() if one.service == service]


def clear_strays(world: World, service: Service, hosts: set[HostName]) -> None:
    """Stop replicas of deployments that the service does not have, such as a broken-off roll-out leaves."""
    wanted = {deployment.group for deployment in service.deployments}
    strays = [(world.hosts[name], one) for name in hosts for one in replicas_of(world.hosts[name], service.name)]
    strays = [(host, one) for host, one in strays if one.deployment not in wanted or one.host != service.host]
    if strays and service.deployments:
        _route_back(world, service)  # traffic may have been moved to them already
    for host, one in strays:
        host.stop(one)


def raze(world: World, service: Service) -> None:
    """Remove a service and all that belongs to it. Goes on from where an earlier attempt stopped."""
    world.gateway.remove(service.name)
    for name in {service.host} | ({"process"} & set(world.hosts)):
        for replica in replicas_of(world.hosts[name], service.name):
            world.hosts[name].stop(replica)
    forget_keys(world, service.name)
    shutil.rmtree(service_folder(world, service.name), ignore_errors=True)
    with contextlib.suppress(UnknownThing):
        world.catalog.remove(Service, service.name)


def last_words(host: Host, replica: Replica) -> tuple[str, str]:
    """Return the last line that says something in a replica's log, and the hint after it if there is one."""
    try:
        lines = [line.strip() for line in host.logs(replica, 20) if line.strip()]
    except MlopsError:
        lines = []
    hint = lines.pop().removeprefix(HINT) if lines and lines[-1].startswith(HINT) else ""
    return (lines[-1].removeprefix(SAYS) if lines else "its log is empty")[:500], hint


def _route_back(world: World, service: Service) -> None:
    if not service.deployments:
        return
    ready: dict[str, list[Replica]] = {}
    for replica in replicas_of(world.hosts[service.host], service.name):
        if is_ready(replica):
            ready.setdefault(replica.deployment, []).append(replica)
    world.gateway.apply(route(service, ready))


def _switched(stored: Service, new: Service, port: int, limits: Limits | None) -> Service:
    return msgspec.structs.replace(
        stored,
        host=new.host,
        deployments=new.deployments,
        limits=limits or stored.limits,
        port=port,
        state="deleting" if stored.state == "deleting" else "ready",
        n_ready=sum(one.replicas for one in new.deployments),
        message="",
    )


@contextlib.contextmanager
def _undone_on_error(world: World, new: Service, started: Sequence[Replica]) -> Iterator[None]:
    try:
        yield
    except BaseException:
        for replica in started:
            with contextlib.suppress(MlopsError):  # the next agent clears it away as a stray
                world.hosts[new.host].stop(replica, grace_s=2.0)
        forget_configurations(world, new.name, [one.group for one in new.deployments])
        raise


def _gone(before: Service, after: Service) -> set[str]:
    return {one.group for one in before.deployments} - {one.group for one in after.deployments}


def _name(world: World, service: Service, manifest: Manifest) -> str:
    """Return ``m3`` for version 3, or ``m3-2`` and on while the old replicas of that name still run."""
    base = f"m{manifest.version}"
    taken = {one.name for one in service.deployments}
    taken |= {one.deployment for one in replicas_of(world.hosts[service.host], service.name)}
    number = 1
    while (base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return base if number == 1 else f"{base}-{number}"


def _detail(answer: bytes) -> str:
    with contextlib.suppress(msgspec.MsgspecError):
        return decode(answer, Problem).detail
    return answer[:200].decode("utf-8", "replace")
