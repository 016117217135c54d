"""Manifests: made from models, scripts and files; the same inputs give the same version."""

from __future__ import annotations

import json
import shutil

import pytest

from jupyter_mlops.core.errors import BadInput, NotWritten, UnknownThing
from jupyter_mlops.core.manifest import Column, Manifest, Tensor
from jupyter_mlops.core.record import decode
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.bundles import DamagedBlob, materialize
from jupyter_mlops.delivery.manifests import (
    ManifestInUse,
    NeedsScript,
    create_manifest,
    delete_manifest,
    diff_manifests,
    list_manifests,
    manifest_for,
    show_manifest,
)
from jupyter_mlops.delivery.mlmodel import read_model
from jupyter_mlops.delivery.models import register_model
from jupyter_mlops.delivery.schemas import BadSample, BadSchema
from jupyter_mlops.delivery.scripts import BadScript
from jupyter_mlops.delivery.trust import NeedsTrust

SCRIPT = "import helper\n\ndef init():\n    pass\n\ndef run(data):\n    return helper.twice(data)\n"


@pytest.fixture(scope="module")
def churn(trained):
    register_model(trained.world, trained.run.id, "churn", path="frame")
    return trained.world


@pytest.fixture
def script(tmp_path):
    folder = tmp_path / "scoring"
    (folder / "data").mkdir(parents=True)
    (folder / "score.py").write_text(SCRIPT)
    (folder / "helper.py").write_text("def twice(x):\n    return x\n")
    (folder / "data" / "names.txt").write_text("a\n")
    (folder / "secret.log").write_text("not this")
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "helper.pyc").write_bytes(b"")
    return folder / "score.py"


def test_a_manifest_has_schema_sample_packages_and_python_of_its_model(churn):
    manifest = create_manifest(churn, ["churn"])
    assert manifest.schema.columns == [Column(name="age", type="double"), Column(name="spend", type="double")]
    assert manifest.sample["dataframe_split"]["columns"] == ["age", "spend"]
    names = [line.partition("==")[0] for line in manifest.requirements]
    assert {"scikit-learn", "skops", "numpy"} <= set(names)
    assert not {"mlflow", "mlflow-skinny", "pytest", "pandas"} & set(names)
    assert manifest.models[0].flavor == "sklearn"
    assert (manifest.models[0].snapshot, manifest.models[0].commit) == ("0123456789abcdef", "c" * 40)
    assert manifest.base_image == f"python:{manifest.python}-slim"
    assert {one.path for one in manifest.files} > {"models/churn/MLmodel", "models/churn/model.skops"}


def test_a_tensor_signature_becomes_a_tensor_schema(trained):
    register_model(trained.world, trained.run.id, "array", path="array")
    manifest = create_manifest(trained.world, ["array:1"])
    assert manifest.schema.tensors == [Tensor(dtype="float64", shape=[-1, 2])]
    assert manifest.sample == {"inputs": [[20.0, 1.0], [30.0, 0.0]]}


def test_the_same_inputs_give_the_existing_version(churn):
    first = create_manifest(churn, ["churn:1"], name="same")
    assert create_manifest(churn, ["churn:1"], name="same") == first
    other = create_manifest(churn, ["churn:1"], name="same", tags={"why": "audit"})
    assert other.version == first.version + 1
    assert [one.version for one in list_manifests(churn, "same")] == [2, 1]
    assert show_manifest(churn, "same") == other
    assert show_manifest(churn, "same:1") == first


def test_a_script_brings_the_files_beside_it(churn, script):
    manifest = create_manifest(churn, ["churn:1"], name="scripted", script=script)
    code = [one.path for one in manifest.files if one.path.startswith("code/")]
    assert code == ["code/data/names.txt", "code/helper.py", "code/score.py"]
    assert manifest.script == "code/score.py"
    assert manifest.sample is None
    assert not manifest.schema.columns


def test_a_service_of_a_model_takes_the_manifest_that_was_made_for_it(churn, model_folder, script):
    register_model(churn, str(model_folder / "model.skops"), "plain")
    with pytest.raises(NeedsScript, match="'plain' is plain files"):
        manifest_for(churn, "plain")
    made = create_manifest(churn, ["plain:1"], script=script)
    assert manifest_for(churn, "plain") == made


def test_a_single_file_of_a_run_is_in_the_manifest(trained, script):
    register_model(trained.world, trained.run.id, "lonely", path="outputs/weights.bin")
    manifest = create_manifest(trained.world, ["lonely"], script=script)
    assert "models/lonely/weights.bin" in [one.path for one in manifest.files]


