"""Plain ``mlflow.*`` calls inside a tracked cell or script: they go to the run that is being captured."""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

from jupyter_mlops.ports import Tracking
from jupyter_mlops.training.skops_types import own_types_vouched

_VARIABLES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")


@contextmanager
def mlflow_scope(
    tracking: Tracking, run_id: str, experiment_id: str, namespace: MutableMapping[str, Any] | None = None
) -> Iterator[None]:
    """Make a run the active one for plain MLflow in every thread; put everything back after, also on error.

    The first ``mlflow.start_run()`` of the user joins the run, and its end does not end it; further ones become
    child runs, as do nested ones. ``namespace`` is the user's, where ``start_run`` may stand by name.
    """
    import mlflow
    from mlflow.tracking import fluent
    from mlflow.tracking._model_registry import utils as registry_module
    from mlflow.tracking._tracking_service import utils as service_module

    service: Any = service_module
    registry: Any = registry_module
    saved = (service._tracking_uri, registry._registry_uri, fluent._active_experiment_id)  # noqa: SLF001  # to restore
    variables = {name: os.environ.pop(name, None) for name in _VARIABLES}
    service._tracking_uri = tracking.uri  # noqa: SLF001  # set_tracking_uri would leak into child processes
    registry._registry_uri = tracking.registry_uri  # noqa: SLF001  # the same
    fluent_module: Any = fluent
    fluent_module._active_experiment_id = experiment_id  # noqa: SLF001  # set_experiment would, too
    ours = fluent.ActiveRun(mlflow.MlflowClient().get_run(run_id))
    stacks = fluent._active_run_stack  # noqa: SLF001  # there is no public way to be active in all threads
    factory = stacks.default_factory
    stacks.get()
    existing = list(stacks.get_all_thread_values().values())
    for stack in existing:
        stack.append(ours)
    stacks.default_factory = lambda: [ours]
    patches = _Patches(_Joining(ours, fluent), namespace)
    try:
        with own_types_vouched():
            yield
    finally:
        patches.undo()
        stacks.default_factory = factory
        _close_children(stacks.get(), ours, fluent)
        for stack in existing:
            if ours in stack:
                stack.remove(ours)
        service._tracking_uri, registry._registry_uri, fluent._active_experiment_id = saved  # noqa: SLF001  # restored
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class _Joining:
    """``start_run`` and ``end_run`` as a tracked cell sees them."""

    def __init__(self, ours: Any, fluent: Any) -> None:
        self._ours = ours
        self._fluent = fluent
        self._start_run = fluent.start_run
        self._end_run = fluent.end_run
        self._joined = False

    def start_run(self, run_id: str | None = None, *args: Any, **options: Any) -> Any:
        top = self._stack()[-1:]
        other = run_id is not None and run_id != self._ours.info.run_id
        nested = options.get("nested") or options.get("parent_run_id") or other
        if nested or self._joined or top != [self._ours]:
            options["nested"] = True
            return self._start_run(run_id, *args, **options)
        self._joined = True
        client = self._fluent.MlflowClient()
        if options.get("run_name") or (len(args) > 1 and args[1]):
            client.update_run(self._ours.info.run_id, name=options.get("run_name") or args[1])
        for key, value in (options.get("tags") or {}).items():
            client.set_tag(self._ours.info.run_id, key, value)
        if options.get("description"):
            client.set_tag(self._ours.info.run_id, "mlflow.note.content", options["description"])
        return _JoinedRun(self._ours)

    def end_run(self, *args: Any, **options: Any) -> None:
        if self._stack()[-1:] != [self._ours]:
            self._end_run(*args, **options)

    def _stack(self) -> list[Any]:
        stack: list[Any] = self._fluent._active_run_stack.get()  # noqa: SLF001  # as above
        return stack


class _JoinedRun:
    """What ``with mlflow.start_run() as run`` gives in a tracked cell: our run, which goes on after the block."""

    def __init__(self, ours: Any) -> None:
        self._ours = ours

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ours, name)

    def __enter__(self) -> Any:
        return self._ours

    def __exit__(self, *error: object) -> None:
        del error


class _Patches:
    """``start_run`` and ``end_run`` replaced wherever a user may reach them, and put back."""

    def __init__(self, joining: _Joining, namespace: MutableMapping[str, Any] | None) -> None:
        import mlflow
        from mlflow.tracking import fluent

        self._undo: list[tuple[Any, str, Any]] = []
        self._namespace = namespace if namespace is not None else {}
        self._names: dict[str, Any] = {}
        for name, ours in (("start_run", joining.start_run), ("end_run", joining.end_run)):
            original = getattr(fluent, name)
            for module in (mlflow, fluent):
                self._undo.append((module, name, getattr(module, name)))
                setattr(module, name, ours)
            for key, value in list(self._namespace.items()):
                if value is original:
                    self._names[key] = original
                    self._namespace[key] = ours

    def undo(self) -> None:
        for module, name, original in self._undo:
            setattr(module, name, original)
        for key, original in self._names.items():
            if key in self._namespace:
                self._namespace[key] = original


def _close_children(stack: list[Any], ours: Any, fluent: Any) -> None:
    """End child runs that the cell left open, as MLflow does when a program ends."""
    while stack and stack[-1] != ours:
        fluent.end_run()
