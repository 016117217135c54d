"""Quick paths: what a model of scikit-learn computes, without the checks around it, proven against it at load."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from jupyter_mlops.scoring import forests, linear

Array = np.ndarray[Any, Any]
Predict = Callable[[Array], Any]

N_DRAWN: Final = 1000
BATCHES: Final = (1, 2, 64)
RELATIVE: Final = 1e-12


def quick_predict(
    model: Any, predict: Predict, sample: Array | None, n_columns: int, method: str = "predict"
) -> Predict | None:
    """Return a function that answers as ``predict`` does, and ``None`` where it leaves the answer to it.

    ``predict`` is the model's ``method``. ``sample`` are rows that the model is known to take, of ``n_columns``
    numbers. The function is compared with ``predict`` on them and on 1,000 rows drawn around them, at batches of 1, 2
    and 64, ties and NaN included; there is none for other models, or when a single answer differs.
    """
    quick = linear.made(model) if method == "predict" else None
    forest = forests.made(model, method) if quick is None else None
    found = quick or forest
    if found is None:
        return None
    probes = _probes(sample, n_columns)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        if forest is not None:
            probes = np.concatenate([probes, forests.ties(model, probes)])
        if forest is not None or hasattr(model, "classes_"):
            # Trees take each row alone, and a label does not hang on the last bits of a sum: what predict says of rows
            # is the same in any batch, and is asked once. A forest takes milliseconds for a single row.
            predict = _Known(predict, probes)
        return found if _same(found, predict, probes) else None


class _Known:
    """What a model says of probes, asked 64 at a time."""

    def __init__(self, predict: Predict, probes: Array) -> None:
        self._answers: dict[bytes, Any] = {}
        size = BATCHES[-1]
        for begin in range(0, len(probes), size):
            given = probes[begin : begin + size]
            answers = _or_none(predict, given)
            if answers is None:  # one of the rows is refused; which one shows when each is asked alone
                alone = [_or_none(predict, row[np.newaxis]) for row in given]
                answers = [None if answer is None else answer[0] for answer in alone]
            self._answers |= {row.tobytes(): answer for row, answer in zip(given, answers, strict=True)}

    def __call__(self, given: Array) -> Any:
        answers = [self._answers[row.tobytes()] for row in given]
        return None if any(answer is None for answer in answers) else np.stack(answers)


def _probes(sample: Array | None, n_columns: int) -> Array:
    draw = np.random.default_rng(0)
    base = np.zeros((1, n_columns)) if sample is None or not len(sample) else np.nan_to_num(sample)
    around = base[draw.integers(len(base), size=N_DRAWN)]
    scale = np.abs(around) + 10.0 ** draw.integers(-3, 4, size=(N_DRAWN, 1))
    drawn = around + scale * draw.standard_normal((N_DRAWN, n_columns))
    ties = np.zeros((2, n_columns))
    broken = np.repeat(base[:1], 2, axis=0)
    broken[0, 0], broken[1, -1] = np.nan, np.inf
    return np.concatenate([base, drawn, ties, np.repeat(drawn[:1], 2, axis=0), broken])


def _same(quick: Predict, predict: Predict, probes: Array) -> bool:
    for size in BATCHES:
        for begin in range(0, len(probes), size):
            given = probes[begin : begin + size]
            answer = _or_none(quick, given)
            if answer is None:
                continue  # left to predict, which is right by definition
            wanted = _or_none(predict, given)
            if wanted is None or not _equal(np.asarray(answer), np.asarray(wanted)):
                return False
    return True


def _or_none(predict: Predict, given: Array) -> Any:
    try:
        return predict(given)
    except Exception:  # noqa: BLE001 - a model that refuses a drawn row says nothing about the others
        return None


def _equal(answer: Array, wanted: Array) -> bool:
    if answer.shape != wanted.shape or answer.dtype != wanted.dtype:
        return False
    if answer.dtype.kind != "f":
        return bool((answer == wanted).all())
    return bool(np.allclose(answer, wanted, rtol=RELATIVE, atol=0.0))
