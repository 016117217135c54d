"""What a replica's ``/metrics`` say is read into figures."""

from __future__ import annotations

import math

from jupyter_mlops.core.figures import ReplicaFigures
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.monitoring.live import all_counts, read_metrics, service_figures

METRICS = """# HELP mlops_requests_total Answers by route and status.
mlops_requests_total{route="/health/ready",status="200"} 70
mlops_requests_total{route="/score",status="200"} 8
mlops_requests_total{route="/score",status="429"} 1
mlops_requests_total{route="/v2/models/churn/versions/3/infer",status="200"} 2
mlops_request_seconds_bucket{route="/health/ready",le="0.001"} 70
mlops_request_seconds_bucket{route="/health/ready",le="+Inf"} 70
mlops_request_seconds_bucket{route="/score",le="0.001"} 3
mlops_request_seconds_bucket{route="/score",le="0.0025"} 8
mlops_request_seconds_bucket{route="/score",le="+Inf"} 9
mlops_request_seconds_sum{route="/score"} 0.02
mlops_request_seconds_bucket{route="/v2/models/churn/versions/3/infer",le="0.001"} 0
mlops_request_seconds_bucket{route="/v2/models/churn/versions/3/infer",le="0.0025"} 0
mlops_request_seconds_bucket{route="/v2/models/churn/versions/3/infer",le="+Inf"} 2
mlops_telemetry_dropped_total 4
mlops_ready 1
mlops_requests_in_flight 5
process_cpu_seconds_total 1.25
process_resident_memory_bytes 83886080
"""
REPLICA = ReplicaFigures(
    id="aa01", deployment="blue", current=True, manifest="churn:1", host="process", started_at=0.0, state="starting"
)


def test_requests_to_score_are_counted_whatever_their_route_and_health_checks_are_not():
    found = read_metrics(METRICS, REPLICA)

    assert found.statuses == {"200": 10, "429": 1}
    assert found.latencies.bounds_s == [0.001, 0.0025]
    assert found.latencies.counts == [3, 5, 3]
    assert (found.state, found.in_flight, found.n_lost) == ("ready", 5, 4)
    assert (found.cpu_s, found.memory_bytes) == (1.25, 80 * 2**20)
    assert not any(map(math.isinf, found.latencies.bounds_s))


def test_a_replica_that_loads_has_answered_nothing_yet():
    found = read_metrics("mlops_ready 0\n", REPLICA)

    assert (found.state, found.statuses, found.latencies.counts) == ("starting", {}, [])


def test_what_is_kept_on_another_machine_is_said_to_be_there_and_not_counted(workspace):
    parts = [Deployment(name="m1", manifest="churn:1")]
    workspace.catalog.add(Service(name="churn", host="process", deployments=parts, node="elsewhere"))
    workspace.catalog.add(Service(name="here", host="process", deployments=parts, node=workspace.node))

    found = service_figures(workspace, "churn")

    assert (found.answered, found.replicas) == (None, [])
    assert "elsewhere" in found.trouble
    asleep = service_figures(workspace, "here")
    assert (asleep.answered, asleep.replicas, asleep.trouble, asleep.agent) == (None, [], "", False)
    assert all_counts(workspace) == []
