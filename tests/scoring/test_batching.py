"""What waits is scored together, in order; each request ends once, with its own rows or its own error."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from jupyter_mlops.scoring.batching import BATCH_S, INLINE_S, Batcher, Job, Pace, Worker
from jupyter_mlops.scoring.scorer import split


class Recorder:
    """A scorer that keeps what it was asked, and where."""

    def __init__(self, *, inline: bool = True, batches: bool = True) -> None:
        self.inline = inline
        self.batches = batches
        self.asked: list[list[Any]] = []
        self.threads: set[str] = set()
        self.gate = threading.Event()
        self.gate.set()

    def score(self, data: Sequence[Any], n_rows: Sequence[int]) -> list[Any]:
        assert len(data) == len(n_rows)
        self.gate.wait(10)
        self.asked.append(list(data))
        self.threads.add(threading.current_thread().name)
        return [each * 10 for each in data]


def run(scorer: Recorder, jobs: Sequence[tuple[Any, int]], *, max_jobs: int = 100, first: int | None = None, warm: bool = True) -> list[Any]:  # fmt: skip
    """Submit jobs, the ``first`` ones before the scorer may go on; return outcomes in the order they came."""
    ended: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        batcher = Batcher(loop, Worker(loop), max_jobs=max_jobs, on_batch=lambda _n, _rows: None)
        batcher.scorer = scorer
        if warm:
            batcher.pace.learn(1e-6, 1)
        done = asyncio.Event()

        def on_end(job: Job, outcome: Any) -> None:
            ended.append((job.data, outcome))
            if len(ended) == len(jobs):
                done.set()

        for at, (data, n_rows) in enumerate(jobs):
            batcher.submit(Job(data, n_rows, on_end))
            if at + 1 == first:
                await asyncio.sleep(0.05)
        scorer.gate.set()
        await asyncio.wait_for(done.wait(), 10)

    asyncio.run(main())
    return ended


def test_what_arrives_together_is_one_batch_on_the_loop() -> None:
    scorer = Recorder()
    assert run(scorer, [(1, 1), (2, 1), (3, 1)]) == [(1, 10), (2, 20), (3, 30)]
    assert scorer.asked == [[1, 2, 3]]
    assert scorer.threads == {"MainThread"}


def test_what_waits_for_a_slow_batch_is_the_next_one_in_the_thread() -> None:
    scorer = Recorder(inline=False)
    scorer.gate.clear()
    assert [data for data, _ in run(scorer, [(1, 1), (2, 1), (3, 1)], first=1)] == [1, 2, 3]
    assert scorer.asked == [[1], [2, 3]]
    assert scorer.threads == {"model"}


class Sleeper(Recorder):
    """Takes 60 ms for a batch, however large it is."""

    def score(self, data: Sequence[Any], n_rows: Sequence[int]) -> list[Any]:
        time.sleep(0.06)
        return super().score(data, n_rows)


def asked_again(n_clients: int, *, each: int, pause_s: float = 0.0, apart_s: float = 0.0) -> list[int]:
    """Let clients ask a slow scorer, each as soon as it has its answer, or later; return the batches' sizes."""
    scorer = Sleeper(inline=False)

    async def client(batcher: Batcher, at: int) -> None:
        await asyncio.sleep(at * apart_s)
        for _ in range(each):
            answered = asyncio.Event()
            batcher.submit(Job(at, 1, lambda _job, _outcome, answered=answered: answered.set()))
            await answered.wait()
            await asyncio.sleep(pause_s)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        batcher = Batcher(loop, Worker(loop), max_jobs=100, on_batch=lambda _n, _rows: None)
        batcher.scorer = scorer
        batcher.pace.learn(0.0001, 1)
        await asyncio.gather(*(client(batcher, at) for at in range(n_clients)))

    asyncio.run(main())
    return [len(each) for each in scorer.asked]


def test_clients_that_came_apart_end_up_in_one_batch_of_a_slow_model() -> None:
    assert asked_again(4, each=4, apart_s=0.01)[-3:] == [4, 4, 3]


