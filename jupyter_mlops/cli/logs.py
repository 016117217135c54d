"""``mlops runs logs``: what a run wrote, and what it goes on to write."""

from __future__ import annotations

import sys

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import run_names
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.training.following import Stream, follow_log
from jupyter_mlops.training.runs import read_log


@click.command(cls=Command)
@click.argument("run", shell_complete=run_names)
@click.option(
    "--stream", type=click.Choice(["stdout", "stderr"]), default="stdout", show_default=True, help="Which output."
)
@click.option("-f", "--follow", is_flag=True, help="Go on showing what it writes until it ends.")
@pass_session
def logs(session: Session, run: str, stream: Stream, *, follow: bool) -> str | None:
    """Print what a run wrote.

    Example:
      mlops runs logs baseline --stream stderr
      mlops runs logs -f 3f6c0a52
    """
    if not follow:
        return read_log(session.world, run, stream)
    live = LiveLine(sys.stdout)
    try:
        for piece in follow_log(session.world, run, stream):
            if piece.lines:
                live.clear()
                sys.stdout.write(piece.lines)
                sys.stdout.flush()
            if piece.current:
                live.live(piece.current.rpartition("\r")[2])
    except KeyboardInterrupt:
        session.tell(f"The run goes on. Stop it with `mlops runs cancel {run}`.")
    finally:
        live.clear()
    return None
