"""A command line in this process: what it printed, and its exit code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from jupyter_mlops.cli.process import run


@dataclass(frozen=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def mlops(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Run ``mlops ARGS`` and return its ``Answer``."""
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*args: object) -> Answer:
        capfd.readouterr()
        code = run([str(arg) for arg in args])
        out, err = capfd.readouterr()
        return Answer(code=code, out=out, err=err)

    return call


@pytest.fixture
def here(workspace, monkeypatch: pytest.MonkeyPatch):
    """The open workspace, whose folder is the current one."""
    monkeypatch.chdir(workspace.home)
    return workspace
