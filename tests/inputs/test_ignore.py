"""Ignore rules decide exactly as git does."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from jupyter_mlops.inputs.walk import walk

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="compares with git, which is not on the PATH")

CASES = int(os.environ.get("MLOPS_IGNORE_CASES", "2000"))
CASES_PER_REPOSITORY = 100

# Few letters and few names make patterns and paths meet; the rest is what ignore files are hard for.
NAMES = [
    b"a",
    b"b",
    b"ab",
    b"aa",
    b"a.b",
    b"b.a",
    b".a",
    b"a b",
    b"a ",
    b"[a]",
    b"a]",
    b"#a",
    b"!a",
    b"a\\",
    b"-",
    b"ab-",
]
NAMES += ["é".encode(), b"\xe9", b"\xff", b"A1", b"a\tb", b"a\r", b"\x01", b"a*", b"**", b"\\", b"z", b"5"]
ATOMS = [
    b"a",
    b"b",
    b".",
    b"*",
    b"**",
    b"***",
    b"?",
    b"/",
    b"\\",
    b" ",
    b"#",
    b"!",
    b"[ab]",
    b"[!a]",
    b"[^b]",
    b"[a-b]",
]
ATOMS += [b"[]a]", b"[[:alpha:]]", b"[[:upper:][:digit:]]", b"[a", b"]", b"[", b"-", b"**/", b"/**", b"/**/", b"*/"]
ATOMS += [b"\\*", b"\\ ", b"a/", b"[[:x:]]", b"[\\]]", b"[--a]", b"\r", b"\t", b"\0", b"\xff", b"[\x80-\xff]", b"\\\\"]
ATOMS += [
    b"[!]a]",
    b"[b-a]",
    b"[a-]",
    b"[a\\-b]",
    b"[[:alpha:]-z]",
    b"[^/]",
    b"[/]",
    b"\\/",
    b"[[a]",
    "é".encode(),
    b"[\xe9]",
]
BEFORE = [b"", b"!", b"/", b"!/", b"**/", b"*", b"\\", b" ", b"#", b"\\#", b"\\!", b"!!"]
AFTER = [b"", b"/", b"/*", b"/**", b" ", b"*", b"**/a", b"  ", b"\\ ", b"\\  ", b" \\", b"\t", b"\r"]


def draw_ignore(rng: random.Random) -> bytes:
    lines = []
    for _ in range(rng.randint(1, 5)):
        if rng.random() < 0.5:
            lines.append(b"".join(rng.choices(ATOMS, k=rng.randint(1, 5))))
        else:
            lines.append(rng.choice(BEFORE) + rng.choice(NAMES) + rng.choice(AFTER))
    start = b"\xef\xbb\xbf" if rng.random() < 0.05 else b""
    return start + b"\n".join(lines) + rng.choice([b"", b"\n"])


def draw_tree(rng: random.Random) -> dict[bytes, bytes]:
    """Files with their content, one to three ignore files in any of the folders among them."""
    files: dict[bytes, bytes] = {}
    folders = {b""}
    for _ in range(rng.randint(1, 12)):
        parts = rng.choices(NAMES, k=rng.randint(1, 4))
        above = {b"/".join(parts[:i]) for i in range(1, len(parts))}
        path = b"/".join(parts)
        if path not in folders and not above & files.keys():
            files[path] = b""
            folders |= above
    for folder in rng.sample(sorted(folders), k=min(len(folders), rng.randint(1, 3))):
        files[(folder + b"/.gitignore").removeprefix(b"/")] = draw_ignore(rng)
    return files


def write(root: bytes, files: dict[bytes, bytes]) -> None:
    for path, content in files.items():
        os.makedirs(os.path.dirname(root + b"/" + path), exist_ok=True)  # noqa: PTH103, PTH120  # bytes
        with open(root + b"/" + path, "wb") as file:  # noqa: PTH123  # bytes
            file.write(content)


def make_repository(root: Path, rng: random.Random) -> dict[bytes, dict[bytes, bytes]]:
    """Make one repository with a case in each folder; what holds in all of them is drawn too."""
    top = os.fsencode(root)
    shared = {b".git/HEAD": b"ref: refs/heads/main\n", b".git/info/exclude": b"", b".git/config": b""}
    shared |= {b".git/objects/x": b"", b".git/refs/x": b""}
    if rng.random() < 0.3:
        shared[b".git/info/exclude"] = draw_ignore(rng)
    if rng.random() < 0.3:
        shared[b".gitignore"] = draw_ignore(rng)
    if rng.random() < 0.3:
        shared[b".git/owners"] = draw_ignore(rng)
        shared[b".git/config"] = b'[core]\n\texcludesFile = "%b/.git/owners"\n' % top
    write(top, shared)
    cases = {b"case%d" % i: draw_tree(rng) for i in range(CASES_PER_REPOSITORY)}
    for name, files in cases.items():
        write(top + b"/" + name, files)
    return cases


def by_git(root: Path) -> set[bytes]:
    command = ["git", "-c", "safe.directory=*", "ls-files", "-o", "-z", "--exclude-standard"]
    return set(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout.split(b"\0")) - {b""}


def by_us(root: Path) -> set[bytes]:
    return {path for path, _ in walk(root).files()}


@pytest.fixture(autouse=True)
def nobodys_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without git settings, whoever runs the tests and from wherever."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def by_case(paths: set[bytes]) -> dict[bytes, set[bytes]]:
    found = defaultdict(set)
    for path in paths:
        case, _, rest = path.partition(b"/")
        found[case].add(rest)
    return found


@pytest.mark.parametrize("seed", range(CASES // CASES_PER_REPOSITORY))
def test_any_tree_with_any_patterns_is_read_as_git_reads_it(tmp_path: Path, seed: int) -> None:
    root = tmp_path / "tree"
    cases = make_repository(root, random.Random(seed))
    git, us = by_case(by_git(root)), by_case(by_us(root))
    assert {case: (files, git[case] ^ us[case]) for case, files in cases.items() if git[case] != us[case]} == {}
    assert us == git


def in_repository(root: Path, files: dict[str, str]) -> Path:
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    write(os.fsencode(root), {path.encode(): content.encode() for path, content in files.items()})
    return root


FILES = {"a.csv": "", "a.log": "", "a.tmp": "", "sub/a.csv": ""}


def test_the_owners_own_excludes_hold_and_yield_to_those_of_the_project(tmp_path: Path, nobodys_git: Path) -> None:
    root = in_repository(tmp_path / "r", {**FILES, ".gitignore": "!a.csv\n", ".git/info/exclude": "*.log\n!a.tmp\n"})
    write(os.fsencode(nobodys_git), {b".config/git/ignore": b"*.csv\n*.tmp\n"})
    assert by_us(root) == by_git(root) == {b".gitignore", b"a.csv", b"a.tmp", b"sub/a.csv"}


@pytest.mark.parametrize("path", ["~/mine", "../home/mine"])
def test_excludes_that_a_configuration_names_hold(tmp_path: Path, nobodys_git: Path, path: str) -> None:
    root = in_repository(tmp_path / "r", FILES)
    settings = f"[Core]\n excludesFile = {path}\n".encode()
    write(
        os.fsencode(nobodys_git), {b"mine": b"*.csv\n", b".gitconfig": b"[include]\n path = more\n", b"more": settings}
    )
    assert by_us(root) == by_git(root) == {b"a.log", b"a.tmp"}


def test_excludes_that_are_set_in_the_environment_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = in_repository(tmp_path / "r", FILES)
    (tmp_path / "mine").write_text("*.csv\n")
    for name, value in {"COUNT": "1", "KEY_0": "core.excludesFile", "VALUE_0": str(tmp_path / "mine")}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert by_us(root) == by_git(root) == {b"a.log", b"a.tmp"}


def test_outside_a_repository_only_the_folders_own_rules_hold(tmp_path: Path, nobodys_git: Path) -> None:
    write(os.fsencode(nobodys_git), {b".config/git/ignore": b"*.csv\n"})
    write(os.fsencode(tmp_path / "plain"), {b"a.csv": b"", b"a.log": b"", b".gitignore": b"*.log\n"})
    assert by_us(tmp_path / "plain") == {b".gitignore", b"a.csv"}
