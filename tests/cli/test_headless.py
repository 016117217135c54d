"""Headless notebooks: cell by cell, in this interpreter, with the cell's own error."""

from __future__ import annotations

import os
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from jupyter_mlops.cli.headless import CellFailed, execute, label_of
from jupyter_mlops.cli.quickstart import keep_edited


def write(path, *cells):
    notebook = new_notebook(cells=list(cells))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def test_cells_are_told_as_they_begin_and_end_and_run_in_this_interpreter(tmp_path):
    notebook = write(
        tmp_path / "in.ipynb",
        new_markdown_cell("# Title\n\ntext"),
        new_code_cell("x = 1", metadata={"tags": ["parameters"]}),
        new_code_cell("# Say it\nimport os, sys\nprint(x, sys.executable, os.environ['WORD'], os.getcwd())"),
    )
    (tmp_path / "work").mkdir()
    told = []
    out = tmp_path / "work" / "out.ipynb"
    execute(notebook, out, parameters={"x": 5}, env={"WORD": "hush"}, on_cell=lambda *args: told.append(args))
    assert [(number, total, label, took is None) for number, total, label, took in told] == [
        (1, 2, "Title", True),
        (1, 2, "Title", False),
        (2, 2, "Say it", True),
        (2, 2, "Say it", False),
    ]
    [output] = nbformat.read(out, as_version=4).cells[-1].outputs
    assert output.text == f"5 {sys.executable} hush {tmp_path / 'work'}\n"
    assert "WORD" not in os.environ


def test_a_failing_cell_is_its_label_its_error_and_where_to_see_it(tmp_path):
    notebook = write(tmp_path / "in.ipynb", new_code_cell("# Divide\n1 / 0"), new_code_cell("# Never"))
    out = tmp_path / "out.ipynb"
    with pytest.raises(CellFailed) as caught:
        execute(notebook, out, parameters={}, env={}, on_cell=lambda *_: None)
    assert caught.value.message == "The cell 'Divide' failed: ZeroDivisionError: division by zero"
    assert str(out) in caught.value.hint
    assert nbformat.read(out, as_version=4).cells[-1].execution_count is None


def test_a_hint_of_ours_is_handed_on(tmp_path):
    code = "from jupyter_mlops.core.errors import Conflict\nraise Conflict('It is busy.', hint='Wait for it.')"
    notebook = write(tmp_path / "in.ipynb", new_code_cell(code))
    with pytest.raises(CellFailed) as caught:
        execute(notebook, tmp_path / "out.ipynb", parameters={}, env={}, on_cell=lambda *_: None)
    assert "It is busy." in caught.value.message
    assert caught.value.hint == "Wait for it."


def test_a_kernel_that_dies_is_said_to_have_died(tmp_path):
    notebook = write(tmp_path / "in.ipynb", new_code_cell("# Leave\nimport os\nos._exit(3)"))
    with pytest.raises(CellFailed, match="kernel died in the cell 'Leave'"):
        execute(notebook, tmp_path / "out.ipynb", parameters={}, env={}, on_cell=lambda *_: None)


def test_labels_come_from_the_first_comment_else_the_heading_above():
    cells = [
        new_markdown_cell("text\n\n## Train\n\nmore"),
        new_code_cell("%%ml run\nfit()"),
        new_code_cell("# Look\nx"),
    ]
    assert label_of(cells, 1) == "Train"
    assert label_of(cells, 2) == "Look"
    assert label_of([new_code_cell("y = 2\nz")], 0) == "y = 2"


def test_a_notebook_that_someone_edited_is_kept_and_an_executed_one_is_not(tmp_path):
    original = write(tmp_path / "original.ipynb", new_code_cell("x = 1"))
    mine = write(
        tmp_path / "mine.ipynb",
        new_code_cell("# Parameters\nx = 2", metadata={"tags": ["injected-parameters"]}),
        new_code_cell("x = 1", execution_count=3),
    )
    assert keep_edited(mine, original) is None
    write(mine, new_code_cell("x = 7"))
    assert keep_edited(mine, original) == tmp_path / "mine-1.ipynb"
    mine.write_text("no notebook")
    assert keep_edited(mine, original) == tmp_path / "mine-2.ipynb"
    assert not mine.exists()
