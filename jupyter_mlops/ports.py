"""What flows need of the world, as small Protocols. Adapters implement them; the workspace wires them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, TypeVar

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.curve import Axis, Curve
from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.errors import MlopsError
from jupyter_mlops.core.event import Event, Link
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.core.record import Entry, Record
from jupyter_mlops.core.run import Artifact, Experiment, MetricPoint, Run, RunDataset, RunStatus
from jupyter_mlops.core.search import RunPage, RunQuery
from jupyter_mlops.core.service import Limits, Replica

E = TypeVar("E", bound=Entry)


class Catalog(Protocol):
    """Every record that is not MLflow's. Each change is one transaction with its event, by ``actor``."""

    actor: str

    def add(self, entry: E, *, verb: str = "create") -> E:
        """Store a new entry; return it stamped with version, time and actor. Raises ``Conflict`` if an unversioned name is taken."""

    def get(self, kind: type[E], name: str, version: int | None = None) -> E:
        """Return an entry, the newest version unless one is named. Raises ``UnknownThing``."""

    def find(self, kind: type[E], name: str | None = None, *, state: str | None = None, limit: int = 1000) -> list[E]:
        """Return entries, newest first."""

    def edit(
        self, kind: type[E], name: str, change: Callable[[E], E], *, version: int | None = None, verb: str = "update"
    ) -> E:
        """Apply ``change`` to the stored entry, again if another writer was faster; no event when it changes nothing."""

    def remove(
        self, kind: type[E], name: str, version: int | None = None, *, only_if: Callable[[E], bool] | None = None
    ) -> bool:
        """Remove an entry and the links that begin at it, unless ``only_if`` says no; tell whether it was. Raises ``UnknownThing``."""

    def link(self, source: str, relation: str, target: str) -> None:
        """Add an edge of the lineage; adding it twice changes nothing."""

    def links(self, *, source: str | None = None, target: str | None = None) -> list[Link]:
        """Return the edges that begin at ``source`` or end at ``target``."""

    def record(self, kind: str, name: str, verb: str, body: Mapping[str, Any] | None = None) -> None:
        """Append an event about something the catalog does not hold (a run, a model)."""

    def events(self, after: int = 0, limit: int = 1000) -> list[Event]:
        """Return events with ``seq > after``, oldest first."""

    def last_seq(self) -> int:
        """Return the newest event's ``seq``, 0 when there is none."""


