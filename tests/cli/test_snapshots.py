"""What the verbs of snapshots show: differences, what was restored, what a gc freed."""

from __future__ import annotations

import io

from jupyter_mlops.cli.html import to_html
from jupyter_mlops.cli.render import to_text
from jupyter_mlops.cli.snapshots import Changes
from jupyter_mlops.cli.view import view
from jupyter_mlops.core.snapshot import FileChange, Snapshot, SnapshotFile
from jupyter_mlops.inputs.snapshots import Collected, Restored

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-old <b>\n+new \x1b]0;title\x07\n same\n"
CHANGES = Changes(
    [
        FileChange(path="x.py", change="changed", diff=DIFF),
        FileChange(path="y.bin", change="changed", note="binary: 2 bytes before, 3 bytes now"),
    ],
    of=FileChange,
    empty="Nothing changed.",
)
SNAPSHOT = Snapshot(name="0123456789abcdef", digest="0" * 64, source="/work", n_files=2, n_bytes=1500)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_diff_has_colours_on_a_terminal_and_none_elsewhere(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    coloured = to_text(CHANGES, colours=Terminal())
    assert "\x1b[31m-old <b>\x1b[0m\n\x1b[32m+new \\x1b]0;title\\x07\x1b[0m\n same" in coloured
    assert "\x1b" not in to_text(CHANGES)
    assert "y.bin  binary: 2 bytes before, 3 bytes now" in to_text(CHANGES)


def test_a_diff_has_colours_in_a_notebook_and_cannot_act_there():
    html = to_html(view(CHANGES))
    assert '<span style="color:var(--jp-error-color1, #d32f2f)">-old &lt;b&gt;</span>' in html
    assert '<span style="color:var(--jp-success-color1, #388e3c)">+new' in html
    assert "\x1b" not in html


def test_nothing_changed_is_said():
    assert to_text(Changes([], of=FileChange, empty="Nothing changed.")) == "Nothing changed."


def test_what_was_not_stored_is_listed_after_a_restore():
    left_out = [SnapshotFile(path="big.bin", kind="recorded", n_bytes=5000), SnapshotFile(path=".env", kind="secret")]
    text = to_text(Restored(snapshot=SNAPSHOT, path="/there", left_out=left_out))
    assert text.startswith("Wrote 2 files (1.5 kB) of snapshot 0123456789abcdef to /there, without 2 files")
    assert "big.bin  large: only recorded  5.0 kB" in text
    assert ".env     looks like a secret" in text
    assert to_text(Restored(snapshot=SNAPSHOT, path="/there")).endswith("to /there.")


def test_a_gc_says_what_it_freed_and_what_has_to_wait():
    done = Collected(snapshots=["0123456789abcdef"], n_packs=2, n_bytes=30_000, n_waiting=1, warnings=["Look here."])
    lines = to_text(done).split("\n\n")
    assert lines[0] == "Freed 30.0 kB: 1 snapshot, 2 packs."
    assert lines[1].startswith("1 more may go in a day")
    assert lines[2] == "Look here."
    assert "0123456789abcdef" in lines[3]
    assert to_text(Collected(dry_run=True, n_files=1, n_bytes=7)) == "Would free 7 B: 1 manifest file."
    assert to_text(Collected()) == "Nothing to remove."
