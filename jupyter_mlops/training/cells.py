"""Tracked cells: a run around the execution of one notebook cell."""

from __future__ import annotations

import ast
import os
import re
import traceback as tracebacks
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from jupyter_mlops.core.errors import BadInput, MlopsError
from jupyter_mlops.core.ids import RunId
from jupyter_mlops.core.origin import UNKNOWN_NOTEBOOK
from jupyter_mlops.core.run import Run, RunStatus
from jupyter_mlops.ports import Say, World
from jupyter_mlops.training.active import activate, deactivate
from jupyter_mlops.training.origin import cell_tags, hidden_tags
from jupyter_mlops.training.recorder import Recorder
from jupyter_mlops.training.replay import Replay, run_above
from jupyter_mlops.training.taps import KernelTap, TerminalTap

if TYPE_CHECKING:  # what takes a snapshot is imported when one is taken: `%load_ext` has 0.15 s
    from jupyter_mlops.training.capture import Capture, Plan

# `%%ml run` may have blank lines and comments before it, nothing else.
_FIRST_LINE: Final = re.compile(r"\A((?:[ \t]*(?:#[^\n]*)?\n)*)%%ml[ \t]+run\b([^\n]*)(\n|\Z)")
_MAGIC: Final = re.compile(r"\A((?:[ \t]*\n)*)%%(\w+)([^\n]*)(?:\n|\Z)")
CALL: Final = "get_ipython().begin_tracked_cell"
REFUSE: Final = "get_ipython().refuse_cell_magic"


def transform(lines: list[str]) -> list[str]:
    """Replace a ``%%ml run`` line by one call on the same line; an IPython input transformer, pure."""
    cell = "".join(lines)
    match = _FIRST_LINE.match(cell)
    if match is None:
        return lines
    before, options, end = match.groups()
    call = f"{before}{CALL}({options.strip()!r}){end}"
    return (call + _under(cell[match.end() :])).splitlines(keepends=True)


def _under(body: str) -> str:
    """Return the body; a cell magic at its top becomes the call that IPython would make of it."""
    match = _MAGIC.match(body)
    if match is None:
        return body
    blank, name, line = match.groups()
    if name == "ml":
        return f"{blank}{REFUSE}('%%ml')\n"
    return f"{blank}get_ipython().run_cell_magic({name!r}, {line.strip()!r}, {body[match.end() :]!r})\n"


def is_tracked(raw_cell: str) -> bool:
    """Tell whether a cell, as it was typed, begins with ``%%ml run``."""
    return _FIRST_LINE.match(raw_cell) is not None


def options_of(raw_cell: str) -> str:
    """Return what stands after ``%%ml run`` in a tracked cell."""
    match = _FIRST_LINE.match(raw_cell)
    return match.group(2).strip() if match else ""


@dataclass(frozen=True, kw_only=True)
class CellOptions:
    """What the ``%%ml run`` line asks for."""

    plan: Plan
    child: bool = False
    """Whether it is to be a child of this kernel's last run that is none itself."""
    autolog: bool = False


class Watch(Protocol):
    """Who shows a run while its cell executes."""

    def start(self) -> None: ...  # noqa: D102  # after this the cell's own code runs
    def heard(self, kind: str, body: Mapping[str, Any]) -> None: ...  # noqa: D102  # see KernelTap.watcher
    def stop(self) -> None: ...  # noqa: D102  # the cell has run; the run is about to be shipped and ended


