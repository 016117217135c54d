"""Plain ``mlflow.*`` calls inside a tracked cell or script: they go to the run that is being captured."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from jupyter_mlops.core.run import Run
from jupyter_mlops.training.active import ActiveRun
from jupyter_mlops.training.buffered import buffered
from jupyter_mlops.training.skops_types import own_types_vouched

_VARIABLES: Final = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_EXPERIMENT_ID", "MLFLOW_RUN_ID")


@dataclass(kw_only=True)
class _Scope:
    """What is ours while a scope is open."""

    ours: Any
    """MLflow's active run for the tracked run."""
    joining: _Joining
    main: list[Any] = field(default_factory=list)
    """The child runs that the main thread is in, outermost first."""


_scopes: Final[list[_Scope]] = []


@contextmanager
def mlflow_scope(
    run: ActiveRun, experiment_id: str, namespace: MutableMapping[str, Any] | None = None
) -> Iterator[None]:
    """Make a run the active one for plain MLflow in every thread; put everything back after, also on error.

    The first ``mlflow.start_run()`` of the user joins the run, and its end does not end it; further ones become
    child runs, as do nested ones. ``namespace`` is the user's, where ``start_run`` may stand by name. Metrics go
    through the run's journal.
    """
    from mlflow.tracking import fluent
    from mlflow.tracking._model_registry import utils as registry_module
    from mlflow.tracking._tracking_service import utils as service_module

    tracking = run.world.tracking
    service: Any = service_module
    registry: Any = registry_module
    saved = (service._tracking_uri, registry._registry_uri, fluent._active_experiment_id)  # noqa: SLF001  # to restore
    variables = {name: os.environ.pop(name, None) for name in _VARIABLES}
    service._tracking_uri = tracking.uri  # noqa: SLF001  # set_tracking_uri would leak into child processes
    registry._registry_uri = tracking.registry_uri  # noqa: SLF001  # the same
    fluent_module: Any = fluent
    fluent_module._active_experiment_id = experiment_id  # noqa: SLF001  # set_experiment would, too
    ours = fluent.ActiveRun(_entity(run, experiment_id))
    stacks = fluent._active_run_stack  # noqa: SLF001  # there is no public way to be active in all threads
    factory = stacks.default_factory
    stacks.get()
    existing = list(stacks.get_all_thread_values().values())
    for stack in existing:
        stack.append(ours)
    scope = _Scope(ours=ours, joining=_Joining(ours, fluent))
    stacks.default_factory = lambda: _Following(scope)
    patches = _Patches(scope.joining, namespace)
    _scopes.append(scope)
    try:
        with own_types_vouched(), buffered(run.run_id, run.journal):
            yield
    finally:
        _scopes.remove(scope)
        patches.undo()
        stacks.default_factory = factory
        scope.joining.close_children(stacks.get(), ours)
        for stack in existing:
            _remove(stack, ours)
        service._tracking_uri, registry._registry_uri, fluent._active_experiment_id = saved  # noqa: SLF001  # restored
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def mlflow_child(run: ActiveRun) -> Iterator[None]:
    """Make a child run the active one for plain MLflow in this thread; one of the main thread also for threads begun in it."""
    from mlflow import MlflowClient
    from mlflow.tracking import fluent

    if not _scopes:  # plain MLflow is the user's own affair here
        yield
        return
    scope = _scopes[-1]
    child = fluent.ActiveRun(MlflowClient().get_run(run.run_id))
    stack = fluent._active_run_stack.get()  # noqa: SLF001  # as above
    leading = [scope.main] if threading.current_thread() is threading.main_thread() else []
    for runs in (stack, scope.joining.managed, *leading):
        runs.append(child)
    try:
        with buffered(run.run_id, run.journal):
            yield
    finally:
        scope.joining.close_children(stack, child)
        for runs in (stack, scope.joining.managed, *leading):
            _remove(runs, child)


class _Following(list[Any]):
    """MLflow's stack of active runs for a thread that began in a run: below its own, the one the main thread is in."""

    def __init__(self, scope: _Scope) -> None:
        super().__init__([scope.ours])
        self._scope = scope

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return self._scope.main[-1] if found is self._scope.ours and self._scope.main else found


def _entity(run: ActiveRun, experiment_id: str) -> Any:
    """Return a run as MLflow has it; one that was made here is not read again, which would cost half of making it."""
    from mlflow import MlflowClient
    from mlflow.entities import LifecycleStage, Param, RunData, RunInfo, RunTag
    from mlflow.entities import Run as MlflowRun

    known = getattr(run, "run", None)
    if not isinstance(known, Run):
        return MlflowClient().get_run(run.run_id)
    info = RunInfo(
        run_id=known.id,
        experiment_id=experiment_id,
        user_id=known.actor,
        status=known.status,
        start_time=round(known.started_at * 1000),
        end_time=None,
        lifecycle_stage=LifecycleStage.ACTIVE,
        artifact_uri=known.artifact_uri,
        run_name=known.name,
    )
    params = [Param(key, value) for key, value in known.params.items()]
    return MlflowRun(info, RunData(params=params, tags=[RunTag(key, value) for key, value in known.tags.items()]))


class _Joining:
    """``start_run`` and ``end_run`` as a tracked cell sees them."""

    def __init__(self, ours: Any, fluent: Any) -> None:
        self.managed = [ours]
        """The runs that we end, not MLflow."""
        self._fluent = fluent
        self._start_run = fluent.start_run
        self._end_run = fluent.end_run
        self._joined: set[str] = set()

    def start_run(self, run_id: str | None = None, *args: Any, **options: Any) -> Any:
        top = self._top()
        mine = top.info.run_id if top is not None else None
        other = run_id is not None and run_id != mine
        nested = options.get("nested") or options.get("parent_run_id") or other
        if nested or mine is None or mine in self._joined:
            options["nested"] = True
            return self._start_run(run_id, *args, **options)
        self._joined.add(mine)
        client = self._fluent.MlflowClient()
        if options.get("run_name") or (len(args) > 1 and args[1]):
            client.update_run(mine, name=options.get("run_name") or args[1])
        for key, value in (options.get("tags") or {}).items():
            client.set_tag(mine, key, value)
        if options.get("description"):
            client.set_tag(mine, "mlflow.note.content", options["description"])
        return _JoinedRun(top)

    def end_run(self, *args: Any, **options: Any) -> None:
        if self._top() is None:
            self._end_run(*args, **options)

    def close_children(self, stack: list[Any], below: Any) -> None:
        """End the runs that were left open above one of ours, as MLflow does when a program ends."""
        while any(one is below for one in stack) and _last(stack) is not below:
            self._end_run()

    def _top(self) -> Any:
        """Return the active run of this thread if it is one of ours, else ``None``."""
        stack = self._stack()
        return next((one for one in self.managed if one is _last(stack)), None)

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


def _last(stack: list[Any]) -> Any:
    return list.__getitem__(stack, -1) if stack else None


def _remove(runs: list[Any], run: Any) -> None:
    runs[:] = [one for one in list.__iter__(runs) if one is not run]
