"""What the bench of roll-outs counts, held to what is promised. Takes minutes, so only where ``MLOPS_NIGHTLY`` is set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench" / "rollout.py"


@pytest.mark.skipif(not os.environ.get("MLOPS_NIGHTLY"), reason="takes minutes; set MLOPS_NIGHTLY=1")
@pytest.mark.parametrize("host", ["process", pytest.param("docker", marks=pytest.mark.docker)])
def test_no_change_loses_a_request_and_a_killed_replica_at_most_those_in_flight_in_it(host: str):
    argv = [sys.executable, BENCH, "--host", host, "--quick", "--json"]
    ended = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=300)
    found = json.loads(ended.stdout)
    lost = {name: count for name, count in found.items() if name.startswith("failed_") and name != "failed_kill"}
    assert set(lost.values()) == {0}, lost
    assert found["failed_kill"] <= found["in_flight_kill"]
    assert found["requests"] > 10_000
