"""Score: every form that rows come in."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from jupyter_mlops.cli.scoring import BadData, body_of
from jupyter_mlops.delivery.consuming import asked


def test_json_text_goes_as_it_is():
    assert body_of('[{"a": 1}]', {}) == (b'[{"a": 1}]', "application/json")


@pytest.mark.parametrize("written", ["{}", "@{}"])
def test_files_go_with_their_type(written, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")
    (tmp_path / "rows.json").write_text('{"inputs": [[1]]}')
    assert body_of(written.format(tmp_path / "rows.csv"), {}) == (b"a,b\n1,2\n", "text/csv")
    (tmp_path / "cat.PNG").write_bytes(b"\x89PNG")
    assert body_of(written.format(tmp_path / "cat.PNG"), {}) == (b"\x89PNG", "image/png")
    assert body_of(written.format(tmp_path / "rows.json"), {}) == (b'{"inputs": [[1]]}', "application/json")


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"[[1]]")))
    assert body_of("-", {}) == (b"[[1]]", "application/json")


@pytest.mark.parametrize(
    ("data", "named"),
    [("rows", "rows"), ("{'a': 1}", "{'a': 1}"), ("@gone.json", "gone.json"), ("gone.csv", "gone.csv")],
)
def test_what_is_no_rows_is_named_with_what_would_be(data, named):
    with pytest.raises(BadData) as caught:
        body_of(data, {})
    assert named in caught.value.message
    assert ".csv" in caught.value.hint


def test_a_broken_json_file_is_named(tmp_path):
    (tmp_path / "rows.json").write_text("{")
    with pytest.raises(BadData, match=r"rows\.json is not JSON"):
        body_of(str(tmp_path / "rows.json"), {})


def test_a_variable_is_looked_up_before_anything_else():
    assert body_of("rows", {"rows": [[1, 2]]})[0] == b"[[1,2]]"


def test_a_dataframe_keeps_its_columns_and_its_digits_and_nan_becomes_null():
    frame = pd.DataFrame({"x": [0.1 + 0.2, np.nan], "n": [1, 2], "s": ["a", None]})
    split = json.loads(asked(frame).body)["dataframe_split"]
    assert split == {"columns": ["x", "n", "s"], "data": [[0.1 + 0.2, 1, "a"], [None, 2, None]]}


def test_times_in_a_dataframe_are_iso():
    frame = pd.DataFrame({"t": pd.to_datetime(["2026-11-20"])})
    assert json.loads(asked(frame).body)["dataframe_split"]["data"] == [["2026-11-20T00:00:00"]]


def test_a_series_is_one_row_and_an_array_is_inputs():
    frame = pd.DataFrame({"x": [1.5], "y": [2.5]})
    assert json.loads(asked(frame.iloc[0]).body) == {"dataframe_records": [{"x": 1.5, "y": 2.5}]}
    assert json.loads(asked(np.eye(2)).body) == {"inputs": [[1.0, 0.0], [0.0, 1.0]]}
