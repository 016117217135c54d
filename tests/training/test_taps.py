"""Output of a real kernel reaches the run while it runs, folded, and never costs the cell."""

from __future__ import annotations

import time

from jupyter_mlops.training.runs import read_log
from jupyter_mlops.training.submit import submit_file

RUN = "%%ml run --no-snapshot -n {name}\n{body}\n"


def test_another_process_sees_a_line_within_a_second_and_a_bar_as_it_moves(kernel, world):
    body = (
        "import sys, time\nprint('begin', time.time(), flush=True)\n"
        "for i in range(12):\n    sys.stdout.write(f'\\r{i:>3}%'); sys.stdout.flush(); time.sleep(0.25)\nprint()"
    )
    kernel.run("import mlflow")
    kernel.client.execute(RUN.format(name="seen", body=body))
    deadline = time.monotonic() + 30
    while not any(run.name == "seen" for run in world.tracking.runs(limit=5)) and time.monotonic() < deadline:
        time.sleep(0.02)
    run_id = world.tracking.run("seen").id
    while "begin" not in (text := read_log(world, run_id)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert time.time() - float(text.split()[1]) < 1
    seen = set()
    while world.tracking.run(run_id).status == "RUNNING":
        seen.add(read_log(world, run_id).splitlines()[-1])
        time.sleep(0.1)
    kernel.client.get_shell_msg(timeout=30)
    assert len(seen) > 4
    assert len(read_log(world, run_id).splitlines()) == 2
    assert read_log(world, run_id).splitlines()[1] == " 11%"


def test_a_progress_bar_of_ten_thousand_updates_is_one_line(kernel, world):
    body = "import sys\nfrom tqdm import tqdm\nfor _ in tqdm(range(10_000), mininterval=0, miniters=1, file=sys.stderr): pass\nprint('done')"
    assert kernel.run(RUN.format(name="bar", body=body)).status == "ok"
    lines = read_log(world, "bar", "stderr").splitlines()
    assert len(lines) == 1
    assert "10000/10000" in lines[0]
    assert read_log(world, "bar") == "done\n"


def test_what_a_child_process_writes_last_is_heard_each_time(kernel, world):
    for n in range(20):
        body = f"import os\nos.system('printf child-{n}')"
        kernel.run(RUN.format(name=f"child-{n}", body=body))
        assert read_log(world, f"child-{n}") == f"child-{n}"
        kernel.run(RUN.format(name=f"own-{n}", body=f"os.write(1, b'own-{n}')"))
        assert read_log(world, f"own-{n}") == f"own-{n}"


def test_what_a_task_of_an_ended_run_writes_is_in_no_later_run(kernel, world):
    body = (
        "import asyncio\nasync def chatter():\n    while True:\n        print('stray', flush=True)\n"
        "        await asyncio.sleep(0.02)\ntask = asyncio.create_task(chatter())\nawait asyncio.sleep(0.3)"
    )
    kernel.run(RUN.format(name="first", body=body))
    kernel.run(RUN.format(name="second", body="await asyncio.sleep(0.5)\nprint('mine')"))
    kernel.run("task.cancel()")
    assert "stray" in read_log(world, "first")
    assert read_log(world, "second") == "mine\n"


def test_much_output_leaves_the_memory_of_the_kernel_flat(kernel, world):
    flood = (
        "import resource\nbefore = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for _ in range(300_000): print('x' * 99)\n"
        "print('grew', (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    kernel.run(RUN.format(name="warm", body="for _ in range(20_000): print('x' * 99)"))
    reply = kernel.run(RUN.format(name="flood", body=flood), timeout_s=120)
    assert int(reply.stdout.rsplit("grew ", 1)[1]) < 150, "MB, most of which is what ipykernel has not sent yet"
    assert read_log(world, "flood").count("\n") == 300_001


def test_a_character_that_comes_in_two_pieces_stays_whole(world, home):
    file = home / "pieces.py"
    file.write_text(
        "import os, time\n"
        "for byte in 'é€😀\\n'.encode():\n    os.write(1, bytes([byte])); time.sleep(0.02)\n"
        "os.write(1, b'cut \\xe2\\x82')\n"
    )
    run = submit_file(world, file, snapshot=False)
    deadline = time.monotonic() + 60
    while world.tracking.run(run.id).status == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert read_log(world, run.id) == "é€😀\ncut \ufffd"
