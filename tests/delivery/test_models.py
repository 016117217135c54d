"""Registering, finding, tagging, downloading and deleting models, on MLflow's own registry."""

from __future__ import annotations

import shutil

import pytest

from jupyter_mlops.core.errors import BadInput, BadName, UnknownThing
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.core.wherelex import BadWhere
from jupyter_mlops.delivery.loading import model_program
from jupyter_mlops.delivery.manifests import NotServable, create_manifest
from jupyter_mlops.delivery.models import (
    ModelInUse,
    NoLoggedModel,
    NoSource,
    ReservedAlias,
    WhichModel,
    WouldOverwrite,
    alias_model,
    delete_model,
    download_model,
    list_models,
    register_model,
    show_model,
    show_model_version,
    tag_model,
    unalias_model,
)


def test_a_run_gives_the_next_version_with_flavor_and_run(trained):
    first = register_model(trained.world, trained.run.id[:8], "steps", path="frame", tags={"team": "risk"})
    second = register_model(trained.world, "train", "steps", path="frame")
    assert (first.version, second.version) == (1, 2)
    found = show_model_version(trained.world, "steps:1")
    assert (found.flavor, found.run_id, found.tags) == ("sklearn", trained.run.id, {"team": "risk"})
    assert show_model_version(trained.world, "steps").version == 2


def test_of_several_logged_models_one_must_be_chosen(trained):
    with pytest.raises(WhichModel, match="array, frame"):
        register_model(trained.world, trained.run.id, "several")
    with pytest.raises(NoLoggedModel, match=r"no artifact 'nothing'; it logged array, frame\."):
        register_model(trained.world, trained.run.id, "several", path="nothing")
    with pytest.raises(UnknownThing):
        show_model(trained.world, "several")


def test_a_file_among_a_runs_artifacts_can_be_registered(trained):
    version = register_model(trained.world, trained.run.id, "weights", path="outputs/weights.bin")
    assert version.flavor == "file"
    assert version.run_id == trained.run.id


def test_a_folder_trained_elsewhere_is_copied_so_that_it_may_vanish(trained, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "mine")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"")
    (folder / "sub").mkdir()
    (folder / "sub" / "more.bin").write_bytes(b"more")
    version = register_model(trained.world, str(folder), "foreign")
    shutil.rmtree(folder)
    into = download_model(trained.world, "foreign:1", tmp_path / "back")
    assert version.flavor == "sklearn"
    assert (into / "sub" / "more.bin").read_bytes() == b"more"
    assert (into / "MLmodel").read_text() == (model_folder / "MLmodel").read_text()
    assert not (into / "__pycache__").exists()
    assert trained.world.tracking.run(version.run_id).status == "FINISHED"


def test_a_single_file_is_a_model_of_flavor_file(trained, tmp_path, monkeypatch):
    (tmp_path / "net.bin").write_bytes(b"weights")
    monkeypatch.chdir(tmp_path)
    assert register_model(trained.world, "net.bin", "single").flavor == "file"
    assert (download_model(trained.world, "single", tmp_path / "out") / "net.bin").read_bytes() == b"weights"


def test_neither_run_nor_file_is_said(trained, tmp_path):
    with pytest.raises(NoSource, match="'nothing-here'"):
        register_model(trained.world, "nothing-here", "x")
    with pytest.raises(NoSource):
        register_model(trained.world, str(tmp_path / "none"), "x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no files"):
        register_model(trained.world, str(tmp_path / "empty"), "x")


@pytest.mark.parametrize("name", ["a/b", "a b", "x" * 300, ""])
def test_a_bad_name_is_refused_before_anything_is_stored(trained, name):
    with pytest.raises(BadName):
        register_model(trained.world, trained.run.id, name, path="frame")


@pytest.mark.parametrize("name", ["이탈 예측", "it's", 'say "hi"', 'it\'s "both"'])
def test_a_model_that_another_program_named_is_listed_and_shown_as_ours_are(trained, model_folder, name):
    client = trained.world.tracking.client
    client.create_registered_model(name)
    client.create_model_version(name, model_folder.as_uri())
    client.create_model_version(name, model_folder.as_uri())
    client.set_registered_model_alias(name, "champion", 1)

    (listed,) = [one for one in list_models(trained.world) if one.name == name]

    assert listed == show_model(trained.world, name)
    assert (listed.latest, [one.version for one in listed.versions], listed.aliases) == (2, [2, 1], {"champion": 1})
    assert show_model_version(trained.world, f"{name}@champion").version == 1
    assert show_model_version(trained.world, name).version == 2
    with pytest.raises(NotServable, match="part of addresses"):
        create_manifest(trained.world, [name])
    delete_model(trained.world, f"{name}:2")
    delete_model(trained.world, name)
    assert name not in [one.name for one in list_models(trained.world)]


def test_a_model_with_an_at_sign_in_its_name_is_that_one_and_no_alias_of_another(trained, model_folder):
    client = trained.world.tracking.client
    for name, n_versions in (("ops", 1), ("ops@home", 2)):
        client.create_registered_model(name)
        for _ in range(n_versions):
            client.create_model_version(name, model_folder.as_uri())
    alias_model(trained.world, "ops:1", "home")
    alias_model(trained.world, "ops@home:1", "champion")
    alias_model(trained.world, "ops:1", "away")

    def found(ref):
        version = show_model_version(trained.world, ref)
        return version.name, version.version

    assert found("ops@home") == ("ops@home", 2)
    assert found("ops@home:1") == found("ops@home@champion") == ("ops@home", 1)
    assert found("ops@away") == ("ops", 1)
    assert "models:/ops@home/2" in model_program(trained.world, "ops@home").source
    unalias_model(trained.world, "ops@home", "champion")
    delete_model(trained.world, "ops@home")
    assert found("ops@home") == ("ops", 1)  # by its alias, now that no model is called so


