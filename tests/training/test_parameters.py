"""What a script or notebook says it takes, read and not executed."""

from __future__ import annotations

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from jupyter_mlops.training.notebook import typed
from jupyter_mlops.training.parameters import file_parameters
from jupyter_mlops.training.submit import BadFile

CELL = """# What the run is about.
lr: float = 0.1  # learning rate
layers = [8, 8]
name = "forest"
year = "2026"
empty = ""
a, b = 1, 2
rate = 1 / 3
"""
SCRIPT = """
import argparse
open("executed", "w")
parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("-c", "--C", type=float, default=0.5, help="inverse of the regularisation")
parser.add_argument("--out", required=True)
parser.add_argument("--fast", action="store_true")
parser.add_argument("--where", default=os.getcwd())
"""


def test_a_notebook_declares_them_in_the_cell_tagged_parameters(tmp_path):
    file = tmp_path / "train.ipynb"
    cells = [new_code_cell("x = 1"), new_code_cell(CELL, metadata={"tags": ["parameters"]})]
    nbformat.write(new_notebook(cells=cells), file)
    found = file_parameters(file)
    assert [(one.name, one.value, one.help) for one in found] == [
        ("lr", "0.1", "learning rate"),
        ("layers", "[8, 8]", ""),
        ("name", "forest", ""),
        ("year", "'2026'", ""),
        ("empty", "", ""),
        ("rate", "1 / 3", ""),
    ]
    assert [typed(one.value) for one in found][:5] == [0.1, [8, 8], "forest", "2026", ""]


def test_a_notebook_without_such_a_cell_or_with_a_magic_in_it_declares_none(tmp_path):
    file = tmp_path / "plain.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("x = 1")]), file)
    assert file_parameters(file) == []
    nbformat.write(new_notebook(cells=[new_code_cell("%pwd\nx = 1", metadata={"tags": ["parameters"]})]), file)
    assert file_parameters(file) == []


def test_a_script_declares_its_options_and_is_not_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "train.py"
    file.write_text(SCRIPT)
    assert [(one.name, one.value, one.required, one.help) for one in file_parameters(file)] == [
        ("C", "0.5", False, "inverse of the regularisation"),
        ("out", "", True, ""),
        ("where", "", False, ""),
    ]
    assert not (tmp_path / "executed").exists()


def test_what_cannot_run_has_none(tmp_path):
    file = tmp_path / "broken.py"
    file.write_text("def :")
    with pytest.raises(BadFile, match=r"broken\.py"):
        file_parameters(file)
