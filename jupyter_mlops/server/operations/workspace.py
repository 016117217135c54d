"""REST: the workspace that the server serves."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec

from jupyter_mlops._version import __version__
from jupyter_mlops.agent import unit
from jupyter_mlops.agent.control import stop_agent
from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.record import Record
from jupyter_mlops.inputs.environments import installed_packages
from jupyter_mlops.ports import World
from jupyter_mlops.server.place import Place


class WorkspaceInfo(Record, frozen=True, kw_only=True):
    """Which workspace the server shows, or where the first one will be made."""

    exists: bool
    """Whether there is one: the first write makes it. As long as there is none, ``id`` and ``root`` are empty."""
    id: str
    name: str
    home: str
    """The folder that holds ``.mlops``, or will."""
    short_home: str
    """The same, written from the home folder of whoever runs the server: ``~/churn``."""
    root: str
    """The ``.mlops`` folder."""
    seq: int
    """Number of its newest event."""
    version: str
    """Version of the server extension."""


class PartStatus(Record, frozen=True, kw_only=True):
    """One part of the workspace: where it is and whether it answers."""

    part: str
    where: str
    answers: bool
    detail: str


class Status(Record, frozen=True, kw_only=True):
    """The workspace and its parts."""

    workspace: WorkspaceInfo
    parts: list[PartStatus]


class Checkable(World, Protocol):
    """A world whose parts can be asked whether they answer."""

    def status(self) -> Sequence[Any]:
        """Return a record for each part."""


def show_environment() -> Environment:
    """Show the packages of the Python that the server runs in, as they are now."""
    return installed_packages()


def show_workspace(place: Place) -> WorkspaceInfo:
    """Show the workspace that the server serves: that there is none yet is an answer, too."""
    world = place.workspace()
    return _info(place.home if world is None else world.home, world)


def _info(home: Path, world: World | None) -> WorkspaceInfo:
    return WorkspaceInfo(
        exists=world is not None,
        id=world.id if world else "",
        name=home.name,
        home=str(home),
        short_home=_from_home(home),
        root=str(world.root) if world else "",
        seq=world.catalog.last_seq() if world else 0,
        version=__version__,
    )


def _from_home(folder: Path) -> str:
    with suppress(ValueError, RuntimeError):  # elsewhere, or a user without a home
        return str("~" / folder.relative_to(Path.home()))
    return str(folder)


def make_workspace(place: Place) -> WorkspaceInfo:
    """Make a workspace in the server's folder, unless there is one."""
    world = place.make()
    return _info(world.home, world)


def show_status(world: Checkable) -> Status:
    """Ask each part of the workspace whether it answers."""
    parts = [PartStatus(**msgspec.structs.asdict(part)) for part in world.status()]
    return Status(workspace=_info(world.home, world), parts=parts)


def show_document(place: Place) -> Any:
    """Show this document."""
    from jupyter_mlops.server.openapi import document

    return document(base_url=place.base_url)


def halt_agent(world: World) -> None:
    """Stop the workspace's agent; services go on, and the next deploy starts it again."""
    stop_agent(world)


def uninstall_agent(world: World) -> None:
    """Take away what starts the agent with the machine; services go on."""
    unit.uninstall_agent(world)
