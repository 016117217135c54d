"""Shell completion: commands, options, and names of what is there, without making anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from jupyter_mlops.core.service import Service


@pytest.fixture
def complete():
    """Return what bash would offer for a line whose last word is being typed."""

    def call(cwd, *words):
        code = "import sys; sys.argv = ['mlops']; from jupyter_mlops.cli import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=cwd,
            env={
                **os.environ,
                "_MLOPS_COMPLETE": "bash_complete",
                "COMP_WORDS": " ".join(("mlops", *words)),
                "COMP_CWORD": str(len(words)),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return [line.partition(",")[2] for line in done.stdout.split()]

    return call


def test_commands_and_options(complete, tmp_path):
    assert complete(tmp_path, "ser") == ["services"]
    assert complete(tmp_path, "services", "de") == ["delete", "deploy"]
    assert "--json" in complete(tmp_path, "runs", "list", "--j")


def test_names_of_what_the_workspace_holds(complete, here):
    for name in ("churn", "chess", "iris"):
        here.catalog.add(Service(name=name, host="process", deployments=[]))
    here.catalog.record("model", "fraud", "register")
    here.catalog.record("run", "0123456789abcdef" * 2, "start", {"experiment": "steps", "name": "baseline"})
    assert set(complete(here.home, "services", "show", "ch")) == {"churn", "chess"}
    assert complete(here.home, "models", "show", "f") == ["fraud"]
    assert complete(here.home, "runs", "show", "b") == ["baseline"]
    assert complete(here.home, "runs", "list", "-e", "s") == ["steps"]
    assert complete(here.home, "lineage", "service", "i") == ["iris"]
    here.close()


def test_another_workspace_is_looked_into_when_it_is_named(complete, here, tmp_path_factory):
    here.catalog.add(Service(name="churn", host="process", deployments=[]))
    there = tmp_path_factory.mktemp("there")
    assert complete(there, "--workspace", str(here.home), "services", "show", "c") == ["churn"]
    here.close()


def test_without_a_workspace_nothing_is_offered_and_nothing_is_made(complete, tmp_path):
    assert complete(tmp_path, "services", "show", "c") == []
    assert list(tmp_path.iterdir()) == []
