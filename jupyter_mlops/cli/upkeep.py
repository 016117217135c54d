"""``mlops runs tag``, ``delete`` and ``restore``: the upkeep of runs."""

from __future__ import annotations

from collections.abc import Sequence

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import run_names
from jupyter_mlops.cli.options import json_option, tag_values
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done
from jupyter_mlops.core.run import Run
from jupyter_mlops.training.upkeep import delete_runs, restore_runs, tag_run


@click.command(cls=Command)
@click.argument("run", shell_complete=run_names)
@click.argument("tags", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--remove", multiple=True, metavar="KEY", help="A tag to remove; repeat for more.")
@click.option("--note", metavar="TEXT", help="What is to be said about the run, in Markdown; empty to remove it.")
@json_option
@pass_session
def tag(session: Session, run: str, tags: Sequence[str], *, remove: Sequence[str], note: str | None) -> Run:
    """Set or remove tags of a run, and its note.

    Example:
      mlops runs tag baseline reviewed=yes team=risk
      mlops runs tag baseline --remove draft --note "The one from the paper."
    """
    return tag_run(session.world, run, {**tag_values(tags), **dict.fromkeys(remove)}, note=note)


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=run_names)
@json_option
@pass_session
def delete(session: Session, runs: Sequence[str]) -> Done:
    """Delete runs, all or none. They go to the trash, and `runs restore` brings them back.

    Example:
      mlops runs delete 3f6c0a52
      mlops runs restore 3f6c0a52
    """
    deleted = delete_runs(session.world, runs)
    names = ", ".join(run.name for run in deleted)
    back = " ".join(run.id[:8] for run in deleted)
    return Done(
        message=f"Deleted {names}. To have it back: `mlops runs restore {back}`.",
        facts={"runs": [run.id for run in deleted]},
    )


@click.command(cls=Command)
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@json_option
@pass_session
def restore(session: Session, runs: Sequence[str]) -> Done:
    """Bring deleted runs back.

    Example:
      mlops runs restore 3f6c0a52
    """
    restored = restore_runs(session.world, runs)
    names = ", ".join(run.name for run in restored)
    return Done(message=f"Restored {names}.", facts={"runs": [run.id for run in restored]})
