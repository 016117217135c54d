"""REST: groups of runs."""

from __future__ import annotations

from jupyter_mlops.core.table import RunGroups
from jupyter_mlops.ports import World
from jupyter_mlops.server.operations.limits import Most
from jupyter_mlops.training import table


def group_runs(
    world: World,
    *,
    by: str,
    metrics: str = "",
    where: str | None = None,
    words: str = "",
    experiment: str | None = None,
    order: str | None = None,
    limit: Most = 1000,
    deleted: bool = False,
) -> RunGroups:
    """Group runs by ``by`` (``params.model``), largest first, with count, mean and sample standard deviation of ``metrics``.

    ``metrics`` are named with commas (``metrics.auc, metrics.loss``); ``order`` is ``by`` or one of them, by its mean.
    """
    return table.group_runs(
        world,
        by=by,
        metrics=metrics,
        where=where,
        words=words,
        experiment=experiment,
        order=order,
        limit=limit,
        deleted=deleted,
    )
