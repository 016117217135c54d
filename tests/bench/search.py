"""How fast runs are found, beside MLflow's own search on the same stores in the same run.

    python tests/bench/search.py [--quick] [--json]

Stores of 10,000 and 100,000 runs with 10 parameters and 10 metrics each (also with ``--quick``, which measures less
often), made through MLflow and multiplied in SQL; and one metric of 100,000 points for a chart of 1,000 pixels.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from jupyter_mlops.core.search import RUNS, RunQuery, read_columns, read_order
from jupyter_mlops.core.where import And
from jupyter_mlops.workspace import Workspace

SEEDS = 200
KEYS = 10
POINTS = 100_000
PIXELS = 1000


def make_store(home: Path, n_runs: int, seeds: int = SEEDS) -> Path:
    """Make runs through MLflow, and as many copies of them as it takes; return the database."""
    from mlflow.entities import Metric, Param

    home.mkdir()
    rng = random.Random(1)
    workspace = Workspace.open(home, create=True)
    client = workspace.tracking.client
    group = client.create_experiment("bench")
    for i in range(seeds):
        run_id = client.create_run(group, start_time=1_700_000_000_000 + i).info.run_id
        metrics = [Metric(f"metric{k}", rng.random(), 1, 0) for k in range(KEYS)]
        client.log_batch(run_id, metrics, [Param(f"param{k}", str(rng.randrange(50))) for k in range(KEYS)])
        client.set_terminated(run_id, end_time=1_700_000_060_000 + i)
    workspace.close()
    database = workspace.root / "mlflow.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        multiply(connection, n_runs // seeds - 1)
    return database


def multiply(connection: sqlite3.Connection, n_copies: int) -> None:
    """Copy every run with other ids, times and metric values. A crash would lose the file: nobody needs it."""
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    tables = "('runs', 'metrics', 'latest_metrics', 'params', 'tags')"
    own = f"FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN {tables}"
    indexes = connection.execute(f"SELECT name, sql {own}").fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("BEGIN")
    connection.execute(
        "CREATE TEMP TABLE copies AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
        "SELECT i, run_uuid AS old, lower(hex(randomblob(16))) AS new FROM n, runs",
        (n_copies,),
    )
    changed = {
        "run_uuid": "c.new",
        "start_time": "t.start_time - 60000 * c.i",
        "end_time": "t.end_time - 60000 * c.i",
        "value": "abs(random()) / 9223372036854775807.0",
    }
    for table in ("runs", "metrics", "latest_metrics", "params", "tags"):
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        kept = {"value"} if table in {"params", "tags"} else set()
        new = [changed[one] if one in changed and one not in kept else f"t.{one}" for one in columns]
        by = "1" if table == "runs" else "t.key, c.new"
        connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(new)} "
            f"FROM copies c JOIN {table} t ON t.run_uuid = c.old ORDER BY {by}"
        )
    connection.execute("COMMIT")
    for _, sql in indexes:
        connection.execute(sql)
    connection.execute("PRAGMA journal_mode=WAL")


def add_curve(database: Path) -> str:
    """Log a metric of many points to one run; return the run's id."""
    rng = random.Random(2)
    with closing(sqlite3.connect(database)) as connection:
        run_id = str(connection.execute("SELECT run_uuid FROM runs ORDER BY start_time DESC").fetchone()[0])
        points = ((rng.random(), 1_700_000_000_000 + 10 * i, run_id, i) for i in range(POINTS))
        connection.executemany("INSERT INTO metrics VALUES ('loss', ?, ?, ?, ?, 0)", points)
        connection.commit()
    return run_id


def ms(work: Callable[[], object], tries: int) -> float:
    """Return the median time of one call after a first one."""
    work()
    found = []
    for _ in range(tries):
        began = time.perf_counter()
        work()
        found.append((time.perf_counter() - began) * 1000)
    return statistics.median(found)


