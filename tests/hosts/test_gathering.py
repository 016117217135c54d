"""What a container kept comes here once, wherever the one who brings it is killed; deleting there is the last step."""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from jupyter_mlops.hosts import gathering
from jupyter_mlops.hosts.docker import KEPT, TELEMETRY

pytestmark = pytest.mark.docker


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def container(engine: docker.DockerClient) -> Iterator[str]:
    """A container that never runs, of an image with nothing in it, with a volume where requests are kept."""
    volume = f"mlops-test-{secrets.token_hex(4)}"
    loaded = engine.api.import_image_from_data(archive({"empty": b""}), repository=volume, tag="1")
    assert "status" in loaded
    mounts = [docker.types.Mount(TELEMETRY, volume, type="volume")]
    config = engine.api.create_host_config(mounts=mounts)
    made = engine.api.create_container(f"{volume}:1", "nothing", host_config=config)["Id"]
    gathering.make_room(engine, made)
    yield made
    engine.api.remove_container(made, force=True)
    engine.api.remove_volume(volume)
    engine.images.remove(f"{volume}:1")


FILES = {f"2026112119-aa-{number}.jsonl.zst": os.urandom(100_000) for number in range(3)}
PART = "2026112119-aa-4.part"


@pytest.fixture
def full(engine: docker.DockerClient, container: str) -> str:
    engine.api.put_archive(container, KEPT, archive({**FILES, PART: b"the last"}))
    return container


def here(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.glob("*.zst")}


def test_files_come_here_whole_and_the_one_being_written_when_its_container_has_ended(engine, full, tmp_path):
    with contextlib.suppress(docker.errors.APIError):  # nothing can be deleted in a container that does not run
        gathering.gather(engine, full, tmp_path / "r1", ended=False)
    assert here(tmp_path / "r1") == FILES
    gathering.gather(engine, full, tmp_path / "r1", ended=True)
    assert here(tmp_path / "r1") == {**FILES, PART.replace(".part", ".jsonl.zst"): b"the last"}
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "r1").glob("*.zst")} == {0o600}


@pytest.mark.parametrize("step", ["_write", "replace_file", "_name"])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_anywhere_each_file_comes_once_though_what_came_is_taken_away_meanwhile(full, tmp_path, monkeypatch, step, after):  # fmt: skip
    came: list[str] = []
    for nth in (1, 2, 3, 0):
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                _die_at(step, nth, after, monkeypatch)
                gathering.gather(docker.from_env(), full, tmp_path / "r1", ended=True)
            os._exit(0)
        os.waitpid(pid, 0)
        for file in (tmp_path / "r1").glob("*.zst"):  # as compaction does
            came.append(file.name)
            assert file.stat().st_size in {100_000, len(b"the last")}
            file.unlink()
    assert sorted(came) == sorted([*FILES, PART.replace(".part", ".jsonl.zst")])


def _die_at(step: str, nth: int, after: bool, patch: pytest.MonkeyPatch) -> None:
    real, calls = getattr(gathering, step), []

    def dying(*args: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == nth and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        found = real(*args, **options)
        if len(calls) == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return found

    patch.setattr(gathering, step, dying)
