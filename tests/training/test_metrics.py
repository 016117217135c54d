"""What a user may log, and what becomes of it."""

from __future__ import annotations

import math
import threading
import time
from decimal import Decimal

import numpy as np
import pytest

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.training.metrics import Counter


class Tensor:
    """What a scalar of torch, jax and TensorFlow has in common."""

    def __init__(self, value: float) -> None:
        self._value = value

    def item(self) -> float:
        return self._value


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (3, 3.0),
        (True, 1.0),
        (Decimal("0.5"), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7.0),
        (np.array(2.5), 2.5),
        (np.array([2.5]), 2.5),
        (Tensor(0.25), 0.25),
        (math.inf, "Infinity"),
        (np.float64("-inf"), "-Infinity"),
        (float("nan"), "NaN"),
    ],
)
def test_a_number_of_any_library_is_logged(value, number):
    [point] = Counter().points({"m": value})
    assert point.value == number


def test_a_scalar_of_torch_is_logged():
    torch = pytest.importorskip("torch")
    [point] = Counter().points({"m": torch.tensor(0.5, requires_grad=True)})
    assert point.value == 0.5


@pytest.mark.parametrize(
    "value",
    [
        "0.5",
        b"1",
        None,
        [1],
        {},
        1j,
        np.array([1, 2]),
        np.array("3"),
        np.datetime64("2026-01-01"),
        10**400,
        Tensor("x"),
    ],
)
def test_what_is_no_number_is_refused_with_the_name_of_its_key(value):
    with pytest.raises(BadInput, match="'loss'"):
        Counter().points({"loss": value})


@pytest.mark.parametrize(
    "key", [float("nan"), 3, None, "", "  ", "a\n", "a\0b", "loss%", "../up", "a//b", "/a", "k" * 251]
)
def test_what_mlflow_would_not_take_as_a_name_is_refused(key):
    with pytest.raises(BadInput, match="is not the name of a metric"):
        Counter().points({key: 1.0})


@pytest.mark.parametrize("key", ["loss", "val/loss", "été", "a b-c.d:e_f", "k" * 250])
def test_what_mlflow_takes_as_a_name_is_taken(key):
    from mlflow.utils.validation import _validate_metric_name

    _validate_metric_name(key)
    assert Counter().points({key: 1.0})[0].key == key


@pytest.mark.parametrize(
    ("values", "named"),
    [
        (3, "An int"),
        ("loss", "A str"),
        (None, "A NoneType"),
        ([("loss", 1)], "A list"),
        (np.uint8(3), "A uint8"),
    ],
)
def test_values_without_names_are_refused(values, named):
    with pytest.raises(BadInput, match=f"^{named} has no names"):
        Counter().points(values)


@pytest.mark.parametrize("step", [1.5, "3", float("nan"), 2**63, None.__class__])
def test_a_step_that_is_no_whole_number_is_refused(step):
    with pytest.raises(BadInput, match="is not a whole number"):
        Counter().points({"m": 1}, step)


def test_a_call_counts_whole_or_not_at_all():
    counter = Counter()
    with pytest.raises(BadInput):
        counter.points({"good": 1, "bad": "x"})
    assert counter.points({"good": 1})[0].step == 0


def test_each_key_counts_for_itself_and_goes_on_after_a_given_step():
    counter = Counter()
    counter.points({"a": 1, "b": 1})
    counter.points({"a": 1})
    assert [one.step for one in counter.points({"a": 1, "b": 1})] == [2, 1]
    counter.points({"a": 1}, step=np.int64(10))
    assert [one.step for one in counter.points({"a": 1, "b": 1})] == [11, 2]


def test_a_clock_that_goes_backwards_turns_no_time_back(monkeypatch):
    counter = Counter()
    [before] = counter.points({"m": 1})
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    [after] = counter.points({"m": 2})
    assert (after.at_ms, after.step) == (before.at_ms, 1)


def test_threads_never_share_a_step():
    counter, steps = Counter(), []
    work = [
        threading.Thread(target=lambda: steps.extend(counter.points({"m": 1})[0].step for _ in range(2000)))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert sorted(steps) == list(range(8000))
