"""Which interpreter a replica gets: this one, one made before, one made now, or a sentence that says why not."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.hosts import layers
from jupyter_mlops.hosts.environment import BadRequirement, NoPython, find_interpreter, is_installed
from jupyter_mlops.hosts.wheels import CannotInstall

HERE = "{}.{}".format(*sys.version_info)


def manifest(*requirements: str, python: str = HERE) -> Manifest:
    return Manifest(name="churn", version=3, models=[], files=[], requirements=list(requirements), python=python)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip, so uv too, is told of; with a package of ours."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    content = {
        "tinything.py": b"ANSWER = 42\n",
        "tinything-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n",
        "tinything-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {
        name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        for name, data in content.items()
    }
    record = [f"{name},sha256={digests[name]},{len(data)}" for name, data in content.items()]
    record.append("tinything-1.0.dist-info/RECORD,,\n")
    with zipfile.ZipFile(folder / "tinything-1.0-py3-none-any.whl", "w") as wheel:
        for name, data in content.items():
            wheel.writestr(name, data)
        wheel.writestr("tinything-1.0.dist-info/RECORD", "\n".join(record))
    # The runtime's own packages are not in that folder, and what they are is not the point here.
    monkeypatch.setattr(layers, "RUNTIME", ())
    monkeypatch.setenv("UV_NO_INDEX", "1")
    return folder


def quiet(line: str) -> None:
    """Listen to the steps and say nothing."""


@pytest.mark.parametrize(
    ("requirement", "has"),
    [
        ("msgspec", True),
        ("msgspec>=0.19", True),
        ("msgspec==0.0.1", False),
        ("MsgSpec", True),
        ("no-such-package-here", False),
        ("no-such-package-here; python_version < '3'", True),
        ("msgspec @ https://example.org/msgspec.whl", False),
        ("msgspec[no-such-extra]", True),
    ],
)
def test_what_this_interpreter_has_is_told_by_version_and_marker(requirement, has) -> None:
    assert is_installed(Requirement(requirement)) is has


def test_an_extra_counts_as_installed_when_what_it_brings_is() -> None:
    assert is_installed(Requirement("jupyter-server[test]")) == is_installed(Requirement("pytest-console-scripts"))


def test_the_current_interpreter_is_used_when_it_has_everything(tmp_path) -> None:
    found = find_interpreter(manifest("msgspec"), tmp_path, quiet)
    assert found.python == sys.executable
    assert list(tmp_path.iterdir()) == []


def test_another_environment_is_made_once_and_has_the_packages_and_the_runtime(tmp_path, index) -> None:
    said: list[str] = []
    made = find_interpreter(manifest("tinything==1.0"), tmp_path / "cache", said.append)
    script = "import sys, tinything, jupyter_mlops as m; print(tinything.ANSWER, sys.prefix, m.__path__[0])"
    done = subprocess.run(
        [made.python, "-c", script], env=made.env, capture_output=True, text=True, check=True, cwd="/"
    )
    answer, prefix, package = done.stdout.split()
    assert answer == "42"
    assert Path(prefix).is_relative_to(tmp_path / "cache/environments")
    assert {path.name for path in Path(package).iterdir()} - {"__pycache__"} == {"__init__.py", "core", "scoring"}
    assert "Installing 1 package" in said
    (index / "tinything-1.0-py3-none-any.whl").unlink()
    assert find_interpreter(manifest("tinything==1.0"), tmp_path / "cache", pytest.fail) == made


@pytest.mark.usefixtures("index")
def test_two_that_want_the_same_environment_make_it_once(tmp_path) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(
            target=lambda: found.append(find_interpreter(manifest("tinything"), tmp_path / "c", quiet).python)
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    assert len(set(found)) == 1
    assert len([path for path in (tmp_path / "c/environments").iterdir() if path.is_dir()]) == 1


@pytest.mark.usefixtures("index")
def test_a_requirement_that_cannot_be_had_is_named_and_leaves_nothing(tmp_path) -> None:
    with pytest.raises(CannotInstall, match=r"^tinything==9\.9 cannot be installed: .+\.$"):
        find_interpreter(manifest("tinything==9.9"), tmp_path / "cache", quiet)
    assert not [path for path in (tmp_path / "cache/environments").iterdir() if path.is_dir()]


@pytest.mark.usefixtures("index")
def test_an_environment_whose_making_was_cancelled_leaves_nothing(tmp_path) -> None:
    def cancel(line: str) -> None:
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt):
        find_interpreter(manifest("tinything"), tmp_path / "cache", cancel)
    assert not [path for path in (tmp_path / "cache/environments").iterdir() if path.is_dir()]


def test_a_text_that_is_no_requirement_is_named() -> None:
    with pytest.raises(BadRequirement, match="'not a requirement' is no requirement"):
        find_interpreter(manifest("not a requirement"), Path("/none"), quiet)


def test_a_python_that_is_not_here_is_named_with_the_ways_out(tmp_path) -> None:
    with pytest.raises(NoPython, match=r"churn:3 asks for Python 3\.39, and there is none on this machine") as caught:
        find_interpreter(manifest(python="3.39"), tmp_path, quiet)
    assert f"--python {HERE}" in caught.value.hint
    assert "--host docker" in caught.value.hint


def test_a_python_too_old_for_the_runtime_is_refused(tmp_path) -> None:
    with pytest.raises(NoPython, match=r"replicas need 3\.11 or newer"):
        find_interpreter(manifest(python="3.9"), tmp_path, quiet)
