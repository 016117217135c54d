"""An environment: a pinned set of packages and the Python and base image under them."""

from __future__ import annotations

from jupyter_mlops.core.record import Record


class Environment(Record, frozen=True, kw_only=True):
    """The packages a run or a replica sees."""

    python: str
    """``3.11.7`` as recorded from a run, ``3.11`` as asked for by a manifest."""
    packages: dict[str, str] = {}
    """Distribution name (normalised) to version."""
    platform: str = ""


class GitState(Record, frozen=True, kw_only=True):
    """What git says of a folder."""

    root: str
    commit: str = ""
    branch: str = ""
    remote: str = ""
    dirty: bool = False