class Tracking(Protocol):
    """Runs, metrics, artifacts and the model registry, in MLflow's own format.

    Every method raises ``Unavailable`` when the store does not answer and ``UnknownThing`` for what is not there.
    """

    uri: str
    registry_uri: str

    def experiments(self, *, archived: bool = False) -> list[Experiment]:
        """Return the experiments that are not archived, or those that are, newest first."""

    def experiment(self, name: str, *, create: bool = False) -> Experiment:
        """Return an experiment that is not archived; ``create`` makes it, or takes it back from the archive."""

    def archive_experiment(self, name: str) -> Experiment:
        """Put an experiment away with its runs, which are kept."""

    def archived_experiment(self, name: str) -> Experiment: ...
    def restore_experiment(self, name: str) -> Experiment: ...

    def create_run(
        self,
        experiment: str,
        name: str | None,
        *,
        tags: Mapping[str, str],
        params: Mapping[str, str],
        parent: RunId | None = None,
    ) -> Run:
        """Create a RUNNING run; the experiment is made if it does not exist."""

    def end_run(self, run_id: RunId, status: RunStatus, *, reason: str = "", ended_at: float | None = None) -> None: ...
    def log(
        self,
        run_id: RunId,
        *,
        metrics: Sequence[MetricPoint] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None: ...
    def untag(self, run_id: RunId, key: str) -> None:
        """Remove a tag; one that is not there stays so."""

    def delete_run(self, run_id: RunId) -> None:
        """Put a run in the trash: no list shows it any more."""

    def restore_run(self, run_id: RunId) -> None: ...
    def deleted_run(self, ref: str) -> Run:
        """Return a run in the trash, named as for ``run``."""

    def run(self, ref: str) -> Run:
        """Return a run by id, by an unambiguous beginning of its id (6 digits or more), or by name (the newest)."""

    def runs(
        self,
        *,
        experiment: str | None = None,
        status: RunStatus | None = None,
        project: str | None = None,
        limit: int = 100,
    ) -> list[Run]:
        """Return runs, newest first."""

    def page(self, query: RunQuery) -> RunPage:
        """Return a page of the runs that match. Raises ``UnknownKey`` for a metric or parameter that no run has."""

    def keys(self, group: str) -> list[str]:
        """Return the names of all ``metrics``, ``params`` or ``tags`` where that takes no server; else none."""

    def curve(self, run_id: RunId, key: str, n_buckets: int = 1000, *, axis: Axis = "step") -> Curve:
        """Return a metric at the resolution of a chart; without points where the run has no such metric."""

    def tag_values(self, key: str) -> set[str]:
        """Return the values that a tag has in any run that is not gone for good: those in the trash count."""

    def history(self, run_id: RunId, key: str) -> list[MetricPoint]: ...
    def last_steps(self, run_id: RunId) -> dict[str, int]:
        """Return the last step of each metric of a run."""

    def datasets(self, run_id: RunId) -> list[RunDataset]: ...
    def children(self, run_id: RunId) -> list[Run]:
        """Return the runs whose parent this one is, oldest first."""

    def log_table(self, run_id: RunId, table: Any, path: str) -> None:
        """Store a DataFrame or columns as a table; rows of a second call with the same ``path`` are appended."""

    def log_image(self, run_id: RunId, image: Any, key: str, step: int) -> None:
        """Store an array or a PIL image as one of a series."""

    def log_dataset(self, run_id: RunId, data: Any, name: str, context: str) -> None:
        """Record data (a DataFrame, array, dict of arrays, ``Path`` or URL) as an input of the run."""

    def artifacts(self, run_id: RunId, path: str = "") -> list[Artifact]: ...
    def store(self, run_id: RunId, file: Path, folder: str = "", *, name: str | None = None) -> None:
        """Store a local file among the run's artifacts, below ``folder``, as ``name``."""

    def write(self, run_id: RunId, data: bytes, path: str) -> None:
        """Store bytes as the artifact ``path``."""

    def fetch(self, run_id: RunId, path: str, into: Path) -> Path:
        """Download an artifact (file or folder) into the folder ``into``; return where it is."""

    def read(self, run_id: RunId, path: str, offset: int = 0) -> bytes:
        """Return a file among a run's artifacts from byte ``offset`` on; empty where there is no such file (yet)."""

    def logged_models(self, run_id: RunId) -> list[tuple[str, str]]:
        """Return ``(name, artifact URI)`` of the models that the run logged, newest first."""

    def models(self) -> list[Model]: ...
    def model(self, name: str) -> Model: ...
    def model_version(self, ref: str) -> ModelVersion:
        """Return ``NAME``, ``NAME:VERSION`` or ``NAME@ALIAS``."""

    def register(
        self, name: str, source: str, *, run_id: RunId | None, tags: Mapping[str, str], flavor: str
    ) -> ModelVersion: ...
    def tag_model(self, name: str, version: int, tags: Mapping[str, str | None]) -> None:
        """Set tags; ``None`` removes one."""

    def alias_model(self, name: str, alias: str, version: int | None) -> None: ...
    def delete_model(self, name: str, version: int | None = None) -> None: ...
    def fetch_model(self, version: ModelVersion, into: Path) -> Path:
        """Download a model version's files into the folder ``into``; return the model's folder."""

    def check(self) -> str:
        """Return what answers (``MLflow 3.17.2, SQLite``). Raises ``Unavailable``."""


class Points(Protocol):
    """Where metrics of one run go: safe in a file at once, in MLflow a moment later."""

    def log(self, points: Sequence[MetricPoint]) -> None: ...
    def flush(self) -> bool:
        """Wait until MLflow has what this process logged, some seconds at most; tell whether it has."""


class RunJournal(Points, Protocol):
    """What one run logs in this process."""

    trouble: MlopsError | None

    def write(self, stream: str, text: str) -> None:
        """Append to ``stdout`` or ``stderr``."""

    def close(self, status: RunStatus, reason: str, ended_at: float) -> None:
        """Ship what is left and end the run. Raises ``Unavailable``, and keeps all for later, if MLflow does not answer."""


class Journals(Protocol):
    """The journals of a workspace."""

    def open(self, run_id: RunId, artifact_uri: str) -> RunJournal: ...
    def append(self, run_id: RunId) -> Points:
        """Return what appends metrics to a journal that another process has open and ships."""

    def ship_leftovers(self) -> list[RunId]:
        """Ship what dead processes left behind; return their runs."""


class Blobs(Protocol):
    """Content-addressed files. A key is ``POOL/NAME`` (``manifests/<sha256>``, ``packs/<name>``); a key's content never changes."""

    url: str

    def has(self, key: str) -> bool: ...
    def put(self, key: str, source: Path, *, move: bool = False) -> None:
        """Store a local file. All or nothing; storing what is there already is cheap and harmless.

        With ``move`` the source is given up: it may be renamed into place, and is gone afterwards.
        """

    def open(self, key: str) -> BinaryIO:
        """Open for reading, seekable. Raises ``UnknownThing``."""

    def keys(self, pool: str) -> Iterator[str]: ...
    def delete(self, key: str) -> None: ...
    def sweep(self, older_than_s: float) -> int:
        """Remove what interrupted writes left that long ago or before; return how many bytes that was."""

    def check(self) -> str: ...


class Secrets(Protocol):
    """The owner's secret store."""

    name: str

    def get(self, key: str) -> str | None: ...
    def set(self, key: str, value: str) -> None: ...
    def delete(self, key: str) -> None: ...


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


class ReplicaSpec(Record, frozen=True, kw_only=True):
    """What a host needs to start one replica."""

    service: str
    deployment: str
    manifest: Manifest
    bundle: str
    """Folder with ``manifest.json`` and the manifest's files; hosts that run images do not look at it."""
    image: str
    """Image id; empty on the process host."""
    folder: str
    """The service's own folder: ``keys/digests.json`` (replicas reread it when it changes) and ``logs/``."""
    limits: Limits


class Host(Protocol):
    """Where replicas run. Replicas outlive the process that started them."""

    name: str
    runs_images: bool

    def check(self) -> str:
        """Return what answers. Raises ``Unavailable`` with the way to get it."""

    def start(self, spec: ReplicaSpec, say: Callable[[str], None]) -> Replica:
        """Start a replica and return at once or after preparing its environment (``say`` tells the step)."""

    def alive(self, replica: Replica) -> bool:
        """Tell whether that very replica (nonce, start ticks, container) still runs."""

    def stop(self, replica: Replica, *, grace_s: float = 30.0) -> None:
        """End it: SIGTERM, drain, SIGKILL after ``grace_s``. Idempotent."""

    def replicas(self) -> list[Replica]:
        """Return all of this workspace's replicas on this host, whoever started them."""

    def logs(self, replica: Replica, tail: int = 100) -> list[str]: ...


class Backend(Record, frozen=True, kw_only=True):
    """One deployment behind a gateway."""

    deployment: str
    weight: int
    addresses: list[str]
    """Replica addresses, ready ones only."""


class Route(Record, frozen=True, kw_only=True):
    """What a service's gateway should do."""

    service: str
    bind: str
    port: int
    """0: choose a free one."""
    backends: list[Backend]


class Gateway(Protocol):
    """What stands in front of a service's replicas."""

    def apply(self, route: Route) -> int:
        """Make it so, without losing a request; start it if it does not run. Returns the port. Raises ``PortTaken``."""

    def alive(self, service: str) -> bool: ...
    def remove(self, service: str) -> None:
        """Stop it. Idempotent."""

    def services(self) -> list[str]:
        """Return the services of this workspace for which a gateway runs or has files."""


class Builder(Protocol):
    """Builds images."""

    def check(self) -> str: ...
    def build(self, manifest: Manifest, bundle: Path, say: Callable[[str, float], None]) -> tuple[str, str, int]:
        """Build an image; ``say(line, fraction)``. Returns ``(image id, tag, bytes)``."""

    def exists(self, image_id: str) -> bool: ...
    def remove(self, image_id: str) -> None: ...


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
