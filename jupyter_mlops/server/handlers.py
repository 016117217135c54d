"""The handlers made from the table's rows: decode, run the row's function in a thread, encode."""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from http.client import responses
from typing import Any
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.iostream import StreamClosedError

from jupyter_mlops.core.errors import Problem
from jupyter_mlops.core.record import encode
from jupyter_mlops.server.calling import INTERNAL, encoded, problem_of, reply_of, workspace_for
from jupyter_mlops.server.identity import actor_of
from jupyter_mlops.server.place import Place
from jupyter_mlops.server.row import Download, Passed, Row

PREFIX = "mlops/api"
RESOURCE = "mlops"
CHUNK_BYTES = 1 << 20

_CODES = {400: "bad-input", 403: "forbidden", 404: "not-found", 405: "method-not-allowed"}


class MlopsHandler(APIHandler):
    """What every answer has in common: errors are problem+json, nothing is cached, files cannot act as pages."""

    auth_resource = RESOURCE

    def initialize(self, place: Place) -> None:
        """Take the place whose workspace it serves."""
        self.place = place

    def set_default_headers(self) -> None:
        """Add to Jupyter's: answers may hold secrets and change by the second."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def compute_etag(self) -> None:
        """Say that answers have no ETag: nothing is cached."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer what Tornado and Jupyter Server refuse, or what nobody expected, as problem+json."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        detail = responses.get(status_code, "Error")
        if isinstance(error, web.HTTPError) and error.log_message:
            detail = error.log_message % error.args if error.args else error.log_message
        code, hint = _CODES.get(status_code, "refused"), ""
        if status_code == HTTPStatus.FORBIDDEN and self.current_user is None:
            code = "unauthenticated"
            detail = "The request carries no token that this server knows."
            hint = "Send it as `Authorization: token TOKEN`; `jupyter server list` shows the server's."
        if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            code, detail, hint = INTERNAL.code, INTERNAL.detail, INTERNAL.hint
        title = code.replace("-", " ").capitalize()
        self.finish_problem(
            Problem(
                type=f"urn:jupyter-mlops:{code}", title=title, status=status_code, detail=detail, code=code, hint=hint
            )
        )

    def finish_problem(self, problem: Problem) -> None:
        """Answer an error."""
        self.set_status(problem.status)
        self.finish(encode(problem), set_content_type="application/problem+json")

    async def answer(self, row: Row, captured: tuple[str, ...]) -> None:
        """Answer a request for ``row``; ``captured`` are its path's parameters, decoded."""
        try:
            call = self._call(row, captured)
            reply = await asyncio.to_thread(call)
        except Exception as error:
            problem = problem_of(error)
            if problem is None:
                raise
            self.finish_problem(problem)
            return
        self.set_status(reply.status if isinstance(reply, Passed) else row.status)
        if isinstance(reply, Download):
            await self._send(reply)
        elif isinstance(reply, Passed):
            for name, value in reply.headers.items():
                self.set_header(name, value)
            self.finish(reply.data, set_content_type=reply.media)
        else:
            self.finish(reply)

    def _call(self, row: Row, captured: tuple[str, ...]) -> Callable[[], Any]:
        """Decode the request; return what the thread does."""
        path = row.path_values(captured)
        # As they are: a name may begin or end with a space.
        given = row.query({name: self.get_query_argument(name, strip=False) for name in self.request.query_arguments})
        if row.body is not None:
            given["body"] = row.decode(self.request.body, self.request.headers.get("Content-Type", ""))
        actor = actor_of(self.current_user)

        def call() -> bytes | Download | Passed | None:
            workspace = workspace_for(row, self.place)
            if workspace is not None and actor is not None:
                workspace = workspace.for_actor(actor)
            reply = reply_of(row, self.place, workspace, path, given)
            return reply if reply is None or isinstance(reply, (Download, Passed)) else encoded(row, reply)

        return call

    async def _send(self, download: Download) -> None:
        """Send a file that a run stored: whoever wrote it, it must not act as a page of this server."""
        guess, encoding = mimetypes.guess_type(download.path.name)
        kind = guess if guess and not encoding else "application/octet-stream"
        self.set_header("Content-Type", kind)
        self.set_header("Content-Length", str(download.path.stat().st_size))
        self.set_header("Content-Disposition", f"attachment; filename*=UTF-8''{quote(download.path.name, safe='')}")
        self.set_header("Content-Security-Policy", "sandbox; default-src 'none'")
        with download.path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                self.write(chunk)
                try:
                    await self.flush()
                except StreamClosedError:
                    return  # the browser went away: nobody is left to tell
        self.finish(set_content_type=kind)


def routes(rows: Iterable[Row]) -> list[tuple[str, type[MlopsHandler]]]:
    """Return ``(pattern, handler class)`` for the rows, and one that answers for what is not in the table."""
    by_path: dict[str, list[Row]] = {}
    for row in rows:
        by_path.setdefault(row.pattern, []).append(row)
    made = [(f"/{PREFIX}/{pattern}", _handler(same_path)) for pattern, same_path in by_path.items()]
    return [*made, (f"/{PREFIX}(?:/.*)?", NoRoute)]


def _handler(rows: list[Row]) -> type[MlopsHandler]:
    return type("TableHandler", (MlopsHandler,), {row.method.lower(): _method(row) for row in rows})


def _method(row: Row) -> Callable[..., Awaitable[None] | None]:
    async def serve(handler: MlopsHandler, *captured: str) -> None:
        await handler.answer(row, captured)

    return web.authenticated(authorized(action=row.needs, resource=RESOURCE)(serve))


class NoRoute(MlopsHandler):
    """Answers for an address that is not in the table."""

    @web.authenticated
    def get(self) -> None:
        """Say so."""
        raise web.HTTPError(404, "There is no such route; GET mlops/api/openapi.json lists them.")

    post = patch = put = delete = get
