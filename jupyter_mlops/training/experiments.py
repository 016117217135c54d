"""Experiments: named groups of runs, the one in use, and those that were put away."""

from __future__ import annotations

from msgspec.structs import replace

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.ids import check_title
from jupyter_mlops.core.run import Experiment
from jupyter_mlops.core.search import EVERY, with_terms
from jupyter_mlops.ports import World
from jupyter_mlops.training.finding import filter_of

FALLBACK = "Default"
"""MLflow's own, which every store has."""


def list_experiments(
    world: World, *, archived: bool = False, where: str | None = None, words: str = "", roots: bool = False
) -> list[Experiment]:
    """Return the experiments, newest first; with ``archived`` those that were put away.

    With a filter of runs, those that have runs that match, which alone are counted; all, uncounted, where that would
    take a tracking server too long. ``roots`` counts those that are no child, of a list without filter. Raises ``BadWhere`` and ``UnknownKey`` as ``find_runs`` does.
    """
    in_use = world.experiment_in_use()
    found = [_marked(one, in_use) for one in world.tracking.experiments(archived=archived)]
    if archived:
        return found
    node = filter_of(where, words)
    matching = None if node == EVERY else world.tracking.counts(node)
    running = world.tracking.counts(with_terms(node, status="RUNNING"))
    n_roots = world.tracking.root_counts() if roots and matching is None else None
    if running is None:
        return found
    return [
        replace(
            one,
            n_runs=one.n_runs if matching is None else matching[one.name],
            n_running=running.get(one.name, 0),
            n_roots=None if n_roots is None else n_roots.get(one.name, 0),
        )
        for one in found
        if matching is None or one.name in matching
    ]


def show_experiment(world: World, name: str) -> Experiment:
    """Return one experiment, also an archived one. Raises ``UnknownThing``."""
    try:
        found = world.tracking.experiment(name)
    except UnknownThing as error:
        try:
            found = world.tracking.archived_experiment(name)
        except UnknownThing:
            raise error from None
    return _marked(found, world.experiment_in_use())


def use_experiment(world: World, name: str) -> Experiment:
    """Let runs that name no experiment go to this one, which is made if it does not exist; return it.

    It counts for every cell, script and terminal that works in this workspace, from their next run on.
    Raises ``BadName``.
    """
    check_title("experiment", name)
    world.tracking.experiment(name, create=True)
    if world.experiment_in_use() != name:
        world.use_experiment(name)
        world.catalog.record("experiment", name, "use")
    return show_experiment(world, name)


def archive_experiment(world: World, name: str) -> Experiment:
    """Put an experiment away with its runs, which are kept; runs that name none go to ``Default`` if it was in use.

    Raises ``UnknownThing``.
    """
    archived = world.tracking.archive_experiment(name)
    world.catalog.record("experiment", name, "archive")
    if world.experiment_in_use() == name:
        world.use_experiment(FALLBACK)
    return archived


def restore_experiment(world: World, name: str) -> Experiment:
    """Take an archived experiment back with its runs. Raises ``UnknownThing``."""
    world.tracking.restore_experiment(name)
    world.catalog.record("experiment", name, "restore")
    return show_experiment(world, name)


def _marked(found: Experiment, in_use: str) -> Experiment:
    return replace(found, in_use=found.name == in_use and not found.archived)
