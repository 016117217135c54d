"""The pictures of the README: makes a workspace as people have, opens JupyterLab on it, and takes them, light and dark.

    python tests/gallery.py [--folder .github/gallery] [--only run,model]

Nothing in them is drawn by hand: the runs train models, the service answers requests while its picture is taken.
"""

# ruff: noqa: T201  # says what it does
from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import labs
import PIL.Image

ROOT = Path(__file__).parents[1]
MLOPS = [sys.executable, "-c", "from jupyter_mlops.cli import main; main()"]
TAB = "MLOps: experiments, models and services"
TRAIN = '''\
"""Learn to tell digits apart by gradient descent, a step at a time."""

import argparse

import matplotlib
import mlflow
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import ConfusionMatrixDisplay, log_loss
from sklearn.model_selection import train_test_split

import jupyter_mlops as ml

matplotlib.use("agg")

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=0.001)
parser.add_argument("--penalty", default="l2")
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--steps", type=int, default=240)
given = parser.parse_args()

digits = load_digits(as_frame=True)
X, X_test, y, y_test = train_test_split(digits.data / 16, digits.target, random_state=0)
ml.log_dataset(X, "digits")
model = SGDClassifier(loss="log_loss", alpha=given.alpha, penalty=given.penalty, random_state=0)
rng = np.random.default_rng(0)
for step in range(given.steps):
    rows = rng.integers(0, len(X), given.batch)
    model.partial_fit(X.iloc[rows], y.iloc[rows], classes=range(10))
    ml.log(
        {
            "loss": log_loss(y.iloc[rows], model.predict_proba(X.iloc[rows]), labels=range(10)),
            "accuracy": model.score(X_test, y_test),
        },
        step=step,
    )
ml.log_figure(ConfusionMatrixDisplay.from_estimator(model, X_test, y_test).figure_, "confusion")
ml.note(f"**Digits** by gradient descent, {given.steps} steps of {given.batch} rows.")
mlflow.sklearn.log_model(model, name="model", input_example=X.head(2))
'''
CALLS = """
import threading, time
import jupyter_mlops as ml
from sklearn.datasets import load_digits
rows = load_digits(as_frame=True).data.head(4) / 16
service = ml.Service("digits")
def call():
    while True:
        service.score(rows)
        time.sleep(0.02)
threads = [threading.Thread(target=call) for _ in range(4)]
[one.start() for one in threads]
"""
"""Clients of the service, so that there is something to see."""
GRID = [
    {"alpha": alpha, "penalty": penalty, "batch": batch}
    for batch in (16, 64)
    for penalty in ("l2", "l1", "elasticnet")
    for alpha in (0.0001, 0.001, 0.01)
]


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One picture: where Lab opens, and what is done there before it is taken."""

    name: str
    path: str
    prepare: Callable[[Any], None]
    live_ms: int = 1500
    """How long what moves is left to move before it is taken."""


def mlops(folder: Path, *arguments: str) -> Any:
    """Run the command line; return what it prints as JSON."""
    done = subprocess.run([*MLOPS, *arguments, "--json"], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"mlops {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout)


def make_workspace(folder: Path, grid: list[dict[str, Any]]) -> list[str]:
    """Train, register and deploy; return the ids of the runs, the best one first."""
    (folder / "train.py").write_text(TRAIN, "utf-8")

    def train(given: dict[str, Any]) -> Any:
        params = [part for key, value in given.items() for part in ("-p", f"{key}={value}")]
        return mlops(folder, "run", "train.py", "-e", "digits", *params)

    runs = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for run in pool.map(train, grid):
            runs.append(run)
            print(f"run {len(runs)} of {len(grid)}", end="\r", flush=True)
    print()
    ranked = sorted(runs, key=lambda run: -run["metrics"]["accuracy"])
    for run in ranked[2::-1]:
        mlops(folder, "models", "register", run["id"], "digits")
    mlops(folder, "models", "alias", "digits:3", "champion")
    mlops(folder, "services", "deploy", "digits", "digits:2")
    mlops(folder, "services", "deploy", "digits", "digits:3", "--deployment", "green", "--traffic", "20")
    return [str(run["id"]) for run in ranked]


def main_tab(name: str) -> Callable[[Any], None]:
    def prepare(page: Any) -> None:
        page.locator(".jp-Mlops-main h1:visible").first.wait_for()
        page.locator(".jp-Mlops-main:visible").get_by_role("tab", name=name).first.click()

    return prepare


def with_sidebar(page: Any) -> None:
    page.locator(".jp-Mlops-main h1").first.wait_for()
    page.get_by_role("tab", name=TAB).click()
    page.locator(".jp-Mlops-row.jp-mod-run").first.wait_for()


def shots(ids: list[str], experiment: str, model: str, service: str) -> list[Shot]:
    """Return what is taken, of the runs with these ids and of what has these names."""
    return [
        Shot(
            name="service",
            path=f"lab/workspaces/service?mlops=service:{service}",
            prepare=with_sidebar,
            live_ms=15_000,
        ),
        Shot(name="run", path=f"lab/workspaces/run?mlops=run:{ids[0]}", prepare=main_tab("Metrics")),
        Shot(name="outputs", path=f"lab/workspaces/outputs?mlops=run:{ids[0]}", prepare=main_tab("Outputs")),
        Shot(
            name="compare", path=f"lab/workspaces/compare?mlops=compare:{','.join(ids[:6])}", prepare=main_tab("Curves")
        ),
        Shot(
            name="experiment",
            path=f"lab/workspaces/experiment?mlops=experiment:{experiment}",
            prepare=lambda page: page.locator(".jp-Mlops-main [role=gridcell]").first.wait_for(),
        ),
        Shot(name="lineage", path=f"lab/workspaces/lineage?mlops=model:{model}", prepare=main_tab("Lineage")),
    ]


def take(
    browser: Any, shots: list[Shot], lab: labs.Lab, folder: Path, *, theme: str = "light", still: bool = False
) -> list[Path]:
    """Open each place in a page of its own, and keep its picture; ``still`` where nothing moves."""
    pictures = []
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    for shot in shots:
        page = context.new_page()
        said = listen(page)
        page.goto(f"{lab.url}{shot.path}{'&' if '?' in shot.path else '?'}token={labs.TOKEN}")
        page.locator("#jupyterlab-splash").wait_for(state="detached")
        try:
            shot.prepare(page)
        except Exception:
            page.screenshot(path=folder / f"{shot.name}-failed.png")
            print(*said(), sep="\n", file=sys.stderr)
            raise
        page.wait_for_timeout(0 if still else shot.live_ms)
        pictures.append(folder / f"{shot.name}-{theme}.png")
        page.screenshot(path=pictures[-1])
        page.close()
    context.close()
    return pictures


def is_drawn(picture: Path) -> bool:
    """Whether a picture has its size, and something on it."""
    with PIL.Image.open(picture) as image:
        return (
            image.size == (1280, 800) and len(image.convert("RGB").getcolors(1 << 24)) > 100
        )  # colours of texts alone


def listen(page: Any) -> Callable[[], list[str]]:
    """Return what tells, when a picture fails, what the page said and what it still waits for."""
    said: list[str] = []
    pending: dict[Any, float] = {}
    page.on("console", lambda one: said.append(f"{one.type}: {one.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.on("request", lambda request: pending.setdefault(request, time.monotonic()))
    page.on("requestfinished", lambda request: pending.pop(request, None))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url} {request.failure}"))
    page.on("requestfailed", lambda request: pending.pop(request, None))
    return lambda: [*said, *(f"pending for {time.monotonic() - at:.1f} s: {one.url}" for one, at in pending.items())]


def shrink(picture: Path) -> None:
    """Keep a picture in 128 colours: a third of the bytes, and nobody sees it."""
    from PIL import Image

    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    small.save(picture, optimize=True)


def main() -> None:
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=ROOT / ".github" / "gallery", help="where the pictures go")
    parser.add_argument("--only", default="", help="names of pictures, with commas between them")
    parser.add_argument("--quick", action="store_true", help="train four times instead of eighteen")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="mlops-gallery-") as base:
        os.environ |= {"HOME": base, "MLOPS_ACTOR": "ada"}  # whose machine it is does not show
        folder = Path(base) / "digits"
        folder.mkdir()
        ids = make_workspace(folder, GRID[:4] if arguments.quick else GRID)
        only = set(filter(None, arguments.only.split(",")))
        wanted = [shot for shot in shots(ids, *["digits"] * 3) if not only or shot.name in only]
        calls = subprocess.Popen([sys.executable, "-c", CALLS], cwd=folder, stdout=subprocess.DEVNULL)
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=labs.chromium(), args=labs.CHROMIUM)
                for theme in ("Light", "Dark"):
                    lab = labs.start_lab(folder, Path(base) / theme, theme=f"JupyterLab {theme}")
                    try:
                        for picture in take(browser, wanted, lab, arguments.folder, theme=theme.lower()):
                            shrink(picture)
                            print(picture)
                    finally:
                        lab.stop()
        finally:
            calls.kill()
            calls.wait()
            for words in (("services", "delete", "digits"), ("agent", "stop")):
                subprocess.run([*MLOPS, *words], cwd=folder, check=False, capture_output=True)


if __name__ == "__main__":
    main()
