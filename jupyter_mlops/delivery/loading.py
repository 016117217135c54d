"""Python that loads a run, and the models it logged, into a notebook or script."""

from __future__ import annotations

from typing import Final

from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World

_RUN: Final = """\
from pathlib import Path

from jupyter_mlops.workspace import Workspace

workspace = Workspace.open(Path({home!r}))
run = workspace.tracking.run({id!r})  # {name}, of the experiment {experiment}
run.params, run.metrics, run.tags
"""
_MODEL: Final = """
import mlflow

mlflow.set_tracking_uri(workspace.tracking_uri)
model = mlflow.pyfunc.load_model({uri!r})  # {model}
"""
_OTHERS: Final = "# It logged {names} too: {uris}\n"


class LoadingProgram(Record, frozen=True, kw_only=True):
    """Python that loads a run. It needs jupyter-mlops, and the workspace's folder where it runs."""

    source: str


def loading_program(world: World, ref: str) -> LoadingProgram:
    """Return Python that loads a run and, where it logged one, its newest model. Raises ``UnknownThing``."""
    run = world.tracking.run(ref)
    source = _RUN.format(
        home=str(world.home), id=str(run.id), name=_one_line(run.name), experiment=_one_line(run.experiment)
    )
    return LoadingProgram(source=source + _loading_model(world, run))


def _loading_model(world: World, run: Run) -> str:
    newest: dict[str, str] = {}
    for name, uri in world.tracking.logged_models(run.id):
        newest.setdefault(name, uri)  # logged again under one name, the last one counts
    if not newest:
        return ""
    (name, uri), *others = newest.items()
    source = _MODEL.format(uri=uri, model=_one_line(name))
    if others:
        names = ", ".join(_one_line(other) for other, _ in others)
        source += _OTHERS.format(names=names, uris=", ".join(repr(uri) for _, uri in others))
    return source


def _one_line(text: str) -> str:
    """Return a name fit for a comment: whoever named a run must not write lines of the program."""
    return " ".join(text.split()) if text.isprintable() else repr(text)
