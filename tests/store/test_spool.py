"""What a run writes can be read while it runs, and stays within its limit."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from jupyter_mlops.store.spool import Spool

LIMIT = 1_000_000


class Remote:
    """A tracking whose artifacts are somewhere else: what was uploaded, by hand for time's sake."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}

    def store(self, run_id: str, file: Path, folder: str = "", *, name: str | None = None) -> None:
        del run_id
        self.stored[f"{folder}/{name or file.name}"] = file.read_bytes()


@pytest.fixture
def spool(tmp_path):
    opened = Spool(tmp_path, "r", None, str(tmp_path), limit_bytes=LIMIT)
    yield opened
    opened.close()


@pytest.fixture
def stdout(tmp_path) -> Path:
    return tmp_path / "logs" / "stdout.txt"


def test_a_line_is_in_the_file_when_write_returns(spool, stdout):
    spool.write("stdout", "one\n")
    assert stdout.read_text() == "one\n"
    spool.write("stdout", "42%\r43%")
    assert stdout.read_text() == "one\n43%"
    spool.write("stdout", "\r44%\ntwo\n")
    assert stdout.read_text() == "one\n44%\ntwo\n"


def test_an_empty_stream_leaves_no_file_and_a_write_after_the_end_goes_nowhere(spool, tmp_path, stdout):
    spool.write("stdout", "before")
    spool.close()
    spool.write("stdout", "after")
    spool.write("stderr", "after")
    assert stdout.read_text() == "before"
    assert [one.name for one in (tmp_path / "logs").iterdir()] == ["stdout.txt"]


def test_of_endless_output_the_beginning_and_the_end_are_kept(spool, stdout):
    for number in range(100_000):
        spool.write("stdout", f"line number {number:>9} of the output of this run\n")
        if number % 1000 == 0:
            assert stdout.stat().st_size <= LIMIT
    text = stdout.read_text()
    lines = text.splitlines()
    gap = next(number for number, line in enumerate(lines) if "left out here" in line)
    first, last = lines[: gap - 1], lines[gap + 1 :]
    assert lines[gap - 1] == "" or not lines[gap - 1].startswith("[")
    numbers = [int(line.split()[2]) for line in first + last if line]
    kept_first = len([line for line in first if line])
    assert numbers[:kept_first] == list(range(kept_first))
    assert numbers[-1] == 99_999
    assert numbers[kept_first:] == list(range(numbers[kept_first], 100_000))
    n_left_out = int(lines[gap].split()[1].replace(",", ""))
    each = len("line number  of the output of this run\n") + 9
    assert n_left_out == (100_000 - len(numbers)) * each


def test_a_spool_that_is_opened_again_goes_on_with_the_gap_it_has(tmp_path, stdout):
    for _ in range(3):
        spool = Spool(tmp_path, "r", None, str(tmp_path), limit_bytes=LIMIT)
        for number in range(30_000):
            spool.write("stdout", f"line {number:>9} {'x' * 40}\n")
        spool.close()
    text = stdout.read_text()
    assert text.count("left out here") == 1
    assert stdout.stat().st_size <= LIMIT
    n_left_out = int(text.partition("[...")[2].split()[0].replace(",", ""))
    gap = len("\n[... 1234567890123456789 bytes of output were left out here ...]\n")
    assert n_left_out + stdout.stat().st_size - gap == 90_000 * 56


def test_a_gigabyte_a_second_line_or_not_stays_flat_in_memory(tmp_path):
    code = (
        "import resource, sys, time\nfrom jupyter_mlops.store.spool import Spool\n"
        "spool = Spool(__import__('pathlib').Path(sys.argv[1]), 'r', None, sys.argv[1], limit_bytes=1_000_000)\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024\n"
        "spool.write('stdout', 'x' * 1_000_000)\nbefore = peak()\n"
        "for _ in range(200): spool.write('stdout', 'x' * 1_000_000)\n"
        "for _ in range(20): spool.write('stderr', ('y' * 99 + '\\r') * 10_000)\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30, "MB"


def test_threads_and_forked_children_are_all_in_the_file(spool, stdout):
    spool.write("stdout", "begin\n")
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=lambda: [spool.write("stdout", f"child {n}\n") for n in range(50)])
    child.start()
    threads = [
        threading.Thread(target=lambda: [spool.write("stdout", "thread\n") for _ in range(200)]) for _ in range(4)
    ]
    child.join()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.write("stdout", "end\n")
    lines = stdout.read_text().splitlines()
    assert lines[0] == "begin"
    assert lines[1:51] == [f"child {n}" for n in range(50)]
    assert lines[51:] == ["thread"] * 800 + ["end"]


def test_half_a_surrogate_pair_is_a_question_mark_and_bytes_stay_bytes(spool, stdout):
    spool.write("stdout", "a\ud800b\n")
    spool.write("stdout", os.fsdecode(b"caf\xe9\n"))
    assert stdout.read_bytes() == b"a?b\ncaf\xe9\n"


def test_a_remote_store_gets_the_growing_file_and_the_rest_later(tmp_path, monkeypatch):
    monkeypatch.setattr("jupyter_mlops.store.spool.UPLOAD_EVERY_S", 0.05)
    remote = Remote()
    spool = Spool(tmp_path, "r", remote, "s3://bucket/run")
    spool.write("stdout", "while it runs\n")
    deadline = time.monotonic() + 5
    while "logs/stdout.txt" not in remote.stored and time.monotonic() < deadline:
        time.sleep(0.01)
    assert remote.stored == {"logs/stdout.txt": b"while it runs\n"}
    spool.close()
    assert (tmp_path / "stdout.txt").read_text() == "while it runs\n"
