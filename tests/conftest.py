"""What all tests share: an open workspace, and what to do where an engine or a browser is missing."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path

import msgspec
import psutil
import pytest

from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.hosts.engine import Engine
from jupyter_mlops.store.folder import SystemSettings, write_settings
from jupyter_mlops.workspace import Workspace

_spec = importlib.util.spec_from_file_location("machines", Path(__file__).with_name("machines.py"))
machines = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(machines)

CI = bool(os.environ.get("CI"))


def _docker_answers() -> str:
    try:
        Engine(patience_s=10).version()
    except Unavailable as error:
        return error.message
    return ""


def _chromium_is_there() -> str:
    return "" if shutil.which("chromium") or shutil.which("google-chrome") else "no Chromium on the PATH"


def _postgresql_is_there() -> str:
    return "" if os.environ.get("MLOPS_TEST_POSTGRESQL") else "MLOPS_TEST_POSTGRESQL names no server"


NEEDS = {
    "docker": _docker_answers,
    "ssh": machines.missing,
    "browser": _chromium_is_there,
    "postgresql": _postgresql_is_there,
}


def pytest_configure() -> None:
    """Take interrupts again where a shell started us in the background and switched them off for all below."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = ("packaging", "cli/test_readme.py", "notebooks", "training/test_reproduce.py", "browser")
"""Of several processes that take a file each, none is to be left alone with one of these at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take the longest first. Skip what this machine cannot run, with the reason; in CI leave it in, so that it fails."""
    places = [Path(__file__).parent / one for one in LONGEST]
    items.sort(
        key=lambda item: next((at for at, one in enumerate(places) if item.path.is_relative_to(one)), len(places))
    )
    if CI:
        return
    for mark, missing in NEEDS.items():
        marked = [item for item in items if item.get_closest_marker(mark)]
        reason = missing() if marked else ""
        for item in marked if reason else []:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the workspace or the identity of whoever runs it."""
    for name in (
        "MLOPS_WORKSPACE",
        "MLOPS_ACTOR",
        "JUPYTERHUB_USER",
        "MLFLOW_TRACKING_URI",
        "MLFLOW_RUN_ID",
        "COLUMNS",
    ):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def unprivileged() -> list[str]:
    """What to put before a command so that it minds permissions, also when root runs the tests."""
    drop = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={drop}", f"--inh-caps={drop}"] if os.geteuid() == 0 else []


@pytest.fixture(scope="session", name="machines")
def _machines() -> object:
    """The module that makes other machines."""
    return machines


@pytest.fixture(scope="session")
def machine() -> Iterator[object]:
    """Another machine: one that is reached by ssh, as ``machines.Machine``."""
    with machines.machine() as made:
        yield made


@pytest.fixture(scope="session")
def serving() -> Callable[[Path, dict[str, object]], AbstractContextManager[str]]:
    """Return what runs Debian's registry on loopback, with its store in a folder and a kind of login, as a context."""
    return machines.registry


@pytest.fixture(scope="session")
def s3_bucket() -> Iterator[str]:
    """The URL of a bucket on a server that speaks S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        import s3fs

        s3fs.S3FileSystem().mkdir("mlops")
        yield "s3://mlops"
    s3fs.S3FileSystem.clear_instance_cache()
    server.stop()


@pytest.fixture(scope="session")
def blank_tracking_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty mlflow.db, made once: making one costs MLflow over a second."""
    folder = tmp_path_factory.mktemp("blank")
    workspace = Workspace.open(folder, create=True)
    workspace.tracking.experiments()
    workspace.close()
    return folder / ".mlops" / "mlflow.db"


@pytest.fixture(scope="session")
def open_workspace(blank_tracking_store: Path):
    """Return a function that makes and opens a workspace in a folder; the caller closes it."""

    def make(home: Path) -> Workspace:
        home.mkdir(parents=True, exist_ok=True)
        workspace = Workspace.open(home, create=True)
        if workspace.made:  # on a busy machine any run may last long enough to be sampled
            never = SystemSettings(every_s=0)
            workspace.settings = msgspec.structs.replace(workspace.settings, system=never)
            write_settings(workspace.root, workspace.settings)
        target = workspace.root / "mlflow.db"
        if not target.exists():
            with closing(sqlite3.connect(blank_tracking_store)) as source, closing(sqlite3.connect(target)) as copy:
                source.backup(copy)
                copy.execute("UPDATE experiments SET artifact_location = ?", (f"{workspace.artifact_url}/0",))
                copy.commit()
        return workspace

    return make


@pytest.fixture
def make_workspace(open_workspace) -> Iterator[object]:
    """Return a function that makes and opens a workspace in a folder, until the test ends."""
    opened: list[Workspace] = []

    def make(home: Path) -> Workspace:
        opened.append(open_workspace(home))
        return opened[-1]

    yield make
    for workspace in opened:
        workspace.close()


@pytest.fixture(scope="session")
def end_agents() -> Callable[[Workspace], None]:
    """Return a function that ends a workspace's agents, those too that are only starting and hold no lock yet."""

    def end(world: Workspace) -> None:
        def is_its(process: psutil.Process) -> bool:
            with suppress(psutil.Error):
                argv = process.cmdline()
                return "jupyter_mlops.agent" in argv and str(world.root) in argv
            return False

        agents = [process for process in psutil.process_iter() if is_its(process)]
        for agent in agents:
            agent.terminate()
        assert not psutil.wait_procs(agents, timeout=30)[1]

    return end


@pytest.fixture
def workspace(tmp_path: Path, make_workspace) -> Workspace:
    """An open workspace in ``tmp_path``."""
    return make_workspace(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB, which root may mount; else the test is skipped."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.getuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False).returncode
    ):
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.fixture
def fill() -> Callable[[Path], None]:
    """Return a function that writes a file until its disk is full."""

    def write(path: Path) -> None:
        with suppress(OSError), path.open("wb", buffering=0) as filler:
            while filler.write(b"0" * 4096):
                pass

    return write
