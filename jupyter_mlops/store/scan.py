"""Pages of runs through MLflow's own search: for tracking servers, and stores whose schema we do not know.

MLflow is asked for as much of the filter as it can express; the rest is decided here, page by page.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.run import Run
from jupyter_mlops.core.search import Order, RunPage, RunQuery, found_in
from jupyter_mlops.core.where import And, Compare, Field, Node, holds, number_of
from jupyter_mlops.store.entities import run_of
from jupyter_mlops.store.family import AT_ONCE, PARENT, count_children, read_family

if TYPE_CHECKING:
    from mlflow import MlflowClient

MOST_SCANNED: Final = 10_000
"""Runs of a server that one page looks through: what MLflow cannot filter or order comes over the wire for it."""
_ATTRIBUTES: Final = {"started": "start_time", "ended": "end_time", "status": "status", "name": "run_name"}
_TEXTS: Final = {"status": "attributes.status", "parent": PARENT}
_DECIMAL: Final = re.compile(r"-?\d+\.\d+")
"""Numbers that MLflow's filters take: it cannot read every exponent."""
_QUOTES: Final = frozenset("'\"`\\")


def scan_page(client: MlflowClient, query: RunQuery, experiments: Mapping[str, str]) -> RunPage:
    """Return the query's page. What lies behind ``MOST_SCANNED`` runs is left out, and the page says so."""
    order = _order(query.order)
    family = (
        read_family(client, experiments, deleted=query.deleted)
        if experiments and (query.roots or query.children)
        else None
    )
    orphans = family.orphans if family is not None else frozenset()
    some = _matching(client, query, order, experiments, childless=query.roots and not orphans)
    wanted = query.skip + query.limit + 1
    found: list[Run] = []
    whole = True
    for n_before, run in enumerate(some):
        if n_before == MOST_SCANNED:
            whole = False
            break
        if query.roots and run.parent is not None and run.id not in orphans:
            continue
        if holds(query.where, functools.partial(found_in, run)):
            found.append(run)
            if order is not None and len(found) == wanted:
                break
    if order is None:
        found = ordered(found, query.order)
    more = len(found) >= wanted
    left_out = "the newest" if order is None else "the first"
    items = found[query.skip : wanted - 1]
    return RunPage(
        items=items,
        next=str(wanted - 1) if more else "",
        n_matching=len(found) if query.count and whole and (order is None or not more) else None,
        note=""
        if whole
        else f"Only {left_out} {MOST_SCANNED:,} runs were looked through: narrow it to one experiment (-e NAME) or a shorter time.",
        n_children=count_children(client, items, experiments, family) if family is not None and query.children else {},
    )


def ordered(runs: Sequence[Run], order: Order) -> list[Run]:
    """Return runs in their order: numbers, then texts, then what has no value, or NaN, then what has nothing."""
    placed = [(*_place(run, order.field), run) for run in sorted(runs, key=lambda run: (-run.started_at, run.id))]
    numbers = sorted((one for one in placed if one[0] == 0), key=lambda one: one[1], reverse=order.descending)
    texts = sorted((one for one in placed if one[0] == 1), key=lambda one: one[2], reverse=order.descending)
    rest = sorted((one for one in placed if one[0] > 1), key=lambda one: one[0])
    return [one[3] for one in [*numbers, *texts, *rest]]


def _place(run: Run, field: Field) -> tuple[int, float, str]:
    """Return the group (number, text, NaN, nothing) and the value in it."""
    value = found_in(run, field)
    if isinstance(value, str):
        number = number_of(value) if field.kind == "any" else None
        return (1, 0.0, value) if number is None else (0, number, "")
    if value is None:
        return 3, 0.0, ""
    assert isinstance(value, (int, float))  # no field of a run is a collection
    return (2, 0.0, "") if math.isnan(value) else (0, value, "")


def _matching(
    client: MlflowClient, query: RunQuery, order: str | None, experiments: Mapping[str, str], *, childless: bool
) -> Iterator[Run]:
    """Yield what MLflow's search gives for as much of the filter as it can express; ``childless``: that have no parent."""
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    token = None
    words = _expressible(query.where)
    while experiments:
        try:
            page: Any = client.search_runs(
                list(experiments),
                " AND ".join([*words, f"{PARENT} IS NULL"] if childless else words),
                ViewType.DELETED_ONLY if query.deleted else ViewType.ACTIVE_ONLY,
                max_results=AT_ONCE,
                order_by=[order or "attributes.start_time DESC"],
                page_token=token,
            )
        except MlflowException as error:
            if not childless or error.error_code != "INVALID_PARAMETER_VALUE":
                raise
            childless = False  # an older server has no words for it: children are left out here
            continue
        yield from (run_of(one, experiments[one.info.experiment_id]) for one in page)
        token = page.token
        if not token:
            break


def _order(order: Order) -> str | None:
    """Return MLflow's words for an order that it has, ``None`` for one that is made here."""
    down = "DESC" if order.descending else "ASC"
    field = order.field
    if field.group == "metrics" and not set(field.key) & _QUOTES:
        return f"metrics.`{field.key}` {down}"
    if not field.group and field.key in {"started", "ended"}:
        return f"attributes.{_ATTRIBUTES[field.key]} {down}"
    return None


def _expressible(where: Node) -> list[str]:
    """Return MLflow's words for the parts of a filter that it has. Together they let through at least what it does."""
    parts = where.parts if isinstance(where, And) else (where,)
    inner = [_words(part) if isinstance(part, Compare) else None for part in parts]
    nested = [words for part in parts if isinstance(part, And) and part is not where for words in _expressible(part)]
    return [words for words in inner if words is not None] + nested


def _words(node: Compare) -> str | None:
    field, value = node.field, node.value
    if set(field.key) & _QUOTES or (isinstance(value, str) and (set(value) & _QUOTES or node.op != "=")):
        return None
    if field.group == "metrics" and isinstance(value, (int, float)):
        number = repr(float(value))
        return f"metrics.`{field.key}` {node.op} {number}" if _DECIMAL.fullmatch(number) else None
    if isinstance(value, str):
        if field.group:
            return f"{field.group}.`{field.key}` = '{value}'"
        return f"{_TEXTS[field.key]} = '{value}'" if field.key in _TEXTS else None
    if not field.group and field.key in {"started", "ended"}:
        return (
            f"attributes.{_ATTRIBUTES[field.key]} {node.op} {math.ceil(value) if '<' in node.op else math.floor(value)}"
        )
    return None
