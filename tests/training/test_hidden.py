"""Hidden state: found where top to bottom would give something else, and only there."""

from __future__ import annotations

import json

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from jupyter_mlops.training.hidden import Session
from jupyter_mlops.training.history import Execution, read_saved, view_of
from jupyter_mlops.training.statements import Reader


class Notebook:
    """A notebook file and a kernel's history, moved by hand: cells are ``id: source``."""

    def __init__(self, path, cells: dict[str, str], *, ids: bool = True) -> None:
        self.path = path
        self.ids = ids
        self.reader = Reader(TransformerManager().transform_cell)
        self.session = Session(self.reader)
        self.cells = dict(cells)
        self.n_saved = 0
        self.save()

    def save(self, cells: dict[str, str] | None = None) -> None:
        self.cells = dict(self.cells if cells is None else cells)
        self.n_saved += 1
        content = [
            {"cell_type": "code", "source": source.splitlines(keepends=True), **({"id": key} if self.ids else {})}
            for key, source in self.cells.items()
        ]
        self.path.write_text(json.dumps({"cells": content, "metadata": {"saved": self.n_saved}, "nbformat": 4}))

    def run(self, key: str, source: str | None = None, *, stopped_at: int | None = None, cell_id: str | None = None):
        """Execute a cell, as it stands or with an edit that is not saved; return what was hidden from it."""
        source = self.cells[key] if source is None else source
        saved = read_saved(self.path)
        known = key if self.ids else ""
        one = Execution(
            source=source,
            count=len(self.session.executions) + 1,
            cell_id=known if cell_id is None else cell_id,
            failed=stopped_at is not None,
            stopped_at=stopped_at,
            stamp=saved.stamp if saved else None,
        )
        self.session.add(one)
        executions = self.session.executions
        return self.session.hidden(view_of(read_saved(self.path), executions, executions[-1]))

    def play(self, order: str):
        found = []
        for key in order:
            found = self.run(key)
        return [(one.variable, one.cause, one.cell_id) for one in found]


@pytest.fixture(params=[True, False], ids=["ids", "text"])
def notebook(request, tmp_path):
    return lambda **cells: Notebook(tmp_path / "n.ipynb", cells, ids=request.param)


def causes(found) -> list[tuple[str, str]]:
    return [(one.variable, one.cause) for one in found]


# ---- what must be found


def test_a_cell_that_was_deleted_after_it_ran_is_named(notebook):
    book = notebook(a="df = load()", t="print(df)")
    book.run("a")
    book.save({"t": "print(df)"})
    (found,) = book.run("t")
    assert (found.variable, found.cause, found.execution_count, found.position) == ("df", "removed", 1, None)
    assert found.text == "`df` comes from a cell that is not in the notebook any more (cell [1])."


def test_a_cell_that_was_changed_after_it_ran_is_named(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"a": "x = 1", "t": "print(x)"})
    book.run("a")
    book.save({"a": "x = 2", "t": "print(x)"})
    (found,) = book.run("t")
    assert (found.variable, found.cause, found.cell_id, found.position) == ("x", "changed", "a", 1)
    assert "was changed after it ran (cell [1], number 1)" in found.text


def test_without_ids_a_changed_cell_cannot_be_told_from_a_removed_one_and_is_found_all_the_same(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"a": "x = 1", "t": "print(x)"}, ids=False)
    book.run("a")
    book.save({"a": "x = 2", "t": "print(x)"})
    assert causes(book.run("t")) == [("x", "removed")]


def test_a_cell_that_stands_below_is_named(notebook):
    assert causes_of(notebook(t="print(x)", a="x = 1"), "at") == [("x", "below")]


def test_two_cells_that_set_a_name_in_another_order_than_they_stand_are_found(notebook):
    assert causes_of(notebook(a="x = 1", b="x = 2", t="print(x)"), "bat") == [("x", "order")]
    assert causes_of(notebook(a="x = [1]", b="x.append(2)", c="x.append(3)", t="print(x)"), "acbt") == [("x", "order")]


def test_a_cell_above_that_was_not_run_is_found(notebook):
    assert causes_of(notebook(a="x = 1", b="x = 2", t="print(x)"), "at") == [("x", "skipped")]


@pytest.mark.parametrize(
    "again", ["x += 1", "x = x * 2", "x = f(x)", "x.append(1)", "x['a'] = x['a'] / 100", "net.fit(x, epochs=3)"]
)
def test_a_cell_that_changes_what_it_reads_and_ran_twice_is_found(notebook, again):
    cells = {"a": "x = net = f = start()", "b": again, "t": "print(x, net)"}
    assert causes_of(notebook(**cells), "abt") == []
    assert [cause for _, cause in causes_of(notebook(**cells), "abbt")] == ["repeated"]


