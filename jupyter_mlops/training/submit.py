"""Submitting a script or notebook as a run, in its own process, from its snapshot."""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import BadInput, NotFound
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import Run
from jupyter_mlops.inputs.git import GitLook
from jupyter_mlops.ports import Job, Say, World
from jupyter_mlops.training.capture import Plan, create, keep_diff
from jupyter_mlops.training.worker import AUTOLOG, Ways

KINDS: Final = {".py": "script", ".ipynb": "notebook"}
GIVEN: Final = "mlops.given"
"""The parameters that a run was begun with (JSON): those that its code logged are not among them."""


class BadFile(BadInput):
    """A file that cannot be run."""

    code = "bad-file"


def submit_file(
    world: World,
    file: Path,
    *,
    source: Path | None = None,
    params: Mapping[str, str] | None = None,
    experiment: str | None = None,
    name: str | None = None,
    tags: Mapping[str, str] | None = None,
    snapshot: bool = True,
    include: Sequence[str] = (),
    autolog: bool = False,
    say: Say | None = None,
) -> Run:
    """Run a script or notebook on the ``local`` target; return the run at once.

    ``source`` is the folder that travels (the file's own by default): the run sees a restored snapshot of it, with the
    files that the snapshot only recorded linked in their place. ``snapshot=False`` runs it where it is. ``autolog`` turns
    MLflow's autologging on before its first line.
    Raises ``NotFound`` and ``BadFile``.
    """
    file = Path(os.path.normpath(file.absolute()))
    folder = Path(os.path.normpath((source or file.parent).absolute()))
    check_file(file)
    if not folder.is_dir():
        raise NotFound(f"There is no folder {folder}.", hint="Give `--source` the folder that holds the file.")
    if not file.is_relative_to(folder):
        raise BadInput(f"{file} is not in {folder}.", hint="Give `--source` a folder that holds the file.")
    plan = Plan(
        experiment=experiment,
        name=name,
        params=params or {},
        tags={
            "mlops.target": "local",
            "mlops.file": file.relative_to(folder).as_posix(),
            GIVEN: encode(params or {}).decode(),
            **({AUTOLOG: "on"} if autolog else {}),
            **(tags or {}),
        },
        folder=folder,
        snapshot=snapshot,
        include=include,
        notebook=str(file),
    )
    look = GitLook(folder, with_diff=True)
    try:
        run, _ = create(world, plan, say, look)
        look.wait()
        keep_diff(world, run.id, look)
    finally:
        look.close()
    return start(world, run, folder)


def start(world: World, run: Run, folder: Path, ways: Ways | None = None) -> Run:
    """Start a worker for a run that exists, with ``folder`` as its current one; return the run."""
    argv = [sys.executable, "-m", "jupyter_mlops.worker", "run", str(world.root), run.id]
    if ways is not None:
        argv.append(encode(ways).decode())
    try:
        job = Job(run_id=run.id, argv=argv, folder=str(folder), env={"MLOPS_ACTOR": world.actor})
        handle = world.targets["local"].submit(job)
    except BaseException:
        world.tracking.end_run(run.id, "FAILED", reason="The target did not take it.")
        raise
    world.tracking.log(
        run.id,
        tags={
            "mlops.handle": encode(handle).decode(),
            "mlops.node": world.node,
            "mlops.pid": str(handle.pid),
            "mlops.pid_started": str(handle.pid_started),
            "mlops.boot_id": handle.boot_id,
        },
    )
    return run


def check_file(file: Path) -> None:
    """Raise ``NotFound`` or ``BadFile`` unless ``file`` is a script that compiles or a notebook."""
    if not file.is_file():
        raise NotFound(f"There is no file {file}.", hint="Check the path; a script (.py) or notebook (.ipynb) can run.")
    kind = KINDS.get(file.suffix)
    if kind is None:
        raise BadFile(f"{file.name} is neither a script nor a notebook.", hint="Give a .py or an .ipynb file.")
    try:
        text = file.read_text(encoding="utf-8")
        if kind == "script":
            ast.parse(text, filename=file.name)
        else:
            _check_notebook(json.loads(text))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else f": {error}"
        raise BadFile(f"{file.name} is not a valid {kind}{line}.", hint="Correct it and run again.") from error
    except OSError as error:
        raise BadFile(f"{file} cannot be read: {error.strerror}.", hint="Check its permissions.") from error


def _check_notebook(content: object) -> None:
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise ValueError("it has no cells")  # noqa: TRY004  # the caller tells users about ValueErrors
    if content.get("nbformat") != 4:  # noqa: PLR2004  # the only format that papermill runs
        raise ValueError(f"its nbformat is {content.get('nbformat')}, and only 4 can run")