class CellRuns:
    """The tracked cells of one IPython shell.

    ``parse`` reads the options of the line, ``open_world`` gives the workspace (made if there is none), ``watch`` gives
    who shows each run while it goes on, and ``ended`` is told each run that ended, to show it.
    """

    def __init__(
        self,
        shell: Any,
        *,
        parse: Callable[[str], CellOptions],
        open_world: Callable[[], World],
        ended: Callable[[Run], None],
        say: Say,
        watch: Callable[[Capture], Watch],
    ) -> None:
        self._shell = shell
        self._parse = parse
        self._open_world = open_world
        self._ended = ended
        self._say = say
        self._watch = watch
        self._cells: list[Any] = []
        self._recorder = Recorder(shell, self.notebook)
        self._top: RunId | None = None
        self._active: Capture | None = None
        self._owner: Any = None
        self._replay = Replay.of_this_process()

    def pre_run_cell(self, info: Any) -> None:
        """Note the cell that is about to run (IPython's event)."""
        if self._replay is not None and is_tracked(str(info.raw_cell)):
            self._replay.see()
        self._cells.append(info)
        self._recorder.begin(info)

    def begin(self, line: str) -> None:
        """Begin the run of the cell that is running. An error stops the cell before its first own line."""
        options = self._parse(line)
        if self._active is not None:
            raise BadInput(
                f"The run {self._active.run.name} is active already.", hint="A tracked cell cannot start another one."
            )
        world = self._open_world()
        if self._replay is not None and self._replay.is_here:  # the worker has begun the run, and will end it
            params = {**self._parameters(), **options.plan.params}
            self._replay.enter(world, params, self._shell.user_ns, autolog=options.autolog)
            return
        info = self._cells[-1] if self._cells else None
        from jupyter_mlops.training.capture import begin

        capture = begin(world, self._complete(self._below(options, world), world, info), self._say)
        try:
            self._enter(world, capture, options)
        except KeyboardInterrupt:
            capture.end("KILLED", reason="Interrupted before it began.")
            raise
        except BaseException:
            capture.end("FAILED", reason="The run could not begin.")
            raise
        self._active, self._owner = capture, info

    def post_run_cell(self, result: Any) -> None:
        """End the run of the cell that has run (IPython's event)."""
        info = getattr(result, "info", None)
        if info in self._cells:
            del self._cells[self._cells.index(info) :]
        error = result.error_before_exec or result.error_in_exec
        if self._replay is not None and info is not None and is_tracked(str(info.raw_cell)):
            self._replay.leave()
        self._recorder.end(result)
        try:
            if self._active is not None and info is self._owner:
                self._end(error, str(info.raw_cell))
            elif result.error_before_exec is not None and info is not None and is_tracked(str(info.raw_cell)):
                self._record_broken(info, result.error_before_exec)
        except MlopsError as trouble:  # raised, IPython would print its own words around it
            self._shell.showtraceback((type(trouble), trouble, trouble.__traceback__))

    def _record_broken(self, info: Any, error: BaseException) -> None:
        """Record a cell that could not even be compiled as a failed run."""
        source = str(info.raw_cell)
        world = self._open_world()
        options = self._parse(options_of(source))
        from jupyter_mlops.training.capture import begin

        self._active = begin(world, self._complete(self._below(options, world), world, info), self._say)
        self._end(error, source)

    def _enter(self, world: World, capture: Capture, options: CellOptions) -> None:
        from jupyter_mlops.training.autolog import autologging
        from jupyter_mlops.training.mlflow_scope import mlflow_scope

        namespace: MutableMapping[str, Any] = self._shell.user_ns
        experiment = world.tracking.experiment(capture.run.experiment)
        capture.scopes.enter_context(mlflow_scope(capture, experiment.id, namespace))
        if options.autolog:
            capture.scopes.enter_context(autologging())
        kernel = getattr(self._shell, "kernel", None)
        tap = TerminalTap(self._shell, capture) if kernel is None else KernelTap(kernel, capture)
        capture.scopes.callback(tap.close)
        activate(capture)
        capture.scopes.callback(deactivate, capture)
        watch = self._watch(capture)
        capture.scopes.callback(watch.stop)
        if isinstance(tap, KernelTap):
            tap.watcher = watch.heard
        watch.start()

    def _end(self, error: BaseException | None, source: str) -> None:
        capture, self._active, self._owner = self._active, None, None
        assert capture is not None
        status, reason, traceback = outcome(error)
        capture.scopes.close()
        try:
            hidden = self._recorder.hidden()
            if hidden:
                capture.world.tracking.log(capture.run.id, tags=hidden_tags(hidden))
            capture.store_text(source, "source", "cell.py")
            capture.store_text(self._recorder.notebook(), "source", "session.ipynb")
        finally:
            self._top = capture.run.id if capture.run.parent is None else self._top
            capture.end(status, reason=reason, traceback=traceback)
        self._ended(capture.world.tracking.run(capture.run.id))

    def _below(self, options: CellOptions, world: World) -> Plan:
        """Return the plan with its parent, if it has one, and that one's experiment unless another is named."""
        above = run_above()
        parent = above or (self._top if options.child else None)
        if parent is None and options.child:
            raise BadInput(
                "No run of this kernel can be the parent of this one: none has ended here yet.",
                hint="Run a cell with `%%ml run`, without `--child`, first.",
            )
        if parent is None:
            return options.plan
        experiment = options.plan.experiment or world.tracking.run(parent).experiment
        plan = replace(options.plan, parent=parent, experiment=experiment)
        if self._replay is None:
            return plan
        # Its tree is the snapshot of the run above, and its name still means the run that is executed again.
        return replace(plan, snapshot=False, name=f"{plan.name}-again" if plan.name else None)

    def _complete(self, plan: Plan, world: World, info: Any) -> Plan:
        """Add what the shell knows: the notebook, the cell, the kernel and, under papermill, the parameters."""
        notebook = self.notebook()
        known = notebook != UNKNOWN_NOTEBOOK and Path(notebook).parent.is_dir()
        # A worker's notebook executes in a restored copy of its folder; that copy is what it starts from.
        folder = Path.cwd() if run_above() else Path(notebook).parent if known else Path(self._shell.starting_dir)
        return replace(
            plan,
            params={**self._parameters(), **plan.params},
            tags={**cell_tags(self._recorder.origin(info, world.home, folder)), **plan.tags},
            folder=folder,
            notebook=notebook,
            kernel=_kernel_id(),
        )

    def notebook(self) -> str:
        """Return the notebook's absolute path as a server, VS Code or a worker tells it, else ``unknown``."""
        for told in (
            os.environ.get("MLOPS_NOTEBOOK"),
            os.environ.get("JPY_SESSION_NAME"),
            self._shell.user_ns.get("__vsc_ipynb_file__"),
        ):
            if told:
                path = Path(told)
                return str(path if path.is_absolute() else Path(self._shell.starting_dir) / path.name)
        return UNKNOWN_NOTEBOOK

    def _parameters(self) -> dict[str, str]:
        """Return papermill's parameters: from the worker's hand, else from the cell that papermill injected."""
        import json

        if given := json.loads(os.environ.get("MLOPS_PARAMETERS") or "{}"):
            return {key: str(value) for key, value in given.items()}
        for source in self._shell.history_manager.input_hist_raw:
            if source.startswith("# Parameters\n"):
                return assigned(source)
        return {}


