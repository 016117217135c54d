"""What browsers watch, on real sockets and a real gateway's counters: one look for all, told where something changed."""

from __future__ import annotations

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.gateway.runtime import HaproxyGateway
from jupyter_mlops.ports import Route
from jupyter_mlops.server.events import SCHEMA_ID
from jupyter_mlops.server.routes import ROUTES
from jupyter_mlops.server.socket import LONGEST, MOST_HINTS, MOST_WATCHED
from jupyter_mlops.server.watched import KINDS
from jupyter_mlops.server.watching import Listener, Watching

EVERY_S = 0.1
FIGURES = "services/churn/figures"


@pytest.fixture(autouse=True)
def _often(monkeypatch) -> None:
    for kind in KINDS.values():
        monkeypatch.setattr(kind, "every_s", EVERY_S)


@pytest.fixture
def looks(monkeypatch) -> list[str]:
    """The services whose gateways were asked what they counted."""
    asked: list[str] = []
    answered = HaproxyGateway.answered

    def look(self, service: str) -> Any:
        asked.append(service)
        return answered(self, service)

    monkeypatch.setattr(HaproxyGateway, "answered", look)
    return asked


@pytest.fixture
def churn(here):
    """Return a function that asks service ``churn`` something; it has a gateway and no replica."""
    parts = [Deployment(name="m1", manifest="churn:1")]
    here.catalog.add(Service(name="churn", host="process", deployments=parts, node=here.node))
    port = here.gateway.apply(Route(service="churn", bind="127.0.0.1", port=0, backends=[]))

    def ask() -> None:
        with suppress(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/score", b"{}", timeout=10)

    yield ask
    here.gateway.remove("churn")


class Browser:
    def __init__(self, socket: Any) -> None:
        self.socket = socket

    async def watch(self, *addresses: str) -> None:
        await self.socket.write_message(json.dumps({"watch": addresses}))

    async def told(self, timeout_s: float = 10) -> dict[str, Any]:
        """Return what is told next of what is watched."""
        async with asyncio.timeout(timeout_s):
            while True:
                text = await self.socket.read_message()
                assert text is not None, "the socket was closed"
                message = json.loads(text)
                if "watched" in message or "problem" in message:
                    return message

    async def hears_nothing(self, seconds: float = 6 * EVERY_S) -> None:
        with pytest.raises(TimeoutError):
            await self.told(seconds)


@pytest.fixture
def browser(server, jp_ws_fetch):  # noqa: ARG001  # its extensions are to run
    """Return ``await browser(user)``."""
    opened: list[Any] = []

    async def connect(user: str = "rita") -> Browser:
        opened.append(await jp_ws_fetch("mlops", "api", "hints", headers={"Authorization": f"token {user}-secret"}))
        return Browser(opened[-1])

    yield connect
    for socket in opened:
        socket.close()


def watching_of(server) -> Watching:
    return next(iter(server.extension_manager.extension_apps["jupyter_mlops"])).watching


def tasks() -> list[str]:
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("mlops-watching")]


async def test_two_who_watch_a_thing_cost_one_look_and_are_told_where_it_changed(browser, churn, looks, api):
    first, second = await browser(), await browser("ada")
    await first.watch(FIGURES)
    told = await first.told()
    assert told["watched"] == FIGURES
    asked = (await api("GET", FIGURES, user="rita")).body
    assert {**told["answer"], "at": 0} == {**asked, "at": 0}
    await second.watch(FIGURES)
    late = await second.told(1)
    assert {**late["answer"], "at": 0} == {**asked, "at": 0}

    looks.clear()
    began = asyncio.get_running_loop().time()
    await asyncio.gather(first.hears_nothing(), second.hears_nothing())
    n_periods = (asyncio.get_running_loop().time() - began) / EVERY_S
    assert 2 <= len(looks) <= n_periods + 1

    await asyncio.to_thread(churn)
    for one in (first, second):
        answer = (await one.told())["answer"]
        assert (answer["answered"]["requests"], answer["answered"]["failed"]) == (1, 1)
        assert answer["at"] > told["answer"]["at"]

    await first.watch()
    await second.watch("counts")
    assert (await second.told())["answer"] == (await api("GET", "counts")).body | {
        "items": [{"service": "churn", "at": pytest.approx(answer["at"], abs=10), "answered": answer["answered"]}]
    }
    await first.hears_nothing()
    assert tasks() == ["mlops-watching counts"]
    second.socket.close()
    async with asyncio.timeout(10):
        while tasks():  # noqa: ASYNC110  # the server's side is told of nothing here
            await asyncio.sleep(0.01)
    looks.clear()
    await asyncio.sleep(3 * EVERY_S)
    assert looks == []


