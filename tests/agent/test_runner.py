"""Activities are taken from the queue in order, survive agents that die, and always get an outcome."""

from __future__ import annotations

import threading
import time

import msgspec
import pytest

from jupyter_mlops.agent import executors
from jupyter_mlops.agent.runner import Runner
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.agentlock import hold, holder_of
from jupyter_mlops.core.errors import Conflict


@pytest.fixture
def runner(workspace):
    locks: dict[str, threading.Lock] = {}
    made = Runner(workspace, workspace.for_actor, lambda name: locks.setdefault(name, threading.Lock()))
    yield made
    assert made.stop(10)


def queue(world, name: str, verb: str, **fields) -> Activity:
    return world.catalog.add(
        Activity(name=name, verb=verb, subject=fields.pop("subject", name), node=world.node, **fields)
    )


def settled(world, name: str) -> Activity:
    deadline = time.monotonic() + 20
    while (found := world.catalog.get(Activity, name)).state in {"queued", "running"}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def work(runner: Runner) -> None:
    runner.start_queued()
    while runner.busy() or runner.waiting:
        runner.start_queued()
        time.sleep(0.01)


@pytest.fixture
def verbs(monkeypatch):
    """Verbs of our own beside the real ones."""
    table = dict(executors.EXECUTORS)
    monkeypatch.setattr(executors, "EXECUTORS", table)
    return table


def test_two_activities_on_one_thing_run_one_after_the_other_oldest_first(workspace, runner, verbs):
    seen: list[str] = []
    at_once: list[int] = []
    inside = threading.Semaphore(0)

    def act(_world, activity, say):
        inside.release()
        at_once.append(inside._value)
        say("working", 0.5)
        seen.append(activity.name)
        inside.acquire()
        return {}

    verbs["act"] = act
    for name in ("first", "second", "third"):
        queue(workspace, name, "act", subject="one thing")
    work(runner)
    assert seen == ["first", "second", "third"]
    assert set(at_once) == {1}


def test_progress_and_result_are_in_the_catalog_and_the_log(workspace, runner, verbs):
    def act(world, activity, say):
        say("halfway", 0.5)
        assert world.catalog.get(Activity, activity.name).progress == 0.5
        return {"answer": 42}

    verbs["act"] = act
    queue(workspace, "told", "act")
    work(runner)
    ended = settled(workspace, "told")
    assert (ended.state, ended.progress, ended.result) == ("done", 1.0, {"answer": 42})
    assert ended.ended_at >= ended.started_at
    assert "halfway" in (workspace.root / "activities" / "told.log").read_text()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (Conflict("It is taken.", hint="Wait."), "It is taken."),
        (OSError(28, "No space left on device", "/full"), "/full cannot be written: the disk is full."),
        (ZeroDivisionError("oh"), "ZeroDivisionError: oh"),
    ],
)
def test_every_error_becomes_an_outcome(workspace, runner, verbs, error, words):
    def act(_world, _activity, _say):
        raise error

    verbs["act"] = act
    queue(workspace, "fails", "act")
    work(runner)
    ended = settled(workspace, "fails")
    assert ended.state == "failed"
    assert words in ended.error.detail


def test_a_queued_activity_that_was_called_off_never_begins(workspace, runner, verbs):
    verbs["act"] = lambda *_: pytest.fail("it began")
    queue(workspace, "off", "act", cancel_asked=True)
    work(runner)
    assert settled(workspace, "off").state == "cancelled"


def test_what_a_dead_agent_was_running_is_queued_again_but_not_for_ever(workspace, runner):
    queue(workspace, "once", "act", state="running")
    queue(workspace, "often", "act", state="running", result={"tries": 2})
    other = queue(workspace, "other", "act", state="running")
    workspace.catalog.edit(Activity, "other", lambda one: msgspec.structs.replace(one, node="elsewhere"))
    runner.recover()
    assert workspace.catalog.get(Activity, "once").state == "queued"
    assert workspace.catalog.get(Activity, "often").error.code == "abandoned"
    assert workspace.catalog.get(Activity, "other").state == other.state == "running"


def test_the_lock_has_one_holder_and_is_free_after_it(workspace):
    with hold(workspace.root) as mine:
        assert holder_of(workspace.root) == mine
        with hold(workspace.root) as second:
            assert second is None
    assert holder_of(workspace.root) is None
    with hold(workspace.root) as again:
        assert again is not None
