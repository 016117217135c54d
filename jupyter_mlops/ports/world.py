"""All of it together, as flows are given it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.ports.hosts import Builder, Gateway, Host
from jupyter_mlops.ports.stores import Blobs, Catalog, Secrets
from jupyter_mlops.ports.targets import Environments, Target
from jupyter_mlops.ports.tracking import Journals, Tracking


class World(Protocol):
    """The parts of one workspace, as the flows get them."""

    id: str
    root: Path
    """The ``.mlops`` folder."""
    home: Path
    """The folder that holds it."""
    node: str
    actor: str

    @property
    def runtime(self) -> Path:
        """A 0700 folder with a short path, for sockets."""

    @property
    def large_file_bytes(self) -> int:
        """Files above this size are data, not source: a snapshot records them only."""

    @property
    def system_every_s(self) -> float:
        """How often a run's use of its machine is sampled; 0 for never."""

    def experiment_in_use(self) -> str:
        """Return the experiment of runs that name none."""

    def use_experiment(self, name: str) -> None:
        """Make it the experiment of runs that name none, for every process that works in this workspace."""

    @property
    def catalog(self) -> Catalog: ...
    @property
    def tracking(self) -> Tracking: ...
    @property
    def journals(self) -> Journals: ...
    @property
    def blobs(self) -> Blobs: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def targets(self) -> Mapping[str, Target]: ...
    @property
    def environments(self) -> Environments: ...
    @property
    def hosts(self) -> Mapping[str, Host]: ...
    @property
    def gateway(self) -> Gateway: ...
    @property
    def builder(self) -> Builder: ...
    def submit(self, verb: str, subject: str, args: Mapping[str, Any]) -> Activity:
        """Record a long operation and see to it that an agent runs to do it."""

    def ensure_agent(self) -> None:
        """Start this node's agent if none runs."""


Say = Callable[[str, float], None]
"""Tell progress: a line for a person and the fraction done (0 to 1)."""
