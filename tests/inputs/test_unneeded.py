"""Files of deleted manifests in a store that other machines write to go, and none that somebody is about to refer to."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from jupyter_mlops.core.manifest import Manifest, ManifestFile
from jupyter_mlops.delivery.bundles import store_files
from jupyter_mlops.inputs import gc as collecting
from jupyter_mlops.inputs import unneeded
from jupyter_mlops.inputs.gc import Collected, collect_garbage
from jupyter_mlops.inputs.unneeded import UnneededFile, deletable
from jupyter_mlops.store.blobs import open_blobs
from jupyter_mlops.workspace import Workspace

DAY = 86_400.0


@pytest.fixture
def shared(workspace: Workspace, tmp_path: Path) -> Workspace:
    """A workspace whose blobs are in a store that other machines may write to."""
    workspace._parts["blobs"] = open_blobs(f"memory://{tmp_path.name}-{time.monotonic_ns()}")
    return workspace


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").write_bytes(b"weights")
    return folder


def store(world: Workspace, model: Path) -> list[ManifestFile]:
    return store_files(world, model, [model / "weights"], "models/churn")


def gc_days_later(world: Workspace, monkeypatch: pytest.MonkeyPatch, days: float) -> Collected:
    with monkeypatch.context() as clock:
        now = time.time()
        clock.setattr(collecting.time, "time", lambda: now + days * DAY)
        return collect_garbage(world)


def is_there(world: Workspace, file: ManifestFile) -> bool:
    return f"manifests/{file.digest}" in set(world.blobs.keys("manifests"))


def marks(world: Workspace) -> list[UnneededFile]:
    return world.catalog.find(UnneededFile)


def test_a_file_goes_a_day_after_the_gc_that_found_it(shared, model, monkeypatch):
    (file,) = store(shared, model)
    assert collect_garbage(shared, dry_run=True).n_waiting == 1
    assert marks(shared) == []
    assert collect_garbage(shared) == Collected(n_waiting=1)
    assert gc_days_later(shared, monkeypatch, 0.9) == Collected(n_waiting=1)
    assert is_there(shared, file)
    assert gc_days_later(shared, monkeypatch, 1.1) == Collected(n_files=1, n_bytes=7)
    assert not is_there(shared, file)
    assert marks(shared) == []


def test_a_file_that_a_manifest_refers_to_again_stays_and_loses_its_mark(shared, model, monkeypatch):
    files = store(shared, model)
    collect_garbage(shared)
    shared.catalog.add(Manifest(name="churn", models=[], files=files))
    assert gc_days_later(shared, monkeypatch, 1.1) == Collected()
    assert marks(shared) == []
    assert is_there(shared, files[0])


def test_a_file_that_is_stored_for_a_manifest_to_come_stays(shared, model, monkeypatch):
    store(shared, model)
    collect_garbage(shared)
    (file,) = store(shared, model)  # its manifest is not in the catalog yet
    assert marks(shared) == []
    assert gc_days_later(shared, monkeypatch, 1.1) == Collected(n_waiting=1)
    assert is_there(shared, file)


def test_who_stores_a_file_that_is_being_deleted_waits_and_stores_it_anew(shared, model, monkeypatch):
    (file,) = store(shared, model)
    collect_garbage(shared)
    delete, writer = shared.blobs.delete, threading.Thread(target=store, args=(shared, model))

    def slowly(key: str) -> None:
        writer.start()
        writer.join(0.3)
        assert writer.is_alive()
        delete(key)

    monkeypatch.setattr(shared.blobs, "delete", slowly)
    assert gc_days_later(shared, monkeypatch, 1.1).n_files == 1
    writer.join(10)
    assert is_there(shared, file)


def test_a_manifest_that_comes_at_the_last_moment_keeps_its_file(shared, model):
    (file,) = store(shared, model)
    collect_garbage(shared)
    later = time.time() + 2 * DAY
    assert list(deletable(shared, [file.digest], lambda: [file.digest], before=later, dry_run=False)) == []
    assert marks(shared) == []


def test_a_claim_that_a_killed_gc_left_holds_nobody_up_for_ever(shared, model, monkeypatch):
    (file,) = store(shared, model)
    collect_garbage(shared)
    later = time.time() + 2 * DAY
    claimed = deletable(shared, [file.digest], list, before=later, dry_run=False)
    assert next(claimed) == file.digest
    del claimed  # the gc that was to delete it ends here
    assert list(deletable(shared, [file.digest], list, before=later, dry_run=False)) == []  # another lets it be
    monkeypatch.setattr(unneeded, "STUCK_S", 0.0)
    store(shared, model)
    assert marks(shared) == []
    assert is_there(shared, file)
