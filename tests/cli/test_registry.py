"""Models, manifests, images and lineage from the command line."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.usefixtures("model")


@pytest.fixture
def model(here, mlops):
    """A model ``churn`` with one version, registered from a file."""
    (here.home / "model.bin").write_bytes(b"weights")
    assert mlops("models", "register", "model.bin", "churn", "--tag", "team=risk").code == 0
    return here


@pytest.fixture
def manifest(model, mlops):
    """A manifest ``churn:1`` of that model, with a scoring script."""
    (model.home / "score.py").write_text("def init():\n    pass\n\n\ndef run(data):\n    return data\n")
    (model.home / "row.json").write_text('{"a": 1}')
    made = mlops("manifests", "create", "churn", "--script", "score.py", "--sample", "row.json", "--tag", "for=test")
    assert made.code == 0, made.err
    return model


def test_models_are_registered_listed_shown_tagged_and_downloaded(mlops, tmp_path):
    assert "churn" in mlops("models", "list").out
    assert mlops("models", "list", "--where", "tags.team = 'risk'", "--json").json["items"][0]["name"] == "churn"
    assert "No model matches" in mlops("models", "list", "--where", "tags.team = 'lab'").out
    assert mlops("models", "show", "churn", "--json").json["versions"][0]["version"] == 1
    tagged = mlops("models", "tag", "churn:1", "stage=draft", "team-", "--json").json
    assert tagged["tags"] == {"stage": "draft"}
    shown = mlops("models", "show", "churn:1").out
    assert "stage=draft" in shown
    answer = mlops("models", "download", "churn:1", tmp_path / "copy")
    assert answer.code == 0
    assert [path.read_bytes() for path in (tmp_path / "copy").rglob("model.bin")] == [b"weights"]


def test_deleting_a_version_asks_nothing_and_all_versions_need_yes(mlops):
    assert mlops("models", "register", "model.bin", "churn").code == 0
    refused = mlops("models", "delete", "churn")
    assert refused.code == 2
    assert "all 2 versions" in refused.err
    assert "--yes" in refused.err
    assert mlops("models", "delete", "churn:1").out == "Deleted model version churn:1.\n"
    assert [one["version"] for one in mlops("models", "show", "churn", "--json").json["versions"]] == [2]
    assert mlops("models", "delete", "churn", "--yes").code == 0
    assert mlops("models", "show", "churn").code == 3


def test_a_version_is_downloaded_into_a_new_folder_of_its_name(model, mlops):
    assert mlops("models", "download", "churn").out == "Downloaded churn:1 to churn-1\n"
    assert [path.read_bytes() for path in (model.home / "churn-1").rglob("model.bin")] == [b"weights"]


def test_a_download_into_what_is_no_folder_is_refused(model, mlops):
    answer = mlops("models", "download", "churn", model.home / "model.bin" / "below")
    assert answer.code == 5
    assert "cannot be written" in answer.err


def test_types_that_run_code_are_refused_until_trusted_as_the_hint_says(model, mlops):
    import skops.io
    from sklearn.preprocessing import FunctionTransformer

    folder = model.home / "sly"
    folder.mkdir()
    skops.io.dump(FunctionTransformer(json.dumps), folder / "model.skops")
    (folder / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n"
    )
    assert mlops("models", "register", "./sly", "sly").code == 0
    refused = mlops("manifests", "create", "sly")
    assert refused.code == 6
    assert "json.dumps" in refused.err
    command = refused.err.partition("`mlops ")[2].partition("`")[0]
    assert mlops(*command.split()).code == 0


def test_manifests_are_listed_shown_compared_and_deleted(manifest, mlops):
    assert "churn:1" in mlops("manifests", "list").out
    shown = mlops("manifests", "show", "churn:1").out
    assert "code/score.py" in shown
    assert '{"a":1}' in shown
    assert "What it scored to" in shown
    (manifest.home / "row.json").write_text('{"a": 2}')
    made = mlops("manifests", "create", "churn", "--script", "score.py", "--sample", "row.json", "--json").json
    assert made["version"] == 2
    changed = mlops("manifests", "diff", "churn:1", "churn:2").out
    assert "sample" in changed
    assert mlops("manifests", "diff", "churn:1", "churn:1").out == "They are the same.\n"
    assert mlops("manifests", "delete", "churn:1").out == "Deleted manifest churn:1.\n"
    assert [one["version"] for one in mlops("manifests", "list", "churn", "--json").json["items"]] == [2]


def test_lineage_leads_back(mlops):
    assert mlops("lineage", "model", "churn").out.startswith("model churn:1 (file)")
    assert mlops("lineage", "model", "churn", "--json").json["nodes"][0]["id"] == "model:churn:1"


@pytest.mark.parametrize(
    ("args", "code", "named"),
    [
        (["models", "show", "nope"], 3, "'nope'"),
        (["models", "show", "churn:9"], 3, "churn:9"),
        (["models", "show", "churn:x"], 2, "churn:x"),
        (["models", "show", "a/b"], 2, "a/b"),
        (["models", "register", "nowhere", "churn"], 3, "nowhere"),
        (["models", "register", "model.bin", "bad name"], 2, "bad name"),
        (["models", "register", "model.bin", "n" * 300], 2, "nnn"),
        (["models", "tag", "churn:1", "team"], 2, "'team'"),
        (["models", "list", "--where", "team risk"], 2, "column 1: expected a field"),
        (["models", "download", "nope"], 3, "'nope'"),
        (["models", "delete", "nope", "--yes"], 3, "nope"),
        (["manifests", "show", "nope"], 3, "'nope'"),
        (["manifests", "create", "nope"], 3, "'nope'"),
        (["images", "show", "nope"], 3, "nope"),
        (["images", "build", "nope"], 3, "nope"),
        (["lineage", "service", "nope"], 3, "'nope'"),
        (["lineage", "folder", "nope"], 2, "folder"),
        (["deploy", "svc", "nope"], 3, "nope"),
        (["deploy", "bad name", "churn"], 2, "bad name"),
        (["deploy", "svc"], 2, "svc"),
        (["services", "delete", "nope"], 3, "'nope'"),
        (["services", "keys", "nope"], 3, "'nope'"),
        (["services", "keys", "list", "nope"], 3, "'nope'"),
        (["services", "keys", "regenerate", "nope", "primary"], 3, "'nope'"),
        (["services", "keys", "regenerate", "nope", "tertiary"], 2, "'tertiary'"),
        (["services", "keys", "regenrate", "nope", "primary"], 2, "Did you mean regenerate?"),
        (["services", "configure", "nope", "max_queue=1"], 3, "'nope'"),
        (["services", "configure", "nope", "max_queue"], 2, "'max_queue' is not KEY=VALUE"),
        (["services", "configure", "nope"], 2, "KEY=VALUE"),
        (["services", "logs", "nope"], 3, "'nope'"),
        (["score", "nope", "[[1]]"], 3, "'nope'"),
        (["score", "nope", "{"], 2, "{"),
        (["activities", "show", "nope"], 3, "'nope'"),
    ],
)
def test_bad_input_is_named_with_the_next_step(mlops, args, code, named):
    answer = mlops(*args)
    assert answer.code == code, answer.err
    assert answer.out == ""
    assert named in answer.err.splitlines()[0]
    assert answer.err.splitlines()[-1].startswith("Hint: ")
