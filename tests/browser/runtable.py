"""The table of runs as a page shows it, and runs for it: what is awkward to draw, and ten thousand."""

from __future__ import annotations

import importlib.util
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.workspace import Workspace

_spec = importlib.util.spec_from_file_location("search_bench", Path(__file__).parents[1] / "bench" / "search.py")
bench = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(bench)

SEEDS = 20
COPIES = 500
LONG = "아주 긴 이름 " * 1250
ARABIC = "تجربة-العربية"
# Tells, when it is called, how long the browser takes from a click on a head until other rows are painted.
SORT_MS = """label => new Promise((done, fail) => {
  const grid = [...document.querySelectorAll('.jp-MlopsGrid')].find(one => one.offsetParent);
  const head = [...grid.querySelectorAll('[role=columnheader]')].find(one => one.textContent === label);
  const body = grid.querySelector('.jp-MlopsGrid-body');
  setTimeout(() => fail(new Error('no other rows within 20 s')), 20000);
  const before = body.textContent;
  const began = performance.now();
  const look = () => body.textContent === before
    ? requestAnimationFrame(look)
    : requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  head.click();
  requestAnimationFrame(look);
})"""


def make(world: Workspace, experiment: str, name: str, **given: Any) -> str:
    """Record a run that is over; return its id."""
    run = world.tracking.create_run(
        experiment, name, tags=given.get("tags", {}), params=given.get("params", {}), parent=given.get("parent")
    )
    metrics = given.get("metrics", {})
    world.tracking.log(run.id, metrics=[MetricPoint(key=k, value=v, step=0, at_ms=1) for k, v in metrics.items()])
    world.tracking.end_run(run.id, given.get("status", "FINISHED"))
    return str(run.id)


def many(folder: Path) -> None:
    """Make the workspace of a folder, with 10,000 runs in the experiment ``many``."""
    with closing(Workspace.open(folder, create=True)) as world:
        for i in range(SEEDS):
            metrics = {"auc": i / SEEDS, "loss": 1 - i / SEEDS}
            make(world, "many", f"seed-{i}", params={"depth": str(i % 5)}, metrics=metrics)
    with closing(sqlite3.connect(folder / ".mlops" / "mlflow.db", isolation_level=None)) as connection:
        bench.multiply(connection, COPIES - 1)


def few(world: Workspace) -> dict[str, str]:
    """Make runs of the experiment ``few``: two models, a parent with two children, and what is awkward to draw."""
    rows = [("tree-1", "tree", 0.5), ("tree-2", "tree", 0.7), ("svm-1", "svm", 0.9), ("svm-2", "svm", "NaN")]
    made = {
        name: make(world, "few", name, params={"model": model}, metrics={"auc": auc, "loss": 1.0})
        for name, model, auc in rows
    }
    made["parent"] = make(world, "few", "parent", metrics={"auc": "Infinity"}, status="FAILED")
    for name in ("fold-1", "fold-2"):
        made[name] = make(world, "few", name, parent=made["parent"], metrics={"auc": 0.1})
    for name in (LONG, ARABIC):
        made[name] = make(world, "few", name, params={"model": "=cmd()"})
    return made


def grid(page: Any) -> Any:
    return page.locator(".jp-MlopsGrid:visible")


def names(page: Any) -> list[str]:
    """Return the first column of the rows in their order."""
    rows = (
        grid(page)
        .locator(".jp-MlopsGrid-row")
        .evaluate_all("rows => rows.map(row => [row.offsetTop, row.querySelector('.jp-mod-fixed').innerText.trim()])")
    )
    return [name.split("\n")[0] for _, name in sorted(rows)]


def until(page: Any, holds: Callable[[], bool]) -> None:
    """Wait until something is so; the page lives on meanwhile."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end, names(page)
        page.wait_for_timeout(50)


def head(page: Any, name: str) -> Any:
    return grid(page).get_by_role("columnheader", name=name, exact=True)


def box(page: Any, name: str) -> Any:
    return grid(page).get_by_role("checkbox", name=f"Select {name}", exact=True)


def choose(page: Any, item: str) -> None:
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{re.escape(item)}$")).click()
