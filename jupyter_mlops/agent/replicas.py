"""One replica after another: started, waited for, proved, found again and stopped when it has answered."""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import msgspec

from jupyter_mlops.agent.probe import ask, is_ready
from jupyter_mlops.agent.progress import Cancelled, Interrupted
from jupyter_mlops.core.errors import Failed, MlopsError, Problem
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.core.service import Deployment, Replica, Service
from jupyter_mlops.delivery.bundles import materialize
from jupyter_mlops.delivery.configuration import publish_configuration
from jupyter_mlops.delivery.keys import publish_digests, read_keys, service_folder
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.monitoring.places import incoming_folder
from jupyter_mlops.ports import Host, ReplicaSpec, Say, World

READY_S: Final = 300.0
"""A large model may take minutes to load."""
LOOK_EVERY_S: Final = 0.1
OLD_S: Final = 60.0
"""A replica that runs for so long may be too busy to say that it is ready."""
STOPPED_AT_ONCE: Final = 8
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
        resources=deployment.resources,
        called=deployment.name,
        telemetry=str(incoming_folder(world, service.name)),
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


def replicas_of(host: Host, service: str) -> list[Replica]:
    """Return a service's replicas on a host, dead ones included."""
    return [one for one in host.replicas() if one.service == service]


def serving(host: Host, service: str) -> list[Replica]:
    """Return a service's replicas that can be asked: ready, or running for long and perhaps too busy to say so."""
    return [
        one
        for one in replicas_of(host, service)
        if is_ready(one) or (time.time() - one.started_at > OLD_S and host.alive(one))
    ]


def retire(world: World, service: Service, host: Host, replicas: Iterable[Replica], say: Say) -> None:
    """Stop replicas that get no more requests, each when it has answered those that it has."""
    leaving = list(replicas)
    deadline = time.monotonic() + service.limits.timeout_s  # by then a replica has given up every request
    while leaving and world.gateway.busy(service.name, [one.address for one in leaving]):
        try:
            say("Letting the old replicas finish.", 0.95)
        except Cancelled:
            pass  # too late: the traffic has moved
        except Interrupted:
            return  # the next agent finds them
        if time.monotonic() > deadline:
            break
        time.sleep(LOOK_EVERY_S)
    if leaving:
        with ThreadPoolExecutor(STOPPED_AT_ONCE) as pool:
            list(pool.map(host.stop, leaving))


def last_words(host: Host, replica: Replica) -> tuple[str, str]:
    """Return the last line that says something in a replica's log, and the hint after it if there is one."""
    try:
        lines = [line.strip() for line in host.logs(replica, 20) if line.strip()]
    except MlopsError:
        lines = []
    hint = lines.pop().removeprefix(HINT) if lines and lines[-1].startswith(HINT) else ""
    return (lines[-1].removeprefix(SAYS) if lines else "its log is empty")[:500], hint


def _detail(answer: bytes) -> str:
    with contextlib.suppress(msgspec.MsgspecError):
        return decode(answer, Problem).detail
    return answer[:200].decode("utf-8", "replace")
