"""How fast the lab is, in a real JupyterLab and Chromium on a workspace of 10,000 runs.

    python tests/bench/lab.py [--quick] [--json]

Waits are measured in the page, from the press of the mouse to the frame that shows the result; `lab_start_delta_ms` in
pairs of page loads with and without our extension, taken in turn, with a warm browser cache as people have. The runs are
made through MLflow and multiplied in SQL; one of them has a metric of 100,000 points. The live run is logged by a process
of its own, 1,000 points a second, while the frames of the page that shows its curve are counted.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import gzip
import itertools
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from search import POINTS, add_curve, make_store

sys.path.insert(0, str(Path(__file__).parents[1]))
import labs

N_RUNS = 10_000
SHOWN = 4
"""Metrics that the table has columns for before anybody chooses."""
MLOPS = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()"]
TARGETS = {
    "panel_ms": 300,
    "sort_ms": 200,
    "curve_ms": 200,
    "live_fps": 50,
    "lab_start_delta_ms": 100,
    "entry_gzip_kb": 60,
}
TAB = "MLOps: experiments, models and services"
LIVE = """
import sys, time
import jupyter_mlops as ml
began, n = time.perf_counter(), 0
while time.perf_counter() - began < 90:
    due = int((time.perf_counter() - began) * 1000)
    while n < due:
        ml.log({"loss": 1 / (1 + n / 1000) + (n % 97) / 1000}, step=n)
        n += 1
    time.sleep(0.002)
"""
# Resolves with the milliseconds from the next press of the mouse or a key to the frame in which `shown` holds.
WAIT_FOR = """([shown]) => {
  const holds = new Function(`return (${shown})`);
  window.waited = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`not within 30 s: ${shown}`)), 30000);
    const begin = () => {
      const began = performance.now();
      const look = () => holds() ? resolve(performance.now() - began) : requestAnimationFrame(look);
      requestAnimationFrame(look);
    };
    window.addEventListener('pointerdown', begin, {capture: true, once: true});
  });
}"""
FRAMES = """seconds => new Promise(resolve => {
  const times = [];
  const frame = at => {
    times.push(at);
    if (at - times[0] < seconds * 1000) requestAnimationFrame(frame);
    else resolve(times);
  };
  requestAnimationFrame(frame);
})"""
# When Lab may be used: its splash is gone. Asked from the first script on.
READY = """(() => {
  const look = () => {
    const splash = document.getElementById('jupyterlab-splash');
    if (window.splashed && !splash) { window.readyAt = performance.now(); return; }
    window.splashed ||= !!splash;
    requestAnimationFrame(look);
  };
  look();
})()"""


@contextmanager
def browsing() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=labs.chromium(), args=labs.CHROMIUM)
        yield browser
        browser.close()


def start_lab(folder: Path, home: Path, *, bare: bool = False) -> labs.Lab:
    """Start JupyterLab with all that is installed, or with all except us: nothing else differs between the two."""
    from jupyter_core.paths import jupyter_path

    extensions = home / "labextensions"
    extensions.mkdir(parents=True)
    for place in map(Path, jupyter_path("labextensions")):
        for one in place.iterdir() if place.is_dir() else ():
            if not (bare and one.name == "jupyter-mlops") and not (extensions / one.name).exists():
                (extensions / one.name).symlink_to(one)
    (home / "config").mkdir()
    config = {"ServerApp": {"jpserver_extensions": {"jupyter_mlops": not bare}}}
    (home / "config" / "jupyter_server_config.json").write_text(json.dumps(config), "utf-8")
    return labs.start_lab(folder, home, options=[f"--LabApp.labextensions_path={extensions}"])


def profile(browser: Any) -> Any:
    """Return a profile of its own, whose cache is empty."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(60_000)
    context.add_init_script(READY)
    return context


def opened(context: Any, lab: labs.Lab, path: str = "lab") -> Any:
    """Return a page in which Lab is ready and calm."""
    page = context.new_page()
    page.goto(f"{lab.url}{path}{'&' if '?' in path else '?'}token={labs.TOKEN}")
    page.wait_for_function("window.readyAt !== undefined")
    page.get_by_role("tab", name=TAB).wait_for()
    page.wait_for_timeout(2000)
    return page


