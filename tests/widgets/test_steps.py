"""The steps of an activity: one output that changes in place, and says all of it in the end."""

from __future__ import annotations

import pytest

TRAIN = """%%ml run -n churn
import mlflow
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
X, y = load_iris(return_X_y=True, as_frame=True)
mlflow.sklearn.log_model(LogisticRegression(max_iter=500).fit(X, y.astype(float)), name="model", input_example=X.head(2))
"""
DEPLOY = """
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.widgets.steps import Steps
import msgspec
show = Steps()
activity = Activity(name="a1", verb="services.deploy", subject="service <b>churn</b>", state="running", started_at=1.0)
for n, message in enumerate(("building the image", "starting", "starting", "waiting until it is ready")):
    show(msgspec.structs.replace(activity, message=message, progress=n / 4))
show(msgspec.structs.replace(activity, message="done", state="done", ended_at=9.0))
"""


def shown(heard):
    return [(kind, content["data"], content["transient"]["display_id"]) for kind, content in heard if "data" in content]


def test_each_step_replaces_the_output_and_the_last_one_has_them_all(kernel):
    found = shown(kernel.hear(DEPLOY))
    assert [kind for kind, _, _ in found] == ["display_data", *["update_display_data"] * 4]
    assert len({display for _, _, display in found}) == 1
    assert "→ starting" in found[2][1]["text/plain"]
    assert "25%" in found[1][1]["text/plain"]
    lines = found[-1][1]["text/plain"].split()
    assert lines.count("✓") == 3
    assert "done" in lines
    assert "8.0 s" in found[-1][1]["text/plain"]
    assert "<b>" not in found[-1][1]["text/html"]


def test_of_many_steps_the_last_ones_are_shown(kernel):
    found = shown(
        kernel.hear(DEPLOY + 'for n in range(40): show(msgspec.structs.replace(activity, message=f"step {n}"))')
    )
    assert "✓ step 38" in found[-1][1]["text/plain"]
    assert "earlier steps" in found[-1][1]["text/plain"]
    assert "✓ step 3\n" not in found[-1][1]["text/plain"]


@pytest.mark.slow
def test_a_deployment_shows_its_steps_and_then_the_service(kernel):
    assert kernel.run(TRAIN).status == "ok"
    assert kernel.run("%ml models register churn churn").status == "ok"
    try:
        heard = kernel.hear("%ml services deploy churn churn")
    finally:
        kernel.run("%ml services delete churn")
        kernel.run("%ml agent stop")
    steps = shown([one for one in heard if one[0] != "execute_result"])
    assert len({display for _, _, display in steps}) == 1
    assert "✓ " in steps[-1][1]["text/plain"]  # which ones depends on how quickly they follow each other
    assert "→ " not in steps[-1][1]["text/plain"]
    assert "service churn  done  deploy" in steps[-1][1]["text/plain"]
    [service] = [content["data"]["text/plain"] for kind, content in heard if kind == "execute_result"]
    assert "http://127.0.0.1:" in service
    assert not [content for kind, content in heard if kind in {"stream", "error"}]
