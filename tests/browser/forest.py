"""Runs as their view shows them: one that failed with all that a run can leave behind, two children, one that goes on."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, writes

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import MetricPoint, Run
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

EVIL = "<script>parent.document.title='broken';document.title='broken'</script>"
REPORT = f"<h1>Report</h1>{EVIL}<script>document.body.append('its scripts run')</script>"
NOTEBOOK = writes(
    new_notebook(
        cells=[
            new_markdown_cell("# Explore"),
            new_code_cell(
                "print(6 * 7)", outputs=[new_output("stream", name="stdout", text="42\n")], execution_count=1
            ),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
)
FILES = {
    "mlops/environment.json": encode(Environment(python="3.11.7", packages={"numpy": "2.0", "pandas": "3.0"})),
    "source/cell.py": b"ml.log({'loss': 0.5})\n",
    "source/dirty.diff": b"--- a/train.py\n+++ b/train.py\n@@ -1 +1 @@\n-lr = 0.01\n+lr = 0.1\n",
    "figures/figure-1.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60"><circle r="30"/></svg>',
    "report.html": REPORT.encode(),
    "tables/errors.json": b'{"columns": ["name", "n"], "data": [["boundary", 17]]}',
    "outputs/scores.csv": b'id,said\n1,"yes, so"\n',
    "outputs/notes.md": f"# Notes\n\n{EVIL}\n\n**bold**".encode(),
    "notebooks/explore.ipynb": NOTEBOOK.encode(),
    "notebooks/deep/er/numbers.txt": b"1 2 3\n",
    "outputs/plan.txt": b"first this\n",
    "logs/stdout.txt": b"".join(b"\x1b[32mepoch %d\x1b[0m done\n" % n for n in range(9000)),
    "logs/stderr.txt": b"careful\n",
}

NAME = "정확도" * 3000
"""Of a metric: longer than an address may be."""


@dataclass(frozen=True)
class Place:
    """The workspace that the server shows, and runs of it."""

    workspace: Workspace
    first: Run
    other: Run
    going: Run
    folder: Path


def _run(workspace: Workspace, name: str, lr: float, tags: dict[str, str], parent: RunId | None = None) -> Run:
    run = workspace.tracking.create_run(
        "forest", name, tags={"mlflow.user": "ada", **tags}, params={"lr": str(lr)}, parent=parent
    )
    at_ms = int(time.time() * 1000)
    points = [
        MetricPoint(key="train/loss", value="NaN" if 20 < n < 24 else math.exp(-n * lr), step=n, at_ms=at_ms + n)
        for n in range(100)
    ]
    auc = MetricPoint(key="auc", value=0.97, step=0, at_ms=at_ms)
    workspace.tracking.log(run.id, metrics=[*points, auc])
    return run


def _name(workspace: Workspace, run: RunId, names: dict[str, str]) -> None:
    """Give metrics names that MLflow itself refuses, and other programs may have written."""
    with closing(sqlite3.connect(workspace.root / "mlflow.db")) as db, db:
        for table in ("metrics", "latest_metrics"):
            renamed = [(new, run, key) for key, new in names.items()]
            db.executemany(f"UPDATE {table} SET key = ? WHERE run_uuid = ? AND key = ?", renamed)


@contextmanager
def seeded(folder: Path) -> Iterator[Place]:
    """Give the workspace of a folder, with these runs."""
    from mlflow.entities import Dataset, DatasetInput

    (folder / "lib").mkdir(parents=True)
    (folder / "train.py").write_text("lr = 0.1\nprint(lr)\n")
    (folder / "lib" / "util.py").write_text("X = 1\n")
    (folder / "explore.ipynb").write_text(NOTEBOOK)
    workspace = Workspace.open(folder, create=True)
    snapshot = take_snapshot(workspace, folder)
    (folder / "train.py").write_text("lr = 0.5\nprint(lr)\n")
    tags = {"mlops.snapshot": snapshot.name, "mlops.notebook": str(folder / "explore.ipynb"), "mlops.cell": "{}"}
    first = _run(workspace, "brave-owl", 0.1, tags)
    workspace.tracking.log(
        first.id, metrics=[MetricPoint(key="long", value=math.sin(n / 7), step=n, at_ms=n) for n in range(4000)]
    )
    for path, data in FILES.items():
        workspace.tracking.write(first.id, data, path)
    used = [DatasetInput(Dataset(f"rows-{n}", str(n), "local", "{}")) for n in range(7)]  # more than a lineage draws
    workspace.tracking.client.log_inputs(first.id, used)  # MLflow's only way
    workspace.tracking.end_run(first.id, "FAILED", reason="ValueError: too hot")
    script = {"mlops.snapshot": take_snapshot(workspace, folder).name, "mlops.file": "train.py"}
    other = _run(workspace, "quiet-fox", 0.2, script | {"mlops.folder": str(folder)}, first.id)
    workspace.tracking.write(
        other.id, encode(Environment(python="3.11.7", packages={"numpy": "2.1"})), "mlops/environment.json"
    )
    _name(workspace, other.id, {"train/loss": NAME, "auc": "a, b"})
    workspace.tracking.end_run(other.id, "FINISHED")
    (folder / "train.py").write_text("lr = 0.7\nprint(lr)\n")
    workspace.tracking.end_run(_run(workspace, "sly-cat", 0.3, {}, first.id).id, "FINISHED")
    going = workspace.tracking.create_run("forest", "going-on", tags={}, params={})
    yield Place(workspace, first, other, going, folder)
    workspace.close()