def waited(page: Any, shown: str, element: Any) -> float:
    """Press on an element; return the milliseconds until the page shows what ``shown`` says, in JavaScript."""
    page.evaluate(WAIT_FOR, [shown])
    element.click()
    return float(page.evaluate("window.waited"))


def panel_ms(browser: Any, lab: labs.Lab, tries: int) -> list[float]:
    found = []
    for _ in range(tries):
        context = profile(browser)
        page = opened(context, lab, "lab?reset")
        shown = "document.querySelectorAll('.jp-Mlops-row.jp-mod-run').length > 3"
        found.append(waited(page, shown, page.get_by_role("tab", name=TAB)))
        context.close()
    return found


def sort_ms(context: Any, lab: labs.Lab, database: Path, tries: int) -> list[float]:
    """Sort the table by one metric after another, none of which it has sorted by before."""
    page = opened(context, lab, "lab?mlops=experiment:bench")
    page.locator(".jp-Mlops-main [role=row] [role=gridcell]").first.wait_for()
    found = []
    for metric in [f"metric{n}" for n in range(min(tries, SHOWN))]:
        best = best_of(database, metric)
        head = page.get_by_role("columnheader", name=metric).first
        shown = (
            f"[...document.querySelectorAll('[role=columnheader][aria-sort=descending]')].some("
            f"head => head.innerText.includes({json.dumps(metric)})) && "
            "document.querySelectorAll('.jp-Mlops-main [role=treegrid] [role=row]')[1]"
            f"?.innerText.includes({json.dumps(best)})"
        )
        found.append(waited(page, shown, head))
    page.close()
    return found


def best_of(database: Path, metric: str) -> str:
    """Return the name of the run with the largest value: names are those of one of the runs that were copied."""
    with closing(sqlite3.connect(database)) as connection:
        return str(
            connection.execute(
                "SELECT r.name FROM latest_metrics m JOIN runs r USING (run_uuid) WHERE m.key = ? ORDER BY m.value DESC",
                (metric,),
            ).fetchone()[0]
        )


DRAWN = """(() => {
  const canvas = document.querySelector('.jp-Mlops-main .u-wrap canvas, .jp-Mlops-main canvas');
  if (!canvas || !canvas.width) return false;
  const {data} = canvas.getContext('2d').getImageData(canvas.width * 0.2, 0, canvas.width * 0.6, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) if (data[i + 3]) colours.add(data[i] << 16 | data[i + 1] << 8 | data[i + 2]);
  return colours.size > 8;
})()"""


def curve_ms(context: Any, lab: labs.Lab, run: str, tries: int) -> list[float]:
    found = []
    for n in range(tries):
        page = opened(context, lab, f"lab/workspaces/curve{n}?mlops=run:{run}")  # a new one: the last tab is remembered
        tab = page.get_by_role("tab", name="Metrics")
        tab.wait_for()
        found.append(waited(page, DRAWN, tab))
        page.close()
    return found


def live_fps(context: Any, lab: labs.Lab, seconds: float) -> tuple[float, float]:
    """Return frames a second, and the longest time in ms between two of them."""
    (lab.folder / "live.py").write_text(LIVE, "utf-8")
    command = [*MLOPS, "run", "live.py", "-e", "live", "--no-snapshot", "--no-wait", "--json"]
    told = subprocess.run(command, cwd=lab.folder, capture_output=True, text=True, check=True)
    run = json.loads(told.stdout)["id"]
    try:
        page = opened(context, lab, f"lab?mlops=run:{run}")
        page.get_by_role("tab", name="Metrics").click()
        page.locator(".jp-Mlops-main canvas").first.wait_for()
        page.wait_for_timeout(2000)
        times = page.evaluate(FRAMES, seconds)
        page.close()
    finally:
        subprocess.run([*MLOPS, "runs", "cancel", run], cwd=lab.folder, capture_output=True, check=False)
    gaps = [after - before for before, after in itertools.pairwise(times)]
    return 1000 * len(gaps) / (times[-1] - times[0]), max(gaps)


WARMING: Final = 2
"""Chromium keeps the compiled code of a script that it has seen this often."""
CALM_S: Final = 0.3
Starts = list[tuple[float, float]]
"""For each start of Lab: milliseconds until it was ready, and the page's own work (its main thread's tasks) until then."""


