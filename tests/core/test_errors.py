"""Errors as data: what crosses a process and comes back."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.errors import Conflict, Problem, Remote


def test_an_error_from_another_process_keeps_code_status_and_hint():
    there = Conflict("It is taken.", hint="Take another.")
    here = Remote(there.problem())
    assert (here.message, here.hint, here.code, here.status) == ("It is taken.", "Take another.", "conflict", 409)


@pytest.mark.parametrize(
    ("status", "exit_code"), [(400, 2), (422, 2), (401, 6), (403, 6), (404, 3), (409, 4), (429, 5), (503, 5), (500, 1)]
)
def test_every_http_status_has_the_exit_code_of_its_family(status, exit_code):
    problem = Problem(type="urn:x", title="X", status=status, detail="x", code="x")
    assert Remote(problem).exit_code == exit_code
