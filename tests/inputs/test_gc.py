"""What no run refers to goes, and nothing else, whoever is at work meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest

from jupyter_mlops.core.errors import Conflict, MlopsError, UnknownThing
from jupyter_mlops.core.manifest import Manifest, ManifestFile
from jupyter_mlops.core.run import Run
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.inputs import gc as collecting
from jupyter_mlops.inputs import take
from jupyter_mlops.inputs.gc import Collected, collect_garbage
from jupyter_mlops.inputs.owners import SharedStore
from jupyter_mlops.inputs.snapshots import find_snapshot, list_snapshots, restore_snapshot, take_snapshot
from jupyter_mlops.inputs.storelock import StoreBusy, alone, using
from jupyter_mlops.store.blobs import open_blobs
from jupyter_mlops.store.catalog import open_catalog
from jupyter_mlops.workspace import Workspace

DAY = 86_400.0


@pytest.fixture
def world(tmp_path: Path, make_workspace: Callable[[Path], Workspace]) -> Workspace:
    return make_workspace(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    work = tmp_path / "work"
    work.mkdir()
    (work / "same.bin").write_bytes(os.urandom(20_000))
    return work


def edit(folder: Path, text: str, n_bytes: int = 10_000) -> None:
    (folder / "train.py").write_bytes(text.encode() + os.urandom(n_bytes))


def begin_run(world: Workspace, snapshot: Snapshot) -> Run:
    run = world.tracking.create_run("default", None, tags={"mlops.snapshot": snapshot.name}, params={})
    world.catalog.link(f"run:{run.id}", "started-from", f"snapshot:{snapshot.name}")
    return run


def delete_for_good(world: Workspace, run: Run) -> None:
    """As `mlflow gc` does."""
    world.tracking.client.delete_run(run.id)
    world.tracking.client._tracking_client.store._hard_delete_run(run.id)


def packs(world: Workspace) -> list[str]:
    return sorted(world.blobs.keys("packs"))


def restores(world: Workspace, snapshot: Snapshot, folder: Path, scratch: Path) -> bool:
    """Whether a snapshot comes back as ``folder`` is now."""
    into = scratch / f"{snapshot.name}-{time.monotonic_ns()}"
    restore_snapshot(world, snapshot.name, into)
    return {path.name: path.read_bytes() for path in into.iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }


def test_what_no_run_refers_to_is_removed_and_the_rest_restores(world: Workspace, folder: Path, tmp_path: Path) -> None:
    edit(folder, "one")
    unused = take_snapshot(world, folder)
    (folder / "same.bin").write_bytes(b"another")
    edit(folder, "two")
    used = take_snapshot(world, folder)
    begin_run(world, used)
    before = sum(path.stat().st_size for path in (world.root / "blobs").rglob("*") if path.is_file())
    plan = collect_garbage(world, dry_run=True)
    assert len(packs(world)) == 2
    assert len(list_snapshots(world)) == 2
    done = collect_garbage(world)
    assert done == Collected(snapshots=[unused.name], n_packs=1, n_bytes=plan.n_bytes)
    assert (plan.dry_run, plan.snapshots, plan.n_packs) == (True, [unused.name], 1)
    after = sum(path.stat().st_size for path in (world.root / "blobs").rglob("*") if path.is_file())
    assert before - after == done.n_bytes > 30_000
    with pytest.raises(UnknownThing):
        find_snapshot(world, unused.name)
    assert restores(world, used, folder, tmp_path)
    assert collect_garbage(world) == Collected()


def test_a_run_in_the_trash_keeps_its_snapshot_until_it_is_gone_for_good(world: Workspace, folder: Path) -> None:
    run = begin_run(world, take_snapshot(world, folder))
    world.tracking.client.delete_run(run.id)
    world.tracking.client.delete_experiment(world.tracking.client.get_run(run.id).info.experiment_id)
    assert collect_garbage(world) == Collected()
    delete_for_good(world, run)
    assert collect_garbage(world).n_packs == 1
    assert packs(world) == []


def test_a_tag_that_was_taken_off_does_not_cost_the_run_its_snapshot(world: Workspace, folder: Path) -> None:
    run = begin_run(world, take_snapshot(world, folder))
    world.tracking.client.delete_tag(run.id, "mlops.snapshot")
    assert collect_garbage(world) == Collected()


def test_runs_are_asked_for_where_they_are_in_no_local_file(
    world: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jupyter_mlops.store.tags.local_file", lambda _uri: None)
    run = begin_run(world, take_snapshot(world, folder))
    world.tracking.client.delete_run(run.id)
    begin_run(world, take_snapshot(world, folder))
    assert world.tracking.tag_values("mlops.snapshot") == {list_snapshots(world)[0].name}
    assert world.tracking.tag_values("mlops.nothing") == set()


@pytest.mark.parametrize(("n_bytes", "written_anew"), [(60_000, True), (1_000, False)])
def test_a_pack_is_written_anew_when_most_of_it_is_not_needed(
    world: Workspace, folder: Path, tmp_path: Path, n_bytes: int, written_anew: bool
) -> None:
    edit(folder, "one", n_bytes)
    take_snapshot(world, folder)
    (first,) = packs(world)
    edit(folder, "two")
    used = take_snapshot(world, folder)
    begin_run(world, used)
    before = sum(path.stat().st_size for path in (world.root / "blobs").rglob("*") if path.is_file())
    done = collect_garbage(world)
    after = sum(path.stat().st_size for path in (world.root / "blobs").rglob("*") if path.is_file())
    assert before - after == done.n_bytes
    assert (first in packs(world)) is not written_anew
    assert len(packs(world)) == 2
    assert restores(world, used, folder, tmp_path)


def test_large_contents_are_copied_too(world: Workspace, folder: Path, tmp_path: Path) -> None:
    (folder / "big.bin").write_bytes(os.urandom(5_000_000))
    edit(folder, "one", 8_000_000)
    take_snapshot(world, folder)
    edit(folder, "two")
    used = take_snapshot(world, folder)
    begin_run(world, used)
    assert collect_garbage(world).n_packs == 1
    assert restores(world, used, folder, tmp_path)


def test_a_store_whose_folders_cannot_be_read_is_left_alone(world: Workspace, folder: Path) -> None:
    edit(folder, "one")
    begin_run(world, take_snapshot(world, folder))
    (key,) = packs(world)
    edit(folder, "two")
    unused = take_snapshot(world, folder)
    (world.root / "blobs" / key).write_bytes(b"damage" * 100)
    (world.root / "cache" / "packs" / f"{key.partition('/')[2]}.index").unlink()
    before = packs(world)
    with pytest.raises(MlopsError, match=f"The pack {key.partition('/')[2]} in the blob store at .* is damaged"):
        collect_garbage(world)
    assert packs(world) == before
    assert unused.name not in {one.name for one in list_snapshots(world)}


def test_files_of_deleted_manifests_go_and_those_of_others_stay(world: Workspace, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"weights")
    for digest in ("a" * 64, "b" * 64):
        world.blobs.put(f"manifests/{digest}", tmp_path / "model")
    world.catalog.add(
        Manifest(name="churn", models=[], files=[ManifestFile(path="models/x", digest="a" * 64, n_bytes=7)])
    )
    assert collect_garbage(world, dry_run=True).n_files == 1
    assert collect_garbage(world) == Collected(n_files=1, n_bytes=7)
    assert list(world.blobs.keys("manifests")) == [f"manifests/{'a' * 64}"]


# Beside others, on this machine


def test_a_gc_waits_for_a_snapshot_that_is_being_taken_and_says_so(world: Workspace) -> None:
    said: list[str] = []
    ready, done = threading.Event(), threading.Event()

    def take_long() -> None:
        with using(world.root):
            ready.set()
            done.wait(10)

    thread = threading.Thread(target=take_long)
    thread.start()
    ready.wait(10)
    collector = threading.Thread(target=lambda: collect_garbage(world, say=lambda line, _: said.append(line)))
    collector.start()
    time.sleep(0.3)
    assert said == ["Waiting for a snapshot that is being taken or read"]
    done.set()
    thread.join(10)
    collector.join(30)
    assert said[-1] == "Removing what is not needed"


def test_a_gc_that_gets_no_turn_says_so(world: Workspace) -> None:
    with (
        using(world.root),
        pytest.raises(StoreBusy, match="are being taken or read"),
        alone(world.root, patience_s=0.1),
    ):
        pass


def test_a_workspace_that_cannot_be_locked_is_used_all_the_same(tmp_path: Path) -> None:
    with using(tmp_path / "missing"), alone(tmp_path / "missing") as locked:
        assert not locked


def test_a_run_that_is_being_made_keeps_its_snapshot(
    world: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From before the snapshot is taken until its run refers to it, no gc begins."""
    from jupyter_mlops.training.capture import Plan, create

    create_run = world.tracking.create_run
    collector = threading.Thread(target=collect_garbage, args=(world,))

    def slowly(*args: object, **kwargs: object) -> Run:
        collector.start()
        time.sleep(0.5)
        return create_run(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(world.tracking, "create_run", slowly)
    _, snapshot = create(world, Plan(folder=folder))
    collector.join(30)
    assert snapshot is not None
    assert [one.name for one in list_snapshots(world)] == [snapshot.name]
    assert len(packs(world)) == 1


WRITER = """
import os, sys
from pathlib import Path
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.inputs.storelock import using
from jupyter_mlops.workspace import Workspace

world = Workspace.open(Path(sys.argv[1]))
folder = Path(sys.argv[2])
for i in range(12):
    (folder / "turn").write_text(str(i % 3))
    with using(world.root):
        snapshot = take_snapshot(world, folder)
        world.catalog.link(f"pipeline:{os.getpid()}-{i}", "started-from", f"snapshot:{snapshot.name}")
"""


def test_writers_and_gcs_at_once_leave_a_store_from_which_all_restores(
    world: Workspace, folder: Path, tmp_path: Path
) -> None:
    (folder / "turn").write_text("")
    other = tmp_path / "other"
    other.mkdir()
    (other / "same.bin").write_bytes((folder / "same.bin").read_bytes())
    for i in range(3):  # which no run refers to, and what the writers are going to take
        (folder / "turn").write_text(str(i))
        take_snapshot(world, folder)
    arguments = [sys.executable, "-c", WRITER, str(world.home)]
    writers = [subprocess.Popen([*arguments, str(where)]) for where in (folder, other)]
    n_gcs = 0
    while any(writer.poll() is None for writer in writers):
        collect_garbage(world)
        n_gcs += 1
    assert [writer.returncode for writer in writers] == [0, 0]
    assert n_gcs > 1
    collect_garbage(world)
    assert len(list_snapshots(world)) == 3
    for snapshot in list_snapshots(world):
        restore_snapshot(world, snapshot.name, tmp_path / "out" / snapshot.name)


# Beside others, on other machines


@pytest.fixture(params=["memory", "s3"])
def shared(request: pytest.FixtureRequest, world: Workspace, tmp_path: Path) -> Workspace:
    """A workspace whose blobs are in a store that other machines may write to."""
    where = (
        f"memory://{tmp_path.name}"
        if request.param == "memory"
        else f"{request.getfixturevalue('s3_bucket')}/{tmp_path.name}"
    )
    world._parts["blobs"] = open_blobs(where)
    return world


def gc_days_later(world: Workspace, monkeypatch: pytest.MonkeyPatch, days: float) -> Collected:
    with monkeypatch.context() as clock:
        now = time.time()
        clock.setattr(collecting.time, "time", lambda: now + days * DAY)
        return collect_garbage(world)


def test_in_a_shared_store_what_is_unused_goes_after_a_day_and_another(
    shared: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unused = take_snapshot(shared, folder)
    assert collect_garbage(shared, dry_run=True).n_waiting == 1
    assert collect_garbage(shared) == Collected(n_waiting=1)
    assert gc_days_later(shared, monkeypatch, 0.9) == Collected(n_waiting=1)
    assert gc_days_later(shared, monkeypatch, 1.1) == Collected(snapshots=[unused.name], n_waiting=1)
    assert len(packs(shared)) == 1
    assert gc_days_later(shared, monkeypatch, 2.0).n_packs == 0
    last = gc_days_later(shared, monkeypatch, 2.2)
    assert (last.n_packs, last.n_waiting) == (1, 0)
    assert last.n_bytes > 20_000
    assert packs(shared) == []
    assert list(shared.blobs.keys("retired")) == []


def test_a_snapshot_that_is_taken_again_is_not_removed(
    shared: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = take_snapshot(shared, folder)
    collect_garbage(shared)
    assert find_snapshot(shared, taken.name).unused_since > 0
    assert take_snapshot(shared, folder).unused_since == 0
    assert gc_days_later(shared, monkeypatch, 1.1).snapshots == []


def test_a_snapshot_that_counted_on_a_pack_before_it_was_retired_keeps_its_contents(
    shared: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer sees what is stored, a gc retires it, the writer ends, the gc comes again."""
    take_snapshot(shared, folder)
    collect_garbage(shared)
    edit(folder, "two")
    reader = take.Reader

    def meanwhile(*args: object) -> object:
        gc_days_later(shared, monkeypatch, 1.1)  # removes the snapshot and retires its pack
        return reader(*args)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(take, "Reader", meanwhile)
        patch.setattr(
            collecting, "alone", lambda *_: nullcontext(enter_result=True)
        )  # another machine does not see the lock
        second = take_snapshot(shared, folder)
    begin_run(shared, second)
    assert len(list(shared.blobs.keys("retired"))) == 1
    assert restores(shared, second, folder, tmp_path)
    assert gc_days_later(shared, monkeypatch, 2.5).n_packs == 1
    assert restores(shared, second, folder, tmp_path)
    assert gc_days_later(shared, monkeypatch, 5).n_packs == 0


def test_what_is_taken_while_its_pack_is_retired_is_stored_again(
    shared: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_snapshot(shared, folder)
    collect_garbage(shared)
    gc_days_later(shared, monkeypatch, 1.1)
    again = take_snapshot(shared, folder)
    begin_run(shared, again)
    assert len(packs(shared)) == 2  # the same contents, under a name that is not retired
    assert gc_days_later(shared, monkeypatch, 2.5).n_packs == 1
    assert restores(shared, again, folder, tmp_path)


def test_a_store_that_has_anothers_snapshots_is_left_alone(
    shared: Workspace, folder: Path, tmp_path: Path, make_workspace: Callable[[Path], Workspace]
) -> None:
    take_snapshot(shared, folder)
    other = make_workspace(tmp_path / "colleague")
    other._parts["blobs"] = shared.blobs
    before = packs(shared)
    take_snapshot(other, folder)
    for world in (shared, other):
        with pytest.raises(SharedStore, match="with a catalog of their own; nothing was removed") as caught:
            collect_garbage(world)
        assert isinstance(caught.value, Conflict)
    assert packs(shared) == before


def test_members_of_a_team_with_one_catalog_may_collect_what_none_of_them_needs(
    shared: Workspace, folder: Path, tmp_path: Path, make_workspace: Callable[[Path], Workspace]
) -> None:
    other = make_workspace(tmp_path / "colleague")
    other._parts["blobs"] = shared.blobs
    for world in (shared, other):
        (world.root / "catalog.db").unlink(missing_ok=True)
        world._parts["catalog"] = open_catalog(f"sqlite:///{tmp_path / 'team.db'}", actor="ada")
        take_snapshot(world, folder)
    assert collect_garbage(shared).n_waiting == 1
    assert collect_garbage(other).n_waiting == 1