def test_the_tracked_cell_itself_may_be_what_ran_before(notebook):
    assert causes_of(notebook(a="n = 0", t="n += 1"), "att") == [("n", "repeated")]


def test_hidden_state_is_found_through_what_was_made_from_it(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"a": "rate = 1", "b": "model = train(rate)", "t": "score(model)"})
    book.run("a")
    book.run("b")
    book.save({"a": "rate = 2", "b": "model = train(rate)", "t": "score(model)"})
    (found,) = book.run("t")
    assert found.text.startswith("`rate`, from which `model` was made, comes from a cell that was changed")


@pytest.mark.parametrize(
    "define",
    [
        "def f(a, b=1):\n    local = a\n    return [local + scale for local in a]",
        "f = lambda a: a * scale",
        "class f:\n    def go(self):\n        return scale",
        "def inner(a):\n    return a * scale\ndef f(a):\n    return inner(a)",
        "def f(a):\n    def deep():\n        return scale\n    return deep()",
    ],
)
def test_what_a_function_reads_when_it_is_called_counts(notebook, define):
    book = notebook(d=define, t="f(3)", s="scale = 2")
    assert causes_of(book, "dst") == [("scale", "below")]


def test_a_function_that_sets_a_global_name_sets_it_when_it_is_called(notebook):
    cells = {"a": "n = 0\ndef bump():\n    global n\n    n = 5", "t": "print(n)", "b": "bump()"}
    assert causes_of(notebook(**cells), "at") == []
    assert causes_of(notebook(**cells), "abt") == [("n", "below")]


def test_the_part_of_a_frame_that_a_cell_below_set_is_found(notebook):
    cells = {"a": "df = load()", "t": "print(df['y'])", "b": "df['y'] = 1"}
    assert causes_of(notebook(**cells), "abt") == [("df", "below")]


def test_a_deleted_name_and_a_cleared_kernel_count(notebook):
    assert causes_of(notebook(a="x = 1", t="print(x)", b="del x"), "abt") == [("x", "below")]
    assert causes_of(notebook(a="x = 1", b="%reset -f", c="y = 1", t="print(y)"), "abct") == []


def test_a_cell_that_stopped_half_way_is_found(notebook):
    book = notebook(a="net = make()\nfor i in range(9):\n    net = train(net)\n    stop()", t="score(net)")
    book.run("a", stopped_at=4)
    assert causes(book.run("t")) == [("net", "stopped")]


def test_a_cell_run_again_with_another_text_is_known_from_the_session_alone(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"a": "x = 1", "t": "print(x)"})
    book.path.unlink()
    book.run("a")
    assert book.run("t") == []
    book.run("a", "y = 1")
    assert causes(book.run("t")) == [("x", "changed")]


def test_magics_that_execute_code_bind_its_names(notebook):
    cells = {"t": "print(a, b, c)", "a": "%time a = 1", "b": "%%time\nb = 1", "c": "%%capture c\nprint(1)"}
    assert causes_of(notebook(**cells), "abct") == [("a", "below"), ("b", "below"), ("c", "below")]


# ---- what must not be found


