"""Experiments: named groups of runs."""

from __future__ import annotations

from jupyter_mlops.core.run import Experiment
from jupyter_mlops.ports import World


def list_experiments(world: World) -> list[Experiment]:
    """Return the experiments, newest first."""
    return world.tracking.experiments()


def show_experiment(world: World, name: str) -> Experiment:
    """Return one experiment. Raises ``UnknownThing``."""
    return world.tracking.experiment(name)
