"""A table of runs: the columns there are to choose from, and groups of runs with their statistics."""

from __future__ import annotations

import math

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.search import ORDERS, Order, RunQuery, read_columns, read_order
from jupyter_mlops.core.table import FieldUse, RunGroup, RunGroups, Samples, summarize
from jupyter_mlops.core.where import Field, number_of
from jupyter_mlops.ports import World
from jupyter_mlops.training.finding import filter_of

_TEXTS = frozenset({"any", "text", "status"})


class NotGroupable(BadInput):
    """Runs cannot be grouped by what nearly every run has its own value of."""

    code = "not-groupable"

    def __init__(self, field: Field) -> None:
        super().__init__(
            f"Runs cannot be grouped by {str(field)!r}: it has no few values.",
            hint="Group by a parameter, a tag, or one of status, name, experiment, project, actor.",
        )


def list_columns(world: World, *, experiment: str | None = None) -> list[FieldUse]:
    """Return the metrics, parameters and tags of an experiment's runs, or of all. Raises ``UnknownThing``.

    How many runs have one is counted among the newest 2,000. If there are more runs, the names that only other runs of
    the workspace have come behind those.
    """
    return world.tracking.columns(experiment)


def group_runs(
    world: World,
    *,
    by: str,
    metrics: str = "",
    where: str | None = None,
    words: str = "",
    experiment: str | None = None,
    order: str | None = None,
    limit: int = 1000,
    deleted: bool = False,
) -> RunGroups:
    """Return the runs that match in groups that have the same text in the field ``by``, largest first.

    ``where`` and ``words`` are as for ``find_runs``.
    ``metrics`` names those to be summarized (``metrics.auc, metrics.loss``): count, mean and sample standard deviation.
    ``order`` is the field ``by`` (numbers as such) or a metric (its mean). Raises ``BadWhere``, ``NotGroupable``,
    ``UnknownThing`` for an experiment.
    """
    field, _ = ORDERS.field(by, option="by")
    if field.kind not in _TEXTS:
        raise NotGroupable(field)
    keys = list(dict.fromkeys(one.key for one in read_columns(metrics) if one.group == "metrics"))
    ordered = None if order is None else read_order(order)
    if ordered is not None and ordered.field.group == "metrics" and ordered.field.key not in keys:
        keys.append(ordered.field.key)
    node = filter_of(where, words)
    found = world.tracking.samples(RunQuery(where=node, experiment=experiment, deleted=deleted), field, keys)
    groups = _sorted([_group(value, samples) for value, samples in found.groups.items()], ordered)
    return RunGroups(
        items=groups[:limit],
        n_groups=len(groups),
        n_runs=sum(group.n_runs for group in groups),
        note=found.note,
    )


def _group(value: str | None, samples: Samples) -> RunGroup:
    metrics = {key: summarize(values) for key, values in samples.values.items()}
    return RunGroup(value=value, n_runs=samples.n_runs, metrics=metrics)


def _sorted(groups: list[RunGroup], order: Order | None) -> list[RunGroup]:
    """Return groups in their order: numbers, then texts, then those without a value; equals by size, then by value."""
    groups = sorted(groups, key=lambda group: (-group.n_runs, group.value is None, group.value or ""))
    if order is None:
        return groups
    numbers, texts, rest = [], [], []
    for group in groups:
        number = _mean(group, order.field.key) if order.field.group == "metrics" else number_of(group.value)
        if number is not None and not math.isnan(number):
            numbers.append((number, group))
        elif order.field.group != "metrics" and group.value is not None:
            texts.append((group.value, group))
        else:
            rest.append(group)
    numbers.sort(key=lambda one: one[0], reverse=order.descending)
    texts.sort(key=lambda one: one[0], reverse=order.descending)
    return [*(group for _, group in numbers), *(group for _, group in texts), *rest]


def _mean(group: RunGroup, key: str) -> float | None:
    summary = group.metrics.get(key)
    return None if summary is None or summary.mean is None else float(summary.mean)
