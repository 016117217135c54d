"""The sample's own prediction: recorded where the manifest is made, and compared as numbers are."""

from __future__ import annotations

import math
import subprocess
import sys
import time

import pytest

from jupyter_mlops.core.detached import wait_ended
from jupyter_mlops.core.process import process_id
from jupyter_mlops.delivery.manifests import create_manifest, diff_manifests
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.predictions import difference

SAMPLE = '{"a": 2}'


@pytest.fixture
def made(workspace, tmp_path):
    """Return a function that makes a manifest of a scoring script."""
    (tmp_path / "model.bin").write_bytes(b"weights")
    register_model(workspace, str(tmp_path / "model.bin"), "echo")
    (tmp_path / "row.json").write_text(SAMPLE)

    def make(run: str, *, sample: bool = True, **options: object):
        (tmp_path / "score.py").write_text(f"def init():\n    pass\n\n\ndef run(data):\n    {run}\n")
        given = tmp_path / "row.json" if sample else None
        return create_manifest(workspace, ["echo"], script=tmp_path / "score.py", sample=given, **options)

    return make


def test_what_the_sample_scores_to_is_recorded_once(made):
    manifest = made("return [data['a'] / 3]")
    assert manifest.prediction == [2 / 3]
    assert made("return [data['a'] / 3]") == manifest  # the same version


def test_a_changed_prediction_shows_between_versions(made, workspace):
    made("return data['a']")
    made("return data['a'] + 1")
    changed = {one.field: (one.before, one.after) for one in diff_manifests(workspace, "echo:1", "echo:2")}
    assert changed["prediction"] == (2, 3)


@pytest.mark.parametrize(
    "run",
    [
        "import random; return random.random()",
        "raise ValueError(data)",
        "import no_such_package_of_ours",
        "import os; os._exit(1)",
        "return 'x' * 200_000",
    ],
)
def test_what_cannot_be_told_again_is_not_recorded_and_the_manifest_is_made(made, run):
    assert made(run).prediction is None


def test_without_a_sample_or_for_another_python_nothing_is_recorded(made):
    assert made("return 1", sample=False).prediction is None
    assert made("return 1", python="3.99").prediction is None


def test_no_process_and_no_file_is_left(made, workspace):
    made("return 1")
    assert not list((workspace.root / "cache").glob("predict-*"))


PREDICT = """
import sys
from pathlib import Path
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.delivery.predictions import predict_here
from jupyter_mlops.workspace import Workspace
world = Workspace.open(Path(sys.argv[1]))
predict_here(world, show_manifest(world, "echo:1"))
"""


def test_who_is_killed_while_it_scores_leaves_no_replica_running(made, workspace, tmp_path):
    made(f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(1)")
    (tmp_path / "pid").unlink()
    killed = subprocess.Popen([sys.executable, "-c", PREDICT, str(workspace.home)])
    until = time.monotonic() + 60
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    replica = process_id(int((tmp_path / "pid").read_text()))
    assert replica is None or wait_ended(replica, 15)


@pytest.mark.parametrize(
    ("expected", "answered", "said"),
    [
        ({"p": [1, 0.1 + 0.2]}, {"p": [1, 0.3]}, ""),
        ([1], [1.0], ""),
        (math.inf, math.inf, ""),
        ({"p": [1, 2]}, {"p": [1, 3]}, "the answer.p[1] is 3 instead of 2"),
        ([1], [1, 2], "the answer has 2 items instead of 1"),
        ({"a": 1}, {"b": 1}, 'the answer has ["b"] instead of ["a"]'),
        ("yes", "no", 'the answer is "no" instead of "yes"'),
        (1, True, "the answer is true instead of 1"),
        (None, [], "the answer is [] instead of null"),
    ],
)
def test_answers_are_compared_as_numbers_are(expected, answered, said):
    assert difference(expected, answered) == said
