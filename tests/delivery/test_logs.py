"""The logs of a service's replicas are one, in the order of time, with those of replicas that are gone."""

from __future__ import annotations

import itertools
import json
import time
from types import SimpleNamespace

import pytest

from jupyter_mlops.core.service import Replica, Service
from jupyter_mlops.core.since import BadMoment
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.delivery.logs import NoSuchReplica, _end_of, follow_logs, service_logs

NOW = time.time()


class Running:
    """A host whose replicas' logs are lists: what hosts give is tried with real ones in the contracts."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}

    def replicas(self) -> list[Replica]:
        return [
            Replica(id=id_, service="churn", deployment="m1", manifest="m:1", host="there", address="", started_at=NOW)
            for id_ in self.lines
        ]

    def logs(self, replica: Replica, tail: int = 100) -> list[str]:
        return self.lines[replica.id][-tail:]


@pytest.fixture
def churn(workspace):
    """A workspace whose service ``churn`` has one replica that is gone and one that runs."""
    running = Running()
    running.lines["bb02"] = [
        line(NOW - 50, "second"),
        "Fatal Python error: Segmentation fault",
        line(NOW - 10, "fourth"),
    ]
    logs = service_folder(workspace, "churn") / "logs"
    logs.mkdir(parents=True)
    (logs / "m1.2-aa01.old").write_text(line(NOW - 9000, "first of all") + "\n")
    (logs / "m1.2-aa01.log").write_text(line(NOW - 100, "first") + "\n" + line(NOW - 20, "third") + "\n")
    workspace.catalog.add(Service(name="churn", host="there", deployments=[], node=workspace.node))
    hosts = {"there": running}
    return SimpleNamespace(
        world=SimpleNamespace(catalog=workspace.catalog, hosts=hosts, root=workspace.root, node=workspace.node),
        running=running,
        logs=logs,
    )


def line(at: float, message: str) -> str:
    return json.dumps({"at": at, "level": "info", "message": message})


def messages(lines: list[str]) -> list[str]:
    return [json.loads(each)["message"] for each in lines]


def test_lines_of_all_replicas_come_in_the_order_of_time_with_what_a_crash_left_in_its_place(churn):
    lines = service_logs(churn.world, "churn")
    crash = "Fatal Python error: Segmentation fault"
    assert messages(lines) == ["first of all", "first", "second", crash, "third", "fourth"]
    assert {json.loads(each)["deployment"] for each in lines} == {"m1"}
    assert [json.loads(each)["replica"] for each in lines] == ["aa01", "aa01", "bb02", "bb02", "aa01", "bb02"]
    assert messages(service_logs(churn.world, "churn", 2)) == ["third", "fourth"]


def test_one_replica_a_deployment_or_a_time_is_chosen(churn):
    assert service_logs(churn.world, "churn", deployment="m2") == []
    assert len(service_logs(churn.world, "churn", deployment="m1")) == 6
    assert messages(service_logs(churn.world, "churn", replica="aa")) == ["first of all", "first", "third"]
    assert messages(service_logs(churn.world, "churn", None, since=NOW - 30)) == ["third", "fourth"]
    assert messages(service_logs(churn.world, "churn", 1, since="1h", replica="aa01")) == ["third"]
    with pytest.raises(NoSuchReplica, match="'cc'") as caught:
        service_logs(churn.world, "churn", replica="cc")
    assert "aa01" in caught.value.hint
    with pytest.raises(BadMoment):
        service_logs(churn.world, "churn", since="long ago")


def test_following_gives_what_is_written_once_also_when_the_log_was_put_aside_and_of_new_replicas(churn):
    lines = churn.running.lines

    def later(step: int) -> None:
        if step == 0:
            lines["bb02"].append(line(NOW, "fifth"))
        elif step == 1:
            lines["cc03"] = [line(NOW + 1, "a new one")]
        elif step == 2:
            lines["bb02"] = [line(NOW + 2, "after it was put aside")]
        elif step == 3:
            lines["bb02"].append(line(NOW + 3, "the end"))

    steps = itertools.count()
    following = follow_logs(churn.world, "churn", sleep=lambda _: later(next(steps)))
    found = [messages(next(following)) for _ in range(6)]
    assert found == [[], ["fifth"], ["a new one"], ["after it was put aside"], ["the end"], []]


@pytest.mark.parametrize(
    ("known", "raw", "end"),
    [
        ([], ["a"], 0),
        (["a"], ["a"], 1),
        (["a", "b"], ["b", "c"], 0),
        (["a", "a"], ["a", "a", "a"], 3),
        (["a", "b"], ["a", "b", "c"], 2),
        (["x"], [], 0),
    ],
)
def test_the_place_where_the_last_look_ended_is_found(known, raw, end):
    assert _end_of(known, raw) == end
