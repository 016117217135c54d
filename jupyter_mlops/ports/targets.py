"""Where runs execute, and with which packages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.record import Record


class Job(Record, frozen=True, kw_only=True):
    """A command for a target, in a folder, for a run."""

    run_id: RunId
    argv: list[str]
    folder: str
    env: dict[str, str] = {}


class Handle(Record, frozen=True, kw_only=True):
    """Where a job went. Stored in the run's tags, so that another process can follow it."""

    target: str
    pid: int = 0
    pid_started: int = 0
    boot_id: str = ""


class Target(Protocol):
    """Where runs execute."""

    def submit(self, job: Job) -> Handle: ...
    def alive(self, handle: Handle) -> bool: ...
    def cancel(self, handle: Handle) -> None:
        """Interrupt it, then end it after a grace period. Idempotent."""


class Fit(Record, frozen=True, kw_only=True):
    """How the packages that a run recorded are had again."""

    python: str
    """The interpreter; of a new environment the one that it is made with."""
    version: str
    """Of that interpreter."""
    how: Literal["this", "kept", "new"]
    """This process's interpreter has them, an environment made before has them, or one is to be made."""
    left_out: list[str] = []
    """Pins that no index has."""
    n_more: int = 0
    """Packages of this process's interpreter that the run did not see."""


class Environments(Protocol):
    """Interpreters with the packages that runs recorded."""

    def fit(self, wanted: Environment, say: Callable[[str], None]) -> Fit:
        """Look how they can be had; nothing is installed yet. Raises ``Unavailable`` where they cannot."""

    def interpreter(self, wanted: Environment, fit: Fit, say: Callable[[str], None]) -> str:
        """Return the interpreter that ``fit`` has told of, made now if it is new. Raises ``Unavailable``."""
