"""The Python API, for cells and scripts: ``import jupyter_mlops as ml``."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_mlops.core.errors import BadInput, NotFound
from jupyter_mlops.training.active import active_run

if TYPE_CHECKING:
    from jupyter_mlops.ports import World


def log(values: Mapping[str, Any], *, step: int | None = None) -> None:
    """Log metrics to the active run: ``ml.log({"loss": 0.31, "acc": 0.97}, step=4)``.

    ``step`` counts up by itself, for each key, when it is not given. Values are numbers, or scalars of numpy, torch or
    jax. They are in a file on disk when the call returns and in MLflow a moment later. Raises ``NoActiveRun``, and
    ``BadInput`` naming a key whose value is not a number.
    """
    active_run(_open).log(values, step)


def log_figure(figure: Any, name: str) -> None:
    """Store a figure among the run's artifacts, below ``figures/``.

    ``figure`` is a matplotlib figure (or what has a ``savefig``) or a plotly one (``write_html``); ``name`` is a file
    name, whose ending says the format (``roc.png``, ``roc.svg``, ``roc.html``; ``.png`` when there is none).
    """
    name = _file_name(name)
    if hasattr(figure, "savefig"):
        name = name if "." in name else f"{name}.png"
        data = io.BytesIO()
        figure.savefig(data, format=name.rpartition(".")[2], bbox_inches="tight")
        active_run(_open).store_text(data.getvalue(), "figures", name)
    elif hasattr(figure, "to_html"):
        name = name if "." in name else f"{name}.html"
        active_run(_open).store_text(str(figure.to_html()), "figures", name)
    else:
        raise BadInput(
            f"A {type(figure).__name__} is not a figure.", hint="Give a matplotlib or plotly figure: `plt.gcf()`."
        )


def log_file(path: str | Path, folder: str = "files") -> None:
    """Store a file or folder among the run's artifacts, below ``folder``. Raises ``NotFound``."""
    file = Path(path)
    if not file.exists():
        raise NotFound(f"There is no file {file}.", hint="Check the path; it is relative to the current folder.")
    if ".." in Path(folder).parts or Path(folder).is_absolute():
        raise BadInput(f"{folder!r} is not a folder among artifacts.", hint='Give a relative one: `folder="data"`.')
    active_run(_open).store(file.absolute(), folder)


def _file_name(name: str) -> str:
    if not name or "/" in name or "\\" in name or name.startswith("."):
        raise BadInput(f"{name!r} is not a file name.", hint='Give one like "roc.png".')
    return name


def _open() -> World:
    from jupyter_mlops.workspace import Workspace

    return Workspace.open()
