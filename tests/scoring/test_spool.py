"""Files of telemetry that a killed process left, taken over by the one that is started in its place."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from jupyter_mlops.core.telemetry import FILE_SUFFIX, PART_SUFFIX
from jupyter_mlops.scoring.spool import ABANDONED_S, Spool

KILLED = """
import os, signal, sys
from pathlib import Path
from jupyter_mlops.scoring.spool import Spool
Spool(Path(sys.argv[1])).write([b"{}\\n"])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_file_of_one_that_was_killed_a_moment_ago_is_published_by_the_next(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    (old,) = tmp_path.glob(f"*{PART_SUFFIX}")
    published = old.with_name(old.name.removesuffix(PART_SUFFIX) + FILE_SUFFIX)
    os.utime(old)
    now = time.time()
    spool = Spool(tmp_path, now=lambda: now)
    spool.write([b"{}\n"])
    assert old.exists(), "it may be of one that has not locked it yet"
    os.utime(old, (now - 2 * ABANDONED_S, now - 2 * ABANDONED_S))
    spool.write([b"{}\n"])
    assert old.exists(), "it looks no more often than that"
    now += ABANDONED_S
    spool.write([b"{}\n"])
    assert published.exists()
    assert not old.exists()
    assert len(list(tmp_path.glob(f"*{PART_SUFFIX}"))) == 1, "its own it goes on writing"
    spool.publish()
    assert len(list(tmp_path.glob(f"*{FILE_SUFFIX}"))) == 2


def test_its_own_file_is_let_be_where_nothing_can_be_locked(tmp_path: Path, monkeypatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError("not supported")

    now = time.time()
    with monkeypatch.context() as patch:
        patch.setattr("fcntl.flock", no_locks)
        spool = Spool(tmp_path, now=lambda: now)
        spool.write([b"{}\n"])
    (mine,) = tmp_path.glob(f"*{PART_SUFFIX}")
    os.utime(mine, (now - 60, now - 60))
    spool._adopt_at = now
    spool.write([b"{}\n"])
    assert mine.exists()
