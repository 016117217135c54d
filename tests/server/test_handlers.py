"""How requests are answered: errors, files, and whose name goes on record."""

from __future__ import annotations

import getpass
import threading
from typing import Any

import pytest
from jupyter_server.auth import IdentityProvider

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.ports import World
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.routes import ROUTES
from jupyter_mlops.server.row import Download, Raw, Row


def refuse(name: str) -> Any:
    """Refuse."""
    raise Conflict(f"The thing {name!r} is busy.", hint="Wait.")


def burst() -> Any:
    """Burst."""
    secret = "hunter2"
    raise RuntimeError(secret)


def send(place: Place, path: str) -> Download:
    """Send a file of the server's folder."""
    return Download(path=place.below(path))


def where() -> Any:
    """Say which thread works."""
    return threading.current_thread() is threading.main_thread()


def echo(body: Raw) -> Any:
    """Say what came."""
    return [body.content_type, body.data.decode()]


def said(*, name: str) -> Any:
    """Say what was asked with."""
    return name


def write(world: World) -> Any:
    """Write something."""
    world.catalog.record("test", "thing", "touch")
    return world.actor


EXTRA = (
    Row("GET", "test/refuse/{name}", refuse, None, Any),
    Row("GET", "test/burst", burst, None, Any),
    Row("GET", "test/send/{path}", send, None, Download),
    Row("GET", "test/where", where, None, Any),
    Row("POST", "test/echo", echo, Raw, Any),
    Row("GET", "test/said", said, None, Any),
    Row("POST", "written", write, None, Any),
)


@pytest.fixture(autouse=True)
def _more_rows(monkeypatch):
    monkeypatch.setattr("jupyter_mlops.server.extension.ROUTES", (*ROUTES, *EXTRA))


async def test_an_error_of_ours_is_its_status_its_sentence_and_the_next_step(api):
    answer = await api("GET", "test/refuse/a%3A1%20b%2Fc")

    assert answer.status == 409
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.body == {
        "type": "urn:jupyter-mlops:conflict",
        "title": "Conflict",
        "status": 409,
        "detail": "The thing 'a:1 b/c' is busy.",
        "code": "conflict",
        "hint": "Wait.",
    }


async def test_an_error_that_nobody_expected_shows_no_stack_and_no_secret_but_is_logged(api, caplog):
    answer = await api("GET", "test/burst")

    assert (answer.status, answer.body["code"]) == (500, "internal")
    assert b"hunter2" not in answer.raw
    assert b"Traceback" not in answer.raw
    assert "RuntimeError: hunter2" in caplog.text


async def test_functions_run_in_a_thread(api):
    assert (await api("GET", "test/where")).body is False


async def test_a_name_may_begin_and_end_with_a_space(api):
    assert (await api("GET", "test/said", name=" churn ")).body == " churn "


async def test_a_raw_body_goes_on_as_it_came(api):
    answer = await api("POST", "test/echo", raw=b"a,b\n1,2\n", headers={"Content-Type": "text/csv"})

    assert answer.body == ["text/csv", "a,b\n1,2\n"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("page.html", "text/html"),
        ("a b/ü.png", "image/png"),
        ("model.tar.gz", "application/octet-stream"),
        ("x", "application/octet-stream"),
    ],
)
async def test_a_file_is_sent_whole_and_cannot_act_as_a_page(api, jp_root_dir, name, kind):
    file = jp_root_dir / name
    file.parent.mkdir(exist_ok=True)
    content = bytes(range(256)) * 10_000
    file.write_bytes(content)

    answer = await api("GET", "test/send/" + name.replace(" ", "%20").replace("ü", "%C3%BC"))

    assert answer.status == 200
    assert answer.raw == content
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")


async def test_an_encoded_slash_is_a_slash_in_a_path(api, jp_root_dir):
    (jp_root_dir / "a").mkdir()
    (jp_root_dir / "a" / "b").touch()

    answer = await api("GET", "test/send/a%2Fb")

    assert (answer.status, answer.raw) == (200, b"")


async def test_events_carry_the_jupyter_identity(api):
    await api("POST", "workspace")
    events = (await api("GET", "events")).body["items"]
    assert (await api("POST", "written")).body == "ada"

    after = events[-1]["seq"] if events else 0
    written = (await api("GET", "events", after=after)).body["items"]
    assert [(event["kind"], event["verb"], event["actor"]) for event in written] == [("test", "touch", "ada")]


class TestOneSharedToken:
    @pytest.fixture
    def people(self):
        return {"identity_provider_class": IdentityProvider}

    @pytest.fixture
    def jp_server_config(self, jp_server_config):
        jp_server_config.IdentityProvider.token = "nobody-secret"
        return jp_server_config

    async def test_whoever_only_shows_it_is_the_operating_systems_user(self, api):
        assert (await api("POST", "written", user="nobody")).body == getpass.getuser()
