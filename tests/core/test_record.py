"""Records are read by many threads at once."""

from __future__ import annotations

import subprocess
import sys

RACE = '''
import sys, threading, types
from jupyter_mlops.core.record import convert, decode

sys.setswitchinterval(1e-6)
SOURCE = """
from __future__ import annotations
from typing import Annotated
import msgspec
class Leaf(msgspec.Struct):
    x: Annotated[int, msgspec.Meta(ge=0)] = 0
    y: dict[str, float] = {}
class Branch(msgspec.Struct):
    leaves: list[Leaf] = []
    one: Leaf | None = None
class Tree(msgspec.Struct):
    branches: list[Branch]
    leaf: Leaf
"""
for n in range(150):
    module = sys.modules[f"m{n}"] = types.ModuleType(f"m{n}")
    exec(SOURCE, module.__dict__)
    gate = threading.Barrier(6)
    found = []
    def read():
        gate.wait()
        found.append(decode(b'{"branches":[{"leaves":[{"x":1}]}],"leaf":{"x":2,"y":{"a":1}}}', module.Tree))
        found.append(convert({"branches": [], "leaf": {"x": 3}}, module.Tree))
    threads = [threading.Thread(target=read) for _ in range(6)]
    [one.start() for one in threads]
    [one.join() for one in threads]
    assert len(found) == 12, found
'''


def test_a_type_that_many_threads_meet_for_the_first_time_at_once_is_read_by_all_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", RACE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr)  # -11 with msgspec's own decode
