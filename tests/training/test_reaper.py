"""Runs whose process is gone are ended, with the reason, and their child runs too; all others are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.oom import count_in, oom_count, oom_kills_since
from jupyter_mlops.core.process import ProcessId, boot_id, process_id
from jupyter_mlops.core.record import encode
from jupyter_mlops.training import gone as gone_module
from jupyter_mlops.training.gone import Watch, is_same_machine
from jupyter_mlops.training.heartbeat import TAG, Heartbeat, Signs, lock_state, signs_of
from jupyter_mlops.training.reaper import Reaper, has_leftovers, settle
from jupyter_mlops.training.runs import list_runs, show_run

ELSEWHERE = {"mlops.node": "elsewhere"}


def start_run(world, process: ProcessId, parent: str | None = None, **tags: str) -> str:
    marks = {
        "mlops.node": world.node,
        "mlops.pid": str(process.pid),
        "mlops.pid_started": str(process.started),
        "mlops.boot_id": process.boot_id,
    }
    return world.tracking.create_run("reaped", None, tags={**marks, **tags}, params={}, parent=parent).id


@pytest.fixture
def gone() -> ProcessId:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = process_id(child.pid)
        child.kill()
    return identity


@pytest.fixture
def far(gone) -> ProcessId:
    """A process of another machine."""
    return msgspec.structs.replace(gone, boot_id="another/boot")


@pytest.fixture
def contained(gone) -> ProcessId:
    """A process of another container of this machine."""
    return msgspec.structs.replace(gone, boot_id=f"{boot_id().partition('/')[0]}/pid:[1]")


def reap(world) -> list[str]:
    reaper = Reaper(world)
    reaper.refresh()
    return [run.id for run in reaper.reap()]


def beat(world, run_id: str, at: float) -> Path:
    """Leave a heartbeat of some time in the run's journal, and nobody who holds its lock."""
    file = world.root / "journal" / run_id / "heartbeat"
    replace_file(file, encode(Signs(node="n")))
    (file.parent / "owner").touch()
    os.utime(file, (at, at))
    return file


def test_a_run_whose_process_was_killed_ends_as_killed_with_the_reason(workspace, gone):
    run_id = start_run(workspace, gone)
    assert reap(workspace) == [run_id]
    run = workspace.tracking.run(run_id)
    assert run.status == "KILLED"
    assert run.reason == f"Its process (process {gone.pid}) was killed, or ended without ending the run."
    assert run.ended_at is not None
    assert reap(workspace) == []


def test_a_restarted_machine_is_named_as_the_reason(workspace, far):
    run_id = start_run(workspace, far)
    assert reap(workspace) == [run_id]
    assert workspace.tracking.run(run_id).reason == "The machine was restarted while it ran."


