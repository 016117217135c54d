"""The reading side of ``ports.Tracking``: experiments, runs and curves, by SQL where we can and by MLflow's client else."""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from jupyter_mlops.core.curve import Axis, Curve, Span, Sparkline
from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.core.ids import ExperimentId, RunId
from jupyter_mlops.core.run import Experiment, MetricPoint, Run, RunStatus
from jupyter_mlops.core.search import EVERY, RunPage, RunQuery, UnknownKey, with_terms
from jupyter_mlops.core.table import FieldUse, Sampled
from jupyter_mlops.core.where import Field, Node, fields_of
from jupyter_mlops.store import indexes, names, pages, tabled
from jupyter_mlops.store.curves import curve_of, read_curve
from jupyter_mlops.store.entities import metric_value, run_of
from jupyter_mlops.store.importing import import_mlflow
from jupyter_mlops.store.mlflow_client import calls
from jupyter_mlops.store.places import read_artifact_uri, read_locations
from jupyter_mlops.store.reading import Rows, SqlReader
from jupyter_mlops.store.registry import MlflowRegistry
from jupyter_mlops.store.scan import MOST_SCANNED, scan_page
from jupyter_mlops.store.sparklines import read_sparklines, sparkline_of

RUN_ID: Final = re.compile(r"[0-9a-f]{32}")
RUN_PREFIX: Final = re.compile(r"[0-9a-f]{6,31}")
SLOW_S: Final = 0.02
"""A page that takes longer, in a store without our indexes, has them made."""
_SAMPLE: Final = 1000
"""Runs of a server that are looked at for names of metrics."""


class RunInTrash(UnknownThing):
    """What is named is a run, but it is deleted, or its experiment is archived."""

    def __init__(self, run: Run, *, is_archived: bool) -> None:
        super().__init__("run", run.name)
        state = f"in the archived experiment {run.experiment!r}" if is_archived else "deleted"
        self.message = f"The run {run.name} ({run.id[:8]}) is {state}."
        back = f"experiments restore '{run.experiment}'" if is_archived else f"runs restore {run.id[:8]}"
        self.hint = f"Bring it back: `mlops {back}`."
        self.code = "run-deleted"  # type: ignore[misc]  # its own, whatever the kind of thing


