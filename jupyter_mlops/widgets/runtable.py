"""The table of runs in a notebook: sorted, filtered, compared, and live if it is watched."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import anywidget
import traitlets

from jupyter_mlops.cli import runs as _views  # noqa: F401  # how a run is a row of a table
from jupyter_mlops.cli.render import to_mime
from jupyter_mlops.cli.runlist import RunListing
from jupyter_mlops.cli.view import Listing
from jupyter_mlops.cli.words import duration, number
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.where import Field
from jupyter_mlops.training.compare import Comparison, compare_runs
from jupyter_mlops.workspace import Workspace

MOST_COLUMNS: Final = 8
"""Metrics, and as many parameters: those that most runs have."""
MOST_TEXT: Final = 80
LOOK_EVERY_S: Final = 0.5


class RunTable(anywidget.AnyWidget):
    """Runs as a table in the browser. ``compare`` gives what is shown of the runs that are selected there."""

    _esm = Path(__file__).with_name("runtable.js")
    rows: Any = traitlets.List().tag(sync=True)
    metrics: Any = traitlets.List().tag(sync=True)
    params: Any = traitlets.List().tag(sync=True)
    tags: Any = traitlets.List().tag(sync=True)
    note: Any = traitlets.Unicode().tag(sync=True)
    comparison: Any = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        runs: Sequence[Run],
        compare: Callable[[Sequence[str]], dict[str, Any]],
        fallback: Mapping[str, Any],
        *,
        fields: Sequence[Field] = (),
        note: str = "",
    ) -> None:
        super().__init__(**state_of(runs, fields), note=note)
        self._fields = fields
        self._compare = compare
        self._fallback = fallback
        self.on_msg(self._asked)

    def show(self, runs: Sequence[Run]) -> None:
        """Show other runs; what was selected stays so."""
        with self.hold_sync():
            for name, value in state_of(runs, self._fields).items():
                setattr(self, name, value)

    def bundle(self) -> dict[str, Any]:
        """Return the widget, and the same as a plain table for whoever shows none: nbconvert, GitHub, papermill."""
        shown = super()._repr_mimebundle_()
        return {**(shown[0] if shown else {}), **self._fallback}

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.bundle(), {}

    def _asked(self, _: Any, content: Mapping[str, Any], __: Any) -> None:
        if isinstance(content.get("compare"), list):
            self.comparison = self._compare([str(one) for one in content["compare"]])


def table_of(world: Workspace, listing: Listing) -> RunTable:
    """Return a table of runs that compares with the workspace's own comparison."""

    def compare(refs: Sequence[str]) -> dict[str, Any]:
        try:
            return comparison_of(compare_runs(world, refs))
        except MlopsError as error:
            return {"error": " ".join(filter(None, [error.message, error.hint]))}

    fields, note = (listing.fields, listing.note) if isinstance(listing, RunListing) else ([], "")
    return RunTable(listing, compare, to_mime(listing), fields=fields, note=note)


def state_of(runs: Sequence[Run], fields: Sequence[Field] = ()) -> dict[str, Any]:
    """Return runs as the browser's table takes them; ``fields`` are columns whatever most runs have."""
    metrics = _common((run.results for run in runs), _named(fields, "metrics"))
    params = _common((run.params for run in runs), _named(fields, "params"))
    tags = _named(fields, "tags")
    rows = [_row(run, metrics, params, tags) for run in runs]
    return {"rows": rows, "metrics": metrics, "params": params, "tags": tags}


def _named(fields: Sequence[Field], group: str) -> list[str]:
    return [field.key for field in fields if field.group == group]


def comparison_of(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as the browser's table takes it: what differs, and the metrics with the best one marked."""
    params = [{"name": line.name, "values": _texts(line.values)} for line in comparison.params if line.differs]
    metrics = [
        {
            "name": line.name,
            "values": ["" if one is None else number(one) for one in line.values],
            "best": -1 if line.best is None else line.best,
        }
        for line in comparison.metrics
    ]
    packages = [{"name": line.name, "values": _texts(line.values)} for line in comparison.environment]
    tables = [("Parameters that differ", params), ("Metrics", metrics), ("Packages that differ", packages)]
    changed = [
        f"{one.run} changed {', '.join(c.path for c in one.changes[:5])}." for one in comparison.code if one.changes
    ]
    return {
        "runs": [run.name for run in comparison.runs],
        "tables": [{"title": title, "rows": rows} for title, rows in tables if rows],
        "notes": [*changed, *comparison.notes],
    }


def _row(run: Run, metrics: Sequence[str], params: Sequence[str], tags: Sequence[str]) -> dict[str, Any]:
    shown = {name: [_key(run.metrics[name]), number(run.metrics[name])] for name in metrics if name in run.metrics}
    given = {name: run.params[name][:MOST_TEXT] for name in params if name in run.params}
    tagged = {name: run.tags[name][:MOST_TEXT] for name in tags if name in run.tags}
    said = [run.id, run.name, run.experiment, run.status, run.project, run.actor]
    said += [f"{name}={text}" for name, (_, text) in shown.items()] + [f"{key}={value}" for key, value in given.items()]
    said += [f"{key}={value}" for key, value in tagged.items()]
    return {
        "id": run.id,
        "name": run.name,
        "experiment": run.experiment,
        "status": run.status,
        "took": duration(run.duration_s),
        "took_s": run.duration_s,
        "started_at": run.started_at,
        "metrics": shown,
        "params": given,
        "tags": tagged,
        "said": "\n".join(said).lower(),
    }


def _key(value: object) -> object:
    return value if isinstance(value, float | int) else None  # NaN and the infinities sort last


def _common(columns: Iterable[Mapping[str, object]], first: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    for column in columns:
        for name in column:
            seen[name] = seen.get(name, 0) + 1
    others = sorted(seen.keys() - set(first), key=lambda name: (-seen[name], name))
    return [*first, *others][: max(MOST_COLUMNS, len(first))]


def _texts(values: Iterable[str | None]) -> list[str]:
    return ["" if value is None else value[:MOST_TEXT] for value in values]


class Watcher:
    """Keeps one table up to date from a thread, also while cells run; the next one that begins ends it."""

    _current: ClassVar[Watcher | None] = None

    def __init__(self, world: Workspace, table: RunTable, read: Callable[[], Sequence[Run]]) -> None:
        self._world, self._table, self._read = world, table, read
        self._ended = threading.Event()
        if Watcher._current is not None:
            Watcher._current.stop()
        Watcher._current = self
        self._thread = threading.Thread(target=self._follow, name="mlops-watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no longer."""
        self._ended.set()

    def _follow(self) -> None:
        feed = self._world.feed()
        try:
            while not self._ended.wait(LOOK_EVERY_S) and self._table.comm is not None:
                if any(change.kind == "run" for change in feed.poll()):
                    self._table.show(self._read())
        except MlopsError:
            pass  # the store is away: the table stays as it was
        finally:
            feed.close()