def test_living_foreign_and_unmarked_runs_are_left_alone(workspace, far, contained):
    me = process_id()
    kept = [
        start_run(workspace, me),
        start_run(workspace, me, **ELSEWHERE),  # a laptop whose name changed
        start_run(workspace, far, **ELSEWHERE),
        start_run(workspace, contained, **ELSEWHERE),
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


def test_a_stopped_process_lives(workspace):
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        run_id = start_run(workspace, process_id(child.pid))
        beat(workspace, run_id, time.time() - 40_000)  # as after a night's sleep
        child.send_signal(signal.SIGSTOP)
        assert reap(workspace) == []
        child.kill()


def test_children_of_a_dead_parent_end_with_it_to_any_depth(workspace, gone):
    parent = start_run(workspace, gone)
    plain = workspace.tracking.create_run("reaped", None, tags={}, params={}, parent=parent).id
    below = workspace.tracking.create_run("reaped", None, tags={}, params={}, parent=plain).id
    other = start_run(workspace, process_id(), parent)  # a process of its own, which lives
    assert set(reap(workspace)) == {parent, plain, below}
    assert workspace.tracking.run(below).status == "KILLED"
    assert workspace.tracking.run(below).reason.startswith("Its parent run ended. Its process")
    assert workspace.tracking.run(other).status == "RUNNING"


def test_a_child_that_outlived_its_parents_end_lives_as_long_as_the_process(workspace, gone):
    me, dead = start_run(workspace, process_id()), start_run(workspace, gone)
    children = [
        workspace.tracking.create_run("reaped", None, tags={}, params={}, parent=parent).id for parent in (me, dead)
    ]
    for parent in (me, dead):
        workspace.tracking.end_run(parent, "FINISHED")
    assert reap(workspace) == [children[1]]
    assert workspace.tracking.run(dead).status == "FINISHED"


def test_a_list_shows_no_dead_run_as_running(workspace, gone):
    run_id = start_run(workspace, gone)
    child = workspace.tracking.create_run("reaped", "child", tags={}, params={}, parent=run_id).id
    alive = start_run(workspace, process_id())
    assert [run.id for run in list_runs(workspace, status="RUNNING")] == [alive]
    assert show_run(workspace, child).run.status == "KILLED"
    assert {run.id: run.status for run in list_runs(workspace)} == {run_id: "KILLED", child: "KILLED", alive: "RUNNING"}


def test_a_store_that_cannot_be_written_still_shows_its_runs(workspace, gone, monkeypatch):
    run = workspace.tracking.run(start_run(workspace, gone))
    monkeypatch.setattr(workspace.tracking, "uri", "http://127.0.0.1:9")
    assert settle(workspace, [run]) == [run]


@pytest.mark.parametrize("who", ["contained", "far"])
def test_a_fresh_heartbeat_or_a_held_lock_of_what_cannot_be_seen_is_life(workspace, request, who):
    process = request.getfixturevalue(who)
    fresh = start_run(workspace, process)
    beat(workspace, fresh, time.time() - 1)
    locked = workspace.tracking.run(start_run(workspace, process))
    journal = workspace.journals.open(locked.id, locked.artifact_uri)
    beat(workspace, locked.id, time.time() - 40_000)
    assert lock_state(workspace.root, locked.id)
    assert reap(workspace) == []
    stale = start_run(workspace, process)
    beat(workspace, stale, time.time() - 60)
    assert reap(workspace) == [stale]
    told = {
        "contained": "Its container ended or was restarted while it ran.",
        "far": "The machine was restarted while it ran.",
    }
    assert workspace.tracking.run(stale).reason == told[who]
    journal.close("FINISHED", "", time.time())


def test_a_clock_that_goes_backwards_reaps_nothing_until_the_silence_was_watched(workspace, contained, monkeypatch):
    run_id = start_run(workspace, contained)
    beat(workspace, run_id, time.time() + 5_000)
    reaper = Reaper(workspace)
    reaper.refresh()
    assert reaper.reap() == []
    monkeypatch.setattr(gone_module, "FRESH_S", 0.2)
    time.sleep(0.3)
    assert [run.id for run in reaper.reap()] == [run_id]


def test_another_machines_run_is_given_up_after_a_day_without_a_sign_that_was_watched(workspace, far, monkeypatch):
    day_ago = str(int(time.time() - 25 * 3600))
    lost = start_run(workspace, far, **ELSEWHERE, **{TAG: day_ago})
    asleep = start_run(workspace, far, **ELSEWHERE, **{TAG: str(int(time.time() - 8 * 3600))})
    back = start_run(workspace, far, **ELSEWHERE, **{TAG: day_ago})
    reaper = Reaper(workspace)
    reaper.refresh()
    assert reaper.reap() == []
    assert reaper.needs_time()
    monkeypatch.setattr(gone_module, "TAG_BEAT_S", 0.1)
    time.sleep(0.3)
    workspace.tracking.log(back, tags={TAG: str(int(time.time()))})
    assert [run.id for run in reaper.reap()] == [lost]
    assert workspace.tracking.run(asleep).status == "RUNNING"
    assert workspace.tracking.run(lost).reason.startswith("No sign of life from elsewhere since 20")


def test_what_runs_is_no_leftover_and_what_was_killed_is(workspace):
    assert not has_leftovers(workspace.root)
    run = workspace.tracking.run(start_run(workspace, process_id()))
    journal = workspace.journals.open(run.id, run.artifact_uri)
    assert not has_leftovers(workspace.root)
    beat(workspace, "0" * 32, time.time())
    assert has_leftovers(workspace.root)
    journal.close("FINISHED", "", time.time())


def test_the_heart_beats_while_the_run_is_captured_and_stops_after(workspace, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.training.heartbeat.BEAT_S", 0.02)
    run = workspace.tracking.run(start_run(workspace, process_id()))
    journal = workspace.journals.open(run.id, run.artifact_uri)
    heart = Heartbeat(workspace, run.id)
    assert signs_of(workspace, run.id).node == workspace.node
    file = workspace.root / "journal" / run.id / "heartbeat"
    os.utime(file, (0, 0))
    deadline = time.monotonic() + 5
    while not file.stat().st_mtime and time.monotonic() < deadline:
        time.sleep(0.01)
    assert time.time() - file.stat().st_mtime < 10
    heart.stop()
    journal.close("FINISHED", "", time.time())
    assert not file.exists()


def test_a_process_that_memory_ran_out_for_is_told_by_its_control_group(workspace, limited_group):
    eat = "import os,sys\nopen(sys.argv[1], 'w').write(str(os.getpid()))\nsys.stdin.readline()\nx = []\nwhile 1: x.append(bytearray(b'x' * 1000000))\n"
    with subprocess.Popen(
        [sys.executable, "-c", eat, str(limited_group / "cgroup.procs")], stdin=subprocess.PIPE
    ) as child:
        process = process_id(child.pid)
        run_id = start_run(workspace, process)
        name = next(one.name for one in limited_group.iterdir() if one.name in {"memory.events", "memory.oom_control"})
        signs = Signs(node="n", oom=count_in(limited_group / name))
        beat(workspace, run_id, time.time())
        replace_file(workspace.root / "journal" / run_id / "heartbeat", encode(signs))
        child.communicate(b"go\n")
    assert child.returncode == -signal.SIGKILL
    assert reap(workspace) == [run_id]
    reason = workspace.tracking.run(run_id).reason
    assert reason.startswith(f"Its process ({process.pid}) was killed. ")
    assert "memory ran out" in reason


def test_without_evidence_nobody_speaks_of_memory():
    count = oom_count()
    assert count is None or oom_kills_since(count) == 0
    assert count is None or oom_kills_since(msgspec.structs.replace(count, inode=1, n_kills=-5)) == 0


@pytest.fixture
def limited_group():
    """A control group of 60 MB, which root may make; else the test is skipped."""
    base = Path("/sys/fs/cgroup/memory") if Path("/sys/fs/cgroup/memory").is_dir() else Path("/sys/fs/cgroup")
    group = base / f"mlops-test-{os.getpid()}"
    try:
        group.mkdir()
        limit = next(group / name for name in ("memory.max", "memory.limit_in_bytes") if (group / name).exists())
        limit.write_text("60000000")
        for name in ("memory.swap.max", "memory.memsw.limit_in_bytes"):
            if (group / name).exists():
                (group / name).write_text("60000000" if "memsw" in name else "0")
    except (OSError, StopIteration):
        pytest.skip("no control group can be made here")
    yield group
    group.rmdir()


def test_a_process_of_another_container_on_this_machine_cannot_be_judged(workspace, contained, gone):
    assert is_same_machine(contained)
    assert not Watch(workspace).is_gone(workspace.tracking.run(start_run(workspace, contained)), contained)
    assert Watch(workspace).is_gone(workspace.tracking.run(start_run(workspace, gone)), gone)