class MlflowSearch(MlflowRegistry):
    """Finding and reading. Safe to use from several threads."""

    _roots_known: tuple[pages.RootState | None, dict[str, int]] = (None, {})
    """The last count of runs that are no child, and what there was then."""

    @functools.cached_property
    def reader(self) -> SqlReader:
        """What reads the tables without MLflow, where they are tables."""
        return SqlReader(self.uri)

    def close(self) -> None:
        """Close pooled connections to a database; a later call opens new ones."""
        super().close()
        self.reader.close()

    def _roots(self) -> list[str]:
        with self.reader.open() as rows:
            if rows is not None:
                return [self.artifact_root, *read_locations(rows)]
        return super()._roots()

    def _uri(self, run_id: RunId) -> str:
        """Return where a run's artifacts are. MLflow says what is wrong with a run that is not there."""
        with self.reader.open() as rows:
            if rows is not None and (found := read_artifact_uri(rows, run_id)) is not None:
                return found
        return str(self.client.get_run(run_id).info.artifact_uri or "")

    def experiments(self, *, archived: bool = False) -> list[Experiment]:
        """Return the experiments that are not archived, or those that are, newest first."""
        with self.reader.open() as rows:
            if rows is not None:
                return pages.read_experiments(rows, archived=archived)
        import_mlflow()
        from mlflow.entities import ViewType

        view = ViewType.DELETED_ONLY if archived else ViewType.ACTIVE_ONLY
        with calls(self.uri):
            return [_experiment(one) for one in self._pages(self.client.search_experiments, view_type=view)]

    def experiment(self, name: str, *, create: bool = False) -> Experiment:
        """Return an experiment by name. Raises ``UnknownThing`` unless ``create``, which also restores an archived one."""
        with self.reader.open() as rows:
            known = None if rows is None else pages.read_experiment(rows, name)
        if rows is None or (known is None and create):
            known = self._experiment_of_client(name, create=create)
        if known is None or (known.archived and not create):
            raise UnknownThing("experiment", name)
        if known.archived:
            self.restore_experiment(name)
        return known

    def archived_experiment(self, name: str) -> Experiment:
        """Return an archived experiment by name. Raises ``UnknownThing``."""
        for one in self.experiments(archived=True):
            if one.name == name:
                return one
        raise UnknownThing("archived experiment", name, plural="experiments")

    def archive_experiment(self, name: str) -> Experiment:
        """Put an experiment away with its runs, which are kept; return it."""
        found = self.experiment(name)
        with calls(self.uri, "experiment", name):
            self.client.delete_experiment(found.id)
        return self.archived_experiment(name)

    def restore_experiment(self, name: str) -> Experiment:
        """Take an archived experiment back with its runs; return it."""
        found = self.archived_experiment(name)
        with calls(self.uri, "experiment", name):
            self.client.restore_experiment(found.id)
        return self.experiment(name)

    def _experiment_of_client(self, name: str, *, create: bool) -> Experiment | None:
        from mlflow.exceptions import MlflowException

        with calls(self.uri):
            found = self.client.get_experiment_by_name(name)
            if found is None and create:
                try:
                    self.client.create_experiment(name)
                except MlflowException as error:
                    if error.error_code != "RESOURCE_ALREADY_EXISTS":
                        raise
                found = self.client.get_experiment_by_name(name)
        return None if found is None else _experiment(found)

    def page(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match.

        Raises ``UnknownThing`` for an experiment, and ``UnknownKey`` for a metric or parameter that no run has.
        """
        if self.reader.is_empty:
            return RunPage()
        began = time.monotonic()
        with self.reader.open() as rows:
            if rows is not None:
                page = self._sql_page(rows, query)
                lacks = rows.sqlite and time.monotonic() - began > SLOW_S and indexes.are_missing(rows)
        if rows is None:
            return self._client_page(query)
        if lacks and self.reader.path is not None:
            indexes.add_indexes_later(self.reader.path)
        return page

    def _sql_page(self, rows: Rows, query: RunQuery) -> RunPage:
        experiments = _in_scope(rows, query.experiment)
        found = pages.read_page(rows, query, experiments)
        _check_keys(rows, _unseen(found, query), experiments)
        is_last = len(found) <= query.limit
        n_matching = None
        if query.count:
            known = is_last and (found or not query.skip)
            n_matching = query.skip + len(found) if known else pages.count_matching(rows, query, experiments)
        more = "" if is_last else str(query.skip + query.limit)
        items = found[: query.limit]
        n_children = pages.count_children(rows, items) if query.children else {}
        return RunPage(items=items, next=more, n_matching=n_matching, n_children=n_children)

    def _client_page(self, query: RunQuery) -> RunPage:
        known = [self.experiment(query.experiment)] if query.experiment is not None else self.experiments()
        experiments: dict[str, str] = {one.id: one.name for one in known}
        with calls(self.uri):
            page = scan_page(self.client, query, experiments)
        if unseen := _unseen(page.items, query):
            with calls(self.uri):
                recent = scan_page(self.client, RunQuery(limit=_SAMPLE), experiments).items
            for field in unseen:
                used = {key for run in recent for key in (run.metrics if field.group == "metrics" else run.params)}
                if recent and len(recent) < _SAMPLE and field.key not in used:
                    raise UnknownKey(field, sorted(used))
        return page

    def runs(
        self,
        *,
        experiment: str | None = None,
        status: RunStatus | None = None,
        project: str | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Return runs, newest first."""
        where = with_terms(status=status, project=project)
        return self.page(RunQuery(where=where, experiment=experiment, limit=limit)).items

    def run(self, ref: str) -> Run:
        """Return a run by id, by an unambiguous beginning of its id (6 digits or more), or by name (the newest).

        One that is deleted is found by its whole id alone. Raises ``UnknownThing``, and for a deleted one ``RunInTrash``.
        """
        by = "id" if RUN_ID.fullmatch(ref) else "prefix" if RUN_PREFIX.fullmatch(ref) else "name"
        found = self._runs_by(by, ref)
        if by == "prefix" and len(found) > 1:
            raise BadInput(f"{ref!r} begins the id of more than one run.", hint="Give more digits of the id.")
        if by == "prefix" and not found:
            found = self._runs_by("name", ref)
        for how in () if found else dict.fromkeys([by, "name"]):
            if trashed := self._runs_by(how, ref, deleted=True):
                archived = {one.name for one in self.experiments(archived=True)}
                raise RunInTrash(trashed[0], is_archived=trashed[0].experiment in archived)
        if not found:
            raise UnknownThing("run", ref)
        return found[0]

    def _runs_by(self, by: str, ref: str, *, deleted: bool = False) -> list[Run]:
        if self.reader.is_empty:
            return []
        with self.reader.open() as rows:
            if rows is not None:
                return pages.read_run(rows, ref, by, deleted=deleted)
        if by == "id":
            with calls(self.uri, "run", ref):
                found = self.client.get_run(ref)
                run = run_of(found, self.client.get_experiment(found.info.experiment_id).name)
            return [run] if run.deleted or not deleted else []
        if not ref or set(ref) & set("'\"`\\"):
            return []
        groups: dict[str, str] = {one.id: one.name for one in self.experiments()}
        from mlflow.entities import ViewType

        view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
        newest = ["attributes.start_time DESC"]
        where = f"attributes.run_id LIKE '{ref}%'" if by == "prefix" else f"attributes.run_name = '{ref}'"
        with calls(self.uri):
            some = self.client.search_runs(list(groups), where, view, max_results=2, order_by=newest)
        return [run_of(one, groups[one.info.experiment_id]) for one in some]

    def history(self, run_id: RunId, key: str) -> list[MetricPoint]:
        """Return every logged value of a metric, in the order of its steps."""
        with calls(self.uri, "run", run_id):
            points = self.client.get_metric_history(run_id, key)
        ordered = sorted(points, key=lambda point: (point.step, point.timestamp))
        return [MetricPoint(key=p.key, value=metric_value(p.value), step=p.step, at_ms=p.timestamp) for p in ordered]

    def curve(
        self, run_id: RunId, key: str, n_buckets: int = 1000, *, axis: Axis = "step", within: Span | None = None
    ) -> Curve:
        """Return a metric, or what of it is ``within``, at the resolution of a chart; without points where there are none."""
        with self.reader.open() as rows:
            if rows is not None:
                return read_curve(rows, run_id, key, n_buckets, axis, within=within)
        return curve_of(self.history(run_id, key), key, n_buckets, axis, within)

    def keys(self, group: str) -> list[str]:
        """Return the names of all ``metrics``, ``params`` or ``tags``; of a server's, nothing."""
        if self.reader.is_empty:
            return []
        with self.reader.open() as rows:
            return [] if rows is None else names.read_keys(rows, group)

    def values(self, field: Field, start: str, most: int) -> list[str]:
        """Return the texts that runs have in a field, those of most runs first; of a server's, nothing."""
        if self.reader.is_empty:
            return []
        with self.reader.open() as rows:
            return [] if rows is None else names.read_values(rows, field, start, most)

    def counts(self, where: Node) -> dict[str, int] | None:
        """Return how many runs match in each experiment that has any; ``None`` where a server would have to be asked for all.

        Raises ``UnknownKey`` for a metric or parameter that no run has.
        """
        if self.reader.is_empty:
            return {}
        with self.reader.open() as rows:
            if rows is None:
                return None
            experiments = pages.read_names(rows)
            found = pages.count_by_experiment(rows, where, experiments)
            if not found:
                _check_keys(rows, _unseen((), RunQuery(where=where)), experiments)
            return found

    def root_counts(self) -> dict[str, int] | None:
        """Return how many runs that are no child of another one each experiment has; ``None`` for a server.

        Told anew where runs or parents came or went: at 100,000 runs with parents it takes half a second.
        """
        if self.reader.is_empty:
            return {}
        with self.reader.open() as rows:
            if rows is None:
                return None
            state = pages.root_state(rows)
            known, counts = self._roots_known
            if known != state:
                counts = pages.count_by_experiment(rows, EVERY, pages.read_names(rows), roots=bool(state.parents))
                self._roots_known = state, counts
        return counts

    def sparklines(self, runs: Sequence[RunId], key: str, n_points: int) -> list[Sparkline]:
        """Return the runs that have the metric, each with up to ``n_points`` of its points, evenly over its steps."""
        with self.reader.open() as rows:
            if rows is not None:
                return read_sparklines(rows, runs, key, n_points)
        histories = {run: [(one.step, float(one.value)) for one in self.history(run, key)] for run in runs}
        return [sparkline_of(run, points, n_points) for run, points in histories.items() if points]

    def columns(self, experiment: str | None) -> list[FieldUse]:
        """Return the metrics, parameters and tags that runs have. Raises ``UnknownThing`` for an experiment."""
        if self.reader.is_empty:
            return []
        with self.reader.open() as rows:
            if rows is not None:
                return tabled.read_columns(rows, _in_scope(rows, experiment))
        return tabled.columns_among(self.page(RunQuery(experiment=experiment, limit=_SAMPLE)).items)

    def samples(self, query: RunQuery, by: Field, metrics: Sequence[str]) -> Sampled:
        """Return what the runs that match have measured, by their text in a field."""
        if self.reader.is_empty:
            return Sampled(groups={})
        with self.reader.open() as rows:
            if rows is not None:
                return tabled.read_samples(rows, query, by, metrics, _in_scope(rows, query.experiment))
        page = self.page(replace(query, limit=MOST_SCANNED))
        return tabled.samples_among(page.items, by, metrics, page.note)


def _in_scope(rows: Rows, experiment: str | None) -> dict[int, str]:
    """Return the experiment by its number, or all. Raises ``UnknownThing``."""
    experiments = pages.read_names(rows)
    if experiment is None:
        return experiments
    found = {number: name for number, name in experiments.items() if name == experiment}
    if not found:
        raise UnknownThing("experiment", experiment)
    return found


def _unseen(found: Collection[Run], query: RunQuery) -> list[Field]:
    """Return the metrics and parameters of the query that its page does not show to exist."""
    if query.skip or query.deleted:
        return []
    asked = [query.order.field, *([] if found else fields_of(query.where))]
    seen = {("metrics", key) for run in found for key in run.metrics} | {
        ("params", key) for run in found for key in run.params
    }
    return [one for one in asked if one.group in {"metrics", "params"} and (one.group, one.key) not in seen]


def _check_keys(rows: Rows, fields: Iterable[Field], experiments: Mapping[int, str]) -> None:
    """Raise ``UnknownKey`` for the first of these that no run of the experiments has."""
    for field in fields:
        if not pages.is_used(rows, field, experiments) and pages.has_runs(rows, experiments):
            raise UnknownKey(field, names.read_keys(rows, field.group))


def _experiment(found: Any) -> Experiment:
    return Experiment(
        id=ExperimentId(found.experiment_id),
        name=found.name,
        created_at=(found.creation_time or 0) / 1000,
        archived=found.lifecycle_stage == "deleted",
    )
