"""A run's card: what a notebook shows of a run, as one record that each viewer draws in its own way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jupyter_mlops.cli.html import to_html
from jupyter_mlops.cli.render import NOTEBOOK_WIDTH, to_text
from jupyter_mlops.cli.runs import machine_of
from jupyter_mlops.cli.view import Facts, Heading, Note, Pictures, Spark, Table, Text, View, Word, shows
from jupyter_mlops.cli.words import count, duration, in_blocks, number, pairs, size, status, when
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.record import MetricValue, Record, plain
from jupyter_mlops.core.run import Artifact, Run, RunStatus
from jupyter_mlops.training.origin import hidden_of
from jupyter_mlops.training.runs import RunDetail
from jupyter_mlops.widgets.pictures import Picture, pictures_of
from jupyter_mlops.widgets.trends import SENT_POINTS, Trend, trend_of
from jupyter_mlops.workspace import Workspace

MIME: Final = "application/vnd.mlops.run+json"
MOST_PARAMS: Final = 60
MOST_TRENDS: Final = 30
MOST_OUTPUTS: Final = 20
MOST_CHILDREN: Final = 20
MOST_CHILD_METRICS: Final = 3
MOST_TEXT: Final = 400
"""Characters of one value. A card is saved in the notebook, so what is in it is bounded."""
MOST_NOTES: Final = 4000
NOTES: Final = "mlflow.note.content"


class Progress(Record, frozen=True, kw_only=True):
    """How far a running cell says it is: the last line of a progress bar that it prints."""

    fraction: float
    text: str


class Child(Record, frozen=True, kw_only=True):
    """A run right below the card's, in a line."""

    name: str
    status: RunStatus
    duration_s: float | None = None
    metrics: dict[str, MetricValue] = {}
    """The first few."""


class Card(Record, frozen=True, kw_only=True):
    """A run as a notebook shows it. It is saved in the notebook: bounded in size, and whole without a server."""

    workspace: str
    """The workspace's id: a viewer asks for news only where it is the same."""
    run: Run
    trends: list[Trend] = []
    n_more: int = 0
    """Metrics that are left out."""
    pictures: list[Picture] = []
    children: list[Child] = []
    n_more_children: int = 0
    outputs: list[Artifact] = []
    n_more_outputs: int = 0
    data: str = ""
    """The datasets that the run says it used."""
    machine: str = ""
    """What the run took of its machine when it was last looked at."""
    git: str = ""
    environment: str = ""
    snapshot: str = ""
    notebook: str = ""
    hidden_state: list[str] = []
    """Why the run cannot be had again by running the notebook from top to bottom."""
    warnings: list[str] = []
    notes: str = ""
    """Markdown, of whoever wrote it: not to be trusted."""
    progress: Progress | None = None
    link: str = ""
    """The run in MLflow's own web UI, where a server shows it."""


def live_card(world: Workspace, run: Run, trends: Sequence[Trend], progress: Progress | None) -> Card:
    """Return the card of a run that is going on, from memory alone."""
    return _card(world, run, trends=trends, progress=progress)


def run_card(world: Workspace, run: Run, trends: Iterable[Trend] = ()) -> Card:
    """Return the card of a run; ``trends`` are those already known, the others are read."""
    known = {trend.name: trend for trend in trends}
    found = [known.get(name) or _read_trend(world, run, name) for name in list(run.results)[:MOST_TRENDS]]
    return _card(world, run, trends=found, pictures=pictures_of(world, run), **_family(_read_children(world, run)))


def detail_card(world: Workspace, detail: RunDetail) -> Card:
    """Return the card of a run with all that it stored."""
    run = detail.run
    trends = [_read_trend(world, run, name) for name in list(run.results)[:MOST_TRENDS]]
    figures = [one for one in detail.artifacts if one.path.startswith("figures/")]
    packages = ""
    if detail.environment is not None:
        packages = f"Python {detail.environment.python}, {count(len(detail.environment.packages), 'package')}"
    return _card(
        world,
        run,
        trends=trends,
        pictures=pictures_of(world, run, figures),
        **_family(detail.children),
        outputs=detail.artifacts[:MOST_OUTPUTS],
        n_more_outputs=max(0, len(detail.artifacts) - MOST_OUTPUTS),
        data=_short(", ".join(" ".join(filter(None, [one.name, one.context, one.digest])) for one in detail.datasets)),
        environment=packages,
    )


