"""Python that loads a run and the models it logged, or a model version, into a notebook or script."""

from __future__ import annotations

from typing import Final

from jupyter_mlops.core.record import Record
from jupyter_mlops.core.run import Run
from jupyter_mlops.ports import World

_OPEN: Final = """\
from pathlib import Path

from jupyter_mlops.workspace import Workspace

workspace = Workspace.open(Path({home!r}))
"""
_RUN: Final = """\
run = workspace.tracking.run({id!r})  # {name}, of the experiment {experiment}
run.params, run.metrics, run.tags
"""
_MODEL: Final = """
import mlflow

mlflow.set_tracking_uri(workspace.tracking_uri)
model = mlflow.pyfunc.load_model({uri!r})  # {model}
"""
_VERSION: Final = """\
import mlflow

mlflow.set_tracking_uri(workspace.tracking_uri)
mlflow.set_registry_uri(workspace.registry_uri)
model = mlflow.pyfunc.load_model({uri!r})
"""
_FILES: Final = """\
from jupyter_mlops.delivery.models import download_model

folder = download_model(workspace, {ref!r}, Path({into!r}))
"""
_OTHERS: Final = "# It logged {names} too: {uris}\n"


class LoadingProgram(Record, frozen=True, kw_only=True):
    """Python that loads a run or a model version. It needs jupyter-mlops, and the workspace's folder where it runs."""

    source: str


def loading_program(world: World, ref: str) -> LoadingProgram:
    """Return Python that loads a run and, where it logged one, its newest model. Raises ``UnknownThing``."""
    run = world.tracking.run(ref)
    source = _OPEN.format(home=str(world.home)) + _RUN.format(
        id=str(run.id), name=_one_line(run.name), experiment=_one_line(run.experiment)
    )
    return LoadingProgram(source=source + _loading_model(world, run))


def model_program(world: World, ref: str) -> LoadingProgram:
    """Return Python that loads ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``. Raises ``UnknownThing``.

    An alias stays one, so that the program loads what it names when it runs. A file that is no MLflow model is downloaded.
    """
    version = world.tracking.model_version(ref)
    pinned = f"{version.name}:{version.version}"
    if version.flavor == "file":
        source = _FILES.format(ref=pinned, into=pinned.replace(":", "-"))
    elif (world.tracking.split_model(ref)[1] or "").startswith("@"):
        source = _VERSION.format(uri=f"models:/{ref}")
    else:
        source = _VERSION.format(uri=f"models:/{version.name}/{version.version}")
    return LoadingProgram(source=_OPEN.format(home=str(world.home)) + source)


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
