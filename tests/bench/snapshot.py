"""How fast a snapshot is, beside git, restic and zip on the same files in the same run.

    python tests/bench/snapshot.py [--quick] [--json]

20,000 files of 1 to 20 kB (200 MB), 2,000 files with 5 GB of `.venv` beside them, one file of 5 GB that is included, and
200,000 files of a few bytes, in folders of 100 and all in one, these three for their memory; half of the first, a tenth of the next and a quarter of the last two with ``--quick``. Programs take turns, each cold one on an empty store with
all files in the page cache; the table has medians. ``a_vs_b`` is a's time divided
by b's. ``cold`` is git's ``add -A`` into an empty repository, ``unchanged`` its ``status``.
"""

# ruff: noqa: T201  # printing a table is what it is for
from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

COLD_TURNS = 3
WARM_TURNS = 9
SETTLE_S = 0.1  # what was written just now is read again


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
        make_sparse(folder / "lib" / f"{i}.so", n_bytes // 50)


def make_sparse(path: Path, n_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(n_bytes)  # only whoever reads it pays


class Ours:
    """A process of its own that takes snapshots of one folder when it is told to."""

    def __init__(self, base: Path, files: Path, *include: str) -> None:
        self._argv = [sys.executable, __file__, "ours", str(base), str(files), *include]
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, verb: str) -> float:
        if self._process is None:
            self._process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{verb}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.communicate()


def serve(base: Path, files: Path, include: list[str]) -> None:
    """Be that process: ``cold`` begins with an empty workspace; ``take`` goes on with it; ``peak`` is in MB."""
    world: Workspace | None = None
    for line in sys.stdin:
        if line.strip() == "peak":
            print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
            continue
        if world is None or line.strip() == "cold":
            if world is not None:
                world.close()
                shutil.rmtree(world.home)
            home = Path(tempfile.mkdtemp(dir=base))
            (home / "tiny").mkdir()
            world = Workspace.open(home, create=True)
            take_snapshot(world, home / "tiny")  # imports what is imported late
            settle(files)
        began = time.perf_counter()
        take_snapshot(world, files, include=include)
        print(time.perf_counter() - began, flush=True)
    if world is not None:
        world.close()


def settle(files: Path) -> None:
    """Make turns begin alike: with the files in the page cache."""
    for folder, subfolders, names in os.walk(files):
        subfolders[:] = [name for name in subfolders if name != ".venv"]
        for name in names:
            path = Path(folder, name)
            if path.stat().st_size < 1 << 20:
                path.read_bytes()


def command(*argv: str, cwd: Path, **env: str) -> float:
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    subprocess.run(argv, cwd=cwd, env={**os.environ, **env}, check=True, stdout=quiet, stderr=quiet)
    return time.perf_counter() - began


class Git:
    """A repository beside the files."""

    def __init__(self, base: Path, files: Path) -> None:
        self._repository = base / "git"
        self._files = files
        self._env = {"GIT_DIR": str(self._repository), "GIT_WORK_TREE": str(files), "GIT_CONFIG_GLOBAL": os.devnull}

    def add(self) -> float:
        shutil.rmtree(self._repository, ignore_errors=True)
        command("git", "init", "-q", cwd=self._files, **self._env)
        settle(self._files)
        return command("git", "add", "-A", cwd=self._files, **self._env)

    def status(self) -> float:
        return command("git", "status", "--porcelain", cwd=self._files, **self._env)


def restic(base: Path, files: Path) -> float:
    where = base / "restic"
    env = {
        "RESTIC_PASSWORD": "bench",
        "RESTIC_REPOSITORY": str(where / "repository"),
        "RESTIC_CACHE_DIR": str(where / "cache"),
    }
    where.mkdir()
    try:
        command("restic", "init", cwd=files, **env)
        settle(files)
        return command("restic", "backup", ".", cwd=files, **env)
    finally:
        shutil.rmtree(where)


def zipped(base: Path, files: Path) -> float:
    settle(files)
    try:
        return command("zip", "-1qr", str(base / "all.zip"), ".", cwd=files)
    finally:
        (base / "all.zip").unlink(missing_ok=True)


def measure(base: Path, files: Path, cold_turns: int, *, is_alone: bool) -> dict[str, float]:
    """Let all programs take turns; return medians in seconds. With ``is_alone`` only us and git."""
    ours, git = Ours(base, files), Git(base, files)
    cold: dict[str, Callable[[], float]] = {"cold_s": lambda: ours("cold"), "git_add_s": git.add}
    if not is_alone and shutil.which("restic"):
        cold["restic_s"] = lambda: restic(base, files)
    if not is_alone and shutil.which("zip"):
        cold["zip_s"] = lambda: zipped(base, files)
    found: defaultdict[str, list[float]] = defaultdict(list)
    for turn in range(cold_turns):
        for name, take in cold.items():
            if name != "zip_s" or turn == 0:  # nothing is compared with it
                found[name].append(take())
    settle(files)
    git.status()
    for turn in range(WARM_TURNS):
        (files / "d1" / "changed.py").write_text(f"{turn}\n")
        found["one_changed_s"].append(ours("take"))
        time.sleep(SETTLE_S)
        ours("take")
        found["git_status_s"].append(git.status())
        found["unchanged_s"].append(ours("take"))
    (files / "d1" / "changed.py").unlink()
    peak = ours("peak")
    ours.close()
    return {**{name: statistics.median(values) for name, values in found.items()}, "peak_mb": peak}


def peak_of_many_files(base: Path, count: int, per_folder: int) -> float:
    """Return the memory that many files take, each with a content of its own, in MB."""
    top = base / f"many-{per_folder}"
    for i in range(count):
        path = top / f"d{i // 10_000 if per_folder < count else ''}" / f"e{i // per_folder}" / f"f{i}.py"
        if i % per_folder == 0:
            path.parent.mkdir(parents=True)
        path.write_text(f"{i}\n")
    ours = Ours(base, top)
    ours("cold")
    ours("take")
    peak = ours("peak")
    ours.close()
    return peak


def peak_of_one_large_file(base: Path, n_bytes: int) -> float:
    """Return the memory that one file that is included takes, in MB."""
    make_sparse(base / "large" / "data.bin", n_bytes)
    ours = Ours(base, base / "large", "data.bin")
    ours("cold")
    peak = ours("peak")
    ours.close()
    return peak


def table(count: int, beside: int, n_bytes: int, many: int, found: dict[str, dict[str, float]]) -> None:
    """Print all of it."""
    titles = {"files": f"{count:,} files", "beside": f"{beside:,} beside {n_bytes / 1e9:g} GB of .venv"}
    print(f"{'':<30}{'':<10}{'cold s':>9}{'unchanged s':>13}{'one changed s':>15}{'peak MB':>9}")
    rows = {
        "ours": ("cold_s", "unchanged_s", "one_changed_s", "peak_mb"),
        "git": ("git_add_s", "git_status_s", "", ""),
        "restic": ("restic_s", "", "", ""),
        "zip -1": ("zip_s", "", "", ""),
    }
    for part, title in titles.items():
        for program, names in rows.items():
            if names[0] in found[part]:
                cells = [f"{found[part][name]:.3f}" if name in found[part] else "" for name in names]
                print(f"{title:<30}{program:<10}{cells[0]:>9}{cells[1]:>13}{cells[2]:>15}{cells[3][:-2]:>9}")
    print(f"{f'one file of {n_bytes / 1e9:g} GB':<30}{'ours':<10}{'':>37}{found['large']['peak_mb']:>9.1f}")
    print(f"{f'{many:,} small files':<30}{'ours':<10}{'':>37}{found['many']['peak_mb']:>9.1f}")
    print(f"{'as many in one folder':<30}{'ours':<10}{'':>37}{found['crowd']['peak_mb']:>9.1f}")


def run(*, quick: bool) -> tuple[dict[str, float], Callable[[], None]]:
    """Measure; return the figures and what prints them."""
    count, beside, n_bytes = (10_000, 200, 500_000_000) if quick else (20_000, 2_000, 5_000_000_000)
    cold_turns, many = (2, 50_000) if quick else (COLD_TURNS, 200_000)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_files(base / "files", count)
        make_files(base / "beside", beside)
        make_environment(base / "beside" / ".venv", n_bytes)
        found = {
            part: measure(base, base / part, cold_turns, is_alone=part == "beside") for part in ("files", "beside")
        }
        found["large"] = {"peak_mb": peak_of_one_large_file(base, n_bytes)}
        found["many"] = {"peak_mb": peak_of_many_files(base, many, 100)}
        found["crowd"] = {"peak_mb": peak_of_many_files(base, many, many)}
    files = found["files"]
    figures = {
        "cold_vs_git": files["cold_s"] / files["git_add_s"],
        "warm_vs_git_status": files["unchanged_s"] / files["git_status_s"],
        "one_changed_vs_warm": files["one_changed_s"] / files["unchanged_s"],
        "peak_mb": max(part["peak_mb"] for part in found.values()),
    }
    if "restic_s" in files:
        figures["cold_vs_restic"] = files["cold_s"] / files["restic_s"]
    details = {f"{part}_{name}": value for part, values in found.items() for name, value in values.items()}
    return figures | details, lambda: table(count, beside, n_bytes, many, found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--json", action="store_true", help="a flat object of numbers")
    options = parser.parse_args()
    figures, show = run(quick=options.quick)
    if options.json:
        print(json.dumps(figures))
        return
    show()
    for name in ("cold_vs_git", "cold_vs_restic", "warm_vs_git_status", "one_changed_vs_warm", "peak_mb"):
        print(f"{name:<22}" + (f"{figures[name]:8.2f}" if name in figures else "not installed"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        serve(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
    else:
        main()
