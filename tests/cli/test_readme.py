"""The README's tour: its files are written and its commands run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def tour() -> tuple[dict[str, str], list[str]]:
    """Return the tour's files by name, and its shell blocks."""
    section = README.read_text().partition("## A five-minute tour")[2].partition("\n## ")[0]
    blocks = BLOCK.findall(section)
    files = {text.partition("\n")[0].removeprefix("# "): text for kind, text in blocks if kind == "python"}
    return files, [text for kind, text in blocks if kind == "bash"]


@pytest.mark.slow
def test_the_tour_works_as_it_is_written(tmp_path):
    files, blocks = tour()
    assert set(files) == {"train.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    try:
        script = "set -eo pipefail\n" + "\n".join(blocks)
        done = subprocess.run(
            ["bash", "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
    finally:
        left = "mlops services delete flowers; mlops agent stop"
        subprocess.run(["bash", "-c", left], cwd=tmp_path, env=env, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for part in (
        "Made a workspace in",
        "trained on 150 rows with C = 0.5",
        "Nothing changed.",
        "Every metric is the same.",
        "model    iris:1",
        "team=lab",
        "http://127.0.0.1:",
        "trained by run",
        "Deleted service flowers.",
        "Stopped the agent.",
    ):
        assert part in done.stdout
    assert done.stdout.count("setosa") == 4  # asked twice, and shown as telemetry
    assert "Warning" not in done.stderr


def test_the_two_commands_are_there():
    text = README.read_text()
    assert "pip install . && mlops quickstart" in text
    assert "pip install '.[test]' && pytest" in text


def test_what_the_readme_links_to_exists():
    for target in re.findall(r"\]\(([^)#:]+)\)", README.read_text()):
        assert (README.parent / target).exists(), target
