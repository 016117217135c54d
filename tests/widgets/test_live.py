"""The live card, in a real kernel: it follows the run, and leaves the cell's own output alone."""

from __future__ import annotations

import pytest

from jupyter_mlops.training.runs import show_run
from jupyter_mlops.widgets.card import MIME
from jupyter_mlops.widgets.live import progress_in

LOOP = """
import time, jupyter_mlops as ml
for n in range(26):
    ml.log({"loss": 1 / (n + 1)})
    time.sleep(0.1)
"""


def cards(heard, kind=None):
    return [
        (type_, content["data"][MIME], content["transient"].get("display_id"))
        for type_, content in heard
        if MIME in content.get("data", {}) and kind in {None, type_}
    ]


def newest(world):
    return show_run(world, world.tracking.runs(limit=1)[0].id)


def test_the_card_comes_first_follows_the_metrics_and_becomes_the_final_one(kernel, world):
    heard = kernel.hear(f"%%ml run -n live -p C=0.5{LOOP}print('done')\n6 * 7")
    first, *updates, last = cards(heard)
    assert first[0] == "display_data"
    assert (first[1]["run"]["status"], first[1]["trends"]) == ("RUNNING", [])
    assert {kind for kind, _, _ in (*updates, last)} == {"update_display_data"}
    assert len({display for _, _, display in (first, *updates, last)}) == 1
    assert 2 <= len(updates) <= 5
    seen = [card["trends"][0]["n_points"] for _, card, _ in updates]
    assert seen == sorted(seen)
    assert seen[0] < 26
    assert last[1]["run"]["status"] == "FINISHED"
    assert last[1]["trends"][0]["n_points"] == 26
    assert [content["data"] for kind, content in heard if kind == "execute_result"] == [{"text/plain": "42"}]
    assert [content["text"] for kind, content in heard if kind == "stream"] == ["done\n"]
    shown = [one.path for one in newest(world).artifacts if one.path.startswith(("figures", "displays"))]
    assert shown == ["displays/display-1.txt"]  # the 42, and no card


def test_nothing_is_sent_while_nothing_changes(kernel):
    heard = kernel.hear("%%ml run\nimport time\ntime.sleep(2.5)")
    assert [kind for kind, _, _ in cards(heard)] == ["display_data", "update_display_data"]


def test_progress_bars_show_on_the_card(kernel):
    heard = kernel.hear(
        "%%ml run\nimport sys, time\nfor n in range(5):\n"
        "    sys.stderr.write(f'\\rtraining: {n * 20}%|##   | {n}/5'); sys.stderr.flush(); time.sleep(0.5)"
    )
    fractions = [card["progress"]["fraction"] for _, card, _ in cards(heard)[1:-1]]
    assert fractions
    assert set(fractions) <= {0.2, 0.4, 0.6, 0.8}
    assert cards(heard)[-1][1]["progress"] is None


def test_after_clear_output_the_card_is_shown_anew_at_the_end(kernel):
    heard = kernel.hear(
        "%%ml run\nimport time\nfrom IPython.display import clear_output\nimport jupyter_mlops as ml\n"
        "ml.log({'a': 1}); clear_output(wait=True); print('mine')\nml.log({'a': 2}); time.sleep(1.5)"
    )
    shown = cards(heard)
    assert [kind for kind, _, _ in shown] == ["display_data", "display_data"]
    assert shown[1][1]["run"]["status"] == "FINISHED"
    kinds = [kind for kind, _ in heard]
    assert kinds.index("clear_output") < len(kinds) - 1 - kinds[::-1].index("display_data")


def test_capture_keeps_the_cells_output_and_not_the_card(kernel):
    heard = kernel.hear(f"%%ml run\n%%capture kept\n{LOOP}print('hidden')")
    assert len(cards(heard)) >= 3
    assert not [content for kind, content in heard if kind == "stream"]
    reply = kernel.run("print(repr(kept.stdout), len(kept.outputs))")
    assert reply.stdout == "'hidden\\n' 0\n"


def test_a_failing_cell_ends_with_a_card_that_says_why(kernel):
    heard = kernel.hear("%%ml run\n1 / 0")
    last = cards(heard)[-1][1]
    assert (last["run"]["status"], last["run"]["reason"]) == ("FAILED", "ZeroDivisionError: division by zero")


def test_the_thread_ends_with_the_run(kernel):
    kernel.hear("%%ml run\npass")
    reply = kernel.run("import threading\nprint([t.name for t in threading.enumerate() if 'card' in t.name])")
    assert reply.stdout == "[]\n"


def test_where_nobody_watches_there_is_the_final_card_alone_and_no_widget(start_kernel):
    kernel = start_kernel(watched=False)
    heard = kernel.hear(f"%%ml run{LOOP}")
    [(kind, card, _)] = cards(heard)
    assert kind == "display_data"
    assert card["run"]["status"] == "FINISHED"
    assert card["trends"][0]["n_points"] == 26
    for command in ("%ml runs", "%ml runs watch"):  # which nobody could end there
        assert set(kernel.run(command).results[0]) == {"text/html", "text/plain"}


def test_a_run_and_its_details_are_cards_wherever_they_are_the_last_expression(kernel, world):
    kernel.hear("%%ml run -n shown -p C=1\npass")
    run = newest(world).run
    for source in (f"%ml runs show {run.id}", f"run = %ml runs show {run.id[:8]}\nrun.run"):
        [result] = kernel.run(source).results
        assert result[MIME]["run"]["name"] == "shown"
        assert result["text/plain"].startswith("shown")
        assert "<table" in result["text/html"]
    assert "application/json" in kernel.run(f"%ml runs show {run.id} --json").results[0]


@pytest.mark.parametrize(
    ("text", "fraction"),
    [
        ("\r 45%|####     | 45/100 [00:04<00:05]", 0.45),
        ("\r10%\r20%\r30.5 % done", 0.3),
        ("no bar", None),
        ("\r450%", None),
    ],
)
def test_the_last_bar_of_a_piece_of_output_counts(text, fraction):
    found = progress_in(text)
    assert (found and found.fraction) == fraction
