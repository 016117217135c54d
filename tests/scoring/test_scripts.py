"""A scoring script gets the request's JSON, and what it returns is the answer; what it raises is told without a stack."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_mlops.core.manifest import Column, Schema
from jupyter_mlops.scoring.bundle import read_manifest
from jupyter_mlops.scoring.scripts import VARIABLES, ScriptNotLoaded, load_script


@pytest.fixture(autouse=True)
def _own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script changes its process; this one is pytest's."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in VARIABLES:
        monkeypatch.setenv(name, "")


def quiet(_message: str, _stack: str) -> None:
    pass


def test_run_gets_the_json_and_its_return_is_the_answer(script_server: Any) -> None:
    assert script_server.post({"any": [1, {"thing": None}]}).json == {
        "said": "hello",
        "got": {"any": [1, {"thing": None}]},
    }


def test_invocations_wraps_the_answer_in_predictions(script_server: Any) -> None:
    assert script_server.post({"a": 1}, "/invocations").json == {"predictions": {"said": "hello", "got": {"a": 1}}}


def test_csv_arrives_as_records(script_server: Any) -> None:
    got = script_server.post(b"a,b,c\n1,x,\n2.5,y,0", content_type="text/csv").json["got"]
    assert got == [{"a": 1, "b": "x", "c": None}, {"a": 2.5, "b": "y", "c": 0}]


def test_an_exception_is_told_by_type_and_message_and_its_stack_is_logged(script_server: Any) -> None:
    answer = script_server.post({"raise": "no such customer"})
    assert (answer.status, answer.json["code"]) == (500, "script-failed")
    assert "LookupError: no such customer" in answer.json["detail"]
    assert b"score.py" not in answer.body
    line = script_server.wait(lambda: [x for x in script_server.lines() if "stack" in x], "the log line")[-1]
    assert "score.py" in line["stack"]


def test_sys_exit_ends_the_request_and_not_the_replica(script_server: Any) -> None:
    assert "SystemExit: 3" in script_server.post({"exit": 3}).json["detail"]
    assert script_server.post({}).status == 200


def test_an_answer_that_is_no_json_names_the_type(script_server: Any) -> None:
    answer = script_server.post({"object": True})
    assert (answer.status, answer.json["code"]) == (500, "answer-not-json")
    assert "builtins.object" in answer.json["detail"]


def test_nan_and_infinities_are_null(script_server: Any) -> None:
    assert script_server.post({"nan": True}).json == [None, None, 1.5]


def test_v2_gives_the_script_nested_lists_by_name(
    script_bundle: Callable[..., Path], tmp_path: Path, start: Callable[..., Any]
) -> None:
    bundle = script_bundle(tmp_path / "b", "def run(data): return {'twice': [2 * x for x in data['x'][0]]}")
    tensor = {"name": "x", "shape": [1, 2], "datatype": "INT64", "data": [3, 4]}
    answer = start(bundle).ready().post({"inputs": [tensor]}, "/v2/models/iris/infer")
    assert answer.json["outputs"] == [{"name": "twice", "datatype": "INT64", "shape": [2], "data": [6, 8]}]


def test_azure_mls_raw_data_gets_text_and_finds_its_folder(script_bundle: Callable[..., Path], tmp_path: Path) -> None:
    source = """
        import json, os

        def init():
            global there
            there = os.listdir(os.environ["AZUREML_MODEL_DIR"])

        def run(raw_data):
            return [there, json.loads(raw_data)["data"]]
    """
    bundle = script_bundle(tmp_path / "b", source)
    scorer = load_script(bundle, read_manifest(bundle), "code/score.py", quiet)
    data, n_rows = scorer.intake.read(b'{"data": [1, "\xc3\xa9"]}', "json")
    assert scorer.score([data], [n_rows]) == [[["iris"], [1, "é"]]]


def test_a_script_imports_the_files_beside_it(script_bundle: Callable[..., Path], tmp_path: Path) -> None:
    bundle = script_bundle(tmp_path / "b", "import beside_it\ndef run(data): return beside_it.N")
    (bundle / "code" / "beside_it.py").write_text("N = 7")
    scorer = load_script(bundle, read_manifest(bundle), "code/score.py", quiet)
    assert scorer.score([None], [1]) == [7]


def test_a_schema_given_with_a_script_is_enforced(script_bundle: Callable[..., Path], tmp_path: Path) -> None:
    schema = Schema(columns=[Column(name="age", type="double")])
    bundle = script_bundle(tmp_path / "b", "def run(data): return data", schema=schema)
    intake = load_script(bundle, read_manifest(bundle), "code/score.py", quiet).intake
    assert intake.read(b'{"data": [{"age": 1}]}', "json") == ({"data": [{"age": 1}]}, 1)
    assert intake.read(b"age\n1\n", "csv") == ([{"age": 1.0}], 1)
    with pytest.raises(Exception, match="'agee'"):
        intake.read(b'{"data": [{"agee": 1}]}', "json")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def run(data): return 1\nraise OSError('no disk')", "failed at its import: OSError: no disk"),
        (
            "def helper():\n    1 / 0\ndef init(): helper()\ndef run(data): return 1",
            r"failed at its init\(\): ZeroDivisionError: division by zero \(score.py, line 2\)",
        ),
        ("def init(): raise SystemExit(0)\ndef run(data): return 1", r"failed at its init\(\): SystemExit"),
        ("def init(): pass", r"no function run\(data\)"),
        ("def run(): return 1", "takes no argument"),
        ("async def run(data): return 1", "is async"),
        ("def run(data) return 1", "failed at its import: SyntaxError"),
        ("import no_such_package", "ModuleNotFoundError: No module named 'no_such_package'"),
    ],
)
def test_a_script_that_cannot_be_used_is_named(
    script_bundle: Callable[..., Path], tmp_path: Path, source: str, words: str
) -> None:
    bundle = script_bundle(tmp_path / "b", source)
    with pytest.raises(ScriptNotLoaded, match=words):
        load_script(bundle, read_manifest(bundle), "code/score.py", quiet)


def test_a_failing_script_ends_the_replica_with_one_sentence(
    script_bundle: Callable[..., Path], tmp_path: Path, start: Callable[..., Any]
) -> None:
    bundle = script_bundle(tmp_path / "b", "def init(): raise OSError('no disk')\ndef run(data): return 1")
    server = start(bundle)
    errors = server.failed()
    assert "mlops: The scoring script 'code/score.py' failed at its init(): OSError: no disk" in errors
    assert "Traceback" not in errors
    assert any("Traceback" in line.get("stack", "") for line in server.lines())
