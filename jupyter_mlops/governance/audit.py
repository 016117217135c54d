"""Who did it: the name that every event and run carries."""

from __future__ import annotations

import getpass
import os


def current_actor() -> str:
    """Return who acts in this process: the Jupyter identity where a server handed it on, else the system's user."""
    for variable in ("MLOPS_ACTOR", "JUPYTERHUB_USER"):
        name = os.environ.get(variable)
        if name:
            return name
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return f"uid-{os.getuid()}"
