"""What is warmed between cells never comes between a cell and what it imports."""

from __future__ import annotations

import os

import kernels
import pytest

IMPORTS = ("%%ml run\npass", "from mlflow.tracking import fluent", "from mlflow.models import infer_signature")


@pytest.fixture
def fresh(home):
    """A kernel that has not loaded the extension."""
    dropped = ("PYTEST_", "MLOPS_", "MLFLOW_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    kernel = kernels.Kernel(home, env)
    yield kernel
    kernel.close()


@pytest.mark.parametrize("source", IMPORTS)
def test_a_cell_that_comes_at_once_can_import_what_is_being_warmed(fresh, source):
    assert fresh.run("%load_ext jupyter_mlops").status == "ok"
    reply = fresh.run(source)
    assert (reply.status, reply.evalue, reply.stderr) == ("ok", "", "")


def test_so_can_the_cell_that_loads_the_extension(fresh):
    assert fresh.run("%load_ext jupyter_mlops\nfrom mlflow.tracking import fluent").evalue == ""


def test_a_cell_that_imports_nothing_does_not_wait_for_it(fresh):
    fresh.run("import sys\n%load_ext jupyter_mlops")
    assert fresh.run('print("mlflow.tracking.fluent" in sys.modules)').stdout == "False\n"
    assert fresh.run('import sys; print("mlflow.tracking.fluent" in sys.modules)').stdout == "True\n"
