"""The workspace: the one place that names adapters and wires them into what flows need."""

from __future__ import annotations

import copy
import functools
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.agentlock import holder_of, start_agent
from jupyter_mlops.core.errors import BadInput, MlopsError, NotFound
from jupyter_mlops.core.ids import new_id
from jupyter_mlops.core.record import Record
from jupyter_mlops.governance.audit import current_actor
from jupyter_mlops.governance.secrets import choose_store, open_secrets
from jupyter_mlops.store.databases import translate
from jupyter_mlops.store.folder import (
    FOLDER,
    FORMAT,
    NoWorkspace,
    Settings,
    as_uri,
    check_writable,
    find_folder,
    follow_move,
    make_folder,
    read_settings,
    runtime_folder,
    write_settings,
)

if TYPE_CHECKING:
    from jupyter_mlops.core.host import NamedHost
    from jupyter_mlops.ports import Blobs, Builder, Environments, Gateway, Host, Secrets, Target
    from jupyter_mlops.store.catalog import SqlCatalog
    from jupyter_mlops.store.feed import ChangeFeed
    from jupyter_mlops.store.journal import Journals
    from jupyter_mlops.store.tracking import MlflowTracking

ENVIRONMENT_VARIABLE = "MLOPS_WORKSPACE"


class PartStatus(Record, frozen=True, kw_only=True):
    """One part of a workspace: where it is and whether it answers."""

    part: str
    where: str
    answers: bool
    detail: str


def find_workspace(start: Path) -> Path | None:
    """Return the ``.mlops`` folder that counts for ``start``.

    ``MLOPS_WORKSPACE`` overrides the nearest one upward, unless that one lies inside it: a server hands the
    variable to its kernels, and a workspace nearer to the notebook wins.
    """
    nearest = find_folder(start)
    named = _named_home()
    if named is None:
        return nearest
    if nearest is not None and nearest.parent != named and nearest.parent.is_relative_to(named):
        return nearest
    return named / FOLDER if (named / FOLDER / "workspace.toml").is_file() else None


def _named_home() -> Path | None:
    named = os.environ.get(ENVIRONMENT_VARIABLE)
    if not named:
        return None
    path = Path(named).resolve()
    return path.parent if path.name == FOLDER else path


