"""How fast an image is built and how small it is, beside `mlflow models build-docker` for the same model in the same run.

    python tests/bench/image.py [--quick] [--json]

The model is a LogisticRegression on four columns, logged by MLflow with the packages that MLflow found it to need. Both
start from python:3.11-slim in the engine and with no package downloaded; downloads count. ``cold`` is the first build,
``rebuild`` one of a new version of the model, ``unchanged`` one of the same again; of ours the last two are the median
of several. Ours begins with a manifest, in a process that has imported what it needs, as the agent's has. MLflow's is
the Docker build alone of the Dockerfile and the folder that `mlflow models generate-dockerfile` writes, on a base that
has a program called python, and pip's settings and certificates of this machine. Bytes are those over the base.
``a_vs_b`` is a's divided by b's. With ``--quick`` MLflow's figures are those that the last full run on this machine
kept, where there are any, and the output says from when.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker

from jupyter_mlops.delivery.images import build_image
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.hosts import wheels
from jupyter_mlops.workspace import Workspace

BASE = "python:3.11-slim"
TURNS = 5
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "jupyter-mlops" / "bench-image.json"
THEIRS = "mlops-bench/mlflow"
PIP_SETTINGS = {"index-url": "PIP_INDEX_URL", "extra-index-url": "PIP_EXTRA_INDEX_URL", "proxy": "PIP_PROXY"}
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def log_models(base: Path, count: int) -> list[Path]:
    """Save models as `mlflow.sklearn.log_model` does; what they need MLflow finds out once, which takes it seconds."""
    first = log_model(base / "model-0", 0, None)
    return [first, *(log_model(base / f"model-{n}", n, str(first / "requirements.txt")) for n in range(1, count))]


def log_model(folder: Path, seed: int, needs: str | None) -> Path:
    warnings.simplefilter("ignore")
    import mlflow.sklearn
    import numpy as np
    import pandas as pd
    from sklearn.linear_model import LogisticRegression

    data = pd.DataFrame(np.random.default_rng(seed).normal(size=(500, 4)), columns=list("abcd"))
    model = LogisticRegression().fit(data, (data["a"] + data["b"] > 0).astype(int))
    mlflow.sklearn.save_model(model, str(folder), input_example=data[:2], pip_requirements=needs)
    return folder


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


@contextmanager
def fresh_downloads(folder: Path) -> Iterator[None]:
    """Let uv find nothing that it downloaded before."""
    before = os.environ.get("UV_CACHE_DIR")
    os.environ["UV_CACHE_DIR"] = str(folder)
    try:
        yield
    finally:
        os.environ.pop("UV_CACHE_DIR")
        if before is not None:
            os.environ["UV_CACHE_DIR"] = before


def ours(base: Path, models: list[Path]) -> dict[str, float]:
    """Build an image of each model; return seconds, and bytes over the base."""
    engine = docker.from_env(timeout=600)
    home = base / "home"
    home.mkdir()
    world = Workspace.open(home, create=True)
    try:
        manifests = []
        for model in models:
            register_model(world, str(model), "bench")
            manifests.append(create_manifest(world, ["bench"]).ref)
        assert len(set(manifests)) == len(models)

        def build(ref: str) -> str:
            return build_image(world, ref, lambda line, fraction: None).image_id  # noqa: ARG005

        with fresh_downloads(base / "uv"):
            cold_s = timed(lambda: build(manifests[0]))
        rebuilt = [timed(lambda ref=ref: build(ref)) for ref in manifests[1:]]
        unchanged = [timed(lambda: build(manifests[-1])) for _ in range(TURNS)]
        n_bytes = engine.images.get(build(manifests[-1])).attrs["Size"] - engine.images.get(BASE).attrs["Size"]
    finally:
        for image in engine.images.list(filters={"label": f"mlops.workspace={world.id}"}):
            engine.images.remove(image.id, force=True)
        engine.close()
        world.close()
    return {
        "cold_s": cold_s,
        "rebuild_s": statistics.median(rebuilt),
        "unchanged_s": statistics.median(unchanged),
        "over_base_mb": n_bytes / 1e6,
    }


def theirs(base: Path, models: list[Path]) -> dict[str, float]:
    """Build MLflow's image of two models, one after the other."""
    engine = docker.from_env(timeout=600)
    tag = secrets.token_hex(4)
    bottom = f"{THEIRS}-base:{tag}"
    try:
        make_base(base / "bottom", bottom)
        contexts = [dockerfile(base / f"context-{number}", model, bottom) for number, model in enumerate(models[:2])]
        cold_s = timed(lambda: docker_build(contexts[0], f"{THEIRS}:{tag}", "--no-cache"))
        # A classic builder started with --no-cache leaves nothing that the next one would take.
        docker_build(contexts[0], f"{THEIRS}:{tag}")
        rebuild_s = timed(lambda: docker_build(contexts[1], f"{THEIRS}:{tag}-2"))
        unchanged_s = timed(lambda: docker_build(contexts[1], f"{THEIRS}:{tag}-2"))
        n_bytes = engine.images.get(f"{THEIRS}:{tag}-2").attrs["Size"] - engine.images.get(bottom).attrs["Size"]
    finally:
        for name in (f"{THEIRS}:{tag}-2", f"{THEIRS}:{tag}", bottom):
            subprocess.run(["docker", "image", "rm", "--force", name], check=False, capture_output=True)
        engine.close()
    return {"cold_s": cold_s, "rebuild_s": rebuild_s, "unchanged_s": unchanged_s, "over_base_mb": n_bytes / 1e6}