def _card(world: Workspace, run: Run, *, trends: Sequence[Trend], **more: Any) -> Card:
    tags = run.tags
    return Card(
        workspace=world.id,
        run=_bounded(run),
        trends=list(trends),
        n_more=max(0, len(run.results) - MOST_TRENDS),
        machine=machine_of(run),
        git=_git(tags),
        snapshot=tags.get("mlops.snapshot", ""),
        notebook=_notebook(world, tags.get("mlops.notebook", "")),
        hidden_state=[one.text for one in hidden_of(tags)],
        warnings=tags.get("mlops.snapshot.warnings", "").splitlines()[:MOST_OUTPUTS],
        notes=tags.get(NOTES, "")[:MOST_NOTES],
        link=_link(world, run),
        **more,
    )


def _read_children(world: Workspace, run: Run) -> list[Run]:
    try:
        return world.tracking.children(run.id)
    except MlopsError:  # better a card without them than none
        return []


def _family(children: Sequence[Run]) -> dict[str, Any]:
    shown = [_child(one) for one in children[:MOST_CHILDREN]]
    return {"children": shown, "n_more_children": len(children) - len(shown)}


def _child(run: Run) -> Child:
    metrics = dict(list(run.results.items())[:MOST_CHILD_METRICS])
    return Child(name=run.name, status=run.status, duration_s=run.duration_s, metrics=metrics)


