"""Shell completion: the script for the shell, and names of what is in the workspace.

Names come from the catalog, its events and the tracking store's tables: asking MLflow would cost a second and a half
per TAB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.session import COMPLETE_VAR, PROGRAM
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import Entry

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace

SHELLS: Final = ("bash", "zsh", "fish")
_RECENT: Final = 2000
"""Events looked through for names."""

Completer = Callable[[click.Context, click.Parameter, str], list[str]]


@click.command(cls=Command)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> str:
    """Print the shell's completion script.

    Example:
      eval "$(mlops completion bash)"          # in ~/.bashrc
      mlops completion fish > ~/.config/fish/completions/mlops.fish
    """
    from click.shell_completion import get_completion_class

    from jupyter_mlops.cli.root import tree

    kind = get_completion_class(shell)
    assert kind is not None  # SHELLS are click's own
    # bash's class asks the installed bash for its version when it is made into a script: `source` does that.
    return kind(tree, {}, PROGRAM, COMPLETE_VAR).source()


def _names(read: Callable[[Workspace], Iterable[str]]) -> Completer:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        del param
        from jupyter_mlops.workspace import Workspace

        try:
            world = Workspace.open(ctx.find_root().params.get("workspace"), create=False)
        except MlopsError:  # no workspace here, or none that opens: there is nothing to complete
            return []
        try:
            return list(dict.fromkeys(name for name in read(world) if name.startswith(incomplete)))
        except MlopsError:
            return []
        finally:
            world.close()

    return complete


def _entries(module: str, kind: str) -> Completer:
    def read(world: Workspace) -> Iterable[str]:
        from importlib import import_module

        entry: type[Entry] = getattr(import_module(f"jupyter_mlops.core.{module}"), kind)
        return [found.name for found in world.catalog.find(entry)]

    return _names(read)


def _mentioned(kind: str, *, as_: str = "") -> Completer:
    """Names of things that MLflow holds, from events: those of the events themselves, or what their bodies say."""

    def read(world: Workspace) -> Iterable[str]:
        events = world.catalog.events(max(0, world.catalog.last_seq() - _RECENT), _RECENT)
        found = [event for event in reversed(events) if event.kind == kind]
        return [str(event.body[as_]) for event in found if as_ in event.body] if as_ else [one.name for one in found]

    return _names(read)


service_names = _entries("service", "Service")
manifest_names = _entries("manifest", "Manifest")
image_names = _entries("image", "Image")
host_names = _names(lambda world: world.hosts)
snapshot_names = _entries("snapshot", "Snapshot")
activity_names = _entries("activity", "Activity")
model_names = _mentioned("model")
run_names = _mentioned("run", as_="name")
experiment_names = _mentioned("run", as_="experiment")
archived_names = _mentioned("experiment")


def deployment_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the deployments of the service that is named before."""

    def read(world: Workspace) -> Iterable[str]:
        from jupyter_mlops.core.service import Service

        return [one.name for one in world.catalog.get(Service, str(ctx.params.get("name", ""))).deployments]

    return _names(read)(ctx, param, incomplete)


def deployment_shares(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the same, each with the equals sign that its percent follows."""
    return [f"{name}=" for name in deployment_names(ctx, param, incomplete)]


def run_orders(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete what runs are ordered by: attributes, and the metrics and parameters that there are."""
    return _names(_run_fields)(ctx, param, incomplete)


def run_filters(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Complete the last word of a filter, where that is the beginning of a field."""
    word = re.search(r"[A-Za-z_][^\s()'\"`,=<>!]*\Z", incomplete)
    before = incomplete[: word.start()] if word else incomplete
    return [f"{before}{name}" for name in run_orders(ctx, param, word[0] if word else "")]


def _run_fields(world: Workspace) -> Iterable[str]:
    from jupyter_mlops.core.search import RUNS
    from jupyter_mlops.core.where import Field

    yield from RUNS.fields
    for group in RUNS.groups:
        yield from (str(Field(group, key)) for key in world.tracking.keys(group))
