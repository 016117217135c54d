"""Calls a row's function on the place's workspace, for whoever asks: a request, or the watcher. Everything here may block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import MlopsError, Problem
from jupyter_mlops.core.record import encode
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Row

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace


def workspace_for(row: Row, place: Place) -> Workspace | None:
    """Return the workspace for ``row``: the first write makes one, and a list of nothing needs none. Raises ``NoWorkspace``."""
    if "world" not in row.takes:
        return None
    if row.method == "POST" and row.is_collection:
        return place.make()
    workspace = place.workspace()
    if workspace is None and not (row.has_items and row.is_collection):
        from jupyter_mlops.store.folder import NoWorkspace

        raise NoWorkspace(place.root)
    return workspace


def reply_of(row: Row, place: Place, workspace: Workspace | None, path: Sequence[Any], given: Mapping[str, Any]) -> Any:
    """Return what the row's function replies; of the kind that it lists, nothing where there is no workspace."""
    if workspace is None and "world" in row.takes:
        return [] if row.is_list else row.reply()
    return row.call(path, {**given, "place": place, "world": workspace})


def encoded(row: Row, reply: Any) -> bytes:
    """Return a reply as it is sent."""
    return encode({"items": reply} if row.is_list else reply)


def problem_of(error: Exception) -> Problem | None:
    """Return what to answer for an error, ``None`` where nobody expected it."""
    if not isinstance(error, MlopsError):
        from jupyter_mlops.store.databases import system_error

        ours = system_error(error)
        return None if ours is None else ours.problem()
    return error.problem()


INTERNAL = Problem(
    type="urn:jupyter-mlops:internal",
    title="Internal",
    status=500,
    detail="The server met an error that it did not expect.",
    code="internal",
    hint="The log of Jupyter Server has the details.",
)
