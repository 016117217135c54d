"""Activities: watched to their end, with the error they failed with."""

from __future__ import annotations

import threading
import time

import msgspec
import pytest

from jupyter_mlops.activities import cancel_activity, list_activities, show_activity, wait_activity
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import Conflict, NotFound, Remote, Unavailable


@pytest.fixture
def activity(workspace) -> Activity:
    return workspace.catalog.add(Activity(name="a1", verb="services.deploy", subject="service churn"))


def change(workspace, **fields) -> None:
    workspace.catalog.edit(Activity, "a1", lambda one: msgspec.structs.replace(one, **fields))


def test_waiting_sees_each_state_and_returns_the_last(workspace, activity):
    seen: list[float] = []
    other = threading.Timer(0.3, lambda: change(workspace, state="done", progress=1.0))
    other.start()
    assert wait_activity(workspace, activity.name, on_change=lambda one: seen.append(one.progress)).state == "done"
    assert seen == [0.0, 1.0]
    other.join()


def test_waiting_raises_what_it_failed_with(workspace, activity):
    problem = NotFound("No model.", hint="Look.").problem()
    change(workspace, state="failed", error=problem)
    with pytest.raises(Remote, match=r"No model\.") as caught:
        wait_activity(workspace, activity.name)
    assert (caught.value.status, caught.value.exit_code, caught.value.hint) == (404, 3, "Look.")


def test_waiting_too_long_says_that_it_goes_on(workspace, activity):
    began = time.monotonic()
    with pytest.raises(Unavailable, match="has not ended after 0 s"):
        wait_activity(workspace, activity.name, timeout_s=0.2)
    assert time.monotonic() - began < 30


def test_cancelling_asks_once_and_not_after_the_end(workspace, activity):
    assert cancel_activity(workspace, activity.name).state == "cancelled"
    with pytest.raises(Conflict, match="cancelled already"):
        cancel_activity(workspace, activity.name)
    with pytest.raises(Conflict, match="was cancelled"):
        wait_activity(workspace, activity.name)
    assert [one.name for one in list_activities(workspace, state="cancelled")] == ["a1"]
    with pytest.raises(NotFound):
        show_activity(workspace, "nothing")
