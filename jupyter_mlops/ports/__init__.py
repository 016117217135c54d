"""What flows need of the world, as small Protocols. Adapters implement them; the workspace wires them."""

from jupyter_mlops.ports.hosts import Backend, Builder, Built, Distant, Gateway, Host, Load, ReplicaSpec, Route
from jupyter_mlops.ports.stores import Blobs, Catalog, Secrets
from jupyter_mlops.ports.targets import Environments, Fit, Handle, Job, Target
from jupyter_mlops.ports.tracking import Journals, Points, RunJournal, Tracking
from jupyter_mlops.ports.world import Say, World

__all__ = [
    "Backend",
    "Blobs",
    "Builder",
    "Built",
    "Catalog",
    "Distant",
    "Environments",
    "Fit",
    "Gateway",
    "Handle",
    "Host",
    "Job",
    "Journals",
    "Load",
    "Points",
    "ReplicaSpec",
    "Route",
    "RunJournal",
    "Say",
    "Secrets",
    "Target",
    "Tracking",
    "World",
]
