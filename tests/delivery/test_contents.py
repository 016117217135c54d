"""What is in a model version is read from its own files, and what cannot be read is told beside what can."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.delivery import contents
from jupyter_mlops.delivery.comparing import TooFewVersions, compare_versions
from jupyter_mlops.delivery.contents import show_contents
from jupyter_mlops.delivery.models import download_model, register_model, show_model_version
from jupyter_mlops.store.registry import NoModelFiles


def test_the_files_of_a_logged_model_tell_types_sample_packages_and_digests(trained):
    register_model(trained.world, trained.run.id, "told", path="frame")
    found = show_contents(trained.world, "told:1")
    assert [(one.name, one.type) for one in found.schema.columns] == [("age", "double"), ("spend", "double")]
    assert found.schema.output_columns or found.schema.output_tensors
    assert found.sample["dataframe_split"]["data"] == [[20.0, 1.0], [30.0, 0.0]]
    assert any(line.startswith("scikit-learn==") for line in found.requirements)
    assert (found.library.split()[0], found.problems) == ("sklearn", [])
    (described,) = [file for file in found.files if file.path == "MLmodel"]
    place = trained.world.tracking.find_model(show_model_version(trained.world, "told:1"))
    assert described.digest == hashlib.sha256((place / "MLmodel").read_bytes()).hexdigest()
    assert (
        found.n_bytes == sum(file.n_bytes for file in found.files) == show_model_version(trained.world, "told").n_bytes
    )


def test_of_a_large_file_only_the_size_is_told(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "HASHED_BYTES", 3)
    (tmp_path / "net.bin").write_bytes(b"weights")
    register_model(trained.world, str(tmp_path / "net.bin"), "large")
    (file,) = show_contents(trained.world, "large").files
    assert (file.path, file.n_bytes, file.digest) == ("net.bin", 7, "")


def test_a_signature_that_cannot_be_read_hides_nothing_else(trained, model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "broken")
    text = (folder / "MLmodel").read_text()
    (folder / "MLmodel").write_text(text.replace('[{"type": "double"', '[{"typ'))
    register_model(trained.world, str(folder), "unsigned")
    found = show_contents(trained.world, "unsigned")
    assert [problem.code for problem in found.problems] == ["bad-model"]
    assert "signature" in found.problems[0].detail
    assert (found.schema, len(found.files), found.python) == (None, 3, "3.12.1")
    assert "scikit-learn==1.5.0" in found.requirements


def test_files_that_are_gone_are_said_to_be(trained, model_folder, tmp_path):
    register_model(trained.world, str(model_folder), "vanished")
    version = show_model_version(trained.world, "vanished")
    shutil.rmtree(trained.world.tracking.find_model(version))
    found = show_contents(trained.world, "vanished")
    assert [(problem.code, problem.status) for problem in found.problems] == [("model-files-not-found", 404)]
    assert "vanished:1" in found.problems[0].hint
    assert found.files == []
    with pytest.raises(NoModelFiles):
        download_model(trained.world, "vanished", tmp_path / "back")
    with pytest.raises(UnknownThing):
        show_contents(trained.world, "nobody:1")


def test_files_elsewhere_are_fetched_once(trained, model_folder, monkeypatch):
    register_model(trained.world, str(model_folder), "distant")
    tracking, fetched = trained.world.tracking, []
    whole = show_contents(trained.world, "distant")
    place = tracking.find_model(show_model_version(trained.world, "distant"))

    def fetch(version, into: Path) -> Path:
        fetched.append(version)
        return shutil.copytree(place, into / "model")

    # As for artifacts on S3: they are nowhere on this machine.
    monkeypatch.setattr(tracking, "find_model", lambda _: None)
    monkeypatch.setattr(tracking, "fetch_model", fetch)
    assert show_contents(trained.world, "distant") == show_contents(trained.world, "distant") == whole
    assert len(fetched) == 1


def test_versions_are_compared_by_metrics_signature_packages_and_files(trained, model_folder):
    world = trained.world
    register_model(world, trained.run.id, "rivals", path="frame")
    register_model(world, trained.run.id, "rivals", path="array")
    register_model(world, str(model_folder), "rivals")
    found = compare_versions(world, "rivals", [1, 3, 2, 1])
    assert [one.version for one in found.versions] == [1, 3, 2]
    lines = {line.name: line.values for line in found.signature}
    assert lines["input age"] == ["double", "double", None]
    packages = {line.name: line for line in found.requirements}
    assert packages["scikit-learn"].values[1] == "1.5.0"
    assert packages["scikit-learn"].differs
    files = {line.path: line for line in found.files}
    assert files["MLmodel"].differs
    assert [size is None for size in files["input_example.json"].n_bytes] == [False, True, False]
    assert {line.name: line.values for line in found.params}["C"] == ["0.5", None, "0.5"]
    assert len(found.sizes) == 3
    with pytest.raises(TooFewVersions):
        compare_versions(world, "rivals", [2, 2])
    with pytest.raises(UnknownThing):
        compare_versions(world, "rivals", [1, 9])
