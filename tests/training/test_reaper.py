"""Runs whose process is gone are ended, with the reason; all others are left alone."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from jupyter_mlops.core.process import ProcessId, boot_id, process_id
from jupyter_mlops.training.reaper import Reaper, can_tell


def start_run(world, process: ProcessId, **tags: str) -> str:
    marks = {
        "mlops.node": world.node,
        "mlops.pid": str(process.pid),
        "mlops.pid_started": str(process.started),
        "mlops.boot_id": process.boot_id,
    }
    return world.tracking.create_run("reaped", None, tags={**marks, **tags}, params={}).id


@pytest.fixture
def gone() -> ProcessId:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = process_id(child.pid)
        child.kill()
    return identity


def reap(world) -> list[str]:
    reaper = Reaper(world)
    reaper.refresh()
    return [run.id for run in reaper.reap()]


def test_a_run_whose_process_was_killed_ends_as_killed_with_the_reason(workspace, gone):
    run_id = start_run(workspace, gone)
    assert reap(workspace) == [run_id]
    run = workspace.tracking.run(run_id)
    assert run.status == "KILLED"
    assert f"process ({gone.pid}) ended" in run.reason
    assert run.ended_at is not None
    assert reap(workspace) == []


def test_a_restarted_machine_is_named_as_the_reason(workspace, gone):
    run_id = start_run(workspace, msgspec.structs.replace(gone, boot_id="another/boot"))
    assert reap(workspace) == [run_id]
    assert workspace.tracking.run(run_id).reason == "The machine was restarted while it ran."


def test_living_foreign_and_unmarked_runs_are_left_alone(workspace, gone):
    me = process_id()
    kept = [
        start_run(workspace, me),
        start_run(workspace, gone, **{"mlops.node": "elsewhere"}),
        workspace.tracking.create_run("reaped", None, tags={}, params={}).id,
    ]
    assert reap(workspace) == []
    assert {workspace.tracking.run(run_id).status for run_id in kept} == {"RUNNING"}


def test_a_run_that_ended_just_before_its_process_keeps_its_end(workspace, gone):
    run_id = start_run(workspace, gone)
    reaper = Reaper(workspace)
    reaper.refresh()
    workspace.tracking.end_run(run_id, "FINISHED")
    assert reaper.reap() == []
    assert workspace.tracking.run(run_id).status == "FINISHED"


def test_a_process_of_another_container_on_this_machine_cannot_be_judged(gone):
    elsewhere = msgspec.structs.replace(gone, boot_id=f"{boot_id().partition('/')[0]}/pid:[1]")
    assert not can_tell(elsewhere)
    assert can_tell(gone)