@pytest.mark.usefixtures("churn")
async def test_lines_of_a_log_are_told_once_and_a_late_comer_gets_those_before(browser, here):
    folder = service_folder(here, "churn") / "logs"
    folder.mkdir(parents=True)
    with (folder / "g1-aa01.log").open("a", buffering=1) as log:
        for n in range(3):
            log.write(f'{{"at": {1000 + n}, "message": "{n}"}}\n')
        address = "services/churn/logs?deployment=&replica=aa&tail=4"
        every = "services/churn/logs?replica=aa"
        first, second, third = await browser(), await browser(), await browser()

        async def lines(one: Browser) -> list[str]:
            return [json.loads(line)["message"] for line in (await one.told())["answer"]["items"]]

        await first.watch(address)
        assert await lines(first) == ["0", "1", "2"]
        await third.watch(every)
        assert await lines(third) == ["0", "1", "2"]
        log.write('{"at": 1003, "message": "3"}\n{"at": 1002.5, "message": "late"}\n')
        assert await lines(first) == ["late", "3"]
        await first.hears_nothing()
        await second.watch(address)
        assert await lines(second) == ["1", "2", "late", "3"]
        log.write('{"at": 1004, "message": "4"}\n')
        assert (await lines(first), await lines(second)) == (["4"], ["4"])
        assert [*await lines(third), *await lines(third)] == ["late", "3", "4"]
        await second.watch(every)
        assert await lines(second) == ["0", "1", "2", "late", "3", "4"]


async def test_what_a_run_writes_is_told_from_the_line_on_that_was_being_written(browser, here):
    run = here.tracking.create_run("logs", "talks", tags={}, params={})
    journal = here.journals.open(run.id, run.artifact_uri)
    journal.write("stdout", "one\nhalf")
    one = await browser()
    await one.watch(f"runs/{run.id}/logs/stdout?offset=-1000")
    assert (await one.told())["answer"] == {"text": "one\nhalf", "start": 0, "next": 4, "n_bytes": 8}
    await one.hears_nothing()
    journal.write("stdout", " done\nnext")
    assert (await one.told())["answer"] == {"text": "half done\nnext", "start": 4, "next": 14, "n_bytes": 18}
    await one.hears_nothing()
    journal.close("FINISHED", "", time.time())


@pytest.mark.usefixtures("churn")
async def test_a_service_that_goes_and_comes_back_is_told_of(browser, here):
    one = await browser()
    await one.watch(FIGURES, "services/churn/mirror", "services/churn/logs")
    assert {(await one.told())["watched"] for _ in range(3)} == {
        FIGURES,
        "services/churn/mirror",
        "services/churn/logs",
    }
    service = here.catalog.get(Service, "churn")
    here.catalog.remove(Service, "churn")
    problems = [(await one.told())["problem"] for _ in range(3)]
    assert {(problem["code"], problem["status"]) for problem in problems} == {("service-not-found", 404)}
    await one.hears_nothing()
    here.catalog.add(service)
    assert ["answer" in await one.told() for _ in range(3)] == [True] * 3


async def test_a_service_on_another_machine_is_told_of_once(browser, here):
    parts = [Deployment(name="m1", manifest="churn:1")]
    here.catalog.add(Service(name="churn", host="process", deployments=parts, node="elsewhere"))
    one = await browser()
    await one.watch(FIGURES)
    assert "elsewhere" in (await one.told())["answer"]["trouble"]
    await one.hears_nothing()


async def test_a_workspace_that_is_made_later_is_seen(browser, api):
    one = await browser()
    await one.watch("counts", FIGURES)
    assert (await one.told())["answer"] == {"items": []}
    assert (await one.told())["problem"]["code"] == "workspace-not-found"
    await api("POST", "workspace")
    assert (await one.told())["problem"]["code"] == "service-not-found"


