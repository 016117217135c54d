"""How fast a snapshot is, beside git, restic and zip on the same files in the same run.

    python tests/bench/snapshot.py [--quick] [--json]

20,000 files of 1 to 20 kB (200 MB), and 2,000 files with 5 GB of `.venv` beside them; a tenth of that with ``--quick``.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

TRIES = 5


def make_files(folder: Path, count: int) -> None:
    """Write files that compress about as well as source does."""
    rng = random.Random(1)
    words = [f"{rng.getrandbits(rng.randint(8, 48)):x}".encode() for _ in range(3_000)]
    for i in range(count):
        path = folder / f"d{i % 200}" / f"e{i % 7}" / f"f{i}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        size = rng.randint(1_000, 20_000)
        path.write_bytes(b" ".join(rng.choices(words, k=size // 7)))
    (folder / ".gitignore").write_text("*.py[co]\nbuild/\n*.log\n/docs/_build\n.venv/\n")


def make_environment(folder: Path, n_bytes: int) -> None:
    (folder / "lib").mkdir(parents=True)
    (folder / "pyvenv.cfg").touch()
    for i in range(50):
        with (folder / "lib" / f"{i}.so").open("wb") as file:
            file.truncate(n_bytes // 50)  # sparse: only whoever reads it pays


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def command(*argv: str, cwd: Path, **env: str) -> Callable[[], object]:
    return lambda: subprocess.run(
        argv, cwd=cwd, env={**os.environ, **env}, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def measure_ours(base: Path, files: Path) -> dict[str, float]:
    world = Workspace.open(base, create=True)
    world.catalog.last_seq()
    found = {"cold_s": seconds(lambda: take_snapshot(world, files))}
    time.sleep(0.1)  # what was written just now is not trusted yet
    take_snapshot(world, files)
    found["warm_s"] = min(seconds(lambda: take_snapshot(world, files)) for _ in range(TRIES))
    changed = []
    for i in range(TRIES):
        (files / "d1" / "changed.py").write_text(f"{i}\n")
        changed.append(seconds(lambda: take_snapshot(world, files)))
    world.close()
    return {
        **found,
        "one_changed_s": min(changed),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_rivals(base: Path, files: Path) -> dict[str, float]:
    found = {}
    git = f"{base}/git"
    where = {"GIT_DIR": git, "GIT_WORK_TREE": str(files), "GIT_CONFIG_GLOBAL": os.devnull}
    command("git", "init", "-q", git, cwd=base, GIT_CONFIG_GLOBAL=os.devnull)()
    where["GIT_DIR"] = f"{git}/.git"
    found["git_add_s"] = seconds(command("git", "add", "-A", cwd=files, **where))
    status = command("git", "status", "--porcelain", cwd=files, **where)
    status()
    found["git_status_s"] = min(seconds(status) for _ in range(TRIES))
    if shutil.which("restic"):
        secret = {
            "RESTIC_PASSWORD": "bench",
            "RESTIC_REPOSITORY": f"{base}/restic",
            "RESTIC_CACHE_DIR": f"{base}/cache",
        }
        command("restic", "init", cwd=base, **secret)()
        found["restic_s"] = seconds(command("restic", "backup", ".", cwd=files, **secret))
    if shutil.which("zip"):
        found["zip_s"] = seconds(command("zip", "-1qr", f"{base}/all.zip", ".", cwd=files))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    scale = 10 if options.quick else 1
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        files, beside = base / "files", base / "beside"
        make_files(files, 20_000 // scale)
        make_files(beside, 2_000 // scale)
        make_environment(beside / ".venv", 5_000_000_000 // scale)
        found = {}
        for part in ("files", "beside"):
            # each in a process of its own, so that memory is its own
            done = subprocess.run(
                [sys.executable, __file__, "ours", str(base / f"ours-{part}"), str(base / part)],
                check=True,
                capture_output=True,
            )
            found[part] = json.loads(done.stdout)
        rivals = measure_rivals(base, files)
    ours = found["files"]
    result = {
        "cold_vs_git": rivals["git_add_s"] / ours["cold_s"],
        "cold_vs_restic": rivals["restic_s"] / ours["cold_s"] if "restic_s" in rivals else None,
        "warm_vs_git_status": ours["warm_s"] / rivals["git_status_s"],
        "one_changed_vs_warm": ours["one_changed_s"] / ours["warm_s"],
        "peak_mb": max(part["peak_mb"] for part in found.values()),
    }
    if options.json:
        print(json.dumps({**result, "ours": found, "rivals": rivals}))
        return
    for title, rows in (
        ("20,000 files", ours),
        ("2,000 files beside 5 GB of .venv", found["beside"]),
        ("rivals", rivals),
    ):
        print(title)
        for name, value in rows.items():
            print(f"  {name:<16}{value:10.3f}")
    for name, ratio in result.items():
        print(f"{name:<22}" + ("not installed" if ratio is None else f"{ratio:8.2f}"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        Path(sys.argv[2]).mkdir()
        print(json.dumps(measure_ours(Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main()
