"""What browsers watch: looked at once for all of them, in a thread, while anyone watches it, and told where it changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.errors import MlopsError, Problem
from jupyter_mlops.core.record import encode
from jupyter_mlops.server.calling import INTERNAL, encoded, problem_of, reply_of, workspace_for
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.watched import Asked, read_address

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace

THREADS: Final = 4
"""So many things are looked at at once, and never a thing twice: one that hangs holds up no request."""
REST: Final = 0.25
"""Of the time between two looks, so much is left free however long they take."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """What was seen at a time."""

    reply: Any
    """The route's, or a ``Problem``."""
    essence: Any
    world: Workspace | None = None
    mark: object | None = None


class Listener:
    """A browser: what it watches, and what it was told last of each."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.told: dict[str, Look | None] = {}
        self.wake = wake
        """Called when there may be something to tell."""


class _Topic:
    """A thing that is watched, and who watches it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.listeners: set[Listener] = set()
        self.asked: Asked | None = None
        self.changed: Look | None = None
        """The last look that was news."""
        self.newest: Look | None = None
        """The last look: the same, but for its time."""
        self.task: asyncio.Task[None] | None = None
        self._said: tuple[Look, bytes] | None = None
        try:
            self.asked = read_address(address)
        except MlopsError as error:
            problem = error.problem()
            self.saw(Look(reply=problem, essence=problem))

    def saw(self, look: Look) -> None:
        """Take a look; wake those who are to be told of it."""
        self.newest = look
        if self.changed is None or look.essence != self.changed.essence:
            self.changed = look
            self._said = None
            for listener in self.listeners:
                listener.wake()

    def message(self, told: Look | None) -> bytes:
        """Return what to tell who was told ``told`` of it; made once for all who were told the same."""
        assert self.changed is not None
        assert self.newest is not None
        if told is None:
            return self._written(self.newest.reply)
        if self._said is None or self._said[0] is not told:
            now = self.changed.reply
            is_answer = self.asked is not None and not isinstance(now, Problem) and not isinstance(told.reply, Problem)
            news = self.asked.kind.news(told.reply, now) if self.asked is not None and is_answer else now
            self._said = (told, self._written(news))
        return self._said[1]

    def _written(self, reply: Any) -> bytes:
        address = encode(self.address)
        if self.asked is None or isinstance(reply, Problem):
            return b'{"watched":%b,"problem":%b}' % (address, encode(reply))
        return b'{"watched":%b,"answer":%b}' % (address, encoded(self.asked.row, reply))


class Watching:
    """Everything that is watched in a place. To be used on the event loop."""

    def __init__(self, place: Place, log: logging.Logger) -> None:
        self._place = place
        self._log = log
        self._topics: dict[str, _Topic] = {}
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="mlops-watching")

    def watch(self, listener: Listener, addresses: Collection[str]) -> None:
        """Let ``listener`` watch these and nothing else. What it watches for the first time it is told as it is now."""
        for address in listener.told.keys() - set(addresses):
            self._leave(listener, address)
        for address in addresses:
            if address not in listener.told:
                listener.told[address] = None
                topic = self._topics.get(address) or self._begin(address)
                topic.listeners.add(listener)
        listener.wake()

    def next_for(self, listener: Listener) -> bytes | None:
        """Return what to tell ``listener`` next: of each thing the newest, however long nobody could be told."""
        for address, told in listener.told.items():
            topic = self._topics[address]
            if topic.changed is not None and topic.changed is not told:
                listener.told[address] = topic.changed
                return topic.message(told)
        return None

    async def stop(self) -> None:
        """Watch nothing any more; returns when no thread looks."""
        tasks = [topic.task for topic in self._topics.values() if topic.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _begin(self, address: str) -> _Topic:
        topic = self._topics[address] = _Topic(address)
        if topic.asked is not None:
            topic.task = asyncio.create_task(self._follow(topic, topic.asked), name=f"mlops-watching {address}")
        return topic

    def _leave(self, listener: Listener, address: str) -> None:
        del listener.told[address]
        topic = self._topics[address]
        topic.listeners.discard(listener)
        if not topic.listeners:
            del self._topics[address]
            if topic.task is not None:
                topic.task.cancel()

    async def _follow(self, topic: _Topic, asked: Asked) -> None:
        loop, every_s = asyncio.get_running_loop(), asked.kind.every_s
        while True:
            began = loop.time()
            topic.saw(await loop.run_in_executor(self._pool, self._look, asked, topic.newest))
            await asyncio.sleep(max(every_s - (loop.time() - began), every_s * REST))

    def _look(self, asked: Asked, before: Look | None) -> Look:
        try:
            return self._seen(asked, before)
        except Exception as error:  # noqa: BLE001  # logged and told; what is watched must live on until it can be seen again
            problem = problem_of(error)
            if problem is None:
                problem = INTERNAL
                if before is None or before.reply is not INTERNAL:  # said once, not every second
                    self._log.exception("What is watched at %s cannot be looked at; trying again.", asked.row.path)
            return Look(reply=problem, essence=problem)

    def _seen(self, asked: Asked, before: Look | None) -> Look:
        kind = asked.kind
        world = workspace_for(asked.row, self._place)
        if before is not None and (before.world is not world or isinstance(before.reply, Problem)):
            before = None
        mark = None if world is None else kind.mark(world, asked.path)
        if before is not None and mark is not None and mark == before.mark:
            return before
        if before is None:
            reply = reply_of(asked.row, self._place, world, asked.path, asked.query)
        else:
            query = {**asked.query, **kind.besides(before.reply)}
            came = reply_of(asked.row, self._place, world, asked.path, query)
            reply = kind.joined(before.reply, came, asked.query)
        return Look(reply=reply, essence=kind.essence(reply), world=world, mark=mark)
