"""OpenMP's library where a package expects it of the system."""

from __future__ import annotations

import pytest

from jupyter_mlops.hosts.openmp import link_openmp, with_openmp


@pytest.mark.parametrize(
    ("wanted", "becomes"),
    [
        (["lightgbm==4.7.0"], ["lightgbm==4.7.0", "scikit-learn"]),
        (["LightGBM", "scikit_learn==1.9.1"], ["LightGBM", "scikit_learn==1.9.1"]),
        (["xgboost"], ["xgboost"]),
    ],
)
def test_what_brings_the_library_is_added_where_it_is_expected(wanted, becomes):
    assert with_openmp(wanted) == becomes


@pytest.fixture
def packages(tmp_path):
    folder = tmp_path / "lib" / "python3.11" / "site-packages"
    (folder / "scikit_learn.libs").mkdir(parents=True)
    (folder / "scikit_learn.libs" / "libgomp-e985bcbb.so.1.0.0").write_bytes(b"\x7fELF")
    (folder / "lightgbm").mkdir()
    return folder


def test_a_library_that_is_expected_by_its_plain_name_is_linked_to_the_one_that_is_there(packages, tmp_path):
    (packages / "lightgbm" / "lib_lightgbm.so").write_bytes(b"\x7fELF..\0libgomp.so.1\0..")
    assert link_openmp(packages, tmp_path / "lib")
    assert (tmp_path / "lib" / "libgomp.so.1").resolve().name == "libgomp-e985bcbb.so.1.0.0"


@pytest.mark.parametrize("content", [b"", b"\x7fELF..\0libgomp-e985bcbb.so.1.0.0\0"])
def test_nothing_is_linked_where_nobody_asks_for_it(packages, tmp_path, content):
    (packages / "lightgbm" / "lib_lightgbm.so").write_bytes(content)
    assert not link_openmp(packages, tmp_path / "lib")
    assert not (tmp_path / "lib" / "libgomp.so.1").exists()