def make_base(folder: Path, name: str) -> None:
    """Make the base that MLflow's Dockerfile expects, where it is not one already, with this machine's way to packages."""
    folder.mkdir()
    settings = wheels.pip_settings()
    lines = [f"FROM {BASE}", "RUN command -v python || ln -s $(command -v python3) /usr/local/bin/python"]
    lines += ["RUN rm -f /usr/lib/python3*/EXTERNALLY-MANAGED"]
    if Path(CERTIFICATES).exists():
        shutil.copy(CERTIFICATES, folder / "certificates.crt")
        lines += [f"COPY certificates.crt {CERTIFICATES}", f"ENV PIP_CERT={CERTIFICATES} SSL_CERT_FILE={CERTIFICATES}"]
    for setting, variable in PIP_SETTINGS.items():
        reachable = [url for url in settings.get(setting, "").split() if not url.startswith("file:")]
        lines += [f"ENV {variable}={json.dumps(' '.join(reachable))}"] if reachable else []
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    docker_build(folder, name)


def dockerfile(folder: Path, model: Path, bottom: str) -> Path:
    """Write what `mlflow models build-docker --env-manager local` builds, on another base."""
    argv = [sys.executable, "-m", "mlflow", "models", "generate-dockerfile", "--env-manager", "local"]
    said = subprocess.run([*argv, "-m", str(model), "-d", str(folder)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    written = (folder / "Dockerfile").read_text()
    lines = [f"FROM {bottom}" if line.startswith("FROM ") else line for line in written.splitlines()]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    return folder


def docker_build(folder: Path, name: str, *options: str) -> None:
    said = subprocess.run(
        ["docker", "build", "--quiet", *options, "-t", name, str(folder)],
        env={**os.environ, "DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, f"MLflow's image was not built: {said.stdout[-2000:]}{said.stderr[-2000:]}"


def kept() -> dict[str, object] | None:
    """Return MLflow's figures of the last full run, if this machine made them."""
    try:
        found = json.loads(KEPT.read_text())
    except (OSError, ValueError):
        return None
    return found if found.get("machine") == machine() else None


def machine() -> str:
    return f"{platform.node()} {platform.machine()} {os.cpu_count()}"


def run(*, quick: bool) -> tuple[dict[str, float], Callable[[], None]]:
    """Measure; return the figures and what prints them."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        models = log_models(base, 4 if quick else TURNS + 1)
        mine = ours(base, models)
        known = kept() if quick else None
        if known is None:
            its, when = theirs(base, models), "in this run"
            KEPT.parent.mkdir(parents=True, exist_ok=True)
            KEPT.write_text(json.dumps({"machine": machine(), "at": time.strftime("%F %R"), "figures": its}))
        else:
            its, when = known["figures"], f"kept from {known['at']}, not measured now"
    figures = {
        "rebuild_s": mine["rebuild_s"],
        "size_vs_mlflow": mine["over_base_mb"] / its["over_base_mb"],
        "cold_vs_mlflow": mine["cold_s"] / its["cold_s"],
        "unchanged_s": mine["unchanged_s"],
        "cold_s": mine["cold_s"],
        "over_base_mb": mine["over_base_mb"],
        **{f"mlflow_{key}": value for key, value in its.items()},
        "mlflow_is_of_this_run": float(known is None),
    }
    return figures, lambda: table({"ours": mine, f"MLflow ({when})": its})


def table(rows: dict[str, dict[str, float]]) -> None:
    """Print all of it."""
    print(f"{'':<48}{'first s':>9}{'new model s':>13}{'unchanged s':>13}{'MB over base':>14}")
    for title, row in rows.items():
        cells = f"{row['cold_s']:>9.1f}{row['rebuild_s']:>13.3f}{row['unchanged_s']:>13.3f}{row['over_base_mb']:>14.0f}"
        print(f"{title:<48}{cells}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute, where MLflow's figures are kept")
    parser.add_argument("--json", action="store_true", help="a flat object of numbers")
    options = parser.parse_args()
    figures, show = run(quick=options.quick)
    if options.json:
        print(json.dumps(figures))
        return
    show()
    for name in ("rebuild_s", "size_vs_mlflow", "cold_vs_mlflow", "unchanged_s"):
        print(f"{name:<18}{figures[name]:8.3f}")


if __name__ == "__main__":
    main()
