"""Programs that call a service, from the command line."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.keys import digests, fresh_keys, keep_keys


@pytest.fixture
def keys(here):
    """The keys of a service ``churn``, which has an address and no replicas."""
    keys, sample = fresh_keys(), {"data": [{"age": 41}]}
    manifest = here.catalog.add(Manifest(name="churn", models=[], files=[], script="code/score.py", sample=sample))
    deployments = [Deployment(name="m1", manifest=manifest.ref)]
    here.catalog.add(
        Service(name="churn", host="process", deployments=deployments, port=4711, node=here.node, key_digests=digests(keys))
    )  # fmt: skip
    keep_keys(here, "churn", keys)
    return keys


def test_a_program_is_printed_to_be_put_into_a_file(keys, mlops):
    shown = mlops("services", "client", "churn", "-l", "java")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.startswith("// Scores a row with the service churn.")
    assert 'URL = "http://127.0.0.1:4711/score"' in shown.out
    assert '"{\\"data\\": [{\\"age\\": 41}]}"' in shown.out
    assert keys.primary not in shown.out
    assert keys.primary in mlops("services", "client", "churn", "--with-key").out


def test_json_says_how_it_is_run(keys, mlops):
    program = mlops("services", "client", "churn", "--language", "csharp", "--json").json
    assert (program["file"], program["language"]) == ("client.cs", "csharp")
    assert "mono client.exe" in program["run"]
    assert keys.primary not in program["source"]


@pytest.mark.usefixtures("keys")
def test_what_is_not_there_is_named(here, mlops):
    assert mlops("services", "client", "chrun").code == 3
    wrong = mlops("services", "client", "churn", "--language", "cobol")
    assert (wrong.code, "'python', 'java'" in wrong.err) == (2, True)
    here.catalog.add(Service(name="young", host="process", deployments=[], node=here.node))
    young = mlops("services", "client", "young")
    assert (young.code, "'young' has no address yet" in young.err) == (4, True)