def _read_trend(world: Workspace, run: Run, name: str) -> Trend:
    try:
        return trend_of(run.metrics[name], world.tracking.curve(run.id, name, SENT_POINTS // 2))
    except MlopsError:  # the last value is known, and better than no card
        return Trend(name=name, last=run.metrics[name])


def _bounded(run: Run) -> Run:
    """Return the run with no more than a card shows, and without our own tags, which the card spells out."""
    import msgspec

    params = {key: _short(value) for key, value in list(run.params.items())[:MOST_PARAMS]}
    own = ("mlops.", "mlflow.")
    tags = {key: _short(value) for key, value in run.tags.items() if not key.startswith(own)}
    metrics = dict(list(run.results.items())[:MOST_TRENDS])
    return msgspec.structs.replace(
        run,
        params=params,
        tags=dict(list(tags.items())[:MOST_PARAMS]),
        metrics=metrics,
        reason=_short(run.reason),
        artifact_uri="",  # a path of this machine is nothing to those who read the notebook elsewhere
    )


def _notebook(world: Workspace, path: str) -> str:
    """Return a notebook's path as the workspace sees it."""
    try:
        return str(Path(path).relative_to(world.home))
    except ValueError:
        return Path(path).name


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def _git(tags: Mapping[str, str]) -> str:
    dirty = "with changes" if tags.get("mlops.git.dirty") == "true" else ""
    return " ".join(
        filter(None, [tags.get("mlops.git.commit", "")[:12], tags.get("mlops.git.branch", "")[:100], dirty])
    )


def _link(world: Workspace, run: Run) -> str:
    """Return the run's page, where a tracking server has a web UI of its own."""
    if not world.tracking_uri.startswith(("http://", "https://")):
        return ""
    try:
        experiment = world.tracking.experiment(run.experiment)
    except MlopsError:
        return ""
    server = urlsplit(world.tracking_uri)
    host = server.netloc.rpartition("@")[2]  # without the password
    return f"{server.scheme}://{host}{server.path.rstrip('/')}/#/experiments/{experiment.id}/runs/{run.id}"


def bundle(card: Card) -> dict[str, Any]:
    """Return a card as a MIME bundle: for JupyterLab, for any other viewer, and for text."""
    view = show_card(card)
    html = to_html(view)
    return {MIME: plain(card), "text/html": html, "text/plain": to_text(card, width=NOTEBOOK_WIDTH)}


@shows(Card)
def show_card(card: Card) -> View:
    """Return a card as blocks."""
    run = card.run
    aside = " · ".join(filter(None, [run.experiment, run.id[:8], _took(card)]))
    view: View = [Heading(name=run.name, state=status(run.status), aside=aside)]
    if run.reason:
        view.append(Note(text=run.reason, tone="bad" if run.status == "FAILED" else "plain"))
    if card.progress is not None:
        view.append(Note(text=f"{card.progress.fraction:.0%}  {card.progress.text}", tone="busy"))
    if card.hidden_state:
        view.append(Note(text="Not reproducible from top to bottom.", tone="bad"))
        view += [Note(text=line) for line in card.hidden_state]
    if run.params:
        rows = list(run.params.items())
        view.append(Table(title="Parameters", headers=("NAME", "VALUE"), rows=rows))
    view += _metrics(card)
    if card.pictures:
        view.append(Pictures(title="Figures", items=[(one.path, one.address) for one in card.pictures]))
    if card.notes:
        view.append(Text(title="Notes", body=card.notes))
    view += _children(card)
    if card.outputs:
        outputs = [(one.path, size(one.n_bytes)) for one in card.outputs]
        view.append(Table(title="Outputs", headers=("PATH", ">SIZE"), rows=outputs))
        if card.n_more_outputs:
            view.append(Note(text=f"and {card.n_more_outputs} more", tone="quiet"))
    view.append(Facts(pairs=_facts(card)))
    return [*view, *(Note(text=f"Snapshot: {warning}") for warning in card.warnings)]


def _metrics(card: Card) -> View:
    if not card.trends:
        return []
    if all(trend.n_points <= 1 for trend in card.trends):
        rows: list[Sequence[str]] = [(trend.name, number(trend.last)) for trend in card.trends]
        view: View = [Table(title="Metrics", headers=("NAME", ">LAST"), rows=rows)]
    else:
        rows = [
            (
                trend.name,
                number(trend.last),
                *_range(trend),
                Spark(in_blocks([value for _, value in trend.points]), points=trend.points),
            )
            for trend in card.trends
        ]
        view = [Table(title="Metrics", headers=("NAME", ">LAST", ">LOWEST", ">HIGHEST", "CURVE"), rows=rows)]
    if card.n_more:
        view.append(Note(text=f"and {count(card.n_more, 'more metric')}", tone="quiet"))
    return view


def _children(card: Card) -> View:
    if not card.children:
        return []
    rows = [(one.name, status(one.status), duration(one.duration_s), _values(one.metrics)) for one in card.children]
    view: View = [Table(title="Children", headers=("NAME", "STATUS", ">TOOK", "METRICS"), rows=rows)]
    if card.n_more_children:
        view.append(Note(text=f"and {card.n_more_children} more", tone="quiet"))
    return view


def _values(metrics: Mapping[str, MetricValue]) -> str:
    return pairs({name: number(value) for name, value in metrics.items()})


def _range(trend: Trend) -> tuple[str, str]:
    if trend.n_points <= 1 or trend.lowest is None or trend.highest is None:
        return "", ""
    return number(trend.lowest), number(trend.highest)


def _took(card: Card) -> str:
    return duration(card.run.duration_s)


def _facts(card: Card) -> list[tuple[str, str]]:
    run = card.run
    return [
        ("tags", pairs(run.tags)),
        ("child of", run.parent or ""),
        ("started", f"{when(run.started_at)} by {run.actor}" if run.actor else when(run.started_at)),
        ("notebook", "" if card.notebook == "unknown" else card.notebook),
        ("machine", card.machine),
        ("data", card.data),
        ("snapshot", card.snapshot),
        ("git", card.git),
        ("environment", card.environment),
        ("MLflow", card.link),
        ("look again", Word(f"%ml runs show {run.id[:8]}", "quiet")),
    ]
