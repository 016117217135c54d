"""A log is followed line by line while it grows, until its run has ended."""

from __future__ import annotations

import threading
import time

import pytest

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.training.following import follow_log, read_part, search_log


def test_what_a_run_writes_is_seen_while_it_writes_it(workspace):
    run = workspace.tracking.create_run("logs", "talks", tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    seen: list[tuple[float, str]] = []
    written: list[float] = []

    def talk() -> None:
        for i in range(3):
            written.append(time.monotonic())
            journal.write("stdout", f"line {i}\n")
            time.sleep(0.7)
        journal.write("stdout", "no end")
        journal.close("FINISHED", "", time.time())

    talker = threading.Thread(target=talk)
    talker.start()
    for piece in follow_log(workspace, "talks"):
        seen += [(time.monotonic(), line) for line in piece.lines.splitlines()]
    talker.join()

    assert [line for _, line in seen] == ["line 0", "line 1", "line 2", "no end"]
    assert all(at - begun < 1 for (at, _), begun in zip(seen, written, strict=False))


def test_a_line_that_is_still_written_is_told_apart(workspace):
    run = workspace.tracking.create_run("logs", "bar", tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    journal.write("stdout", "begin\n 10%")
    pieces = follow_log(workspace, run.id)
    first = next(pieces)
    assert (first.lines, first.current) == ("begin\n", " 10%")
    journal.write("stdout", "\r100%\n")
    journal.close("FINISHED", "", time.time())
    assert "".join(piece.lines for piece in pieces).splitlines()[-1].endswith("100%")


def test_a_run_that_has_ended_is_shown_whole_at_once(workspace):
    run = workspace.tracking.create_run("logs", "over", tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    journal.write("stderr", "a\nb\n")
    journal.close("FAILED", "", time.time())
    assert [piece.lines for piece in follow_log(workspace, "over", "stderr")] == ["a\nb\n"]
    assert [piece.lines for piece in follow_log(workspace, "over", "stdout")] == [""]
    with pytest.raises(UnknownThing):
        next(follow_log(workspace, "nothing"))


def test_a_stream_that_was_cut_while_it_was_followed_goes_on_with_its_end(workspace, monkeypatch):
    monkeypatch.setattr(workspace.journals, "_log_bytes", 200_000)
    run = workspace.tracking.create_run("logs", "endless", tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    for number in range(3_000):
        journal.write("stdout", f"line {number:>6} {'x' * 40}\n")
    pieces = follow_log(workspace, run.id)
    assert next(pieces).lines.count("\n") == 3_000
    for number in range(3_000, 30_000):
        journal.write("stdout", f"line {number:>6} {'x' * 40}\n")
    lines = next(pieces).lines.splitlines()
    assert lines[0].startswith("line ")
    assert lines[-1].startswith("line  29999")
    journal.close("FINISHED", "", time.time())
    assert [piece.lines for piece in pieces][-1] == ""


def test_a_long_log_is_read_by_parts_of_whole_lines_from_either_end(workspace):
    run = workspace.tracking.create_run("logs", "long", tags={}, params={})
    journal = workspace.journals.open(run.id, run.artifact_uri)
    lines = [f"line {i} é\n" for i in range(200)] + ["x" * 5000 + "\n", "no end"]
    for line in lines:
        journal.write("stdout", line)
    whole = "".join(lines)

    parts, offset = [], 0
    while not parts or not parts[-1].endswith("no end"):
        part = read_part(workspace, run.id, "stdout", offset, limit=700)
        assert (part.start, part.n_bytes) == (offset, len(whole.encode()))
        parts.append(part.text)
        offset = part.next
    assert "".join(parts) == whole
    assert 5000 < max(map(len, parts)) < 5700  # a line is never cut

    last = read_part(workspace, run.id, "stdout", -300, limit=700)
    assert last.text == "no end"
    before = read_part(workspace, run.id, "stdout", last.start - 5300, limit=5300)
    assert whole.endswith(before.text + last.text)
    assert before.text.startswith("line ")
    assert read_part(workspace, run.id, "stderr", -10).text == ""

    hits = search_log(workspace, run.id, "stdout", "LINE 19", most=3)
    assert (hits.n_lines, [hit.number for hit in hits.lines]) == (11, [20, 191, 192])
    assert read_part(workspace, run.id, "stdout", hits.lines[1].at, limit=20).text == "line 190 é\n"
    assert [hit.text for hit in search_log(workspace, run.id, "stdout", "end").lines] == ["no end"]
    journal.close("FINISHED", "", time.time())