def test_several_models_need_a_script(churn, script):
    register_model(churn, "train", "second", path="frame")
    with pytest.raises(NeedsScript, match="'churn' and 'second' answer together"):
        create_manifest(churn, ["churn:1", "second:1"])
    manifest = create_manifest(churn, ["churn:1", "second:1"], name="both", script=script)
    assert [one.name for one in manifest.models] == ["churn", "second"]
    with pytest.raises(BadInput, match="named twice"):
        create_manifest(churn, ["churn:1", "churn:1"], script=script)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("def init(:\n", "is not Python at line 1"),
        ("def init(): pass\n", "does not define run"),
        ("x = 1\n", "does not define init and run"),
    ],
)
def test_a_script_that_cannot_answer_is_refused(churn, tmp_path, text, why):
    (tmp_path / "bad.py").write_text(text)
    with pytest.raises(BadScript, match=why):
        create_manifest(churn, ["churn"], script=tmp_path / "bad.py")
    with pytest.raises(BadScript, match="no scoring script"):
        create_manifest(churn, ["churn"], script=tmp_path / "none.py")


def test_conda_python_base_image_schema_and_sample_come_from_the_caller(churn, tmp_path):
    (tmp_path / "conda.yaml").write_text("dependencies:\n- python=3.12\n- numpy=2.1.3=h1\n")
    (tmp_path / "schema.json").write_text('{"columns": [{"name": "age", "type": "double"}]}')
    (tmp_path / "sample.json").write_text('{"columns": {"age": [1.0]}}')
    manifest = create_manifest(
        churn,
        ["churn"],
        name="given",
        conda=tmp_path / "conda.yaml",
        schema=tmp_path / "schema.json",
        sample=tmp_path / "sample.json",
        base_image="registry.example.org/base:1",
    )
    assert (manifest.python, manifest.requirements) == ("3.12", ["numpy==2.1.3"])
    assert manifest.base_image == "registry.example.org/base:1"
    assert [one.name for one in manifest.schema.columns] == ["age"]
    assert manifest.sample == {"columns": {"age": [1.0]}}
    assert create_manifest(churn, ["churn"], name="given", python="3.13").base_image == "python:3.13-slim"


def test_a_schema_file_may_be_an_mlflow_signature(churn, tmp_path):
    signature = {"inputs": json.dumps([{"type": "array", "items": {"type": "long"}, "name": "age", "optional": True}])}
    (tmp_path / "schema.json").write_text(json.dumps(signature))
    (tmp_path / "sample.json").write_text('{"dataframe_records": [{"age": [1]}]}')
    manifest = create_manifest(
        churn, ["churn"], name="signed", schema=tmp_path / "schema.json", sample=tmp_path / "sample.json"
    )
    assert manifest.schema.columns == [Column(name="age", type="any", required=False)]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"columns": [{"name": "a", "type": "colour"}]}', '{"inputs": "x"}'])
def test_a_schema_that_cannot_be_used_names_the_file(churn, tmp_path, text):
    (tmp_path / "schema.json").write_text(text)
    with pytest.raises(BadSchema, match=r"schema\.json"):
        create_manifest(churn, ["churn"], schema=tmp_path / "schema.json")
    with pytest.raises(BadSchema, match="No such file"):
        create_manifest(churn, ["churn"], schema=tmp_path / "none.json")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON"),
        ('{"columns": {"age": [1.0]}}', "spend"),
        ('[{"age": "x", "spend": 1}]', "must be a number"),
    ],
)
def test_a_sample_that_does_not_fit_is_refused(churn, tmp_path, text, why):
    (tmp_path / "sample.json").write_text(text)
    with pytest.raises(BadSample, match=why):
        create_manifest(churn, ["churn"], sample=tmp_path / "sample.json")


def test_bad_options_are_refused(churn):
    with pytest.raises(BadInput, match="no Python version"):
        create_manifest(churn, ["churn"], python="2.7")
    with pytest.raises(UnknownThing):
        create_manifest(churn, ["nobody:1"])
    with pytest.raises(UnknownThing):
        show_manifest(churn, "churn:99")
    with pytest.raises(BadInput, match="needs a model"):
        create_manifest(churn, [])


def test_a_difference_is_shown_field_by_field(churn):
    a = create_manifest(churn, ["churn"], name="changes")
    b = create_manifest(churn, ["churn"], name="changes", python="3.14", tags={"x": "1"})
    changes = {one.field: (one.before, one.after) for one in diff_manifests(churn, a.ref, b.ref)}
    assert changes["python"] == (a.python, "3.14")
    assert changes["tags.x"] == (None, "1")
    assert diff_manifests(churn, a.ref, a.ref) == []


def test_a_bundle_has_every_file_verified(churn):
    manifest = create_manifest(churn, ["churn"], name="bundled")
    bundle = materialize(churn, manifest)
    assert decode((bundle / "manifest.json").read_bytes(), Manifest) == manifest
    assert all((bundle / one.path).stat().st_size == one.n_bytes for one in manifest.files)
    file = bundle / manifest.files[0].path
    file.write_bytes(b"tampered")
    assert materialize(churn, manifest) == bundle
    assert file.read_bytes() != b"tampered"
    assert [one.name for one in bundle.parent.iterdir() if one.name.startswith(".")] == []


