"""The catalog: versions, edits, links, events, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, NotFound, Unavailable
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.store import catalog as module
from jupyter_mlops.store.catalog import NameTaken, NewerCatalog, SqlCatalog, open_catalog


def manifest(name: str = "churn", **fields: object) -> Manifest:
    return Manifest(name=name, models=[], files=[], **fields)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'catalog.db'}"
        return
    import sqlalchemy as sa

    server = sa.make_url(os.environ["MLOPS_TEST_POSTGRESQL"])
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    name = f"mlops_{os.getpid()}_{abs(hash(str(tmp_path))) % 10**8}"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield server.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def catalog(url: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(url, actor="ada")
    yield opened
    opened.close()


def test_versions_count_up_and_a_removed_one_is_never_given_again(catalog):
    assert [catalog.add(manifest()).version for _ in range(3)] == [1, 2, 3]
    catalog.remove(Manifest, "churn", 3)
    assert catalog.add(manifest()).version == 4
    assert catalog.get(Manifest, "churn").version == 4
    assert catalog.get(Manifest, "churn", 2).version == 2
    assert catalog.add(manifest("other")).version == 1


def test_writers_at_once_never_share_a_version(catalog):
    versions: list[int] = []

    def write() -> None:
        versions.extend(catalog.add(manifest()).version for _ in range(10))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(versions) == list(range(1, 41))


def test_writers_in_other_processes_never_share_a_version(catalog, url):
    code = (
        "import sys\nfrom jupyter_mlops.store.catalog import open_catalog\nfrom jupyter_mlops.core.manifest import Manifest\n"
        "c = open_catalog(sys.argv[1], actor='x')\nfor _ in range(15): c.add(Manifest(name='churn', models=[], files=[]))\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, url]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len({one.version for one in catalog.find(Manifest, "churn")}) == 30


def test_edits_of_several_writers_are_all_kept(catalog):
    catalog.add(Activity(name="a", verb="v", subject="s"))

    def count() -> None:
        for _ in range(20):
            catalog.edit(Activity, "a", lambda one: msgspec.structs.replace(one, args={"n": one.args.get("n", 0) + 1}))

    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert catalog.get(Activity, "a").args == {"n": 60}


def test_every_change_is_an_event_by_its_actor_and_no_change_is_none(catalog):
    catalog.add(Activity(name="a", verb="v", subject="s"))
    catalog.for_actor("bob").edit(Activity, "a", lambda one: msgspec.structs.replace(one, state="done"))
    catalog.edit(Activity, "a", lambda one: one)
    catalog.record("run", "r1", "start", {"x": 1})
    catalog.remove(Activity, "a")
    events = catalog.events()
    assert [(one.actor, one.kind, one.verb) for one in events] == [
        ("ada", "activity", "create"),
        ("bob", "activity", "update"),
        ("ada", "run", "start"),
        ("ada", "activity", "delete"),
    ]
    assert [one.seq for one in events] == sorted(one.seq for one in events)
    assert catalog.events(after=events[1].seq)[0].body == {"x": 1}
    assert catalog.last_seq() == events[-1].seq


def test_find_filters_by_name_and_state_newest_first(catalog):
    for name, state in (("a", "queued"), ("b", "done"), ("c", "done")):
        catalog.add(Activity(name=name, verb="v", subject="s", state=state))
    assert [one.name for one in catalog.find(Activity, state="done")] == ["c", "b"]
    assert [one.name for one in catalog.find(Activity, limit=1)] == ["c"]
    assert catalog.find(Activity, "nobody") == []


def test_links_are_kept_once_and_go_with_their_source(catalog):
    catalog.add(manifest())
    for _ in range(2):
        catalog.link("manifest:churn:1", "serves", "model:churn:3")
    assert [one.target for one in catalog.links(source="manifest:churn:1")] == ["model:churn:3"]
    assert len(catalog.links(target="model:churn:3")) == 1
    catalog.remove(Manifest, "churn", 1)
    assert catalog.links(target="model:churn:3") == []


def test_what_is_not_there_or_is_there_already_is_named(catalog):
    with pytest.raises(NotFound, match="no manifest 'nothing'"):
        catalog.get(Manifest, "nothing")
    with pytest.raises(NotFound):
        catalog.edit(Manifest, "nothing", lambda one: one)
    catalog.add(Activity(name="a", verb="v", subject="s"))
    with pytest.raises(NameTaken, match="'a' exists already"):
        catalog.add(Activity(name="a", verb="v", subject="s"))


def test_an_older_catalog_is_migrated_and_a_newer_one_is_refused_untouched(tmp_path, monkeypatch):
    path = tmp_path / "catalog.db"
    with monkeypatch.context() as older:
        older.setattr(module, "STEPS", module.STEPS[:1])
        first = open_catalog(f"sqlite:///{path}", actor="ada")
        first.add(manifest())
        first.close()
    second = open_catalog(f"sqlite:///{path}", actor="ada")
    assert second.get(Manifest, "churn").version == 1
    second.close()
    with closing(sqlite3.connect(path)) as connection:
        indexes = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
        assert {"records_by_state", "links_by_target"} <= indexes
        connection.execute("UPDATE catalog_version SET version = 99")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(NewerCatalog, match="format 99"):
        open_catalog(f"sqlite:///{path}", actor="ada")
    assert path.read_bytes() == before


def test_a_bad_url_and_a_dead_server_are_named():
    with pytest.raises(BadInput, match="is not a database URL"):
        open_catalog("nonsense", actor="ada")
    with pytest.raises(Unavailable, match="does not answer"):
        open_catalog("postgresql+psycopg://user:secret@127.0.0.1:9/db", actor="ada")