def test_models_are_found_by_tags_and_fields(trained, model_folder):
    register_model(trained.world, str(model_folder), "tagged", tags={"team": "risk"})
    register_model(trained.world, str(model_folder), "tagged", tags={"team": "sales"})
    (model,) = list_models(trained.world, "tags.team = 'sales' and name = 'tagged'")
    assert [version.version for version in model.versions] == [2]
    assert list_models(trained.world, "tags.team = 'nobody'") == []
    assert "tagged" in [one.name for one in list_models(trained.world)]
    with pytest.raises(BadWhere, match="column 1"):
        list_models(trained.world, "colour = 'red'")


def test_tags_are_set_and_removed(trained, model_folder):
    register_model(trained.world, str(model_folder), "retagged", tags={"old": "1"})
    version = tag_model(trained.world, "retagged:1", {"old": None, "stage": "production"})
    assert version.tags == {"stage": "production"}
    with pytest.raises(BadInput, match="key of a tag"):
        tag_model(trained.world, "retagged:1", {"mlops.flavor": "x"})


def test_a_download_overwrites_nothing(trained, model_folder, tmp_path):
    register_model(trained.world, str(model_folder), "kept")
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(WouldOverwrite):
        download_model(trained.world, "kept", tmp_path)
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_deployed_model_is_not_deleted_and_the_services_are_named(trained):
    world = trained.world
    register_model(world, trained.run.id, "busy", path="frame")
    manifest = create_manifest(world, ["busy:1"])
    service = Service(name="live", host="process", deployments=[Deployment(name="m1", manifest=manifest.ref)])
    world.catalog.add(service)
    with pytest.raises(ModelInUse, match="deployed by live"):
        delete_model(world, "busy:1")
    assert show_model(world, "busy").services == ["live"]
    world.catalog.remove(Service, "live")
    delete_model(world, "busy:1")
    with pytest.raises(UnknownThing):
        show_model_version(world, "busy:1")


def test_unknown_models_and_versions_are_named(trained):
    for call in (show_model_version, delete_model):
        with pytest.raises(UnknownThing, match="'nobody:3'"):
            call(trained.world, "nobody:3")
    with pytest.raises(BadInput, match="no version number"):
        show_model_version(trained.world, "nobody:x")


def test_a_file_of_a_known_library_needs_no_script_and_no_mlflow(trained, tmp_path, monkeypatch):
    import lightgbm
    import numpy as np

    rows = np.random.default_rng(0).normal(size=(100, 2))
    booster = lightgbm.train({"objective": "regression", "verbose": -1}, lightgbm.Dataset(rows, rows[:, 0]), 2)
    booster.save_model(tmp_path / "trees.txt")
    (tmp_path / "net.onnx").write_bytes(b"\x08\x08")
    monkeypatch.chdir(tmp_path)
    assert register_model(trained.world, "./trees.txt", "trees").flavor == "lightgbm"
    assert register_model(trained.world, "./net.onnx", "net").flavor == "onnx"
    manifest = create_manifest(trained.world, ["trees"])
    assert manifest.models[0].flavor == "lightgbm"
    assert [line.partition("==")[0] for line in manifest.requirements] == ["lightgbm", "numpy"]
    assert [line.partition("==")[0] for line in create_manifest(trained.world, ["net"]).requirements] == [
        "numpy",
        "onnxruntime",
    ]


def test_an_alias_names_one_version_and_moves(trained):
    for _ in range(2):
        register_model(trained.world, trained.run.id, "promoted", path="frame")
    assert alias_model(trained.world, "promoted:1", "champion").aliases == ["champion"]
    assert alias_model(trained.world, "promoted", "champion").version == 2
    assert show_model(trained.world, "promoted").aliases == {"champion": 2}
    assert show_model_version(trained.world, "promoted@champion").version == 2
    unalias_model(trained.world, "promoted", "champion")
    assert show_model(trained.world, "promoted").aliases == {}
    assert [event.verb for event in trained.world.catalog.events()][-3:] == ["alias", "alias", "unalias"]


@pytest.mark.parametrize(
    ("ref", "alias", "error"),
    [
        ("promoted:9", "champion", UnknownThing),
        ("nothing:1", "champion", UnknownThing),
        ("promoted:1", "a b", BadName),
        ("promoted:1", "v3", ReservedAlias),
        ("promoted:1", "Latest", ReservedAlias),
    ],
)
def test_what_cannot_be_an_alias_is_refused(trained, ref, alias, error):
    if not any(model.name == "promoted" for model in list_models(trained.world)):
        register_model(trained.world, trained.run.id, "promoted", path="frame")
    with pytest.raises(error):
        alias_model(trained.world, ref, alias)


def test_an_alias_that_is_not_there_cannot_be_taken_away(trained):
    register_model(trained.world, trained.run.id, "never-aliased", path="frame")
    with pytest.raises(UnknownThing):
        unalias_model(trained.world, "never-aliased", "champion")
