"""Metrics that plain MLflow logs, autologging's too: they take the way of ``ml.log``, through the run's journal.

MLflow writes each ``log_metric`` to its store before it returns (2.3 ms of CPU on SQLite). In a tracked run the points of
that run go to its journal instead, with the key, value, step and time that MLflow gave them: safe from a killed process
at once, in the store a moment later. Whoever reads the run through this process's MLflow waits until they are there.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from jupyter_mlops.core.record import wire
from jupyter_mlops.core.run import MetricPoint
from jupyter_mlops.ports import Points

_sinks: Final[dict[str, Points]] = {}
_READS: Final = ("get_run", "get_metric_history", "search_runs")
_STEPS: Final = range(-(2**63), 2**63)
_OWN: Final = "mlops_own"
"""Set on the tracking client that ships the journals (``store.mlflow_client``): it is never made to wait for itself."""


@contextmanager
def buffered(run_id: str, points: Points) -> Iterator[None]:
    """Let the metrics that plain MLflow logs to a run go to ``points``. May be used for several runs at a time."""
    if not _sinks:
        _patch()
    _sinks[run_id] = points
    try:
        yield
    finally:
        del _sinks[run_id]
        if not _sinks:
            _unpatch()


_originals: Final[dict[str, Callable[..., Any]]] = {}


def _patch() -> None:
    from mlflow.tracking._tracking_service.client import TrackingServiceClient as Client

    replaced = {"log_metric": _log_metric, "log_batch": _log_batch, **dict.fromkeys(_READS, _after_flush)}
    for name, make in replaced.items():
        _originals[name] = getattr(Client, name)
        setattr(Client, name, functools.wraps(_originals[name])(make(_originals[name])))


def _unpatch() -> None:
    from mlflow.tracking._tracking_service.client import TrackingServiceClient as Client

    for name, original in _originals.items():
        setattr(Client, name, original)
    _originals.clear()


def _log_metric(original: Callable[..., Any]) -> Callable[..., Any]:
    """Replace ``log_metric(run_id, key, value, timestamp, step, synchronous, dataset_name, dataset_digest, model_id)``."""
    from mlflow.entities import Metric
    from mlflow.tracking.metric_value_conversion_utils import convert_metric_value_to_float_if_possible as to_float
    from mlflow.utils.time import get_current_time_millis

    def log_metric(  # noqa: PLR0917  # MLflow's own signature
        self: Any,
        run_id: str,
        key: str,
        value: Any,
        timestamp: int | None = None,
        step: int | None = None,
        synchronous: bool = True,
        **about: Any,
    ) -> Any:
        sink = _sink(self, run_id)
        if sink is None or any(about.values()) or int(step or 0) not in _STEPS:
            return original(self, run_id, key, value, timestamp, step, synchronous, **about)
        at_ms = get_current_time_millis() if timestamp is None else timestamp
        return _append(sink, [Metric(key, to_float(value), at_ms, step or 0)], synchronous)

    return log_metric


def _log_batch(original: Callable[..., Any]) -> Callable[..., Any]:
    from mlflow.entities import Metric
    from mlflow.tracking.fluent import get_active_model_id
    from mlflow.tracking.metric_value_conversion_utils import convert_metric_value_to_float_if_possible as to_float

    def log_batch(  # noqa: PLR0917  # MLflow's own signature
        self: Any, run_id: str, metrics: Any = (), params: Any = (), tags: Any = (), synchronous: bool = True
    ) -> Any:
        sink = _sink(self, run_id)
        if sink is None or not metrics or get_active_model_id():
            return original(self, run_id, metrics, params, tags, synchronous)
        mine = [one for one in metrics if _is_point(one)]
        rest = [one for one in metrics if not _is_point(one)]
        mine = [Metric(one.key, to_float(one.value), one.timestamp, one.step) for one in mine]
        done = _append(sink, mine, synchronous)
        return original(self, run_id, rest, params, tags, synchronous) if rest or params or tags else done

    return log_batch


def _is_point(metric: Any) -> bool:
    """Tell whether a metric is no more than a point: one of a logged model or a dataset is kept elsewhere as well."""
    return not metric.model_id and not metric.dataset_name and int(metric.step) in _STEPS


def _after_flush(original: Callable[..., Any]) -> Callable[..., Any]:
    def read(self: Any, *args: Any, **options: Any) -> Any:
        if not hasattr(self, _OWN):
            for sink in list(_sinks.values()):
                sink.flush()
        return original(self, *args, **options)

    return read


def _sink(client: Any, run_id: str) -> Points | None:
    return None if hasattr(client, _OWN) else _sinks.get(run_id)


def _append(sink: Points, metrics: Sequence[Any], synchronous: bool) -> Any:
    """Append metrics after MLflow's own checks. Raises ``MlflowException`` as MLflow does."""
    from mlflow.utils.validation import _validate_metric

    for number, one in enumerate(metrics):
        path = f"metrics[{number}]" if len(metrics) > 1 else ""
        _validate_metric(one.key, one.value, one.timestamp, one.step, path=path)
    sink.log(
        [MetricPoint(key=m.key, value=wire(float(m.value)), step=int(m.step), at_ms=int(m.timestamp)) for m in metrics]
    )
    if synchronous:
        return None
    from mlflow.utils.async_logging.run_operations import RunOperations

    return RunOperations([_Flush(sink)])


class _Flush:
    """What waits, as MLflow's futures do, until the store has the metrics."""

    def __init__(self, sink: Points) -> None:
        self._sink = sink

    def result(self) -> None:
        self._sink.flush()
