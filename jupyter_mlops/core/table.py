"""What a table of runs is made of besides runs: the columns there are, and groups with their statistics."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jupyter_mlops.core.record import MetricValue, Record, wire


class FieldUse(Record, frozen=True, kw_only=True):
    """A metric, parameter or tag that runs have."""

    field: str
    """As a filter names it: ``metrics.auc``, ``params.`odd name```."""
    n_runs: int | None = None
    """How many of the newest runs have it; ``None`` where only older runs, or those of other experiments, do."""


class MetricSummary(Record, frozen=True, kw_only=True):
    """A metric over the runs of a group that have it. Runs where it is NaN are counted and otherwise left out.

    An infinity is a value: with one the mean is infinite, with both it is NaN, and there is no deviation from either.
    """

    n: int
    n_nan: int = 0
    n_infinite: int = 0
    """How many of the ``n`` are infinite."""
    mean: MetricValue | None = None
    """``None`` where no run has a number."""
    sd: MetricValue | None = None
    """The sample standard deviation (divided by n - 1); ``None`` below two numbers, NaN where one is infinite."""


class RunGroup(Record, frozen=True, kw_only=True):
    """Runs that have the same value in a field."""

    value: str | None
    """``None`` for the runs that have none."""
    n_runs: int
    metrics: dict[str, MetricSummary] = {}


class RunGroups(Record, frozen=True, kw_only=True):
    """The groups of the runs that match."""

    items: list[RunGroup] = []
    n_groups: int = 0
    """How many there are, with those behind the limit."""
    n_runs: int = 0
    note: str = ""
    """What they leave out, where a server could not be asked for all of it."""


@dataclass
class Samples:
    """The metrics of a group's runs; ``values`` has NaN and infinities as floats."""

    n_runs: int = 0
    values: dict[str, list[float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """What the runs that match have measured, by their value in a field."""

    groups: Mapping[str | None, Samples]
    note: str = ""


def summarize(values: Sequence[float]) -> MetricSummary:
    """Return count, mean and sample standard deviation, in two passes so that large means cost no digits."""
    numbers = [value for value in values if not math.isnan(value)]
    n = len(numbers)
    n_nan = len(values) - n
    if not n:
        return MetricSummary(n=0, n_nan=n_nan)
    infinite = [value for value in numbers if math.isinf(value)]
    if infinite:
        spread = None if n == 1 else wire(math.nan)
        return MetricSummary(n=n, n_nan=n_nan, n_infinite=len(infinite), mean=wire(sum(infinite)), sd=spread)
    try:
        mean = math.fsum(numbers) / n
    except OverflowError:  # a sum that no float holds
        mean = math.fsum(value / n for value in numbers)
    spread = wire(math.hypot(*(value - mean for value in numbers)) / math.sqrt(n - 1)) if n > 1 else None
    return MetricSummary(n=n, n_nan=n_nan, mean=wire(mean), sd=spread)
