"""``mlops quickstart``: the example notebook, executed, with what it left behind and how to go on."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.headless import execute
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import BadUsage, Session, pass_session
from jupyter_mlops.cli.view import Facts, Text, View, shows
from jupyter_mlops.cli.words import duration
from jupyter_mlops.core.errors import Forbidden, MlopsError, NotFound
from jupyter_mlops.core.record import Record, encode

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace

FOLDER: Final = Path("mlops-quickstart")
SERVICE: Final = "breast-cancer"
NOTEBOOK: Final = "quickstart.ipynb"
ROWS: Final = "rows.json"


class QuickstartResult(Record, frozen=True, kw_only=True):
    """What the quickstart made, and the commands that go on from there."""

    folder: str
    run: str
    model: str
    service: str
    url: str
    """Where the service answers: POST rows to it with a key."""
    call: str
    """A command for a shell, as the others."""
    open: str
    clean_up: list[str]


@click.command(cls=Command)
@click.option(
    "--host",
    type=click.Choice(["process", "docker"]),
    default="process",
    show_default=True,
    help="Serve from a process of this machine, or build an image and serve from a container.",
)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Folder for the notebook and its workspace; made if it is not there.",
)
@json_option
@pass_session
def quickstart(session: Session, *, host: Literal["process", "docker"], folder: Path) -> QuickstartResult:
    """Run the example from data to a model that answers over HTTP.

    Executes a notebook: loads a table, trains in a tracked cell, registers the model, deploys it and scores rows. It
    leaves the service answering and prints how to call it, and how to go on in JupyterLab. Safe to run again.

    Example:
      mlops quickstart
      mlops quickstart --host docker --dir /tmp/tour
    """
    if session.workspace is not None:
        raise BadUsage(
            "The quickstart makes a workspace of its own.", hint="Say where with `mlops quickstart --dir DIR`."
        )
    source = find_notebook()
    with _made(folder):
        session.use(folder)
        world = session.world_or_new()
        if host != "process":
            world.hosts[host].check()
    output = folder.absolute() / NOTEBOOK
    kept = keep_edited(output, source)
    if kept is not None:
        session.tell(f"Kept your own {NOTEBOOK} as {kept.name}.")
    line = LiveLine(sys.stderr)

    def on_cell(number: int, total: int, label: str, took: float | None) -> None:
        if took is None:
            line.live(f"[{number}/{total}] {label} ...")
        else:
            line.clear()
            session.tell(f"[{number}/{total}] {label}  {duration(took)}")

    try:
        execute(
            source,
            output,
            parameters={} if host == "process" else {"host": host},
            env={"MLOPS_WORKSPACE": str(world.home), "MLOPS_NOTEBOOK": str(output)},
            on_cell=on_cell,
        )
    finally:
        line.clear()
    return _result(world, folder)


def find_notebook() -> Path:
    """Return the example notebook: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (folder / NOTEBOOK).is_file():
            return folder / NOTEBOOK
    raise NotFound(
        f"{NOTEBOOK} is not installed.",
        hint="Install the package again: `pip install --force-reinstall jupyter-mlops`.",
    )


def keep_edited(mine: Path, original: Path) -> Path | None:
    """Move a notebook away whose cells were edited, so that executing the original loses nothing of them."""
    if not mine.exists() or _sources(mine) == _sources(original):
        return None
    n = 1
    while (kept := mine.with_name(f"{mine.stem}-{n}{mine.suffix}")).exists():
        n += 1
    return mine.rename(kept)


def _sources(notebook: Path) -> list[str] | None:
    import nbformat

    try:
        cells = nbformat.reads(notebook.read_text(), as_version=4).cells  # type: ignore[no-untyped-call]  # it has no types
    except (OSError, ValueError, AttributeError):  # not a notebook (any more): somebody's edit all the same
        return None
    return [cell.source for cell in cells if "injected-parameters" not in cell.metadata.get("tags", [])]


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder; take it and its workspace away again if the quickstart cannot even begin."""
    fresh, workspace = not folder.exists(), folder / ".mlops"
    new_workspace = not workspace.exists()
    _make(folder)
    try:
        yield
    except MlopsError:
        if new_workspace:
            shutil.rmtree(workspace, ignore_errors=True)
        if fresh:
            with suppress(OSError):  # somebody else's file came in meanwhile
                folder.rmdir()
        raise


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise BadUsage(f"{folder} is a file.", hint="Name a folder: `mlops quickstart --dir DIR`.") from error
    except OSError as error:
        raise Forbidden(
            f"The folder {folder} cannot be made: {error.strerror}.", hint="Name another: `mlops quickstart --dir DIR`."
        ) from error


def _result(world: Workspace, folder: Path) -> QuickstartResult:
    from jupyter_mlops.delivery.manifests import show_manifest
    from jupyter_mlops.delivery.services import show_service

    service = show_service(world, SERVICE)
    manifest = show_manifest(world, service.deployments[-1].manifest)
    model = manifest.models[0]
    (folder / ROWS).write_bytes(encode(manifest.sample))
    where = shlex.quote(str(folder))
    mlops = f"{program('mlops')} --workspace {where}"
    url = f"{service.url}/score"
    return QuickstartResult(
        folder=str(folder),
        run=model.run_id or "",
        model=f"{model.name}:{model.version}",
        service=SERVICE,
        url=url,
        call=" \\\n  ".join(
            (
                f'curl -H "Authorization: Bearer $({mlops} services keys {SERVICE} --primary)"',
                f'-H "Content-Type: application/json" -d @{shlex.quote(str(folder / ROWS))}',
                url,
            )
        ),
        open=f"cd {where} && {program('jupyter')} lab {NOTEBOOK}",
        clean_up=[f"{mlops} services delete {SERVICE}", f"{mlops} agent stop"],
    )


def program(name: str) -> str:
    """Return how to call one of this environment's programs: by name where the PATH leads to it, else by its path."""
    mine = Path(sys.executable).parent / name
    found = shutil.which(name)
    if found is not None and (not mine.exists() or Path(found).samefile(mine)):
        return name
    return shlex.quote(str(mine))


@shows(QuickstartResult)
def _view(result: QuickstartResult) -> View:
    return [
        Facts(
            pairs=[
                ("run", result.run),
                ("model", result.model),
                ("service", result.service),
                ("url", result.url),
            ]
        ),
        Text(title="Call it", body=result.call),
        Text(title="Open it in JupyterLab", body=result.open),
        Text(title="Clean up", body="\n".join(result.clean_up)),
    ]
