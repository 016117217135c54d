"""``mlops experiments``: named groups of runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import experiment_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Facts, Listing, View, lists, shows
from jupyter_mlops.cli.words import age, when
from jupyter_mlops.core.run import Experiment
from jupyter_mlops.training.experiments import list_experiments, show_experiment


@click.group(cls=Group)
def experiments() -> None:
    """Named groups of runs.

    Example:
      mlops experiments list
    """


@experiments.command("list")
@json_option
@pass_session
def list_(session: Session) -> Listing:
    """List experiments.

    Example:
      mlops experiments list --json
    """
    return Listing(
        list_experiments(session.world),
        of=Experiment,
        empty="No experiments yet. The first run makes one: `mlops run train.py -e first`.",
    )


@experiments.command()
@click.argument("name", shell_complete=experiment_names)
@json_option
@pass_session
def show(session: Session, name: str) -> Experiment:
    """Show one experiment.

    Example:
      mlops experiments show quickstart
    """
    return show_experiment(session.world, name)


@lists(Experiment, "EXPERIMENT", ">RUNS", "CREATED")
def _row(experiment: Experiment) -> Sequence[str]:
    return experiment.name, _runs(experiment), age(experiment.created_at)


@shows(Experiment)
def _view(experiment: Experiment) -> View:
    return [
        Facts(
            pairs=[
                ("experiment", experiment.name),
                ("id", experiment.id),
                ("runs", _runs(experiment)),
                ("created", when(experiment.created_at)),
            ]
        )
    ]


def _runs(experiment: Experiment) -> str:
    return "" if experiment.n_runs is None else str(experiment.n_runs)
