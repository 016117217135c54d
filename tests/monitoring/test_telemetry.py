"""What replicas kept is read as one table, and moved to the datastore once, wherever the one who moves it is killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import stat
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.since import BadMoment
from jupyter_mlops.core.telemetry import Scored, Telemetry
from jupyter_mlops.delivery.services import configure
from jupyter_mlops.monitoring import compaction
from jupyter_mlops.monitoring.compaction import StoreDown, compact
from jupyter_mlops.monitoring.places import incoming_folder, telemetry_folder
from jupyter_mlops.monitoring.rows import rows_of
from jupyter_mlops.monitoring.telemetry import list_requests, read_telemetry, telemetry
from jupyter_mlops.scoring.spool import Spool

HOUR = 3600.0
NOW = 1_795_290_000.0 - 1_795_290_000.0 % HOUR + 1800
"""Half past an hour."""


class Replica:
    """What one writes into its folder."""

    def __init__(self, world: Any, name: str = "r1") -> None:
        self.now = NOW
        self.spool = Spool(incoming_folder(world, "churn") / name, now=lambda: self.now)
        self.n = 0

    def write(self, *at: float, **fields: Any) -> None:
        lines = []
        for each in at:
            self.n += 1
            given = {"inputs": {"age": self.n}, "outputs": {"predictions": [self.n % 2]}, **fields}
            raw = {key: msgspec.Raw(msgspec.json.encode(given.pop(key))) for key in ("inputs", "outputs")}
            line = Scored(
                at=each, id=f"q{self.n}", route="/score", status=200, ms=1.5, rows=1, service="churn",
                manifest="churn:1", model="iris:3", **raw, **given,
            )  # fmt: skip
            lines.append(msgspec.json.encode(line) + b"\n")
        self.now = at[-1]
        self.spool.write(lines)


@pytest.fixture
def churn(workspace):
    """A workspace with a service ``churn``."""
    workspace.catalog.add(Service(name="churn", host="process", deployments=[], node=workspace.node))
    return workspace


def ids(world, **options: Any) -> list[str]:
    return read_telemetry(world, "churn", **options).column("id").to_pylist()


def parquet(world) -> list[Path]:
    return sorted(telemetry_folder(world, "churn").rglob("*.parquet"))


def test_what_was_just_kept_is_read_before_anything_was_moved(churn):
    replica = Replica(churn)
    replica.write(NOW, NOW + 1)
    assert ids(churn) == ["q1", "q2"]
    replica.write(NOW + 2)
    assert ids(churn) == ["q1", "q2", "q3"]


def test_an_hour_that_is_over_becomes_parquet_and_the_table_is_the_same(churn):
    replica, other = Replica(churn), Replica(churn, "r2")
    replica.write(NOW - HOUR, NOW - HOUR + 1)
    other.write(NOW - HOUR + 0.5)
    replica.write(NOW)
    before = read_telemetry(churn, "churn").to_pylist()

    other.spool.publish()
    assert compact(churn, "churn", now=NOW) == 1

    assert read_telemetry(churn, "churn").to_pylist() == before
    (file,) = parquet(churn)
    assert [part for part in file.parts if "=" in part] == [
        time.strftime("date=%Y-%m-%d", time.gmtime(NOW - HOUR)),
        time.strftime("hour=%H", time.gmtime(NOW - HOUR)),
    ]
    assert compact(churn, "churn", now=NOW) == 0
    replica.spool.publish()
    assert compact(churn, "churn", now=NOW + HOUR) == 1
    assert read_telemetry(churn, "churn").to_pylist() == before
    assert not list(incoming_folder(churn, "churn").glob("*/*"))


def test_everything_is_its_owners_alone(churn):
    replica = Replica(churn)
    replica.write(NOW - HOUR)
    replica.spool.publish()
    compact(churn, "churn", now=NOW)
    replica.write(NOW)
    ids(churn)
    for path in telemetry_folder(churn, "churn").rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_replica_that_was_killed_loses_only_the_frame_it_was_writing(churn):
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            replica = Replica(churn)
            replica.write(NOW - HOUR, NOW - HOUR + 1)
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(1)
    os.waitpid(pid, 0)
    (part,) = incoming_folder(churn, "churn").glob("*/*.part")
    with part.open("ab") as file:
        file.write(part.read_bytes()[:40])  # the beginning of a frame that never came to its end
    assert ids(churn) == ["q1", "q2"]
    old = time.time() - 60
    os.utime(part, (old, old))
    assert compact(churn, "churn", now=NOW) == 1
    assert ids(churn) == ["q1", "q2"]
    assert not part.exists()


def test_a_file_that_a_living_replica_writes_is_not_taken_from_it(churn):
    replica = Replica(churn)
    replica.write(NOW - HOUR)
    (part,) = incoming_folder(churn, "churn").glob("*/*.part")
    os.utime(part, (1, 1))
    assert compact(churn, "churn", now=NOW) == 0
    assert part.exists()


STEPS = ("replace_file", "_write", "_put", "_finish", "_move_file", "_take_back", "adopt")


def test_killed_anywhere_no_request_is_lost_and_none_is_there_twice(churn, monkeypatch):
    """Each child is killed at another call of one of the steps, before it or after; the next one goes on."""
    replica = Replica(churn)
    wanted: list[str] = []
    dice, n_killed = random.Random(4), 0
    for number in range(18):
        replica.write(NOW - HOUR + number, NOW - HOUR + number + 0.5)
        replica.spool.publish()
        wanted += [f"q{replica.n - 1}", f"q{replica.n}"]
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                _die_at(dice.choice(STEPS), after=dice.random() < 0.5, nth=dice.choice([1, 1, 2]), patch=monkeypatch)
                compact(churn, "churn", now=NOW)
            os._exit(0)
        for _ in range(3):
            dice.random()  # children draw from the same dice as it was; the parent's goes on
        n_killed += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
        assert ids(churn) == wanted
    assert n_killed > 9
    compact(churn, "churn", now=NOW)
    assert ids(churn) == wanted
    assert not (telemetry_folder(churn, "churn") / compaction.JOURNAL).exists()


def _die_at(step: str, *, after: bool, nth: int, patch: pytest.MonkeyPatch) -> None:
    real, calls = getattr(compaction, step), []

    def dying(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args, **options)
        if len(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    patch.setattr(compaction, step, dying)


def test_readers_never_see_a_request_twice_or_not_at_all_while_it_is_moved(churn):
    replica = Replica(churn)
    seen: list[int] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.append(len(ids(churn)))

    replica.write(*(NOW - 9 * HOUR + each for each in range(20)))
    replica.spool.publish()
    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(5):
            compact(churn, "churn", now=NOW)
            replica.spool.publish()
            replica.spool = Spool(incoming_folder(churn, "churn") / "r1", now=lambda: NOW - HOUR)
            time.sleep(0.05)
    finally:
        stop.set()
        reader.join()
    assert set(seen) == {20}


@pytest.mark.parametrize("kind", ["memory", "folder", "s3"])
def test_a_datastore_elsewhere_gets_what_there_is_and_keeps_it_when_the_service_is_gone(churn, kind, request, tmp_path):
    import fsspec

    url = {"memory": "memory://bucket/team", "folder": str(tmp_path / "there")}.get(kind)
    url = url or f"{request.getfixturevalue('s3_bucket')}/team"
    configure(churn, "churn", {"telemetry.store": url})
    replica = Replica(churn)
    replica.write(NOW)
    replica.spool.publish()
    assert compact(churn, "churn", now=NOW) == 0  # not even a minute old
    old = NOW - compaction.SHIP_S - 1
    for file in incoming_folder(churn, "churn").glob("*/*"):
        os.utime(file, (old, old))
    assert compact(churn, "churn", now=NOW) == 1
    fs, root = fsspec.core.url_to_fs(url)
    (found,) = fs.find(f"{root}/churn")
    assert found.endswith(".parquet")
    if kind == "folder":
        assert {path.stat().st_mode & 0o077 for path in (tmp_path / "there").rglob("*")} == {0}
    assert not parquet(churn)
    replica.write(NOW + 1)
    assert ids(churn) == ["q1", "q2"]
    churn.catalog.remove(Service, "churn")
    assert ids(churn) == ["q1", "q2"]


def test_a_datastore_that_is_down_loses_nothing(churn, monkeypatch):
    store = Telemetry(store="memory://down")
    churn.catalog.edit(Service, "churn", lambda one: msgspec.structs.replace(one, telemetry=store))
    replica = Replica(churn)
    replica.write(NOW - HOUR)
    replica.spool.publish()
    from fsspec.implementations.memory import MemoryFileSystem

    def refuse(*_: Any, **__: Any) -> None:
        raise ConnectionError("Connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "put_file", refuse)
        for _ in range(2):
            with pytest.raises(StoreDown, match=r"memory://down/churn.*Connection refused"):
                compact(churn, "churn", now=NOW)
    assert ids(churn) == ["q1"]
    assert compact(churn, "churn", now=NOW) == 1
    assert ids(churn) == ["q1"]


def test_what_is_older_than_is_kept_is_deleted_and_nothing_else(churn):
    settings = Telemetry(keep_days=2)
    replica = Replica(churn)
    for days in (3, 1):
        replica.write(NOW - days * 24 * HOUR)
        replica.spool.publish()
    compact(churn, "churn", now=NOW)
    assert ids(churn) == ["q1", "q2"]
    mine = telemetry_folder(churn, "churn") / "kept" / "notes.txt"
    mine.write_text("not ours")
    churn.catalog.edit(Service, "churn", lambda one: msgspec.structs.replace(one, telemetry=settings))
    compact(churn, "churn", now=NOW)
    assert ids(churn) == ["q2"]
    assert mine.exists()
    compact(churn, "churn", now=NOW + 1800)  # looked at already
    compact(churn, "churn", now=NOW + 3 * 24 * HOUR)
    assert ids(churn) == []


def test_since_and_until_choose_and_what_is_no_moment_is_refused(churn):
    replica = Replica(churn)
    replica.write(NOW - 2 * HOUR)
    replica.write(NOW - HOUR)
    replica.spool.publish()
    compact(churn, "churn", now=NOW)
    replica.write(NOW, NOW + 1)
    assert ids(churn, since=NOW - HOUR) == ["q2", "q3", "q4"]
    assert ids(churn, since=NOW - 2 * HOUR, until=NOW) == ["q1", "q2"]
    assert ids(churn, newest=1) == ["q4"]
    assert [one.id for one in list_requests(churn, "churn", newest=2)] == ["q3", "q4"]
    with pytest.raises(BadMoment, match="'yesterday'"):
        ids(churn, since="yesterday")


def test_a_service_that_nobody_knows_has_no_telemetry_and_gets_no_folder(churn):
    with pytest.raises(UnknownThing, match="'nobody'"):
        read_telemetry(churn, "nobody")
    assert not telemetry_folder(churn, "nobody").exists()
    assert read_telemetry(churn, "churn").num_rows == 0


def test_a_frame_has_objects_and_a_column_for_each_collected_field(churn):
    replica = Replica(churn)
    replica.write(NOW, collected={"branch": msgspec.Raw(b'"a"')})
    replica.write(NOW + 1, inputs={"data": [{"age": 1}, {"age": 2}]}, outputs={"predictions": [0, 1]})
    frame = telemetry(churn, "churn")
    assert frame["inputs"].tolist() == [{"age": 1}, {"data": [{"age": 1}, {"age": 2}]}]
    assert frame["collected.branch"].tolist()[0] == "a"
    assert frame["model"].tolist() == ["iris", "iris"]
    assert frame["version"].tolist() == ["3", "3"]
    assert str(frame["at"].dtype).startswith("datetime64[us, UTC")
    rows = telemetry(churn, "churn", rows=True)
    assert rows["input.age"].tolist() == [1, 1, 2]
    assert rows["prediction"].tolist() == [1, 0, 1]
    assert rows["id"].tolist() == ["q1", "q2", "q2"]


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        ([{"a": 1}], [{"a": 1}]),
        ({"a": 1, "b": "x"}, [{"a": 1, "b": "x"}]),
        ({"a": [1, 2], "b": [3, 4]}, [{"a": 1, "b": 3}, {"a": 2, "b": 4}]),
        ({"columns": {"a": [1]}}, [{"a": 1}]),
        ({"dataframe_split": {"columns": ["b"], "data": [[1]]}}, [{"b": 1}]),
        ({"inputs": [[1, 2]]}, [{"a": 1, "b": 2}]),
        ({"inputs": [[1, 2, 3]]}, [{"0": 1, "1": 2, "2": 3}]),
        ({"inputs": [{"name": "a", "shape": [2], "datatype": "FP32", "data": [1, 2]}]}, [{"a": 1}, {"a": 2}]),
        ("a,b\n1,2\n", [{"a": "1", "b": "2"}]),
        ({"a": [1], "b": "x"}, None),
        (None, None),
        ("", []),
        (7, None),
    ],
)
def test_rows_are_found_in_every_form(body, rows):
    assert rows_of(body, ["a", "b"]) == rows