@pytest.mark.usefixtures("churn")
async def test_what_cannot_be_watched_is_refused_and_the_rest_is_watched(browser):
    one = await browser()
    wrong = ["services/churn/keys", "runs", "services/a/b/figures", "../api/contents", "services/churn/logs?tail=x", ""]
    await one.watch(*wrong, "services/%63hurn/figures")
    told = {message["watched"]: message for message in [await one.told() for _ in range(len(wrong) + 1)]}
    assert {told[address]["problem"]["status"] for address in wrong} == {400}
    assert told["services/%63hurn/figures"]["answer"]["answered"] is not None

    for text in ("no JSON", "[]", '{"watch": "counts"}', '{"watch": [1]}', '{"watch": [], "more": 1}', b"\xff\xfe",
                 json.dumps({"watch": [f"services/{n}/figures" for n in range(10_000)]}),
                 json.dumps({"watch": ["x" * (LONGEST + 1)]})):  # fmt: skip
        await one.socket.write_message(text, binary=isinstance(text, bytes))
        assert (await one.told())["problem"]["code"] == "bad-message"
    assert len(tasks()) == 1  # what it watched before
    await one.socket.write_message("[" * (3 * MOST_WATCHED * LONGEST))
    assert await asyncio.wait_for(one.socket.read_message(), 10) is None


@pytest.mark.usefixtures("churn")
async def test_whoever_may_no_longer_read_is_told_no_more(browser, server, monkeypatch):
    one = await browser()
    monkeypatch.setattr(type(server.authorizer), "is_authorized", lambda *_: False)
    await one.watch(FIGURES)
    with pytest.raises(AssertionError, match="closed"):
        await one.told()
    assert tasks() == []


def test_all_that_can_be_watched_may_be_read_by_whoever_may_read() -> None:
    assert {row.path: row.needs for row in ROUTES if row.method == "GET" and row.path in KINDS} == dict.fromkeys(
        KINDS, "read"
    )


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # what happens in a thread sets no event
            await asyncio.sleep(0.01)


async def test_who_is_slow_to_take_it_is_told_the_newest_and_keeps_nothing_waiting(churn, server):
    """What a slow browser misses is not kept for it, but for what it was told last."""
    watching, woken = watching_of(server), []
    slow = Listener(lambda: woken.append(1))
    watching.watch(slow, [FIGURES])
    await until(lambda: len(woken) == 2)  # when it began, and when there was something
    assert b'"requests":0' in (watching.next_for(slow) or b"")
    assert watching.next_for(slow) is None
    for n in range(3):
        await asyncio.to_thread(churn)
        await until(lambda n=n: len(woken) >= 3 + n)
    assert b'"requests":3' in (watching.next_for(slow) or b"")
    assert watching.next_for(slow) is None
    watching.watch(slow, [])
    assert slow.told == {}


async def test_hints_that_nobody_takes_become_one_that_all_may_have_changed(browser, here, server, monkeypatch):
    taken: list[str] = []
    held = asyncio.Event()

    async def write(_socket: Any, message: str | bytes) -> None:
        await held.wait()
        taken.append(json.loads(message))

    await browser()
    await asyncio.sleep(0.5)
    monkeypatch.setattr("jupyter_mlops.server.socket.HintSocket.write_message", write)
    hint = {"workspace": here.id, "seq": 1, "kind": "run", "name": "r", "verb": "log"}
    for _ in range(MOST_HINTS + 5):
        server.event_logger.emit(schema_id=SCHEMA_ID, data=hint)
    await asyncio.sleep(0.2)
    held.set()
    await until(lambda: len(taken) >= 2)
    assert len(taken) < 10
    assert "workspace" in {one["kind"] for one in taken}


async def test_a_browser_that_takes_nothing_is_given_up(browser, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.server.socket.BEAT_S", 0.05)
    monkeypatch.setattr("jupyter_mlops.server.socket.PATIENCE_S", 0.1)
    one = await browser()

    async def write(_socket: Any, _message: str | bytes) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("jupyter_mlops.server.socket.HintSocket.write_message", write)
    await one.watch("counts")
    with pytest.raises(AssertionError, match="closed"):
        await one.told()
    await until(lambda: not tasks())
