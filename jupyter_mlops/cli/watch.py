"""``mlops runs watch``: runs as they start, log and end."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import experiment_names, run_names
from jupyter_mlops.cli.render import to_text
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import is_terminal
from jupyter_mlops.cli.view import Listing
from jupyter_mlops.cli.words import number, pairs
from jupyter_mlops.core.run import Run
from jupyter_mlops.store.feed import ChangeFeed
from jupyter_mlops.training.following import LIVE
from jupyter_mlops.training.runs import list_runs

TICK_S: Final = 0.2
REDRAW_S: Final = 1.0
"""A running run's age moves on also when it logs nothing."""


@click.command(cls=Command)
@click.argument("run", required=False, shell_complete=run_names)
@click.option("-e", "--experiment", metavar="NAME", shell_complete=experiment_names, help="Only this experiment's.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many.")
@pass_session
def watch(session: Session, run: str | None, *, experiment: str | None, limit: int) -> Run | None:
    """Watch runs live: a table that changes as they start, log and end.

    With RUN, watch that one until it ends; the exit code is 1 when it does not end well. Where the output is no terminal
    each change is a line.

    Example:
      mlops runs watch
      mlops runs watch baseline
    """
    world = session.world

    def read() -> list[Run]:
        if run is not None:
            return [world.tracking.run(run)]
        return list_runs(world, experiment=experiment, limit=limit)

    feed = world.feed()
    try:
        last = _follow(feed, read, until_ended=run is not None)
    except KeyboardInterrupt:
        return None
    finally:
        feed.close()
    session.exit_code = 0 if last[0].status == "FINISHED" else 1
    return last[0]


def _follow(feed: ChangeFeed, read: Callable[[], list[Run]], *, until_ended: bool) -> list[Run]:
    draw = _Table() if is_terminal(sys.stdout) and os.environ.get("TERM") != "dumb" else _Lines()
    drawn = 0.0
    runs: list[Run] = []
    while True:
        changed = any(change.kind == "run" for change in feed.poll())
        going = any(run.status in LIVE for run in runs)
        if changed or not drawn or (going and time.monotonic() - drawn > REDRAW_S):
            runs, drawn = read(), time.monotonic()
            draw(runs)
            if until_ended and runs[0].status not in LIVE:
                draw.close()
                return runs
        time.sleep(TICK_S)


class _Table:
    """A table drawn over itself."""

    def __init__(self) -> None:
        self._height = 0

    def __call__(self, runs: Sequence[Run]) -> None:
        size = shutil.get_terminal_size()
        text = to_text(Listing(_aged(runs), of=Run, empty="No runs yet."), width=size.columns, colours=sys.stdout)
        lines = text.splitlines()[: size.lines - 1]
        up = f"\x1b[{self._height}A" if self._height else ""
        sys.stdout.write(up + "".join(f"\r\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._height = len(lines)

    def close(self) -> None:
        """Take the table away."""
        if self._height:
            sys.stdout.write(f"\x1b[{self._height}A\x1b[J")


class _Lines:
    """A line for each run that is new or has changed."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def __call__(self, runs: Sequence[Run]) -> None:
        for run in reversed(runs):
            metrics = pairs({key: number(value) for key, value in run.results.items()}, most=4)
            line = " ".join(filter(None, [run.id[:8], run.name, run.experiment, run.status, metrics]))
            if self._said.get(run.id) != line:
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
                self._said[run.id] = line

    def close(self) -> None:
        """Lines stay."""


def _aged(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, those that go on with the time that they have taken so far."""
    import msgspec

    now = time.time()
    return [
        msgspec.structs.replace(run, duration_s=max(now - run.started_at, 0.0)) if run.status in LIVE else run
        for run in runs
    ]
