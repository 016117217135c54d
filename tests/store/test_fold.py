"""Progress bars are stored as a terminal would show them at the end."""

from __future__ import annotations

import io
import random
import time

import pytest
from tqdm import tqdm

from jupyter_mlops.store.fold import LIVE_CHARS, Fold


def stored(*pieces: str) -> str:
    """Return what a file has after these writes."""
    fold, file = Fold(), ""
    for piece in pieces:
        before = fold.live
        assert file.endswith(before)
        text, in_place = fold.feed(piece)
        file = (file[: len(file) - len(before)] if in_place else file) + text
    return file


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("plain\nlines\n", "plain\nlines\n"),
        ("1%\r2%\r100%\ndone\n", "100%\ndone\n"),
        ("a longer line\rshort", "shortger line"),
        ("windows\r\nlines\r\n", "windows\nlines\n"),
        ("12\b\b\b34", "34"),
        ("\x1b[1;31mred\x1b[0m and \x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "red and link"),
        ("old text\r\x1b[2Knew", "new"),
        ("keep this\x1b[5D\x1b[K", "keep"),
        ("one\ntwo\n\x1b[2A\x1b[2KONE\n\x1b[2KTWO\nthree", "ONE\nTWO\nthree"),
        ("bell\x07 rings", "bell rings"),
        ("\x1b[3Gthird", "  third"),
    ],
)
def test_output_is_stored_as_a_terminal_shows_it(written, shown):
    assert stored(written) == shown
    assert stored(*written) == shown, "in whatever pieces it comes"


def test_ten_thousand_updates_of_a_progress_bar_are_one_line():
    screen = io.StringIO()
    for _ in tqdm(range(10_000), file=screen, mininterval=0, miniters=1, ascii=True):
        pass
    written = screen.getvalue()
    assert written.count("\r") >= 10_000
    line = stored(written + "after\n").splitlines()
    assert len(line) == 2
    assert line[0].startswith("100%|")
    assert "10000/10000" in line[0]
    assert line[1] == "after"


def test_nested_progress_bars_keep_a_line_each():
    screen = io.StringIO()
    seen = set()
    outer = tqdm(range(3), desc="epoch", file=screen, position=0, mininterval=0, miniters=1, ascii=True)
    for _ in outer:
        inner = tqdm(
            range(50), desc="batch", file=screen, position=1, leave=False, mininterval=0, miniters=1, ascii=True
        )
        for _ in inner:
            seen.add(tuple(line.partition(" ")[0] for line in stored(screen.getvalue()).splitlines() if line.strip()))
    written = screen.getvalue()
    lines = [
        line
        for line in stored(*(written[at : at + 700] for at in range(0, len(written), 700))).splitlines()
        if line.strip()
    ]
    assert [line.partition("|")[0] for line in lines] == ["epoch: 100%"]
    assert ("epoch:", "batch:") in seen
    assert max(map(len, seen)) == 2


def test_the_end_of_an_endless_line_stays_small_and_quick():
    fold = Fold()
    began = time.process_time()
    for _ in range(2000):
        fold.feed("\x1b[1m" + "x" * 1000)
    assert len(fold.live) <= LIVE_CHARS
    assert time.process_time() - began < 3


def test_any_order_of_controls_leaves_the_file_ending_with_the_live_rows():
    dice = random.Random(7)
    parts = [
        "abc",
        "\n",
        "\r",
        "\b",
        "\x1b[A",
        "\x1b[3A",
        "\x1b[B",
        "\x1b[K",
        "\x1b[2K",
        "\x1b[J",
        "\x1b[9C",
        "é",
        "\x1b",
        "[",
        "1",
    ]
    for _ in range(300):
        stored(*("".join(dice.choices(parts, k=dice.randrange(1, 60))) for _ in range(8)))
