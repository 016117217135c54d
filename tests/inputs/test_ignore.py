"""Ignore rules decide exactly as git does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jupyter_mlops.inputs.walk import walk

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not on the PATH")

# Few letters and few names make patterns and paths meet; the rest is what ignore files are hard for.
NAMES = st.sampled_from(
    ["a", "b", "ab", "aa", "a.b", "b.a", ".a", "a b", "a ", "[a]", "a]", "#a", "!a", "a\\", "-", "é", "ab-", "A1"]
)
ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "*",
        "**",
        "***",
        "?",
        "/",
        "\\",
        " ",
        "#",
        "!",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-b]",
        "[]a]",
        "[[:alpha:]]",
        "[[:upper:][:digit:]]",
        "[a",
        "]",
        "[",
        "-",
        "**/",
        "/**",
        "/**/",
        "*/",
        "\\*",
        "\\ ",
        "a/",
        "[[:x:]]",
        "[\\]]",
        "[--a]",
        "\r",
    ]
)
LINES = st.one_of(
    st.lists(ATOMS, min_size=1, max_size=5).map("".join),
    st.tuples(
        st.sampled_from(["", "!", "/", "!/", "**/", "*"]),
        NAMES,
        st.sampled_from(["", "/", "/*", "/**", " ", "*", "**/a"]),
    ).map("".join),
)
IGNORE = st.lists(LINES, min_size=1, max_size=5).map("\n".join)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)


@st.composite
def trees(draw: st.DrawFn) -> tuple[dict[str, str], str]:
    """Files with their content, ignore files among them, and the content of ``.git/info/exclude``."""
    files: dict[str, str] = {}
    for path in draw(st.lists(PATHS, min_size=1, max_size=12)):
        parts = path.split("/")
        if any("/".join(parts[:i]) in files for i in range(1, len(parts) + 1)) or any(
            f.startswith(path + "/") for f in files
        ):
            continue
        files[path] = ""
    folders = sorted({path.rpartition("/")[0] for path in files} | {""})
    for folder in draw(st.lists(st.sampled_from(folders), min_size=1, max_size=3, unique=True)):
        files[f"{folder}/.gitignore".lstrip("/")] = draw(IGNORE)
    return files, draw(st.one_of(st.just(""), IGNORE))


def lay_out(root: Path, files: dict[str, str], exclude: str) -> None:
    shutil.rmtree(root, ignore_errors=True)
    (root / ".git" / "info").mkdir(parents=True)
    (root / ".git" / "objects").mkdir()
    (root / ".git" / "refs").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    (root / ".git" / "info" / "exclude").write_bytes(exclude.encode())
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content.encode())


def by_git(root: Path) -> set[bytes]:
    env = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "XDG_CONFIG_HOME": str(root / ".git"),
        "HOME": str(root / ".git"),
    }
    env = {key: value for key, value in env.items() if key not in {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"}}
    command = ["git", "-c", "safe.directory=*", "ls-files", "-o", "-z", "--exclude-standard"]
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, check=True)
    return set(done.stdout.split(b"\0")) - {b""}


def by_us(root: Path) -> set[bytes]:
    return {path for path, _ in walk(root).files()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ignore")


@settings(
    max_examples=int(os.environ.get("MLOPS_IGNORE_CASES", "300")),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(tree=trees())
def test_any_tree_with_any_patterns_is_read_as_git_reads_it(place: Path, tree: tuple[dict[str, str], str]) -> None:
    lay_out(place / "tree", *tree)
    assert by_us(place / "tree") == by_git(place / "tree")
