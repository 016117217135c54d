"""What a snapshot keeps of each kind of file, and what it leaves out with a warning."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from trees import paths, source, write

from jupyter_mlops.inputs.snapshots import show_snapshot, take_snapshot
from jupyter_mlops.workspace import Workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return source(tmp_path / "work")


def test_links_folders_modes_and_odd_names_are_kept(workspace: Workspace, folder: Path) -> None:
    (folder / "tool.sh").write_text("#!/bin/sh\n")
    (folder / "tool.sh").chmod(0o755)
    (folder / "to-file").symlink_to("train.py")
    (folder / "to-nowhere").symlink_to("/no/such/place")
    (folder / "to-folder").symlink_to("lib")
    (folder / "empty" / "inside").mkdir(parents=True)
    (folder / os.fsdecode(b"caf\xe9.txt")).write_text("latin")
    (folder / "100%.txt").write_text("percent")
    (folder / "50%E9%25.txt").write_text("percent")
    found = {file.path: file for file in show_snapshot(workspace, take_snapshot(workspace, folder).name).files}
    assert found["tool.sh"].executable
    assert not found["train.py"].executable
    assert (found["to-file"].kind, found["to-file"].target) == ("link", "train.py")
    assert found["to-folder"].kind == "link"
    assert found["empty/inside"].kind == "folder"
    assert {"caf%E9.txt", "100%.txt", "50%25E9%2525.txt"} <= set(found)


def test_making_a_file_executable_makes_a_new_snapshot(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    (folder / "train.py").chmod(0o755)
    assert take_snapshot(workspace, folder).name != first.name


def test_what_is_no_file_is_left_out_with_a_warning(workspace: Workspace, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "socket"))
        snapshot = take_snapshot(workspace, folder)
    assert set(paths(workspace, snapshot)) == {"train.py", "lib/util.py"}
    assert sorted(snapshot.warnings) == [
        "pipe was left out, as it is a named pipe and no file.",
        "socket was left out, as it is a socket and no file.",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_left_out_with_a_warning_and_never_opened(workspace: Workspace, folder: Path) -> None:
    try:
        os.mknod(folder / "zero", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("this container may not make devices")
    snapshot = take_snapshot(workspace, folder)
    assert set(paths(workspace, snapshot)) == {"train.py", "lib/util.py"}
    assert snapshot.warnings == ["zero was left out, as it is a device and no file."]


@pytest.mark.parametrize("replace", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/passwd")])
def test_what_takes_a_files_place_before_it_is_read_is_left_out_and_not_followed(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch, replace: Callable[[Path], None]
) -> None:
    path, original = folder / "train.py", os.open

    def replace_first(name: str | bytes | Path, *args: int, **kwargs: int) -> int:
        if os.fsencode(name) == os.fsencode(path) and path.is_file() and not path.is_symlink():
            path.unlink()
            replace(path)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(os, "open", replace_first)
    snapshot = take_snapshot(workspace, folder)
    assert set(paths(workspace, snapshot)) == {"lib/util.py"}
    assert re.match(r"train.py was left out, as it (was replaced while|cannot be read)", snapshot.warnings[0])


def test_a_link_to_a_folder_is_kept_as_a_link_and_what_it_shows_is_not(
    workspace: Workspace, folder: Path, tmp_path: Path
) -> None:
    write(tmp_path / "outside", {"private.txt": "x"})
    (folder / "out").symlink_to(tmp_path / "outside")
    first = take_snapshot(workspace, folder)
    assert paths(workspace, first) == {"train.py": "file", "lib/util.py": "file", "out": "link"}
    shutil.rmtree(folder / "lib")  # a folder that was known becomes a link
    (folder / "lib").symlink_to(tmp_path / "outside")
    assert paths(workspace, take_snapshot(workspace, folder)) == {"train.py": "file", "lib": "link", "out": "link"}


UNREADABLE = """
import os, sys
from pathlib import Path
from jupyter_mlops.workspace import Workspace
from jupyter_mlops.inputs.snapshots import take_snapshot
home = Path(sys.argv[1])
world = Workspace.open(home, create=True)
take_snapshot(world, home / "locked")  # imports what is imported late
if os.geteuid() == 0:  # root reads everything
    for path in [home, *home.rglob("*")]:
        os.chown(path, 65534, 65534)
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
(home / "secret").chmod(0); (home / "locked").chmod(0)
print("\\n".join(take_snapshot(world, home).warnings))
(home / "locked").chmod(0o700)
world.close()
"""


def test_what_cannot_be_read_is_left_out_with_a_warning() -> None:
    home = Path(tempfile.mkdtemp())  # pytest's own folder may be entered by its owner alone
    try:
        write(home, {"secret": "x", "locked/a": "x", "a.py": "x"})
        done = subprocess.run(
            [sys.executable, "-c", UNREADABLE, str(home)], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines() == [
            "locked was left out, as it cannot be read (Permission denied).",
            "secret was left out, as it cannot be read (Permission denied).",
        ]
    finally:
        shutil.rmtree(home)
