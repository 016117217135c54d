"""What became of a model: of all its versions, the manifests, images and deployments."""

from __future__ import annotations

from jupyter_mlops.core.image import Image
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.delivered import show_delivered
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import register_model


def test_manifests_images_and_deployments_are_told_with_the_version_they_serve(workspace, tmp_path):
    (tmp_path / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    for name in ("churn", "churn", "other"):
        register_model(workspace, str(tmp_path / "weights.bin"), name)
    for models in (["churn:1"], ["churn:2", "other"], ["other"]):
        create_manifest(workspace, models, name=models[0].replace(":", "-"), script=tmp_path / "score.py")
    image = Image(name="churn-1:1", manifest="churn-1:1", image_id="sha256:a", tag="mlops/churn-1:1", n_bytes=5)
    workspace.catalog.add(image)
    parts = [
        Deployment(name="blue", manifest="churn-1:1", weight=90),
        Deployment(name="green", manifest="churn-2:1", weight=10),
        Deployment(name="red", manifest="other:1", weight=0),
    ]
    workspace.catalog.add(Service(name="api", host="process", deployments=parts, port=49152))

    found = show_delivered(workspace, "churn")

    assert [(one.ref, one.model_version, one.with_models) for one in found.manifests] == [
        ("churn-2:1", 2, ["other:1"]),
        ("churn-1:1", 1, []),
    ]
    assert [[made.tag for made in one.images] for one in found.manifests] == [[], ["mlops/churn-1:1"]]
    assert [(use.deployment, use.model_version, use.weight, use.url) for use in found.uses] == [
        ("blue", 1, 90, "http://127.0.0.1:49152"),
        ("green", 2, 10, "http://127.0.0.1:49152"),
    ]
    assert show_delivered(workspace, "nobody").manifests == []