def assigned(source: str) -> dict[str, str]:
    """Return the names that a cell assigns literals to, as papermill's injected cell does, with their values."""
    found = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = str(ast.literal_eval(node.value))
            except ValueError:  # float("nan") and its kin, which papermill writes as calls
                found[node.targets[0].id] = ast.unparse(node.value)
    return found


def outcome(error: BaseException | None) -> tuple[RunStatus, str, str]:
    """Return a run's status, its reason in one line and its traceback, for what a cell ended with."""
    import asyncio

    if error is None or (isinstance(error, SystemExit) and error.code in {None, 0}):
        return "FINISHED", "", ""
    if isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
        return "KILLED", "Interrupted.", ""
    reason = f"{type(error).__name__}: {error}".splitlines()[0][:500]
    return "FAILED", reason, "".join(tracebacks.format_exception(error))


def _kernel_id() -> str:
    """Return the id of the kernel that this process is, from its connection file's name."""
    import sys

    app = sys.modules.get("ipykernel.kernelapp")
    if app is None or not app.IPKernelApp.initialized():
        return ""
    name = Path(app.IPKernelApp.instance().connection_file).stem
    return name.removeprefix("kernel-")


def refuse(magic: str) -> None:
    """Refuse a cell magic that cannot stand under ``%%ml run``; what ``transform`` writes in its place."""
    raise BadInput(f"{magic} cannot stand under `%%ml run`.", hint="Keep one of the two lines.")
