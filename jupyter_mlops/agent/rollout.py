"""Changing what a service serves: all of it, or nothing that a client would notice."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from jupyter_mlops.agent.progress import Interrupted
from jupyter_mlops.agent.replicas import await_ready, prove, replicas_of, retire, serving, start_replica
from jupyter_mlops.core.errors import MlopsError, UnknownThing
from jupyter_mlops.core.service import Change, Deployment, HostName, Limits, Replica, Service
from jupyter_mlops.delivery.configuration import forget_configurations, publish_configuration
from jupyter_mlops.delivery.deployments import (
    ALL,
    NothingBefore,
    UnknownDeployment,
    Wanted,
    changed,
    check_removable,
    next_revision,
    with_share,
)
from jupyter_mlops.delivery.distant import image_for
from jupyter_mlops.delivery.keys import forget_keys, service_folder
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.ports import Backend, Route, Say, World

Serve = Callable[[Service, Sequence[Deployment]], list[Deployment]]
"""Returns what a service is to serve, given its record at that moment and the deployments that were started."""


@dataclass(frozen=True, kw_only=True)
class _Goal:
    """A change of a service's deployments."""

    what: str
    """In words, for the service's history."""
    host: HostName
    serve: Serve
    fresh: Sequence[Deployment] = ()
    """Those to start."""
    limits: Limits | None = None
    """``None``: those that the service has when the traffic moves."""


@dataclass(kw_only=True)
class _Started:
    """What runs already for a goal."""

    deployments: list[Deployment] = field(default_factory=list)
    replicas: list[Replica] = field(default_factory=list)


def roll_out(world: World, wanted: Wanted, say: Say) -> dict[str, Any]:
    """Add a deployment or update it, as ``wanted``; returns what the activity results in.

    New replicas start beside the old ones and take over when all are ready and have scored the manifest's sample.
    If that fails, an existing service stays as it is and of a new one nothing stays; the reason is raised.
    """
    service = world.catalog.get(Service, wanted.service)
    clear_strays(world, service, {service.host, wanted.host})
    verb = "update" if any(one.name == wanted.deployment for one in service.deployments) else "add"
    goal = _Goal(
        what=f"{verb} {wanted.deployment} {'to' if verb == 'update' else 'with'} {wanted.manifest}",
        host=wanted.host,
        fresh=[_wanted_deployment(service, wanted)],
        serve=lambda stored, started: _with(stored, started[0], wanted),
        limits=wanted.limits,
    )
    try:
        done = _reach(world, service, goal, say)
    except BaseException as error:
        if not service.deployments and not isinstance(error, Interrupted):
            with contextlib.suppress(MlopsError, OSError):  # the reason matters more; the agent tries again later
                raze(world, service)
        raise
    return {"service": done.name, "url": done.url, "deployment": wanted.deployment, "manifest": wanted.manifest}


def remove(world: World, name: str, deployment: str, say: Say) -> dict[str, Any]:
    """Take a deployment without traffic out of a service, and stop its replicas when they have answered."""
    service = world.catalog.get(Service, name)
    clear_strays(world, service, {service.host})

    def serve(stored: Service, _: Sequence[Deployment]) -> list[Deployment]:
        check_removable(stored, deployment)  # traffic may have come to it meanwhile
        return [one for one in stored.deployments if one.name != deployment]

    with contextlib.suppress(UnknownDeployment):  # done already, by an agent that ended before it could say so
        check_removable(service, deployment)
        _reach(world, service, _Goal(what=f"remove {deployment}", host=service.host, serve=serve), say)
    return {"service": name, "deployment": deployment}


def roll_back(world: World, name: str, at: float, say: Say) -> dict[str, Any]:
    """Let a service serve what it did before the change of that time; what is gone of it is started again."""
    service = world.catalog.get(Service, name)
    before = _before(service, at)
    clear_strays(world, service, {service.host, before.host})
    running = {one.group for one in service.deployments} if before.host == service.host else set()
    revision = next_revision(service)
    targets = [one if one.group in running else _again(one, revision) for one in before.deployments]

    def serve(stored: Service, started: Sequence[Deployment]) -> list[Deployment]:
        fresh = {one.group: one for one in started}
        return [_as_now(stored, fresh.get(one.group, one)) for one in targets]

    fresh = [one for one in targets if one.group not in running]
    goal = _Goal(what=_undone(before.what), host=before.host, fresh=fresh, serve=serve)
    done = _reach(world, service, goal, say)
    return {"service": name, "url": done.url, "manifests": [one.manifest for one in done.deployments]}


