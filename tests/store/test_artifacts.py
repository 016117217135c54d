"""Artifacts that lie on this machine."""

from __future__ import annotations

import threading
from pathlib import Path

from jupyter_mlops.store.artifacts import list_folder


def test_a_link_to_nothing_hides_no_other_artifact(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "lost.txt").symlink_to(tmp_path / "nothing")
    assert [(one.path, one.n_bytes) for one in list_folder(tmp_path, "")] == [("kept.txt", 4)]


def test_what_goes_while_a_folder_is_read_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    going = tmp_path / "going.txt"
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set():
            going.touch()
            going.unlink()

    thread = threading.Thread(target=come_and_go)
    thread.start()
    try:
        seen = [[one.path for one in list_folder(tmp_path, "")] for _ in range(3000)]
    finally:
        stop.set()
        thread.join()
    assert all("kept.txt" in paths for paths in seen)
