"""A run executed again from what it recorded: what it measures, and what is said where it cannot be done."""

from __future__ import annotations

import math
import os
from importlib import metadata
from pathlib import Path

import msgspec
import pytest
from kernels import ended
from packaging.requirements import Requirement

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import BadInput, Conflict, UnknownThing
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.core.run import Run
from jupyter_mlops.inputs.environments import installed_packages
from jupyter_mlops.inputs.packs import Packs
from jupyter_mlops.inputs.restore import WouldOverwrite
from jupyter_mlops.training.replay import REPRODUCES, is_skipped
from jupyter_mlops.training.reproduce import (
    NotAReproduction,
    Reproduction,
    examine,
    reproduce_run,
    show_reproduction,
    verdict_on,
)
from jupyter_mlops.training.restorable import NotReproducible
from jupyter_mlops.training.runs import read_log
from jupyter_mlops.training.session import ENVIRONMENT
from jupyter_mlops.training.submit import submit_file
from jupyter_mlops.training.upkeep import delete_run
from jupyter_mlops.workspace import Workspace

SEEDED = """
import argparse, random
import jupyter_mlops as ml
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int)
draw = random.Random(parser.parse_args().seed)
ml.log_params(learnt="yes")
for _ in range(5):
    ml.log(loss=draw.random(), drawn=random.random())
print(open("table.csv").read())
"""


def again(world: Workspace, ref: str, **how) -> Reproduction:
    run = ended(world, reproduce_run(world, examine(world, ref, **how)))
    assert run.status == "FINISHED", (run.reason, read_log(world, run.id, "stderr"))
    return show_reproduction(world, run.id)


def verdicts(report: Reproduction) -> dict[str, str]:
    return {one.metric: one.verdict for one in report.metrics}


def captured(world: Workspace, folder: Path, name: str, **tags: str) -> Run:
    """A finished run of a file in ``folder``, with a snapshot and packages, which nothing executed."""
    from jupyter_mlops.training.capture import Plan, create

    (folder / "train.py").write_text("pass\n")
    plan = Plan(experiment="not-executed", name=name, folder=folder, tags={"mlops.file": "train.py", **tags})
    run, _ = create(world, plan)
    world.tracking.write(run.id, encode(installed_packages()), ENVIRONMENT)
    world.tracking.end_run(run.id, "FINISHED")
    return world.tracking.run(run.id)


def notes(world: Workspace, ref: str, **how) -> dict[str, str]:
    return {note.about: note.text for note in examine(world, ref, **how).notes}


def test_a_script_is_executed_from_its_snapshot_with_the_parameters_it_was_given(world, project):
    (project / "train.py").write_text(SEEDED)
    (project / "table.csv").write_text("1,2\n")
    first = ended(world, submit_file(world, project / "train.py", params={"seed": "7"}, name="seeded"))
    assert first.status == "FINISHED", read_log(world, first.id, "stderr")
    (project / "train.py").write_text("raise SystemExit('the folder is not what it was')\n")
    (project / "table.csv").unlink()

    found = examine(world, "seeded")
    assert (found.way, found.file, found.possible) == ("script", "train.py", True)
    assert found.fit is not None
    assert found.fit.how == "this"
    report = again(world, "seeded")

    assert verdicts(report) == {"drawn": "different", "loss": "equal"}
    assert [one.metric for one in report.metrics] == ["drawn", "loss"], "what differs is not first"
    assert not report.same
    run = report.run
    assert (run.name, run.experiment) == ("seeded-again", first.experiment)
    assert run.params == {"seed": "7", "learnt": "yes"}
    assert run.tags["mlops.reproduces"] == first.id
    assert run.tags["mlops.snapshot"] == first.tags["mlops.snapshot"]
    assert read_log(world, run.id, "stdout") == "1,2\n\n"
    assert {("started-from", f"snapshot:{first.tags['mlops.snapshot']}"), ("reproduces", f"run:{first.id}")} <= {
        (link.relation, link.target) for link in world.catalog.links(source=f"run:{run.id}")
    }
    with pytest.raises(NotAReproduction, match="seeded reproduces no other"):
        show_reproduction(world, first.id)


def test_a_cell_is_executed_after_the_cells_that_its_kernel_had_executed(kernel, world, tmp_path):
    kernel.run("import random, jupyter_mlops as ml")
    kernel.run("draw = random.Random(3)\nwhere = 'nowhere'")
    assert kernel.run("raise ValueError('was ok in the end')").ename == "ValueError"
    kernel.run("%%ml run -n earlier -p seed=3\nml.log(first=draw.random())")
    kernel.run("%ml runs tag earlier kept=yes")
    kernel.run(
        "%%ml run -n later -p rate=0.5\nimport mlflow\nml.log(second=draw.random())\nmlflow.log_metric('third', 3)"
    )
    # The kernel went on: what came after the cell is not of its run.
    kernel.run("raise SystemExit")

    found = examine(world, "later", into=tmp_path / "kept")
    assert found.way == "session"
    run = ended(world, reproduce_run(world, found, into=tmp_path / "kept"))
    assert run.status == "FINISHED", (run.reason, read_log(world, run.id, "stderr"))
    report = show_reproduction(world, run.id)

    assert verdicts(report) == {"second": "equal", "third": "equal"}
    assert report.same
    assert run.params == {"rate": "0.5"}
    assert "Left out while a run is reproduced: %ml runs tag earlier kept=yes" in read_log(world, run.id, "stdout")
    (part,) = [one for one in world.tracking.runs() if one.parent == run.id]
    assert (part.name, part.metrics.keys()) == ("earlier-again", {"first"})
    assert (tmp_path / "kept" / "work.ipynb").is_file()
    with pytest.raises(NotReproducible, match="earlier-again is a part of the run later-again"):
        examine(world, "earlier-again")
    # what it executed is stored with it, so it can be reproduced itself
    assert examine(world, run.id).possible


