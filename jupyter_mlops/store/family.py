"""Which runs of a tracking server are children of which: MLflow has parents as a tag, and no words for "whose parent is there".

It is asked for the newest children at once. Where these are all of them, as they mostly are, everything is known from
two questions; else the runs of a page are asked for their children one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.run import Run
from jupyter_mlops.store.entities import run_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

PARENT: Final = "tags.`mlflow.parentRunId`"
AT_ONCE: Final = 1000
"""Runs that a server gives in one answer."""
MOST_COUNTED: Final = 10_000
"""Children of one run that are counted."""
_ASKED_AT_ONCE: Final = 100
_THREADS: Final = 8


@dataclass(frozen=True, kw_only=True)
class Family:
    """The newest children in some experiments, or all of them."""

    n_children: Mapping[RunId, int]
    """By their parents, those that are there."""
    orphans: frozenset[RunId]
    """Children whose parent is not there: deleted, or in another experiment."""
    is_whole: bool
    """Whether there are no older ones."""


def read_family(client: MlflowClient, experiments: Mapping[str, str], *, deleted: bool = False) -> Family:
    """Return what the newest children of some experiments say. Children of another experiment than their parent's are orphans."""
    found = _search(client, experiments, f"{PARENT} LIKE '%'", deleted=deleted)
    children = [run_of(one, experiments[one.info.experiment_id]) for one in found]
    there = _there(client, sorted({run.parent for run in children if run.parent}), experiments, deleted=deleted)
    own = [run for run in children if run.parent is not None and there.get(run.parent) == run.experiment]
    return Family(
        n_children=Counter(run.parent for run in own if run.parent is not None),
        orphans=frozenset(run.id for run in children) - {run.id for run in own},
        is_whole=not found.token,
    )


def count_children(
    client: MlflowClient, runs: Sequence[Run], experiments: Mapping[str, str], family: Family
) -> dict[RunId, int]:
    """Return how many children these runs have."""
    if family.is_whole:
        return {run.id: family.n_children[run.id] for run in runs if run.id in family.n_children}
    numbers = {name: number for number, name in experiments.items()}

    def count(run: Run) -> int:
        number = numbers[run.experiment]
        return sum(1 for _ in _all(client, {number: run.experiment}, f"{PARENT} = '{run.id}'"))

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="mlops-children") as pool:
        counts = zip(runs, pool.map(count, runs), strict=True)
        return {run.id: n for run, n in counts if n}


def _there(
    client: MlflowClient, ids: Sequence[str], experiments: Mapping[str, str], *, deleted: bool
) -> dict[RunId, str]:
    """Return the experiments of those of some runs that are there."""
    found: dict[RunId, str] = {}
    for at in range(0, len(ids), _ASKED_AT_ONCE):
        asked = ", ".join(f"'{one}'" for one in ids[at : at + _ASKED_AT_ONCE] if one.isalnum())
        if asked:
            some = _search(client, experiments, f"attributes.run_id IN ({asked})", deleted=deleted)
            found |= {RunId(one.info.run_id): experiments[one.info.experiment_id] for one in some}
    return found


def _all(client: MlflowClient, experiments: Mapping[str, str], where: str) -> Iterator[Any]:
    """Yield up to ``MOST_COUNTED`` runs."""
    token = None
    for _ in range(MOST_COUNTED // AT_ONCE):
        page = _search(client, experiments, where, token=token)
        yield from page
        token = page.token
        if not token:
            break


def _search(
    client: MlflowClient,
    experiments: Mapping[str, str],
    where: str,
    *,
    deleted: bool = False,
    token: str | None = None,
) -> Any:
    from mlflow.entities import ViewType

    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    newest = ["attributes.start_time DESC"]
    return client.search_runs(list(experiments), where, view, AT_ONCE, newest, token)
