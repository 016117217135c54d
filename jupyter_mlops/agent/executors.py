"""What the agent does for each verb of an activity."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from jupyter_mlops.agent.rollout import raze, remove, roll_back, roll_out
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import Failed, UnknownThing
from jupyter_mlops.core.record import convert, plain
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.deployments import DEPLOY, REMOVE, ROLLBACK, UPDATE, Wanted
from jupyter_mlops.delivery.images import BUILD, EXPORT, PUSH, build_image, export_image, push_image
from jupyter_mlops.delivery.services import DELETE
from jupyter_mlops.delivery.trials import TEST, try_image
from jupyter_mlops.ports import Say, World

Executor = Callable[[World, Activity, Say], dict[str, Any]]
"""Does the work of an activity and returns its result. Each may be run again after it was broken off anywhere."""


def _deploy(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    return roll_out(world, convert(activity.args, Wanted), say)


def _remove(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    return remove(world, str(activity.args["service"]), str(activity.args["deployment"]), say)


def _rollback(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    return roll_back(world, str(activity.args["service"]), float(activity.args["at"]), say)


def _delete(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    name = str(activity.args["service"])
    say("Stopping the gateway and the replicas.", 0.1)
    try:
        raze(world, world.catalog.get(Service, name))
    except UnknownThing:
        return {}  # deleted already, by the activity before this one or by a first deployment that failed
    return {}


def _build(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    image = build_image(world, str(activity.args["manifest"]), say, platform=str(activity.args.get("platform", "")))
    return {"image": image.name, "image_id": image.image_id, "tag": image.tag}


def _push(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    pushed = push_image(world, str(activity.args["image"]), str(activity.args["target"]), say)
    return {"target": pushed.target, "digest": pushed.digest}


def _export(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    exported = export_image(world, str(activity.args["image"]), Path(str(activity.args["file"])), say)
    return {"file": exported.file, "n_bytes": exported.n_bytes}


def _test(world: World, activity: Activity, say: Say) -> dict[str, Any]:
    found: dict[str, Any] = plain(try_image(world, str(activity.args["image"]), say))
    return found


EXECUTORS: Final[Mapping[str, Executor]] = {
    DEPLOY: _deploy,
    UPDATE: _deploy,
    REMOVE: _remove,
    ROLLBACK: _rollback,
    DELETE: _delete,
    BUILD: _build,
    PUSH: _push,
    EXPORT: _export,
    TEST: _test,
}


class UnknownVerb(Failed):
    """An activity of a kind that this agent does not know."""

    code = "unknown-verb"


def executor_of(verb: str) -> Executor:
    """Return what does an activity of this verb. Raises ``UnknownVerb``."""
    if verb not in EXECUTORS:
        raise UnknownVerb(
            f"The agent that runs does not know the verb {verb!r}.",
            hint="It may be older than this installation: stop it with `mlops agent stop` and try again.",
        )
    return EXECUTORS[verb]