def test_a_notebook_is_executed_as_it_was(world, project):
    import nbformat

    cells = ["rate = 1", "%%ml run -n inner\nimport jupyter_mlops as ml\nml.log(inside=rate)", "ml.log(rate=rate * 2)"]
    content = nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells)))
    content.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(content, str(project / "work.ipynb"))
    first = ended(world, submit_file(world, project / "work.ipynb", params={"rate": "0.25"}, name="in-papermill"))
    assert first.status == "FINISHED", read_log(world, first.id, "stderr")
    (project / "work.ipynb").unlink()

    report = again(world, "in-papermill")

    assert verdicts(report) == {"rate": "equal"}
    assert report.run.metrics == {"rate": 0.5}
    assert "without encryption" not in read_log(world, report.run.id, "stderr")
    with pytest.raises(NotReproducible, match="inner is a part of the run in-papermill") as caught:
        examine(world, next(one.id for one in world.tracking.runs() if one.parent == first.id))
    assert first.id[:8] in caught.value.hint


@pytest.mark.slow
def test_the_packages_that_it_recorded_are_had_again_and_kept(world, project):
    (project / "train.py").write_text(
        "import sys, jupyter_mlops as ml\nfrom importlib.metadata import version\n"
        "ml.log(minor=int(version('iniconfig').split('.')[1]))\nprint(sys.prefix)\n"
    )
    first = ended(world, submit_file(world, project / "train.py", name="older-package"))
    recorded = {name: version for name, version in installed_packages().packages.items() if name in _our_closure()}
    older = {**recorded, "iniconfig": "2.0.0", "never-on-an-index": "0.1"}
    world.tracking.write(first.id, encode(Environment(python=_python(), packages=older)), ENVIRONMENT)

    found = examine(world, first.id)
    assert found.fit is not None
    assert (found.fit.how, found.fit.left_out) == ("new", ["never-on-an-index==0.1"])
    assert "No index has never-on-an-index==0.1" in notes(world, first.id)["environment"]
    report = again(world, first.id)
    assert report.run.metrics == {"minor": 0}
    assert "Installing" in read_log(world, report.run.id, "stderr")
    assert str(world.root) in read_log(world, report.run.id, "stdout")
    packages = decode(world.tracking.read(report.run.id, ENVIRONMENT), Environment).packages
    assert packages["iniconfig"] == "2.0.0"
    kept = examine(world, first.id).fit
    assert kept is not None
    assert kept.how == "kept"


def _python() -> str:
    return installed_packages().python


def _our_closure() -> set[str]:
    """What this package requires, and what that requires."""
    found, waiting = set(), ["jupyter-mlops"]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        found.add(name)
        for line in metadata.requires(name) or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(requirement.name)
    return found


@pytest.mark.parametrize(
    ("original", "reproduced", "rtol", "verdict"),
    [
        (1.0, 1.0, 0.0, "equal"),
        (1.0, 1.0 + 1e-9, 1e-6, "within"),
        (1.0, 1.0 + 1e-9, 0.0, "different"),
        (0.0, 1e-9, 1e-6, "different"),
        ("NaN", "NaN", 0.0, "equal"),
        ("NaN", 1.0, 0.5, "different"),
        ("Infinity", "Infinity", 0.0, "equal"),
        ("Infinity", "-Infinity", 0.5, "different"),
        (1.0, None, 0.5, "missing"),
        (None, 1.0, 0.5, "new"),
    ],
)
def test_two_values_are_equal_within_tolerance_or_different(original, reproduced, rtol, verdict):
    assert verdict_on(original, reproduced, rtol) == verdict


@pytest.mark.parametrize("rtol", [-1.0, 1.0, math.nan])
def test_a_tolerance_that_is_none_is_refused(world, project, rtol):
    run = captured(world, project, "tolerant")
    with pytest.raises(BadInput, match="no relative tolerance"):
        reproduce_run(world, examine(world, run.id), rtol=rtol)


@pytest.mark.parametrize(
    ("words", "skipped"),
    [
        ("runs tag a b=c", True),
        ("deploy m:1", True),
        ("models register a", True),
        ("run train.py", True),
        ("runs list", False),
        ("runs compare a b", False),
        ("log a=1", False),
        ("models --help", False),
        ("", False),
    ],
)
def test_commands_that_change_the_workspace_are_left_out_of_a_replay(monkeypatch, words, skipped):
    assert not is_skipped(words.split())
    monkeypatch.setenv(REPRODUCES, "abc")
    assert is_skipped(words.split()) is skipped


