"""Descriptions and tags are MLflow's own: what is written here, any MLflow client reads."""

from __future__ import annotations

import pytest

from jupyter_mlops.core.errors import BadInput, UnknownThing
from jupyter_mlops.delivery.labels import describe_model, describe_model_version, tag_whole_model
from jupyter_mlops.delivery.models import register_model, show_model


@pytest.fixture
def world(workspace, tmp_path):
    """A workspace with two versions of a model."""
    (tmp_path / "weights.bin").write_bytes(b"weights")
    for _ in range(2):
        register_model(workspace, str(tmp_path / "weights.bin"), "churn")
    return workspace


def test_model_and_versions_are_described_and_the_model_tagged(world):
    assert describe_model(world, "churn", "# Who leaves").description == "# Who leaves"
    assert describe_model_version(world, "churn:1", "first").description == "first"
    model = tag_whole_model(world, "churn", {"team": "risk", "old": None})
    assert (model.tags, [version.description for version in model.versions]) == ({"team": "risk"}, ["", "first"])
    assert tag_whole_model(world, "churn", {"team": None}).tags == {}
    with pytest.raises(BadInput):
        tag_whole_model(world, "churn", {"mlops.x": "1"})
    with pytest.raises(UnknownThing):
        describe_model(world, "nobody", "")


def test_a_version_tells_how_large_its_files_are(world):
    assert [version.n_bytes for version in show_model(world, "churn").versions] == [7, 7]
