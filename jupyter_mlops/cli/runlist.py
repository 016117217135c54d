"""``mlops runs list``: finding runs, with a column for each thing that the search is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, get_args

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import experiment_names, run_filters, run_orders
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Listing, Note, Table, View, lists, shows, table
from jupyter_mlops.cli.words import age, count, duration, number, pairs, status
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.core.search import RunPage, found_in
from jupyter_mlops.core.where import Field
from jupyter_mlops.training.finding import columns, find_runs

MOST: Final = 10_000
"""Runs in a list."""


class RunListing(Listing):
    """Runs, the fields that get a column of their own, and what the page leaves out."""

    def __init__(self, items: Iterable[Run], *, empty: str, fields: Sequence[Field], note: str) -> None:
        super().__init__(items, of=Run, empty=empty)
        self.fields = fields
        self.note = note


@click.command("list", cls=Command)
@click.option("-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="Only this experiment's.")
@click.option("--status", "state", type=click.Choice(get_args(RunStatus)), help="Only those that are in this state.")
@click.option("--project", metavar="NAME", help="Only those of this project: a git root or folder, by name.")
@click.option(
    "--where",
    metavar="FILTER",
    shell_complete=run_filters,
    help="Only those that match: comparisons of metrics.X, params.X, tags.X, status, name, experiment, project, actor, "
    "started, ended, duration, id and parent, joined by and, or, not.",
)
@click.option(
    "--order",
    metavar="FIELD [asc|desc]",
    shell_complete=run_orders,
    help="Order by this; what lacks it comes last. Metrics, times and durations fall unless `asc` is said; the rest rises.",
)
@click.option("--limit", type=click.IntRange(1, MOST), default=100, show_default=True, metavar="N", help="How many.")
@click.option("--deleted", is_flag=True, help="Those in the trash instead, which `runs restore` brings back.")
@json_option
@pass_session
def list_(
    session: Session,
    *,
    experiment: str | None,
    state: RunStatus | None,
    project: str | None,
    where: str | None,
    order: str | None,
    limit: int,
    deleted: bool,
) -> Listing:
    """List runs, newest first unless ordered otherwise.

    Example:
      mlops runs list --status FAILED --limit 10
      mlops runs list --where "metrics.auc > 0.9 and params.model = 'svm' and started > -7d" --order metrics.auc
      mlops runs list --where "tags.team in ('risk', 'fraud') and duration > 5m" --order "params.C asc"
    """
    page = find_runs(
        session.world,
        where=where,
        order=order,
        experiment=experiment,
        status=state,
        project=project,
        limit=limit,
        deleted=deleted,
        count=True,
    )
    shows = "`--limit` shows more" if limit < MOST else "narrow it with `--where`"
    more = f"{len(page.items):,} of {_all(page)}; {shows}." if page.next else ""
    narrowed = experiment or state or project or where or deleted
    return RunListing(
        page.items,
        empty="No runs match."
        if narrowed
        else "No runs yet. Begin one: `mlops run train.py`, or a cell with `%%ml run`.",
        fields=columns(where, order),
        note=" ".join(filter(None, [more, page.note])),
    )


def _all(page: RunPage) -> str:
    return "the runs that match" if page.n_matching is None else count(page.n_matching, "run")


@lists(Run, "=RUN", "NAME", "EXPERIMENT", "STATUS", ">TOOK", "METRICS", "STARTED")
def _row(run: Run) -> Sequence[str]:
    return (*_first(run), metrics_of(run, most=3), age(run.started_at))


@shows(RunListing)
def _listing(listing: RunListing) -> View:
    shown = table(listing, Run, empty=listing.empty)
    if listing.fields:
        *before, _, last = shown.headers
        headers = [f"{'>' if field.group == 'metrics' else ''}{field.key}" for field in listing.fields]
        rows = [(*_first(run), *(_cell(run, one) for one in listing.fields), age(run.started_at)) for run in listing]
        shown = Table(headers=(*before, *headers, last), rows=rows, empty=listing.empty)
    return [shown, Note(text=listing.note)] if listing.note else [shown]


def _first(run: Run) -> Sequence[str]:
    return run.id[:8], run.name, run.experiment, status(run.status), duration(run.duration_s)


def _cell(run: Run, field: Field) -> str:
    if field.group == "metrics":
        return number(run.metrics[field.key]) if field.key in run.metrics else ""
    return str(found_in(run, field) or "")


def metrics_of(run: Run, most: int = 0) -> str:
    """Return a run's last metric values on one line."""
    return pairs({key: number(value) for key, value in run.results.items()}, most=most)
