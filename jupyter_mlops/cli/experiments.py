"""``mlops experiments``: named groups of runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import archived_names, experiment_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Facts, Listing, View, Word, lists, shows
from jupyter_mlops.cli.words import age, when
from jupyter_mlops.core.run import Experiment
from jupyter_mlops.training.experiments import (
    archive_experiment,
    list_experiments,
    restore_experiment,
    show_experiment,
    use_experiment,
)


@click.group(cls=Group)
def experiments() -> None:
    """Named groups of runs.

    Example:
      mlops experiments list
      mlops experiments use churn
    """


@experiments.command("list")
@click.option("--archived", is_flag=True, help="Those that were put away instead.")
@json_option
@pass_session
def list_(session: Session, *, archived: bool) -> Listing:
    """List experiments, newest first.

    Example:
      mlops experiments list --archived --json
    """
    found = list_experiments(session.world, archived=archived)
    return Listing(found, of=Experiment, empty="" if found else _none(session, archived=archived))


def _none(session: Session, *, archived: bool) -> str:
    if archived:
        return "No experiment is archived."
    if list_experiments(session.world, archived=True):
        return "Every experiment is archived: `mlops experiments list --archived` shows them."
    return "No experiments yet. The first run makes one: `mlops run train.py -e first`."


@experiments.command()
@click.argument("name", shell_complete=experiment_names)
@json_option
@pass_session
def show(session: Session, name: str) -> Experiment:
    """Show one experiment, also an archived one.

    Example:
      mlops experiments show quickstart
    """
    return show_experiment(session.world, name)


@experiments.command()
@click.argument("name", required=False, shell_complete=experiment_names)
@json_option
@pass_session
def use(session: Session, name: str | None) -> Experiment:
    """Let runs that name no experiment go to this one, which is made if it does not exist.

    It counts for `%%ml run` and `mlops run` alike, in every kernel and terminal of the workspace, from the next run on.
    Without NAME, show the one in use.

    Example:
      mlops experiments use churn
      mlops experiments use
    """
    if name is None:
        return show_experiment(session.world, session.world.experiment_in_use())
    return use_experiment(session.world_or_new(), name)


@experiments.command()
@click.argument("name", shell_complete=experiment_names)
@json_option
@pass_session
def archive(session: Session, name: str) -> Experiment:
    """Put an experiment away with its runs, which are kept. `experiments restore` takes it back.

    Example:
      mlops experiments archive old-ideas
      mlops experiments list --archived
    """
    return archive_experiment(session.world, name)


@experiments.command()
@click.argument("name", shell_complete=archived_names)
@json_option
@pass_session
def restore(session: Session, name: str) -> Experiment:
    """Take an archived experiment back with its runs.

    Example:
      mlops experiments restore old-ideas
    """
    return restore_experiment(session.world, name)


@lists(Experiment, "EXPERIMENT", ">RUNS", "CREATED", "")
def _row(experiment: Experiment) -> Sequence[str]:
    return experiment.name, _runs(experiment), age(experiment.created_at), _state(experiment)


@shows(Experiment)
def _view(experiment: Experiment) -> View:
    return [
        Facts(
            pairs=[
                ("experiment", experiment.name),
                ("id", experiment.id),
                ("runs", _runs(experiment)),
                ("created", when(experiment.created_at)),
                ("state", _state(experiment)),
            ]
        )
    ]


def _runs(experiment: Experiment) -> str:
    return "" if experiment.n_runs is None else str(experiment.n_runs)


def _state(experiment: Experiment) -> Word:
    return Word("in use", "good") if experiment.in_use else Word("archived" if experiment.archived else "", "quiet")