class Workspace:
    """One workspace, as ``ports.World``. Parts are opened on first use; safe to use from several threads."""

    def __init__(self, root: Path, settings: Settings, *, actor: str, made: bool = False) -> None:
        self.root = root
        self.home = root.parent
        self.settings = settings
        self.id = settings.id
        self.node = socket.gethostname()
        self.actor = actor
        self.made = made
        """Whether this call of ``open`` made it."""
        self._parts: dict[str, Any] = {}
        self._lock = threading.RLock()

    @classmethod
    def open(cls, path: Path | None = None, *, actor: str | None = None, create: bool = False) -> Self:
        """Open the workspace at ``path`` (its folder or its ``.mlops``), else the one that counts for the current folder.

        With ``create``, one is made where none is found. Raises ``NoWorkspace``, ``NewerWorkspace``, and
        ``ReadOnly`` where it cannot be made.
        """
        root = cls._find(path)
        made = root is None
        if root is None:
            home = (path or _named_home() or Path.cwd()).resolve()
            home = home.parent if home.name == FOLDER else home
            if not create:
                raise NoWorkspace(home)
            root = make_folder(home, new_settings(home))
        settings = follow_move(root, read_settings(root))
        return cls(root, settings, actor=actor or current_actor(), made=made)

    @staticmethod
    def _find(path: Path | None) -> Path | None:
        if path is None:
            return find_workspace(Path.cwd())
        path = path.resolve()  # `..` and links would make it look like a workspace that was moved
        home = path.parent if path.name == FOLDER else path
        if not home.is_dir():
            raise NotFound(f"There is no folder {home}.", hint="Check the path, or make one with `mlops init DIR`.")
        return home / FOLDER if (home / FOLDER / "workspace.toml").is_file() else None

    def for_actor(self, actor: str) -> Workspace:
        """Return the same workspace, whose changes are recorded as ``actor``'s. It shares all open parts."""
        other = copy.copy(self)
        other.actor = actor
        return other

    def _part(self, name: str, make: functools.partial[Any]) -> Any:
        with self._lock:
            if name not in self._parts:
                self._parts[name] = make()
            return self._parts[name]

    @property
    def runtime(self) -> Path:
        """A 0700 folder with a short path, for sockets."""
        return Path(self._part("runtime", functools.partial(runtime_folder, self.id)))

    @property
    def catalog_url(self) -> str:
        """The catalog's SQLAlchemy URL."""
        return self.settings.catalog_url or f"sqlite:///{self.root / 'catalog.db'}"

    @property
    def tracking_uri(self) -> str:
        """The absolute MLflow tracking URI."""
        return self.settings.tracking_uri or f"sqlite:///{self.root / 'mlflow.db'}"

    @property
    def registry_uri(self) -> str:
        """The absolute MLflow registry URI."""
        return self.settings.registry_uri or self.tracking_uri

    @property
    def artifact_url(self) -> str:
        """Where runs store their artifacts."""
        return self.settings.artifact_url or as_uri(self.root / "artifacts")

    @property
    def large_file_bytes(self) -> int:
        """Files above this size are data, not source: a snapshot records them only."""
        return self.settings.snapshot.large_file_bytes

    @property
    def system_every_s(self) -> float:
        """How often a run's use of its machine is sampled; 0 for never."""
        return self.settings.system.every_s

    def experiment_in_use(self) -> str:
        """Return the experiment of runs that name none; read anew, since another process may have changed it."""
        return read_settings(self.root).experiment

    def use_experiment(self, name: str) -> None:
        """Make it the experiment of runs that name none, for every process that works in this workspace."""
        settings = read_settings(self.root)
        try:
            write_settings(self.root, msgspec.structs.replace(settings, experiment=name))
        except OSError as error:
            raise translate(error, f"The workspace {self.root}") from error

    @property
    def catalog(self) -> SqlCatalog:
        """Every record that is not MLflow's."""
        from jupyter_mlops.store.catalog import open_catalog

        catalog: SqlCatalog = self._part("catalog", functools.partial(open_catalog, self.catalog_url, actor=self.actor))
        return catalog if catalog.actor == self.actor else catalog.for_actor(self.actor)

    @property
    def tracking(self) -> MlflowTracking:
        """Runs, metrics, artifacts and models."""
        from jupyter_mlops.store.tracking import MlflowTracking

        make = functools.partial(MlflowTracking, self.tracking_uri, self.registry_uri, self.artifact_url)
        return self._part("tracking", make)  # type: ignore[no-any-return]  # _part keeps what make returns

    @property
    def journals(self) -> Journals:
        """What runs log, on its way to MLflow."""
        from jupyter_mlops.store.journal import Journals

        log_bytes = self.settings.logs.max_bytes
        make = functools.partial(Journals, self.root / "journal", self.tracking, log_bytes=log_bytes)
        return self._part("journals", make)  # type: ignore[no-any-return]  # the same

    @property
    def blobs(self) -> Blobs:
        """Content-addressed files."""
        from jupyter_mlops.store.blobs import open_blobs

        make = functools.partial(open_blobs, self.settings.blob_url or as_uri(self.root / "blobs"))
        return self._part("blobs", make)  # type: ignore[no-any-return]  # the same

    @property
    def secrets(self) -> Secrets:
        """The owner's secret store."""
        name: Any = self.settings.secrets
        return self._part("secrets", functools.partial(open_secrets, name, self.root))  # type: ignore[no-any-return]  # the same

    @property
    def targets(self) -> Mapping[str, Target]:
        """Where runs execute, by name."""
        from jupyter_mlops.targets.local import LocalTarget

        return self._part("targets", functools.partial(dict, local=LocalTarget()))  # type: ignore[no-any-return]  # the same

    @property
    def environments(self) -> Environments:
        """Interpreters with the packages that runs recorded."""
        from jupyter_mlops.hosts.recorded import RecordedEnvironments

        return self._part("environments", functools.partial(RecordedEnvironments, self.root / "cache"))  # type: ignore[no-any-return]  # the same

    @property
    def hosts(self) -> Mapping[str, Host]:
        """Where services run, by name."""
        return self._part("hosts", functools.partial(self._make_hosts))  # type: ignore[no-any-return]  # the same

    def _make_hosts(self) -> Mapping[str, Host]:
        from jupyter_mlops.core.host import NamedHost
        from jupyter_mlops.hosts.docker import DockerHost
        from jupyter_mlops.hosts.process import ProcessHost
        from jupyter_mlops.hosts.table import HostTable

        place = (self.root, self.runtime, self.id, self.node)
        local: dict[str, Host] = {"process": ProcessHost(*place), "docker": DockerHost(*place)}
        return HostTable(local, lambda: self.catalog.find(NamedHost), self._connect_host)

    def _connect_host(self, entry: NamedHost) -> Host:
        from jupyter_mlops.hosts.builder import DockerBuilder
        from jupyter_mlops.hosts.remote import connect

        build_with = functools.partial(DockerBuilder, self.root, self.id)
        return connect(entry, self.runtime, self.id, self.node, build_with, root=self.root)

    @property
    def gateway(self) -> Gateway:
        """What stands in front of the replicas."""
        from jupyter_mlops.gateway.runtime import HaproxyGateway

        return self._part("gateway", functools.partial(HaproxyGateway, self.root, self.runtime, self.id))  # type: ignore[no-any-return]  # the same

    @property
    def builder(self) -> Builder:
        """What builds images."""
        from jupyter_mlops.hosts.builder import DockerBuilder

        return self._part("builder", functools.partial(DockerBuilder, self.root, self.id))  # type: ignore[no-any-return]  # the same

    def feed(self) -> ChangeFeed:
        """Return a new change feed; the caller closes it."""
        from jupyter_mlops.store.feed import ChangeFeed
        from jupyter_mlops.store.mlflow_client import local_file

        catalog_file = None if self.settings.catalog_url else self.root / "catalog.db"
        return ChangeFeed(
            self.catalog, self.tracking, catalog_file=catalog_file, tracking_file=local_file(self.tracking_uri)
        )

    def submit(self, verb: str, subject: str, args: Mapping[str, Any]) -> Activity:
        """Record a long operation and see to it that an agent runs to do it. Raises as ``ensure_agent``."""
        check_writable(self.root)
        activity = self.catalog.add(
            Activity(name=new_id(), verb=verb, subject=subject, args=dict(args), node=self.node)
        )
        self.ensure_agent()
        return activity

    def ensure_agent(self) -> None:
        """Start the workspace's agent if none holds its lock or is about to. The agent is a session of its own and outlives us.

        Raises ``DiskFull`` or ``ReadOnly`` where nothing can be written: no agent could do its work there, or say so.
        """
        check_writable(self.root)
        folder = self.root / "agent"
        folder.mkdir(mode=0o700, exist_ok=True)
        start_agent(self.root)

    def status(self) -> list[PartStatus]:
        """Return each part, where it is and whether it answers."""
        checks: list[tuple[str, str, functools.partial[str]]] = [
            ("workspace", str(self.root), functools.partial(self._check_folder)),
            ("catalog", _shown(self.catalog_url), functools.partial(self._check_part, "catalog")),
            ("tracking", _shown(self.tracking_uri), functools.partial(self._check_part, "tracking")),
            ("artifacts", self.artifact_url, functools.partial(str, "by MLflow")),
            ("blobs", self.settings.blob_url or str(self.root / "blobs"), functools.partial(self._check_part, "blobs")),
            ("secrets", self.settings.secrets, functools.partial(self._check_secrets)),
            ("host process", "this machine", functools.partial(self._check_host, "process")),
            (
                "host docker",
                os.environ.get("DOCKER_HOST", "local engine"),
                functools.partial(self._check_host, "docker"),
            ),
            ("agent", str(self.root / "agent"), functools.partial(self._check_agent)),
        ]
        return [_status(part, where, check) for part, where, check in checks]

    def _check_folder(self) -> str:
        check_writable(self.root)
        return f"id {self.id}, format {self.settings.format}"

    def _check_part(self, name: str) -> str:
        return str(getattr(self, name).check())

    def _check_secrets(self) -> str:
        self.secrets.get("probe")
        return "readable by its owner only"

    def _check_host(self, name: str) -> str:
        return self.hosts[name].check()

    def _check_agent(self) -> str:
        running = holder_of(self.root) is not None
        return (
            "running; replicas live as long as this machine's process tree" if running else "starts when it is needed"
        )

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            opened = [self._parts.pop(name, None) for name in ("catalog", "tracking")]
            self._parts.clear()
        for part in opened:
            if part is not None:
                part.close()


def init_workspace(home: Path, **urls: str) -> Workspace:
    """Make a workspace in ``home``, with ``tracking_uri``, ``registry_uri``, ``catalog_url``, ``artifact_url``, ``blob_url``.

    Raises ``BadInput`` on a network file system without servers, and where there is one already.
    """
    home = home.resolve()
    if (home / FOLDER / "workspace.toml").exists():
        raise BadInput(f"{home} has a workspace already.", hint="See `mlops status`.")
    settings = msgspec.structs.replace(new_settings(home), **{key: url for key, url in urls.items() if url})
    make_folder(home, settings)
    workspace = Workspace.open(home)
    workspace.made = True
    return workspace


def new_settings(home: Path) -> Settings:
    """Return the settings of a workspace to be made in ``home``."""
    return Settings(format=FORMAT, id=new_id(), home=str(home), secrets=choose_store())


def _status(part: str, where: str, check: functools.partial[str]) -> PartStatus:
    try:
        return PartStatus(part=part, where=where, answers=True, detail=check())
    except MlopsError as error:
        return PartStatus(part=part, where=where, answers=False, detail=f"{error.message} {error.hint}".strip())


def _shown(url: str) -> str:
    from jupyter_mlops.store.mlflow_client import without_password

    return without_password(url)
