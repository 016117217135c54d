"""The history of a kernel, in a real one: which cell a run is, all that was executed, and what was hidden."""

from __future__ import annotations

import json
import subprocess

import nbformat
import pytest

from jupyter_mlops.training.runs import run_artifact, show_run


def newest(world):
    return show_run(world, world.tracking.runs(limit=1)[0].id)


@pytest.fixture
def book(kernel, home):
    """Return what saves the notebook and what executes a cell of it, as JupyterLab does."""

    class Book:
        @staticmethod
        def save(**cells: str) -> None:
            content = [
                {"cell_type": "code", "id": key, "source": source, "metadata": {}, "outputs": []}
                for key, source in cells.items()
            ]
            text = json.dumps({"cells": content, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
            (home / "work.ipynb").write_text(text)

        @staticmethod
        def run(key: str, source: str):
            client = kernel.client
            execute = client.execute
            send = client.shell_channel.send

            def with_id(message):
                message["metadata"]["cellId"] = key
                send(message)

            client.shell_channel.send = with_id
            try:
                return kernel.run(source)
            finally:
                client.shell_channel.send = send
                assert client.execute == execute

    return Book()


def test_a_run_names_its_cell_and_notebook(book, kernel, world):
    book.save(train="%%ml run\npass")
    book.run("train", "%%ml run\npass")
    cell = newest(world).cell
    assert (cell.id, cell.notebook_in_workspace, cell.notebook_in_project) == ("train", "work.ipynb", "work.ipynb")
    assert cell.execution_count is not None
    kernel.run("%%ml run\npass")
    after = newest(world).cell
    assert (after.id, after.execution_count) == ("", cell.execution_count + 1)


def test_all_that_was_executed_is_a_valid_notebook(book, kernel, world):
    book.run("a", "unsaved_edit = 1\n%time 1")
    kernel.run("1 / 0")
    kernel.run("def (")
    book.run("a", "unsaved_edit = 2")
    book.run("t", "%%ml run\nunsaved_edit")
    text = run_artifact(world, newest(world).run.id, "source/session.ipynb").read_text()
    session = nbformat.reads(text, as_version=4)
    nbformat.validate(session)
    cells = session.cells[-5:]
    assert [cell.source for cell in cells] == [
        "unsaved_edit = 1\n%time 1",
        "1 / 0",
        "def (",
        "unsaved_edit = 2",
        "%%ml run\nunsaved_edit",
    ]
    assert session.cells[0].source == "%load_ext jupyter_mlops"
    assert [cell.metadata.mlops.status for cell in cells] == ["ok", "error", "error", "ok", "ok"]
    assert [cell.metadata.mlops.get("cell_id") for cell in cells] == ["a", None, None, "a", "t"]
    counts = [cell.execution_count for cell in session.cells]
    assert counts == sorted(counts)


def test_hidden_state_is_shown_when_the_run_ends_and_stored(book, world):
    tracked = "%%ml run\nprint(frame)"
    book.save(a="frame = 1", t=tracked)
    book.run("a", "frame = 1")
    assert "Not reproducible" not in book.run("t", tracked).updates[-1]["text/plain"]
    assert newest(world).hidden_state == []
    assert "mlops.reproducible" not in newest(world).run.tags
    book.save(a="frame = 2", t=tracked)
    reply = book.run("t", tracked)
    detail = newest(world)
    (found,) = detail.hidden_state
    assert (found.variable, found.cause, found.cell_id, found.position) == ("frame", "changed", "a", 1)
    for part in ("Not reproducible from top to bottom", found.text):
        assert part in reply.updates[-1]["text/plain"]
    assert detail.run.tags["mlops.reproducible"] == "false"


def test_a_failing_and_an_opaque_cell_are_understood(book, world):
    cells = {"t": "%%ml run\nprint(join, half, whole)", "a": "from os.path import *", "b": "half = 1\n1 / 0\nwhole = 1"}
    book.save(**cells)
    book.run("b", "whole = 0")
    book.run("a", cells["a"])
    book.run("b", cells["b"])
    book.run("t", cells["t"])
    assert {(one.variable, one.cause) for one in newest(world).hidden_state} == {
        ("join", "below"),
        ("half", "below"),
        ("whole", "changed"),
    }


def test_a_notebook_file_that_is_broken_keeps_no_cell_from_running(book, home, world):
    (home / "work.ipynb").write_text("{")
    reply = book.run("t", "%%ml run\nprint(undefined_elsewhere := 1)")
    assert reply.status == "ok"
    assert newest(world).run.status == "FINISHED"
    assert newest(world).hidden_state == []


def test_what_differs_from_the_commit_is_kept_as_it_was_when_the_run_began(kernel, home, world):
    me = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    (home / "tracked.py").write_text("1\n")
    for words in (["init", "-q"], ["add", "tracked.py"], ["commit", "-qm", "first"]):
        subprocess.run(["git", *me, *words], cwd=home, check=True)
    (home / "tracked.py").write_text("2\n")
    kernel.run("%%ml run\npass")
    detail = newest(world)
    assert detail.git.dirty
    assert "-1\n+2\n" in run_artifact(world, detail.run.id, "source/dirty.diff").read_text()
    assert "work.ipynb" in run_artifact(world, detail.run.id, "source/untracked.txt").read_text()