@pytest.mark.parametrize(
    ("cells", "order"),
    [
        ({"a": "x = 1", "b": "y = 2", "t": "print(x, y)"}, "bat"),
        ({"a": "x = 1", "t": "print(x)"}, "aaat"),
        ({"a": "x = 1", "t": "print(x)"}, "attt"),
        ({"a": "import numpy as np", "t": "np.mean(1)", "b": "import os, numpy as np"}, "abt"),
        ({"a": "import sys", "b": "sys.path.append('.')", "t": "sys.exit()"}, "abbt"),
        ({"a": "df = load()", "b": "df = df.dropna()", "t": "print(df)"}, "abbt"),
        ({"a": "df = load()", "b": "df = df[df.a > 1].reset_index()", "t": "print(df)"}, "abbt"),
        ({"a": "df = load()", "b": "df['x'] = df['y'] * 2", "t": "print(df)"}, "abbt"),
        ({"a": "df = load()", "b": "df['x'] = df.y * 2", "c": "df['z'] = 1", "t": "print(df)"}, "abcbt"),
        ({"a": "df = load()", "t": "df['p'] = df['y'] * 2\ndf['q'] = df['p'] + 1"}, "att"),
        ({"a": "df = load()", "t": "print(df['y'])", "b": "df['x'] = 1"}, "abt"),
        ({"a": "X = 1", "b": "model = LR()", "t": "model.fit(X)\nprint(model.coef_)"}, "abtt"),
        ({"a": "r = {}", "t": "k = 'a'\nr[k] = 1"}, "att"),
        ({"a": "xs = [1]", "t": "[x for x in xs]\nf = lambda x: x", "b": "x = 5"}, "abt"),
        ({"a": "def f(x):\n    y = x\n    return y", "t": "f(1)", "b": "y = x = 5"}, "abt"),
        ({"t": "x = 1\nprint(x)", "b": "x = 5"}, "bt"),
        ({"t": "for i in range(3):\n    j = i\nprint(i, j)", "b": "i = j = 5"}, "bt"),
        ({"t": "with open('f') as f:\n    f.read()", "b": "f = 5"}, "bt"),
        ({"t": "try:\n    pass\nexcept E as e:\n    print(e)", "b": "e = 5"}, "bt"),
        ({"t": "%matplotlib inline\n!ls\nprint(2)", "b": "x = 5"}, "bt"),
        ({"a": "lr = 1", "b": "%%bash\necho lr", "c": "%%writefile f.py\nlr = 2", "t": "print(lr)"}, "acbt"),
        ({"a": "x = 1", "t": "print(x)", "b": "def broken("}, "at"),
        ({"a": "import a.b", "b": "import a.c", "t": "a.b.f()"}, "bat"),
    ],
)
def test_what_does_no_harm_is_not_found(notebook, cells, order):
    assert causes_of(notebook(**cells), order) == []


def test_an_edit_that_was_executed_but_not_saved_is_no_change(notebook):
    book = notebook(a="x = 1", t="print(x)")
    book.run("a", "x = 5")
    assert book.run("t") == []
    book.save({"a": "x = 5", "t": "print(x)"})
    assert book.run("t") == []
    assert book.run("t", "print(x, 2)") == []


def test_a_new_cell_that_was_not_saved_yet_is_not_removed(notebook):
    book = notebook(a="x = 1", t="print(x)")
    book.run("a")
    book.run("new", "y = x")
    assert book.run("t", "print(y)") == []
    assert book.run("other", "print(x, y)") == []


def test_layout_comments_moving_and_splitting_change_nothing(notebook):
    book = notebook(a="x = 1\ny = 2", b="z = 3", t="print(x, y, z)")
    book.run("a")
    book.run("b")
    book.save({"b": "# why\nz = (3)", "c": "x = 1\n", "a": "y = 2\nprint(y)", "t": "print(x, y, z)"})
    assert book.run("t") == []


def test_papermills_parameters_are_no_hidden_state(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"p": "C = 1", "a": "y = C", "t": "print(C, y)"}, ids=False)
    book.run("p")
    book.run("p", "# Parameters\nC = 5\nextra = 1\n")
    book.run("a")
    assert book.run("t") == []


def test_names_that_nobody_defined_in_a_cell_are_not_ours_to_judge(notebook):
    assert causes_of(notebook(t="print(display, injected, _, Out)"), "t") == []


def test_a_star_import_is_known_by_what_it_bound(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"t": "join(1)", "a": "from os.path import *"})
    one = Execution(source=book.cells["a"], count=1, cell_id="a", bound=frozenset({"join"}))
    book.session.add(one)
    assert causes(book.run("t")) == [("join", "below")]


def test_vs_code_ids_are_not_the_files_and_unsaved_edits_make_no_alarm(tmp_path):
    book = Notebook(tmp_path / "n.ipynb", {"a": "x = 1", "t": "print(x)"})
    uri = "vscode-notebook-cell:/n.ipynb#W{}sZmlsZQ%3D%3D".format
    book.run("a", "x = 5", cell_id=uri(0))
    assert book.run("t", cell_id=uri(1)) == []
    book.save({"a": "x = 7", "t": "print(x)"})
    assert causes(book.run("t", cell_id=uri(1))) == [("x", "removed")]


# ---- cost


def test_each_cell_is_analysed_once_however_often_it_counts(tmp_path):
    cells = {f"c{i}": f"v{i} = v{max(i - 1, 0)} + {i}" for i in range(500)}
    book = Notebook(tmp_path / "n.ipynb", {**cells, "t": "print(v499)"})
    stamp = read_saved(book.path).stamp
    for key, source in cells.items():
        book.session.add(Execution(source=source, count=1, cell_id=key, stamp=stamp))
    for _ in range(5):
        assert book.run("t") == []
    assert book.reader.n_read == 501


def causes_of(book: Notebook, order: str) -> list[tuple[str, str]]:
    return [(variable, cause) for variable, cause, _ in book.play(order)]