def _again(deployment: Deployment, revision: int) -> Deployment:
    """Return a deployment of the past to be started; one that was asleep too, since it has to be proved."""
    again: Deployment = msgspec.structs.replace(deployment, revision=revision, replicas=max(1, deployment.replicas))
    return again


def _as_now(stored: Service, deployment: Deployment) -> Deployment:
    """Return a deployment of the past with what is no part of a change: how it scales, what it gets copies of."""
    for now in stored.deployments:
        if now.name == deployment.name:
            replicas = now.replicas if now.group == deployment.group else deployment.replicas
            deployment = msgspec.structs.replace(deployment, scale=now.scale, mirror=now.mirror, replicas=replicas)
    return deployment


def _undone(what: str) -> str:
    """Return what taking a change back is called."""
    verb, _, rest = what.partition(" ")
    return {"undo": f"redo {rest}", "redo": f"undo {rest}"}.get(verb, f"undo {what}")


def _before(service: Service, at: float) -> Change:
    for change in service.history:
        if change.at == at:
            return change
    raise NothingBefore(
        f"Service {service.name!r} has been changed too often since to be rolled back to that.",
        hint=f"See what it served with `mlops services show {service.name}`.",
    )


def _wanted_deployment(service: Service, wanted: Wanted) -> Deployment:
    """Return the deployment to start: as it is now, with what is asked for."""
    now = next((one for one in service.deployments if one.name == wanted.deployment), None)
    given = {"replicas": wanted.replicas, "resources": wanted.resources}
    deployment: Deployment = msgspec.structs.replace(
        now or Deployment(name=wanted.deployment, manifest=wanted.manifest, weight=0 if service.deployments else ALL),
        manifest=wanted.manifest,
        revision=next_revision(service),
        image="",
        **{name: value for name, value in given.items() if value is not None},
    )
    return msgspec.structs.replace(deployment, replicas=max(1, deployment.replicas))  # one at least has to be proved


def _with(stored: Service, started: Deployment, wanted: Wanted) -> list[Deployment]:
    """Return the record's deployments with one that was started; its traffic may have changed while it was."""
    now = next((one for one in stored.deployments if one.name == started.name), None)
    if now is not None:
        started = msgspec.structs.replace(_as_now(stored, started), weight=now.weight)
        deployments = [started if one.name == started.name else one for one in stored.deployments]
    else:
        deployments = [*stored.deployments, started]
    return deployments if wanted.traffic is None else with_share(deployments, started.name, wanted.traffic)


def _reach(world: World, service: Service, goal: _Goal, say: Say) -> Service:
    """Start, prove and switch over; on any error what was started is stopped and the route is the old one."""
    with _undone_on_error(world, service, goal) as new:
        _start(world, service, goal, new, say)
        say("Moving the traffic.", 0.92)
        kept = serving(world.hosts[goal.host], service.name) if goal.host == service.host else []
        groups = {one.group for one in new.deployments}
        ready = _grouped([*(one for one in kept if one.deployment not in groups), *new.replicas])
        try:
            done = _switch(world, service, goal, new, ready)
        except BaseException:
            _route_back(world, service)
            raise
    publish_configuration(world, done.name)  # it may have been changed while they started
    for deployment in new.deployments:
        with contextlib.suppress(MlopsError):  # lineage can be found without it
            world.catalog.link(f"service:{service.name}", "deploys", f"manifest:{deployment.manifest}")
    _clear_old(world, service, done, say)
    return done


