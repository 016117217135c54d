"""What a model needs to score."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from jupyter_mlops.delivery.mlmodel import with_loader
from jupyter_mlops.delivery.requirements import BadRequirements, NotOnPip, read_conda, read_requirements, without_mlflow

LISTED = ["mlflow==3.17.2", "numpy==2.4.6", "pandas==3.1.1", "psutil==7.2.2", "pytest==9.2.0", "scikit-learn==1.9.1"]


def conda(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "conda.yaml"
    file.write_text(text)
    return file


def test_mlflow_and_what_only_it_needs_is_left_out():
    kept = without_mlflow([*LISTED, "sqlalchemy==2.0.1", "category_encoders==2.6"], needs_mlflow=False)
    assert kept == ["category_encoders==2.6", "numpy==2.4.6", "pandas==3.1.1", "scikit-learn==1.9.1"]


def test_a_flavor_that_only_mlflow_loads_keeps_the_small_mlflow():
    kept = without_mlflow(["mlflow==3.17.2", "sqlalchemy==2.0.1"], needs_mlflow=True)
    assert kept == ["mlflow-skinny==3.17.2", "numpy", "pandas", "sqlalchemy==2.0.1"]


def test_what_another_requirement_needs_too_is_kept():
    kept = without_mlflow(["mlflow==3.17.2", "requests==2.32.3", "jupyterlab==4.4.0"], needs_mlflow=False)
    assert "requests==2.32.3" in kept


def test_comments_and_options_of_pip_are_no_requirements():
    text = "# first\n--index-url https://example.org/simple\nnumpy==2.0  # pinned\n\n"
    assert read_requirements(text, Path("requirements.txt")) == ["numpy==2.0"]


@pytest.mark.parametrize("line", ["./local", "my package", "thing @ file:///home/me/thing"])
def test_what_cannot_travel_is_refused_with_the_line(line):
    with pytest.raises(BadRequirements, match=line):
        read_requirements(line, Path("requirements.txt"))


def test_a_conda_file_becomes_requirements_of_pip(tmp_path):
    file = conda(
        tmp_path,
        "name: x\nchannels: [conda-forge]\ndependencies:\n- python=3.12.4\n- pip<=24\n- numpy=2.1.3=py312h1\n"
        "- conda-forge::pandas=2.2\n- scipy>=1.10,<2\n- pytorch==2.3.0\n- pip:\n  - skops==0.10.0\n",
    )
    python, requirements = read_conda(file)
    assert python == "3.12"
    assert requirements == ["numpy==2.1.3", "pandas==2.2.*", "scipy<2,>=1.10", "skops==0.10.0", "torch==2.3.0"]


def test_packages_that_pip_cannot_install_are_refused_by_name(tmp_path):
    file = conda(tmp_path, "dependencies:\n- python=3.11\n- cudatoolkit=11.8\n- r-base\n- libgcc-ng=13\n- numpy\n")
    with pytest.raises(NotOnPip, match="'cudatoolkit', 'r-base' and 'libgcc-ng'"):
        read_conda(file)


@pytest.mark.parametrize("text", ["- 1\n- 2\n", "dependencies: none\n", "dependencies: [", "dependencies: ['???']\n"])
def test_a_broken_conda_file_is_named(tmp_path, text):
    with pytest.raises(BadRequirements, match=r"conda\.yaml"):
        read_conda(conda(tmp_path, text))


def test_a_missing_conda_file_is_named(tmp_path):
    with pytest.raises(BadRequirements, match="There is no conda file"):
        read_conda(tmp_path / "none.yaml")


def test_what_opens_the_models_file_is_added_where_the_list_forgot_it():
    skops = f"skops=={metadata.version('skops')}"
    assert with_loader(["scikit-learn"], {"serialization_format": "skops"}) == ["scikit-learn", skops]
    assert with_loader(["skops>=0.1"], {"serialization_format": "skops"}) == ["skops>=0.1"]
    assert with_loader(["scikit-learn"], {}) == ["scikit-learn"]