def start_ms(browser: Any, with_us: labs.Lab, without: labs.Lab, pairs: int, warming: int) -> tuple[Starts, Starts]:
    """Load Lab with and without us in turn; return both sides' times."""
    sides: list[tuple[Any, labs.Lab, Starts]] = []
    for lab in (with_us, without):
        context = profile(browser)
        for _ in range(warming):
            one_start(context, lab)
        sides.append((context, lab, []))
    for turn in range(pairs):
        for context, lab, found in sides if turn % 2 else sides[::-1]:
            found.append(one_start(context, lab))
    for context, *_ in sides:
        context.close()
    return sides[0][2], sides[1][2]


def one_start(context: Any, lab: labs.Lab) -> tuple[float, float]:
    """Load Lab in a tab of its own and close it: what comes after the start must not run while another start is measured."""
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Performance.enable")
    page.goto(f"{lab.url}lab?token={labs.TOKEN}")
    page.wait_for_function("window.readyAt !== undefined")
    told = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    found = float(page.evaluate("window.readyAt")), 1000 * float(told["TaskDuration"])
    page.close()
    time.sleep(CALM_S)
    return found


def entry_bytes(browser: Any, lab: labs.Lab) -> tuple[int, int]:
    """Return the gzipped bytes of ours that Lab loads before it is ready, and of those that come in the seconds after."""
    context = browser.new_context()
    context.add_init_script(READY)
    page = context.new_page()
    got: list[tuple[float, int]] = []

    def on_answer(answer: Any) -> None:
        if "extensions/jupyter-mlops/" in answer.url and answer.ok:
            got.append((time.monotonic(), len(gzip.compress(answer.body(), 6))))

    page.on("response", on_answer)
    page.goto(f"{lab.url}lab?token={labs.TOKEN}")
    page.wait_for_function("window.readyAt !== undefined")
    ready = time.monotonic()
    page.wait_for_timeout(3000)
    context.close()
    return sum(n for at, n in got if at <= ready), sum(n for at, n in got if at > ready)


def measure(quick: bool) -> dict[str, float]:
    tries = 2 if quick else 7
    with tempfile.TemporaryDirectory(prefix="mlops-lab-") as base:
        folder = Path(base) / "work"
        other = Path(base) / "other"
        other.mkdir()
        with ThreadPoolExecutor() as pool:
            started = pool.submit(start_lab, other, Path(base) / "bare", bare=True)
            database = make_store(folder, N_RUNS, seeds=50)
            curve_of = add_curve(database)
            with closing(sqlite3.connect(database)) as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO latest_metrics VALUES ('loss', 0, 0, ?, 0, ?)", (POINTS, curve_of)
                )
                connection.commit()
            lab = start_lab(folder, Path(base) / "home")
            bare = started.result()
        try:
            with browsing() as browser:
                entry, later = entry_bytes(browser, lab)
                ours, theirs = start_ms(browser, lab, bare, 3 if quick else 21, warming=1 if quick else WARMING)
                panel = panel_ms(browser, lab, 1 if quick else tries)
                context = profile(browser)
                sort = sort_ms(context, lab, database, tries)
                curve = curve_ms(context, lab, curve_of, 1 if quick else tries)
                fps, gap = live_fps(context, lab, 3 if quick else 15)
        finally:
            lab.stop()
            bare.stop()
    deltas, work = ([mine[at] - other[at] for mine, other in zip(ours, theirs, strict=True)] for at in (0, 1))
    return {
        "panel_ms": statistics.median(panel),
        "sort_ms": statistics.median(sort),
        "curve_ms": statistics.median(curve),
        "live_fps": fps,
        "lab_start_delta_ms": statistics.median(deltas),
        "entry_gzip_kb": entry / 1000,
        "later_gzip_kb": later / 1000,
        "lab_start_ms": statistics.median(ms for ms, _ in ours),
        "lab_start_work_delta_ms": statistics.median(work),
        "longest_frame_ms": gap,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer tries; under a minute")
    parser.add_argument("--json", action="store_true", help="a flat JSON object of the figures")
    arguments = parser.parse_args()
    figures = measure(arguments.quick)
    if arguments.json:
        print(json.dumps({name: round(value, 2) for name, value in figures.items()}))
        return
    print(f"{'10,000 runs':<24}{'found':>10}{'target':>10}")
    for name, value in figures.items():
        target = TARGETS.get(name)
        print(f"{name:<24}{value:>10,.1f}{target if target is not None else '':>10}")


if __name__ == "__main__":
    main()
