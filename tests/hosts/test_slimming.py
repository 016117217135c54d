"""What is left out of an image: packages' own tests and what debuggers read, and nothing that is needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from jupyter_mlops.hosts.slimming import drop_debugging, drop_tests, without_training


def write(root: Path, **modules: str) -> None:
    for name, text in modules.items():
        path = root.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_tests_inside_packages_go_and_what_looks_like_them_stays(tmp_path):
    write(tmp_path, one__core="", one__tests__test_core="", one__sub__tests__data="", one__testing="", tests__mine="")
    drop_tests(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.py"))
    assert left == ["one/core.py", "one/testing.py", "tests/mine.py"]


@pytest.mark.parametrize(
    "line",
    [
        "from one.tests import helper",
        "from one.tests.helper import x",
        "import one.tests.helper",
        "from .tests.helper import x",
        "from . import tests",
        "    from one import tests",
    ],
)
def test_tests_that_a_module_imports_stay(tmp_path, line):
    write(tmp_path, one__core=f"if True:\n{'' if line.startswith(' ') else '    '}{line}\n", one__tests__helper="x = 1")
    write(tmp_path, one__sub__tests__test_it="from one.tests import helper")
    drop_tests(tmp_path)
    assert (tmp_path / "one" / "tests" / "helper.py").exists()
    assert not (tmp_path / "one" / "sub" / "tests").exists()


def test_tests_that_only_tests_import_go(tmp_path):
    write(tmp_path, one__tests__test_it="from two.tests import helper", two__tests__helper="")
    drop_tests(tmp_path)
    assert not list(tmp_path.rglob("*.py"))


def test_a_library_without_its_debugging_information_works_and_the_one_it_is_linked_to_is_left_alone(tmp_path):
    source = Path(zstandard.__file__).parent
    linked = tmp_path / "linked"
    shutil.copytree(
        source, linked / "zstandard", copy_function=os.link if _same_disk(source, tmp_path) else shutil.copy2
    )
    before = {path: path.stat().st_size for path in source.glob("*.so")}
    drop_debugging(linked)
    assert {path: path.stat().st_size for path in before} == before
    code = "import zstandard as z; print(z.__file__, z.decompress(z.compress(b'a' * 999)) == b'a' * 999)"
    said = subprocess.run([sys.executable, "-c", code], cwd=linked, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [str(linked / "zstandard" / "__init__.py"), "True"]
    after = {path: (linked / "zstandard" / path.name).stat().st_size for path in before}
    if any(b".debug_info" in path.read_bytes() for path in before):
        assert sum(after.values()) < sum(before.values()) / 2


def _same_disk(a: Path, b: Path) -> bool:
    return a.stat().st_dev == b.stat().st_dev


@pytest.mark.parametrize("content", [b"", b"\x7fELF", b"\x7fELF\x02\x01" + bytes(58), b"INPUT(libother.so)\n" * 9])
def test_what_is_no_library_is_left_alone(tmp_path, content):
    (tmp_path / "lib.so").write_bytes(content)
    drop_debugging(tmp_path)
    assert (tmp_path / "lib.so").read_bytes() == content


def test_a_library_with_something_behind_it_is_left_alone(tmp_path):
    library = tmp_path / "lib.so"
    library.write_bytes(next(Path(zstandard.__file__).parent.glob("*.so")).read_bytes() + b"somebody's own")
    before = library.read_bytes()
    drop_debugging(tmp_path)
    assert library.read_bytes() == before


LOCK = "numpy==2.4.6 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\nnvidia-nccl-cu12==2.32.3 \\\n    --hash=sha256:33\nxgboost==3.2.0\n"


def test_xgboost_is_served_without_what_it_trains_with_on_several_gpus():
    assert without_training(LOCK, ["xgboost"]) == (
        "numpy==2.4.6 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\nxgboost==3.2.0\n"
    )


@pytest.mark.parametrize(
    ("lock", "asked"),
    [
        (LOCK, ["xgboost", "nvidia_nccl_cu12"]),
        ("torch==2.13.0\n" + LOCK, ["xgboost", "torch"]),
        (LOCK.replace("xgboost", "another"), ["another"]),
        ("# made from source: a==1\na==1\n", ["a"]),
    ],
)
def test_it_stays_where_it_is_asked_for_or_may_be_linked_to(lock, asked):
    assert without_training(lock, asked) == lock
