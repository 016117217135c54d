"""What is asked and answered is kept in files of their owner's alone; what cannot be kept is counted, and harms no answer."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import resource
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from jupyter_mlops.core.manifest import Column, Manifest, Schema
from jupyter_mlops.core.telemetry import About, Telemetry
from jupyter_mlops.scoring.exchange import Exchange
from jupyter_mlops.scoring.hiding import Hider
from jupyter_mlops.scoring.recording import KEY_FILE, Recorder
from jupyter_mlops.scoring.routes import Route

SCRIPT = """
    import threading
    import jupyter_mlops as ml

    def run(data):
        ml.collect(n=len(data), branch="a")
        if "odd" in data:
            ml.collect(odd=object(), huge="x" * 20_000, threads=threading.active_count())
        if "raise" in data:
            raise LookupError(data.get("email"))
        return {"echo": data}
"""


def read(folder: Path) -> list[dict[str, Any]]:
    """Return every whole line, of the file that is being written too."""
    lines: list[dict[str, Any]] = []
    for file in sorted(folder.glob("*")):
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(file.read_bytes()), read_across_frames=True) as text:
            lines += [json.loads(line) for line in text.read().splitlines()]
    return lines


class Kept:
    """A replica whose requests are kept."""

    def __init__(self, start: Callable[..., Any], bundle: Path, folder: Path) -> None:
        self.spool = folder / "spool"
        self.file = folder / "configuration.json"
        about = json.dumps({"service": "churn", "deployment": "blue", "replica": "r1"})
        self.server = start(
            bundle,
            address=(
                *("--port", "0", "--telemetry", str(self.spool), "--about", about),
                *("--configuration", str(self.file)),
            ),
        )
        (self.server.keys / KEY_FILE).write_text('"a secret"')
        self.server.ready()

    def lines(self, ref: str) -> list[dict[str, Any]]:
        return [line for line in read(self.spool) if line["id"] == ref] if self.spool.exists() else []

    def line(self, ref: str) -> dict[str, Any]:
        return self.server.wait(lambda: self.lines(ref), f"the line of {ref}")[0]

    def configure(self, **settings: Any) -> None:
        before = sum(line.get("message") == "configured" for line in self.server.lines())
        fresh = self.file.with_suffix(".new")
        fresh.write_text(json.dumps({"telemetry": settings}))
        fresh.replace(self.file)
        self.server.wait(
            lambda: sum(line.get("message") == "configured" for line in self.server.lines()) > before, "the change"
        )

    def counted(self, name: str) -> float:
        lines = self.server.get("/metrics").body.decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"mlops_telemetry_{name}"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, start_shared: Any, script_bundle: Any) -> Iterator[Kept]:
    folder = tmp_path_factory.mktemp("kept")
    kept = Kept(start_shared, script_bundle(folder / "bundle", SCRIPT), folder)
    yield kept
    assert kept.server.stop() == 0
    assert {file.suffix for file in kept.spool.iterdir()} == {".zst"}  # what was being written is published


def test_a_request_is_kept_with_what_came_in_and_went_out_and_what_the_script_adds(kept: Kept) -> None:
    began = time.time()
    assert kept.server.post(b'{"a": 1,\n"b": "x\\ny"}', x_request_id="one").status == 200
    line = kept.line("one")
    assert line["inputs"] == {"a": 1, "b": "x\ny"}
    assert line["outputs"] == {"echo": {"a": 1, "b": "x\ny"}}
    assert line["collected"] == {"n": 2, "branch": "a"}
    assert (line["route"], line["status"], line["rows"]) == ("/score", 200, 1)
    assert (line["service"], line["deployment"], line["replica"]) == ("churn", "blue", "r1")
    assert (line["manifest"], line["model"]) == ("iris:1", "iris:3")
    assert began - 1 < line["at"] < time.time() + 1
    assert 0 < line["ms"] < 10_000


def test_failures_are_kept_with_their_fields_and_refusals_of_strangers_are_not(kept: Kept) -> None:
    assert kept.server.post({"raise": "no"}, x_request_id="failed").status == 500
    assert kept.server.post(b"{nope", x_request_id="broken").status == 400
    assert kept.server.post({}, x_request_id="stranger", x_api_key="wrong").status == 401
    kept.server.get("/health/ready", x_request_id="health")
    line = kept.line("failed")
    assert (line["status"], line["outputs"]["code"], line["collected"]["n"]) == (500, "script-failed", 1)
    assert (kept.line("broken")["inputs"], kept.line("broken")["status"]) == ("{nope", 400)
    assert not kept.lines("stranger")
    assert not kept.lines("health")


def test_collecting_raises_nothing_and_is_bounded(kept: Kept) -> None:
    assert kept.server.post({"odd": 1}, x_request_id="odd").status == 200
    collected = kept.line("odd")["collected"]
    assert collected["odd"].startswith("<object object")
    assert collected["threads"] > 1
    assert "huge" not in collected


def test_other_forms_are_kept_as_text_or_named_as_left_out(kept: Kept) -> None:
    kept.server.post(b"a,b\n1,2\n", x_request_id="csv", content_type="text/csv")
    kept.server.post(b"\x00\xff" * 10, x_request_id="bytes", content_type="image/png")
    kept.server.post({"a": "x" * 1_000_001}, x_request_id="large")
    assert kept.line("csv")["inputs"] == "a,b\n1,2\n"
    assert (kept.line("bytes").get("inputs"), kept.line("bytes")["left_out"]) == (None, "inputs: 20 bytes of image/png")
    assert kept.line("large")["left_out"].startswith("inputs: 1000010 bytes, outputs: ")


def test_the_folder_and_its_files_are_their_owners_alone(kept: Kept) -> None:
    kept.server.post({}, x_request_id="mode")
    kept.line("mode")
    assert stat.S_IMODE(kept.spool.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept.spool.iterdir()} == {0o600}


def test_columns_are_hashed_or_left_out_while_it_runs_and_sampling_can_be_switched_off(kept: Kept) -> None:
    kept.configure(hash=["email"], drop=["name"])
    row = {"email": "ada@example.org", "name": "Ada", "age": 36}
    kept.server.post(row, x_request_id="hidden")
    kept.server.post({"email": "ada@example.org", "raise": 1}, x_request_id="hidden-error")
    hidden = {"email": "hmac:" + hmac.new(b"a secret", b"email\0ada@example.org", "sha256").hexdigest()[:32], "age": 36}
    line = kept.line("hidden")
    assert (line["inputs"], line["outputs"]) == (hidden, {"echo": hidden})
    assert "ada@example.org" not in json.dumps(kept.line("hidden-error"))
    kept.server.post(b'{"dataframe_split": {"data": [["ada@example.org"]]', x_request_id="hidden-refused")
    assert kept.line("hidden-refused")["left_out"].startswith("inputs: of a refused request")
    before = kept.counted("kept")
    for off in ({"enabled": False}, {"sample": 0.0}):
        kept.configure(**off)
        assert kept.server.post({}, x_request_id="off").status == 200
    kept.configure()
    kept.server.post({}, x_request_id="on")
    assert kept.line("on")
    assert not kept.lines("off")
    assert kept.counted("kept") == before + 1


def test_a_share_of_requests_is_drawn(kept: Kept) -> None:
    kept.configure(sample=0.5)
    before = kept.counted("kept")
    for _ in range(120):
        kept.server.post({})
    kept.configure()
    kept.server.post({}, x_request_id="after")
    kept.line("after")
    assert 30 < kept.counted("kept") - before < 91


# -- a recorder alone


class Wire:
    """As much of a connection as an exchange asks for."""

    touched = 0.0


def asked(body: bytes = b"{}", out: bytes = b"head{}", n_out: int = 2) -> tuple[Exchange, int, float, int]:
    exchange = Exchange(Wire(), b"POST", b"/score", {b"content-type": b"application/json"}, keep_alive=True)  # type: ignore[arg-type]
    exchange.route = Route(name="/score", method=b"POST", handler=print)
    exchange.request_id = b"id"
    exchange.take(body, 1 << 30)
    exchange.out = out
    return exchange, 200, 0.001, n_out


def recorder(folder: Path, said: list[str], **settings: Any) -> Recorder:
    one = Recorder(folder, Manifest(name="m", version=1, models=[], files=[]), About(), folder, say=said.append)
    one.configure(Telemetry(**settings))
    return one


def test_a_flood_beyond_the_memory_it_may_take_is_dropped_and_counted(tmp_path: Path) -> None:
    one = recorder(tmp_path / "spool", [])
    request = asked(b'"' + b"x" * 900_000 + b'"')
    for _ in range(100):
        one.add(*request)
    one.tick()
    one.end()
    assert (one.n_kept, one.dropped) == (35, 65)
    assert len(read(tmp_path / "spool")) == 35


def test_a_disk_that_is_full_costs_telemetry_alone(tmp_path: Path) -> None:
    """A child may write 20 kB a file, so the kernel refuses in the middle of a frame."""
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
            status = _fill(tmp_path / "spool")
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    kept = read(tmp_path / "spool")
    assert kept
    assert all(file.stat().st_size <= 20_000 for file in (tmp_path / "spool").iterdir())


def _fill(folder: Path) -> int:
    said: list[str] = []
    one = recorder(folder, said)
    sent = 0
    for _ in range(30):
        for _ in range(10):
            one.add(*asked(json.dumps(os.urandom(400).hex()).encode()))
            sent += 1
        one.tick()
        time.sleep(0.02)
    one.end()
    told = [line for line in said if "cannot be written" in line]
    right = one.dropped > 0 and one.n_kept + one.dropped == sent and len(read(folder)) == one.n_kept and len(told) == 1
    if not right:
        sys.stderr.write(f"{one.n_kept=} {one.dropped=} {sent=} {len(read(folder))=} {said=}")
    return 0 if right else 1


def test_a_full_disk_harms_no_answer_of_a_replica(start: Any, script_bundle: Any, tmp_path: Path) -> None:
    """The kernel lets its files grow to 20 kB: log and telemetry are refused in the middle of a write."""
    spool = tmp_path / "spool"
    bundle = script_bundle(tmp_path / "b", "def init(): pass\n\ndef run(data): return data[:3]\n")
    server = start(
        bundle,
        address=("--port", "0", "--telemetry", str(spool)),
        python=("prlimit", "--fsize=20000", sys.executable),
    ).ready()
    answers = [server.post(json.dumps(os.urandom(500).hex()).encode()).status for _ in range(250)]
    assert set(answers) == {200}

    def counted(name: str) -> float:
        lines = server.get("/metrics").body.decode().splitlines()
        return next(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    server.wait(
        lambda: counted("mlops_telemetry_kept") + counted("mlops_telemetry_dropped") == len(answers), "the counts"
    )
    assert counted("mlops_telemetry_dropped") > 0
    assert counted("mlops_log_dropped") > 0
    assert len(read(spool)) == counted("mlops_telemetry_kept")
    assert server.stop() == 0


def test_a_folder_that_nobody_collects_stops_growing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jupyter_mlops.scoring.spool.MOST_BYTES", 10)
    said: list[str] = []
    for _ in range(2):
        one = recorder(tmp_path / "spool", said)
        one.add(*asked())
        one.end()
    assert len(read(tmp_path / "spool")) == 1
    assert "nobody collects it" in said[0]


# -- hiding

COLUMNS = ["email", "age"]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ({"email": "a", "age": 1}, {"email": "H", "age": 1}),
        ([{"email": "a", "age": 1}], [{"email": "H", "age": 1}]),
        ({"data": [{"email": "a"}]}, {"data": [{"email": "H"}]}),
        ({"columns": {"email": ["a", None]}}, {"columns": {"email": ["H", None]}}),
        ({"inputs": {"email": ["a"], "age": [1]}}, {"inputs": {"email": ["H"], "age": [1]}}),
        ({"inputs": [["a", 1]]}, {"inputs": [["H", 1]]}),
        ([["a", 1]], [["H", 1]]),
        (
            {"dataframe_split": {"columns": ["age", "email"], "data": [[1, "a"]]}},
            {"dataframe_split": {"columns": ["age", "email"], "data": [[1, "H"]]}},
        ),
        ({"columns": ["email"], "index": [0], "data": [["a"]]}, {"columns": ["email"], "index": [0], "data": [["H"]]}),
        (
            {"inputs": [{"name": "email", "shape": [1], "datatype": "BYTES", "data": ["a"]}]},
            {"inputs": [{"name": "email", "shape": [1], "datatype": "BYTES", "data": ["H"]}]},
        ),
        ({"deep": [{"er": {"email": {"a": 1}}}]}, {"deep": [{"er": {"email": "H"}}]}),
    ],
)
def test_a_column_is_hidden_in_whatever_form_it_comes(body: Any, kept: Any) -> None:
    found = Hider(Telemetry(hash=["email"]), COLUMNS, b"k").inputs(body)
    assert json.loads(_shortened(json.dumps(found))) == kept
    dropped = Hider(Telemetry(drop=["email"]), COLUMNS, b"k").inputs(body)
    assert '"a"' not in json.dumps(dropped)
    without_key = Hider(Telemetry(hash=["email"]), COLUMNS, b"").inputs(body)
    assert without_key == dropped


def _shortened(text: str) -> str:
    import re

    return re.sub(r"hmac:[0-9a-f]{32}", "H", text)


def test_a_csv_loses_its_column_and_keeps_the_others() -> None:
    text = 'age,email\n1,"a,b"\n'
    assert Hider(Telemetry(drop=["email"]), [], b"k").table(text) == "age\n1\n"
    assert _shortened(Hider(Telemetry(hash=["email"]), [], b"k").table(text)) == "age,email\n1,H\n"


@pytest.mark.parametrize(
    "body",
    [
        [["a", 1, 2]],
        {"inputs": ["a"]},
        "a",
        {"columns": ["email"], "data": [["a", "b"]]},
        {"inputs": [{"name": "input-0", "shape": [1, 2], "datatype": "BYTES", "data": ["a", "b"]}]},
    ],
)
def test_what_cannot_be_told_apart_is_not_kept_at_all(tmp_path: Path, body: Any) -> None:
    manifest = Manifest(
        name="m",
        version=1,
        models=[],
        files=[],
        schema=Schema(columns=[Column(name=n, type="string") for n in COLUMNS]),
    )
    one = Recorder(tmp_path / "s", manifest, About(), tmp_path, say=print)
    one.configure(Telemetry(drop=["email"]))
    one.add(*asked(json.dumps(body).encode()))
    one.end()
    (line,) = read(tmp_path / "s")
    assert line["inputs"] is None
    assert "cannot be told apart" in line["left_out"]


def test_equal_values_hash_equal_with_one_key_and_differ_with_another() -> None:
    def hashed(key: bytes, value: Any) -> str:
        return Hider(Telemetry(hash=["email"]), [], key).named({"email": value})["email"]

    assert hashed(b"k", "a") == hashed(b"k", "a")
    assert len({hashed(b"k", "a"), hashed(b"k", "b"), hashed(b"other", "a"), hashed(b"k", 1)}) == 4
    assert hashed(b"k", "a") != "hmac:" + hashlib.sha256(b"a").hexdigest()[:32]