def test_a_slow_model_waits_no_longer_than_a_tenth_of_a_batch_for_clients_that_pause() -> None:
    assert asked_again(2, each=3, pause_s=0.05, apart_s=0.03)[:3] == [1, 1, 1]


def test_nothing_is_inline_before_it_is_known_to_be_quick() -> None:
    scorer = Recorder()
    run(scorer, [(1, 1)], warm=False)
    assert scorer.threads == {"model"}


def test_batches_have_a_most_of_requests() -> None:
    scorer = Recorder()
    run(scorer, [(n, 1) for n in range(5)], max_jobs=2)
    assert [len(each) for each in scorer.asked] == [2, 2, 1]


def test_the_most_of_requests_may_change_while_they_wait() -> None:
    scorer = Recorder()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        batcher = Batcher(loop, Worker(loop), max_jobs=4, on_batch=lambda _n, _rows: None)
        batcher.scorer = scorer
        batcher.pace.learn(1e-6, 1)
        left = asyncio.Event()

        def on_end(job: Job, _outcome: Any) -> None:
            batcher.max_jobs = 1
            if job.data == 6:
                left.set()

        for n in range(7):
            batcher.submit(Job(n, 1, on_end))
        await asyncio.wait_for(left.wait(), 10)

    asyncio.run(main())
    assert scorer.asked == [[0, 1, 2, 3], [4], [5], [6]]


def test_models_that_cannot_be_batched_get_one_request_at_a_time() -> None:
    scorer = Recorder(batches=False)
    run(scorer, [(n, 1) for n in range(3)])
    assert scorer.asked == [[0], [1], [2]]


def test_a_job_that_nobody_waits_for_is_not_scored() -> None:
    scorer, ended = Recorder(), []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        batcher = Batcher(loop, Worker(loop), max_jobs=9, on_batch=lambda _n, _rows: None)
        batcher.scorer = scorer
        batcher.pace.learn(1e-6, 1)
        jobs = [Job(n, 1, lambda job, outcome: ended.append((job.data, outcome))) for n in range(3)]
        for job in jobs:
            batcher.submit(job)
        jobs[1].end("gone")
        jobs[1].end("again")
        await asyncio.sleep(0.05)

    asyncio.run(main())
    assert scorer.asked == [[0, 2]]
    assert ended == [(1, "gone"), (0, 0), (2, 20)]


def test_a_fixed_cost_is_shared_by_ever_larger_batches() -> None:
    pace = Pace()
    for _ in range(12):
        pace.learn(0.05, pace.most_rows)
    assert pace.most_rows > 100
    assert pace.expected_s(1) > INLINE_S


def test_a_cost_per_row_caps_the_batch() -> None:
    pace = Pace()
    for _ in range(12):
        pace.learn(0.01 * pace.most_rows, pace.most_rows)
    assert 0.5 * BATCH_S <= 0.01 * pace.most_rows <= 1.1 * BATCH_S
    pace.learn(0.001, 10)
    assert pace.expected_s(5) < INLINE_S < pace.expected_s(30)


@pytest.mark.parametrize(
    ("output", "parts"),
    [
        (np.array([1, 2, 3]), [[1], [2, 3]]),
        ([1, 2, 3], [[1], [2, 3]]),
        (pd.Series([1, 2, 3]), [[1], [2, 3]]),
        (np.array([1, 2]), None),
        (np.float64(3), None),
        (3, None),
        ("abc", None),
        ({"a": [1, 2, 3], "b": "abc"}, None),
        ({}, None),
    ],
)
def test_outputs_are_split_by_rows_where_they_have_rows(output: Any, parts: Any) -> None:
    got = split(output, [1, 2])
    assert (got if got is None else [np.asarray(part).tolist() for part in got]) == parts


def test_frames_and_dicts_are_split_too() -> None:
    frame, table = pd.DataFrame({"a": [1, 2, 3]}), {"a": np.array([1, 2, 3]), "b": [4, 5, 6]}
    assert [len(part) for part in split(frame, [1, 2]) or []] == [1, 2]
    assert [part["b"] for part in split(table, [1, 2]) or []] == [[4], [5, 6]]
