"""From a notebook cell to a model in production, and back, without leaving JupyterLab."""

from jupyter_mlops._version import __version__

__all__ = ["__version__"]