def measure_ours(database: Path, tries: int, curve_of: str = "") -> dict[str, float]:
    workspace = Workspace.open(database.parent.parent)
    tracking = workspace.tracking
    by = read_order("metrics.metric3")
    shown = read_columns("metrics.metric0, metrics.metric1, params.param0")
    where = RUNS.parse("metrics.metric1 > 0.9 and params.param2 < 10")
    queries = {
        "first_page": RunQuery(order=by),
        "tenth_page": RunQuery(order=by, skip=900),
        "newest": RunQuery(where=And(())),
        "filtered": RunQuery(where=where, order=by),
        "by_param": RunQuery(order=read_order("params.param2 asc")),
        "table": RunQuery(roots=True, columns=shown, limit=50),
        "table_end": RunQuery(
            roots=True, columns=shown, limit=50, skip=sum(one.n_runs for one in tracking.experiments()) - 100
        ),
    }
    found = {name: ms(lambda query=query: tracking.page(query), tries) for name, query in queries.items()}
    found["experiments"] = ms(tracking.experiments, tries)
    if curve_of:
        found["curve"] = ms(lambda: tracking.curve(curve_of, "loss", PIXELS), tries)
        found["curve_by_time"] = ms(lambda: tracking.curve(curve_of, "loss", PIXELS, axis="time"), tries)
    workspace.close()
    return found


def measure_mlflow(database: Path, tries: int, *, analyze: bool) -> float:
    from mlflow import MlflowClient

    client: Any = MlflowClient(tracking_uri=f"sqlite:///{database}")
    group = client.get_experiment_by_name("bench").experiment_id
    if analyze:
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("ANALYZE")
    return ms(lambda: client.search_runs([group], max_results=100, order_by=["metrics.metric3 DESC"]), tries)


def cli_cpu_s(database: Path) -> float:
    """Return the processor time of `mlops runs list`."""
    code = "import resource, sys; from jupyter_mlops.cli.process import run; run(['runs', 'list', '--json']); "
    code += "u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], cwd=database.parent, capture_output=True, text=True, check=True)
    return float(done.stderr.split()[-1])


def without_ours(database: Path) -> Path:
    """Return a copy as MLflow alone would have made it."""
    copy = database.with_name("plain.db")
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for (name,) in target.execute("SELECT name FROM sqlite_master WHERE name LIKE 'mlops%'").fetchall():
            target.execute(f"DROP INDEX {name}")
        target.commit()
    return copy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    tries = 3 if options.quick else 15
    with tempfile.TemporaryDirectory() as name:
        small, large = make_store(Path(name) / "small", 10_000), make_store(Path(name) / "large", 100_000)
        ours = {"10,000 runs": measure_ours(small, tries, add_curve(small)), "100,000 runs": measure_ours(large, tries)}
        plain = without_ours(small)
        before = measure_mlflow(plain, 1 if options.quick else 3, analyze=False)
        after = measure_mlflow(plain, tries, analyze=True)
        cpu_s = cli_cpu_s(small)
    result = {
        "first_page_10k_ms": ours["10,000 runs"]["first_page"],
        "first_page_100k_ms": ours["100,000 runs"]["first_page"],
        "mlflow_10k_ms": before,
        "mlflow_10k_analyzed_ms": after,
        "curve_100k_ms": ours["10,000 runs"]["curve"],
        "first_page_growth": ours["100,000 runs"]["first_page"] / ours["10,000 runs"]["first_page"],
        "list_cpu_s": cpu_s,
    }
    if options.json:
        print(json.dumps({**result, "ours": ours}))
        return
    for title, rows in ours.items():
        print(f"{title}, ms")
        for key, value in rows.items():
            print(f"  {key:<16}{value:10.2f}")
    print("first page by a metric, 10,000 runs, ms")
    for who, value in (("ours", result["first_page_10k_ms"]), ("MLflow", before), ("MLflow, analyzed", after)):
        print(f"  {who:<16}{value:10.2f}")
    for key, value in result.items():
        print(f"{key:<24}{value:10.2f}")


if __name__ == "__main__":
    main()
