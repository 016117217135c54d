"""The packages that this process sees."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

import pytest

from jupyter_mlops.inputs.environments import _listed, installed_packages


def test_the_environment_names_python_platform_and_every_package() -> None:
    environment = installed_packages()
    assert environment.python == platform.python_version()
    assert environment.platform
    assert environment.packages["msgspec"] == version("msgspec")
    assert environment.packages["jupyter-server"] == version("jupyter_server")
    assert list(environment.packages) == sorted(environment.packages)


def test_a_package_installed_since_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    installed_packages()
    n_listed = _listed.cache_info().misses
    assert installed_packages() == installed_packages()
    assert _listed.cache_info().misses == n_listed
    assert "brand-new" not in installed_packages().packages
    info = tmp_path / "Brand_New-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Brand.New\nVersion: 1.2\n")
    assert installed_packages().packages["brand-new"] == "1.2"


def test_of_two_versions_the_one_that_would_be_imported_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    info = tmp_path / "msgspec-0.0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: msgspec\nVersion: 0.0.1\n")
    assert installed_packages().packages["msgspec"] == "0.0.1"


def test_a_change_in_one_folder_lists_no_other_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    installed_packages()
    n_listed = _listed.cache_info().misses
    (tmp_path / "output.csv").write_text("1")
    installed_packages()
    assert _listed.cache_info().misses <= n_listed + 1
