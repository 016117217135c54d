"""A model as its view shows it: three versions of two runs, with manifests, images and a service, of which none runs.

And what its tests do with that view.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.agentlock import hold
from jupyter_mlops.core.environment import Environment
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.manifests import create_manifest
from jupyter_mlops.delivery.models import alias_model, register_model
from jupyter_mlops.inputs.snapshots import take_snapshot
from jupyter_mlops.workspace import Workspace

MLMODEL = """flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.skops
    sklearn_version: {sklearn}
saved_input_example_info:
  artifact_path: input_example.json
  type: dataframe
signature:
  inputs: '[{{"type": "double", "name": "age", "required": true}}, {{"type": "string", "name": "지역", "required": false}}]'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "int64", "shape": [-1]}}}}]'
"""
SAMPLE = '{"columns": ["age", "지역"], "data": [[20.5, "서울"], [31.0, "부산"]]}'
SCORE = "def init():\n    pass\n\n\ndef run(data):\n    return data\n"


def train(world: Workspace, folder: Path, name: str, *, c: str, auc: float, sklearn: str) -> str:
    """Record a run with a model among its artifacts; return its id."""
    source = folder.with_name("source")
    source.mkdir(exist_ok=True)
    (source / "train.py").write_text(f"C = {c}\nfit(C)\n", "utf-8")
    tags = {"mlops.git.commit": "c" * 40, "mlops.git.branch": "main", "mlops.node": world.node}
    tags["mlops.snapshot"] = take_snapshot(world, source).name
    run = world.tracking.create_run("forest", name, tags=tags, params={"C": c, "solver": "lbfgs"})
    world.tracking.log_dataset(run.id, np.arange(4.0), "people", "training")
    at = [MetricPoint(key="auc", value=auc, step=0, at_ms=1), MetricPoint(key="loss", value="NaN", step=0, at_ms=1)]
    world.tracking.log(run.id, metrics=at)
    folder.mkdir()
    (folder / "MLmodel").write_text(MLMODEL.format(sklearn=sklearn), "utf-8")
    (folder / "input_example.json").write_text(SAMPLE, "utf-8")
    (folder / "model.skops").write_bytes(name.encode() * 1000)
    (folder / "requirements.txt").write_text(f"scikit-learn=={sklearn}\nskops==0.13\n", "utf-8")
    for file in sorted(folder.iterdir()):
        world.tracking.store(run.id, file, "model")
    (folder / "environment.json").write_bytes(encode(Environment(python="3.11.7", packages={"scikit-learn": sklearn})))
    world.tracking.store(run.id, folder / "environment.json", "mlops")
    world.tracking.end_run(run.id, "FINISHED")
    return run.id


def seed(world: Workspace, scratch: Path) -> None:
    """Make a model with three versions, manifests of the second, their images, and a service that runs one.

    The signature of the third cannot be read.
    """
    first = train(world, scratch / "a", "brave-owl-1", c="0.5", auc=0.91, sklearn="1.5.0")
    second = train(world, scratch / "b", "calm-fox-2", c="1.0", auc=0.94, sklearn="1.7.2")
    register_model(world, first, "churn", path="model", tags={"team": "risk"})
    register_model(world, second, "churn", path="model")
    broken = (scratch / "b" / "MLmodel").read_text("utf-8").replace('[{"type": "double"', '[{"ty')
    (scratch / "b" / "MLmodel").write_text(broken, "utf-8")
    register_model(world, str(scratch / "b"), "churn")
    alias_model(world, "churn:1", "champion")
    (scratch / "score.py").write_text(SCORE, "utf-8")
    manifest = create_manifest(world, ["churn:2"], script=scratch / "score.py")
    spare = create_manifest(world, ["churn:2"], script=scratch / "score.py", name="spare")
    for ref, digits in ((manifest.ref, "ab"), (spare.ref, "cd")):
        world.catalog.add(
            Image(
                name=ref, manifest=ref, image_id="sha256:" + digits * 32, tag=f"mlops/{ref}",
                n_bytes=181_000_000, build_s=14.2, platform="linux/amd64",
            )
        )  # fmt: skip
    part = Deployment(name="blue", manifest=manifest.ref, image="sha256:" + "ab" * 32)
    world.catalog.add(Service(name="churn-api", host="docker", deployments=[part], port=49152, state="ready"))


@contextmanager
def seeded(folder: Path, scratch: Path) -> Iterator[Workspace]:
    """Give the workspace of a folder. Its agent's lock is held here, so that what is asked of the agent stays to be seen."""
    with closing(Workspace.open(folder, create=True)) as world:
        seed(world, scratch)
        with hold(world.root) as holder:
            assert holder
            yield world


def widen(world: Workspace, scratch: Path, n_files: int) -> None:
    """Register a version of very many files."""
    many = scratch / "many"
    many.mkdir()
    for number in range(n_files):
        (many / f"part-{number:04}.txt").write_text("1", "utf-8")
    register_model(world, str(many), "churn")


def button(page: Any, name: str) -> Any:
    return page.locator(".jp-Mlops-model").get_by_role("button", name=name, exact=True)


def select(page: Any, version: int) -> None:
    page.get_by_role("row", name=re.compile(f"Version {version}")).get_by_text(f"Version {version}").click()
    page.get_by_role("heading", name=f"Version {version}", exact=True).wait_for()


def kinds(boxes: Any) -> list[str]:
    """What the boxes of a lineage are, from what was there first."""
    return [text.split("\n")[0] for text in boxes.all_inner_texts()]


def asked(world: Workspace, verb: str) -> Activity:
    """What the agent was asked for by a verb, once."""
    (found,) = [one for one in world.catalog.find(Activity) if one.verb == verb]
    return found