def test_a_damaged_blob_is_named_and_leaves_no_bundle(churn, tmp_path):
    weights = tmp_path / "weights.skops"
    weights.write_bytes(b"the only one of its kind")
    script = tmp_path / "code" / "score.py"
    script.parent.mkdir()
    script.write_text("def init(): pass\ndef run(data): return data\n")
    register_model(churn, str(weights), "fragile")
    manifest = create_manifest(churn, ["fragile"], script=script)
    digest = next(one.digest for one in manifest.files if one.path.endswith("weights.skops"))
    for file in (churn.root / "blobs").rglob(f"*{digest}*"):
        file.chmod(0o600)
        file.write_bytes(b"the only one of its kinD")
    with pytest.raises(DamagedBlob, match="models/fragile/weights"):
        materialize(churn, manifest)
    assert not (churn.root / "bundles" / "fragile-1").exists()


def test_a_bundle_on_a_full_disk_is_refused_and_leaves_nothing(churn, small_disk, fill):
    manifest = create_manifest(churn, ["churn"])
    fill(small_disk / "filler")
    with pytest.raises(NotWritten, match=rf"^The bundle of {manifest.ref} in .* cannot be written: No space left"):
        materialize(churn, manifest, small_disk / "bundle")
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_deployed_manifest_is_not_deleted(churn):
    manifest = create_manifest(churn, ["churn"], name="used")
    materialize(churn, manifest)
    part = Deployment(name="m1", manifest=manifest.ref)
    churn.catalog.add(Service(name="user", host="process", deployments=[part]))
    with pytest.raises(ManifestInUse, match="deployed by 'user'"):
        delete_manifest(churn, "used")
    churn.catalog.remove(Service, "user")
    delete_manifest(churn, "used:1")
    with pytest.raises(UnknownThing):
        list_manifests(churn, "used")
    assert not (churn.root / "bundles" / "used-1").exists()


def test_a_link_out_of_the_folder_is_refused(churn, script, tmp_path):
    (tmp_path / "outside.txt").write_text("private")
    (script.parent / "link.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(BadInput, match=r"'link\.txt' leads out"):
        create_manifest(churn, ["churn"], script=script)
    shutil.rmtree(script.parent)


def test_types_that_run_code_are_accepted_by_name_or_refused(churn, tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    folder = tmp_path / "model"
    folder.mkdir()
    skops.io.dump(FunctionTransformer(json.dumps), folder / "model.skops")
    (folder / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n"
    )
    register_model(churn, str(folder), "sly")
    with pytest.raises(NeedsTrust, match=r"json\.dumps"):
        create_manifest(churn, ["sly:1"])
    manifest = create_manifest(churn, ["sly:1"], trust=True)
    assert manifest.tags == {"mlops.trust": "json.dumps"}
    assert manifest_for(churn, "sly") == manifest
    with pytest.raises(BadInput, match="not for you to set"):
        create_manifest(churn, ["sly:1"], tags={"mlops.trust": "json.dumps"})


def test_a_model_that_is_given_dataframes_keeps_pandas(churn, tmp_path):
    import mlflow.sklearn
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    folder = tmp_path / "model"
    frame = churn.tracking.fetch_model(churn.tracking.model_version("churn"), tmp_path / "fetched")
    shutil.copytree(frame, folder)
    fitted = mlflow.sklearn.load_model(str(frame))
    scaled = make_pipeline(StandardScaler().fit([[0.0, 1.0], [2.0, 3.0]]), fitted)
    for pandas_out in (False, True):
        if pandas_out:
            scaled[0].set_output(transform="pandas")
        skops.io.dump(scaled, folder / "model.skops")
        assert read_model(folder).needs_frames is pandas_out
    # A schema of the caller's may name the columns otherwise, and a DataFrame has to put them in order.
    (tmp_path / "schema.json").write_text('{"columns": [{"name": "spend"}, {"name": "age"}]}')
    manifest = create_manifest(churn, ["churn"], schema=tmp_path / "schema.json", sample=_rows(tmp_path))
    assert any(line.startswith("pandas==") for line in manifest.requirements)


def _rows(folder):
    (folder / "rows.json").write_text('{"inputs": {"spend": [1.0], "age": [2.0]}}')
    return folder / "rows.json"


def test_types_vouched_for_when_logged_are_accepted_from_the_same_actor_only(churn, tmp_path):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    folder = tmp_path / "model"
    folder.mkdir()
    skops.io.dump(FunctionTransformer(json.dumps), folder / "model.skops")
    (folder / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n"
        "    skops_trusted_types:\n    - json.dumps\n"
    )
    register_model(churn, str(folder), "vouched")
    assert create_manifest(churn, ["vouched:1"], name="mine").tags == {"mlops.trust": "json.dumps"}
    with pytest.raises(NeedsTrust):
        create_manifest(churn.for_actor("someone else"), ["vouched:1"], name="theirs")


def test_a_truncated_model_file_is_named(churn, model_folder):
    folder = shutil.copytree(model_folder, churn.home / "cut")
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(text.replace("model.skops\n", "model.skops\n    serialization_format: skops\n"))
    register_model(churn, str(folder), "cut")
    with pytest.raises(BadInput, match=r"'model\.skops' cannot be read"):
        create_manifest(churn, ["cut"])
