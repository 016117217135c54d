"""A real Jupyter Server under ``/user/x/`` with the extension on, and two people: Ada may do all, Rita may look."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from pytest_jupyter.jupyter_server import *  # noqa: F403  # fixtures, and hooks for async tests
from tornado.httputil import HTTPHeaders
from traitlets.config import Config

_spec = importlib.util.spec_from_file_location("people", Path(__file__).parent.with_name("people.py"))
two = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(two)

BASE = "/user/x/"


@dataclass(frozen=True, kw_only=True)
class Answer:
    status: int
    headers: HTTPHeaders
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


@pytest.fixture
def jp_base_url() -> str:
    return BASE


@pytest.fixture
def people() -> dict[str, Any]:
    """How the server knows people; a test may say otherwise."""
    return {"identity_provider_class": two.TwoPeople, "authorizer_class": two.Roles}


@pytest.fixture
def jp_server_config(people) -> Config:
    extensions = {"jupyter_mlops": True, "jupyter_server_terminals": False}
    return Config(
        {"ServerApp": {"jpserver_extensions": extensions, "reraise_server_extension_failures": True, **people}}
    )


@pytest.fixture
def server(jp_serverapp, jp_asyncio_loop):
    """The server, with its extensions started as ``jupyter lab`` starts them once its loop runs."""
    jp_asyncio_loop.run_until_complete(jp_serverapp.extension_manager.start_all_extensions())
    return jp_serverapp


@pytest.fixture
def api(http_server_client):
    """Return ``await api(method, path, body, user=..., headers=..., query...) -> Answer`` for paths below ``mlops/api/``."""

    async def call(
        method: str, path: str, body: Any = None, *, user: str | None = "ada", headers=None, raw=None, **query
    ) -> Answer:
        given = {"Content-Type": "application/json"} | dict(headers or {})
        if user is not None:
            given["Authorization"] = f"token {user}-secret"
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        answer = await http_server_client.fetch(
            f"{BASE}mlops/api/{path}?{urlencode(query)}",
            method=method,
            headers=given,
            body=data,
            allow_nonstandard_methods=True,
            raise_error=False,
            request_timeout=60,
        )
        return Answer(status=answer.code, headers=answer.headers, raw=answer.body)

    return call


@pytest.fixture
def here(make_workspace, jp_root_dir: Path):
    """A workspace in the server's folder."""
    return make_workspace(jp_root_dir)
