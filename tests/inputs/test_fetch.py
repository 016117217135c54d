"""One file of a snapshot, to be looked at: what it was then, or why it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.inputs.fetch import NoSuchPath, NotStored, fetch_file
from jupyter_mlops.inputs.snapshots import take_snapshot


def test_a_file_is_as_it_was_when_the_snapshot_was_taken(workspace, tmp_path: Path):
    work = tmp_path / "work"
    (work / "lib").mkdir(parents=True)
    (work / "lib" / "größe.py").write_bytes(b"print(1)\r\n\x00")
    (work / "link").symlink_to("lib")
    (work / ".env").write_text("PASSWORD=hunter2")
    snapshot = take_snapshot(workspace, work)
    (work / "lib" / "größe.py").write_text("print(2)")

    fetched = fetch_file(workspace, snapshot.name[:8], "lib/größe.py", tmp_path / "out")
    assert (fetched.name, fetched.read_bytes()) == ("größe.py", b"print(1)\r\n\x00")
    assert fetched.parent == tmp_path / "out"
    for path, why in (("link", "is a link to lib"), (".env", "looks like a secret")):
        with pytest.raises(NotStored, match=why):
            fetch_file(workspace, snapshot.name, path, tmp_path / "no")
    with pytest.raises(NoSuchPath):
        fetch_file(workspace, snapshot.name, "../lib/größe.py", tmp_path / "no")
    assert not (tmp_path / "no").exists()
