"""The process: one clear error, the right exit code, no stack."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from jupyter_mlops.cli import process
from jupyter_mlops.core.errors import Conflict


def test_version(mlops):
    from jupyter_mlops import __version__

    assert mlops("--version").out == f"mlops {__version__}\n"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["servces"], "There is no command mlops servces. Did you mean services?"),
        (["services", "lst"], "There is no command mlops services lst. Did you mean list?"),
        (["services", "list", "--jsn"], "--json"),
        (["models", "list", "--where"], "--where"),
        (["services", "show"], "NAME"),
        (["deploy", "a", "b", "--port", "99999"], "99999"),
        (["runs", "list", "--limit", "0"], "0"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_a_hint_and_exit_code_2(args, sentence, mlops):
    answer = mlops(*args)
    assert answer.code == 2
    assert answer.out == ""
    error, hint = answer.err.splitlines()
    assert error.startswith("Error: ")
    assert sentence in error
    assert hint.startswith("Hint: `mlops")


def test_an_error_is_its_sentence_its_hint_and_its_exit_code(mlops, monkeypatch):
    def fails(*_args, **_kwargs):
        raise Conflict("The thing is busy.", hint="Wait for it.")

    monkeypatch.setattr(process, "invoke", fails)
    answer = mlops("status")
    assert (answer.code, answer.out, answer.err) == (4, "", "Error: The thing is busy.\nHint: Wait for it.\n")


def test_a_bug_is_one_line_and_its_stack_on_demand(mlops, monkeypatch):
    def fails(*_args, **_kwargs):
        raise ZeroDivisionError("no\nway")

    monkeypatch.setattr(process, "invoke", fails)
    answer = mlops("status")
    assert answer.code == 70
    assert answer.err == "Error: ZeroDivisionError: no way\nThis is a bug; run with MLOPS_DEBUG=1 for the stack.\n"
    monkeypatch.setenv("MLOPS_DEBUG", "1")
    assert "Traceback" in mlops("status").err


def test_a_terminal_hears_that_mlflow_is_being_loaded_and_nobody_else_does():
    code = (
        "from jupyter_mlops.cli import process\n"
        "def verb(*_, **__):\n    import mlflow.version\n    raise KeyboardInterrupt\n"
        "process.invoke = verb\nprocess.run(['status'])\n"
    )
    command = [sys.executable, "-c", code]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    assert plain.stderr == "Interrupted.\n"
    shown = in_a_terminal(command)
    assert "Loading MLflow ..." in shown
    assert shown.rpartition("\x1b[2K")[2].strip() == "Interrupted."


def in_a_terminal(command: list[str]) -> str:
    """Return what a command writes to a terminal."""
    terminal, end = os.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=end, stderr=end, env=environment)
    os.close(end)
    shown = b""
    with suppress(OSError):  # what Linux says at the end
        while piece := os.read(terminal, 4096):
            shown += piece
    os.close(terminal)
    child.wait()
    return shown.decode()


def test_an_interrupt_ends_with_130(mlops, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "invoke", interrupted)
    answer = mlops("status")
    assert (answer.code, answer.err) == (130, "Interrupted.\n")


def test_a_reader_that_goes_away_is_no_error():
    code = "import sys; from jupyter_mlops.cli.process import run; input(); sys.exit(run(['--help']))"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
        assert child.stderr is not None
        assert child.stderr.read() == b""
        assert child.wait() == 141


def test_without_a_workspace_reading_says_how_to_make_one_and_makes_none(mlops, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    answer = mlops("services", "list")
    assert answer.code == 3
    assert "mlops init" in answer.err
    assert not (tmp_path / ".mlops").exists()


def test_a_folder_that_is_not_there_is_named(mlops, tmp_path):
    answer = mlops("--workspace", tmp_path / "nowhere", "services", "list")
    assert answer.code == 3
    assert "nowhere" in answer.err


def test_the_console_script_is_installed_beside_python():
    from jupyter_mlops.cli.quickstart import program

    assert Path(program("mlops")).name == "mlops"


def test_the_hint_names_the_command_that_was_meant(mlops):
    assert "`mlops models list --help`" in mlops("models", "list", "--where").err
    assert "`mlops services --help`" in mlops("services", "lst").err
    assert "`mlops --help`" in mlops("--nope").err
