"""``mlops init`` and ``mlops status``: the workspace itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Listing, Word, lists
from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.workspace import PartStatus, init_workspace


@click.command(cls=Command)
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path())
@click.option(
    "--tracking-uri", metavar="URI", help="MLflow server or database for runs; a file in the workspace otherwise."
)
@click.option("--registry-uri", metavar="URI", help="The same for models; where the runs are otherwise.")
@click.option("--catalog-url", metavar="URL", help="PostgreSQL for everything else; a file in the workspace otherwise.")
@click.option("--artifact-url", metavar="URL", help="Where runs keep their files, any fsspec URL.")
@click.option("--blob-url", metavar="URL", help="Where snapshots and manifests keep theirs, any fsspec URL.")
@json_option
def init(folder: Path, **urls: str | None) -> Done:
    """Make a workspace in a folder, the current one unless named.

    The first run makes one too; `init` is for saying where, and for a team's servers.

    Example:
      mlops init
      mlops init ~/projects/churn --tracking-uri https://mlflow.example.com
    """
    world = init_workspace(folder, **{key: url for key, url in urls.items() if url})
    world.close()
    return Done(message=f"Made a workspace in {world.root}.", facts={"root": str(world.root), "id": world.id})


@click.command(cls=Command)
@json_option
@pass_session
def status(session: Session) -> Listing:
    """Show each part of the workspace, where it is and whether it answers.

    The exit code is 5 when a part that every run needs does not answer; a missing Docker engine is no such part.

    Example:
      mlops status
    """
    parts = session.world.status()
    well = all(part.answers for part in parts if not part.part.startswith("host "))
    session.exit_code = 0 if well else Unavailable.exit_code
    return Listing(parts, of=PartStatus, empty="")


@lists(PartStatus, "=PART", "WHERE", "=ANSWERS", "DETAIL")
def _row(part: PartStatus) -> Sequence[str]:
    return part.part, part.where, Word("yes", "good") if part.answers else Word("no", "bad"), part.detail
