"""From a notebook cell to a model in production, and back, without leaving JupyterLab."""

import os
from typing import TYPE_CHECKING, Any

from jupyter_mlops._version import __version__

if TYPE_CHECKING:
    from jupyter_mlops.api import (
        Service,
        child,
        generate_schema,
        log,
        log_dataset,
        log_figure,
        log_file,
        log_image,
        log_params,
        log_table,
        note,
        tag,
        telemetry,
    )
    from jupyter_mlops.scoring.collect import collect

__all__ = [
    "Service",
    "__version__",
    "child",
    "collect",
    "generate_schema",
    "log",
    "log_dataset",
    "log_figure",
    "log_file",
    "log_image",
    "log_params",
    "log_table",
    "note",
    "tag",
    "telemetry",
]

if os.name == "nt":
    raise ImportError("jupyter-mlops runs on Linux and macOS. On Windows install it under WSL2: `wsl --install`.")


def __getattr__(name: str) -> Any:
    """Import the API when it is first used, so that `import jupyter_mlops` and `%load_ext` cost nothing."""
    if name in __all__:
        from jupyter_mlops import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """Add ``%ml`` and ``%%ml run`` to an IPython shell: ``%load_ext jupyter_mlops``."""
    from jupyter_mlops.magics import load

    load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again."""
    from jupyter_mlops.magics import unload

    unload(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Name the server extension to Jupyter Server. The import waits until a server asks."""
    from importlib import import_module

    module = "jupyter_mlops.server.extension"
    return [{"module": module, "app": import_module(module).MlopsServer}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Name the built front end to JupyterLab's development install."""
    return [{"src": "labextension", "dest": "jupyter-mlops"}]