def _start(world: World, service: Service, goal: _Goal, new: _Started, say: Say) -> None:
    """Start all replicas of the goal's new deployments, and wait until each deployment has scored its sample."""
    host = world.hosts[goal.host]
    limits = goal.limits or service.limits
    for deployment in goal.fresh:
        say("Laying out the files.", 0.02)
        image = image_for(world, goal.host, deployment.manifest, lambda line, done: say(line, 0.05 + 0.55 * done))
        new.deployments.append(msgspec.structs.replace(deployment, image=image))
    about = msgspec.structs.replace(service, host=goal.host, limits=limits)
    for deployment in new.deployments:
        manifest, mine = show_manifest(world, deployment.manifest), len(new.replicas)
        for number in range(1, deployment.replicas + 1):
            say(f"Starting replica {number} of {deployment.replicas}.", 0.6)
            new.replicas.append(start_replica(world, about, deployment, lambda line: say(line, 0.6)))
        if new.replicas[mine:]:
            await_ready(host, manifest, new.replicas[mine:], say)
            prove(world, about, manifest, new.replicas[mine], say)


def _switch(world: World, service: Service, goal: _Goal, new: _Started, ready: dict[str, list[Replica]]) -> Service:
    """Move the traffic, then enter it in the record; both as the record is at that moment."""

    def switched(stored: Service) -> Service:
        deployments = goal.serve(stored, new.deployments)
        return msgspec.structs.replace(
            changed(stored, deployments, what=goal.what, by=world.actor, host=goal.host),
            limits=goal.limits or stored.limits,
            state="deleting" if stored.state == "deleting" else "ready",
            n_ready=sum(len(ready.get(one.group, [])) for one in deployments),
            message="",
        )

    applied = route(switched(world.catalog.get(Service, service.name)), ready)
    port = world.gateway.apply(applied)
    done = world.catalog.edit(
        Service, service.name, lambda one: msgspec.structs.replace(switched(one), port=port), verb="deploy"
    )
    if route(done, ready) != msgspec.structs.replace(applied, port=port):
        world.gateway.apply(route(done, ready))  # its weights were changed in between
    return done


def _clear_old(world: World, before: Service, after: Service, say: Say) -> None:
    """Stop the replicas that the service has no more."""
    wanted = {one.group for one in after.deployments}
    for name in {before.host, after.host}:
        host = world.hosts[name]
        old = [one for one in replicas_of(host, after.name) if one.deployment not in wanted or name != after.host]
        retire(world, after, host, old, say)
    forget_configurations(world, after.name, {one.group for one in before.deployments} - wanted)


def route(service: Service, ready: dict[str, list[Replica]]) -> Route:
    """Return what the service's gateway should do, given the ready replicas of each deployment, by its group."""
    return Route(
        service=service.name,
        bind=service.bind,
        port=service.port,
        backends=[
            Backend(
                deployment=deployment.name,
                weight=deployment.weight,
                addresses=sorted(one.address for one in ready.get(deployment.group, [])),
                mirror=deployment.mirror,
                asleep=not deployment.replicas,
            )
            for deployment in service.deployments
        ],
        certificate="" if service.certificate is None else service.certificate.file,
        max_body_bytes=service.limits.max_body_bytes,
        holds=any(one.scale is not None and one.scale.min_replicas == 0 for one in service.deployments),
    )


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


def _route_back(world: World, service: Service) -> None:
    stored = world.catalog.get(Service, service.name)
    if stored.deployments:
        world.gateway.apply(route(stored, _grouped(serving(world.hosts[stored.host], stored.name))))


def _grouped(replicas: Sequence[Replica]) -> dict[str, list[Replica]]:
    groups: dict[str, list[Replica]] = {}
    for replica in replicas:
        groups.setdefault(replica.deployment, []).append(replica)
    return groups


@contextlib.contextmanager
def _undone_on_error(world: World, service: Service, goal: _Goal) -> Iterator[_Started]:
    new = _Started()
    try:
        yield new
    except BaseException:
        for replica in new.replicas:
            with contextlib.suppress(MlopsError):  # the next agent clears it away as a stray
                world.hosts[goal.host].stop(replica, grace_s=2.0)
        forget_configurations(world, service.name, [one.group for one in goal.fresh])
        raise