def test_a_secret_and_a_recorded_file_that_are_gone_are_named_before_anything_executes(world, project):
    (project / ".env").write_text("TOKEN=1")
    with (project / "big.bin").open("wb") as big:
        big.truncate(world.large_file_bytes + 1)
    run = captured(world, project, "linked")
    found = examine(world, run.id)
    assert (found.possible, sorted(found.linked)) == (True, [".env", "big.bin"])

    (project / ".env").unlink()
    with (project / "big.bin").open("r+b") as big:
        big.write(b"changed")
    told = notes(world, run.id)
    assert ".env looks like a secret" in told["secret"]
    assert "big.bin" in told["file"]
    n_before = len(list(world.tracking.runs()))
    with pytest.raises(NotReproducible, match=r"\.env looks like a secret.*big\.bin|big\.bin.*\.env") as caught:
        reproduce_run(world, examine(world, run.id))
    assert "Put it there" in caught.value.hint
    assert len(list(world.tracking.runs())) == n_before


def test_a_damaged_pack_is_found_before_anything_executes(world, project):
    (project / "only here.txt").write_text("x" * 5000 + project.name)
    run = captured(world, project, "damaged")
    packs = Packs(world.blobs, world.root / "cache")
    assert packs is not None
    newest = max((world.root / "blobs").rglob("*"), key=lambda path: path.is_file() and path.stat().st_mtime_ns)
    data = bytearray(newest.read_bytes())
    data[len(data) // 3] ^= 0xFF
    os.chmod(newest, 0o600)  # noqa: PTH101  # blobs are read-only
    newest.write_bytes(bytes(data))
    try:
        found = examine(world, run.id)
    finally:
        newest.unlink()
    assert not found.possible
    assert found.notes[0].about == "code"


def test_packages_that_are_not_as_recorded_are_named_where_they_are_not_restored(world, project):
    run = captured(world, project, "other-packages")
    here = installed_packages()
    other = msgspec.structs.replace(here, packages={**here.packages, "numpy": "0.1", "gone-since": "1"})
    world.tracking.write(run.id, encode(other), ENVIRONMENT)
    told = notes(world, run.id, environment="current")["environment"]
    assert f"numpy {here.packages['numpy']} for 0.1" in told
    assert "gone-since missing for 1" in told
    world.tracking.write(run.id, encode(msgspec.structs.replace(here, python="3.5.1")), ENVIRONMENT)
    found = examine(world, run.id)
    assert "there is no 3.5 on this machine" in found.notes[0].text
    assert "--environment current" in found.notes[0].hint
    assert not found.possible


def test_data_that_are_gone_are_named(world, project, tmp_path):
    import mlflow
    import pandas as pd

    table = tmp_path / "rows.csv"
    table.write_text("a\n1\n")
    run = captured(world, project, "with-data")
    client = mlflow.MlflowClient(world.tracking.uri)
    from mlflow.entities import DatasetInput

    dataset = mlflow.data.from_pandas(pd.read_csv(table), source=str(table), name="rows")
    client.log_inputs(run.id, [DatasetInput(dataset=dataset._to_mlflow_entity())])  # MLflow's only way
    assert examine(world, run.id).possible
    table.unlink()
    found = examine(world, run.id)
    assert not found.possible
    assert f"rows were read from {table}" in found.notes[0].text


def test_runs_that_cannot_be_executed_again_say_why(world, project, tmp_path):
    with pytest.raises(UnknownThing, match="no run 'nothing'"):
        examine(world, "nothing")
    plain = world.tracking.create_run("plain", "plain", tags={}, params={})
    with pytest.raises(Conflict, match="plain is RUNNING"):
        examine(world, plain.id)
    world.tracking.end_run(plain.id, "FINISHED")
    with pytest.raises(NotReproducible, match="logged with plain MLflow"):
        examine(world, plain.id)
    bare = world.tracking.create_run("plain", "bare", tags={"mlops.file": "a.py"}, params={})
    world.tracking.end_run(bare.id, "FINISHED")
    with pytest.raises(NotReproducible, match="bare has no snapshot"):
        examine(world, bare.id)
    run = captured(world, project, "in-the-way")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(WouldOverwrite):
        examine(world, run.id, into=tmp_path / "full")
    delete_run(world, run.id)
    with pytest.raises(Conflict, match="in-the-way is deleted") as caught:
        examine(world, run.id)
    assert f"mlops runs restore {run.id[:8]}" in caught.value.hint


def test_a_session_that_is_not_stored_is_missed_at_once(world, project):
    run = captured(world, project, "no-session", **{"mlops.cell": "abc"})
    world.tracking.untag(run.id, "mlops.file")
    with pytest.raises(Conflict, match="cells that the kernel executed for the run no-session are not stored"):
        examine(world, run.id)
