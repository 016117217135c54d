"""The magics: ``%%ml run`` tracks a cell, ``%ml ...`` is the command line in a notebook."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Final

from jupyter_mlops.core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from jupyter_mlops.core.activity import Activity
    from jupyter_mlops.core.run import Run
    from jupyter_mlops.training.capture import Capture
    from jupyter_mlops.training.cells import CellOptions
    from jupyter_mlops.widgets.live import RunWatch
    from jupyter_mlops.widgets.steps import Steps
    from jupyter_mlops.workspace import Workspace

_ATTRIBUTE: Final = "_jupyter_mlops"


class Magics:
    """What ``%load_ext jupyter_mlops`` adds to one IPython shell."""

    def __init__(self, shell: Any) -> None:
        from jupyter_mlops.training.cells import CellRuns, refuse
        from jupyter_mlops.training.warming import Warming

        self._shell = shell
        self._workspace: Workspace | None = None
        self._watch: RunWatch | None = None
        self._shown: tuple[Any, str] | None = None
        self.cells = CellRuns(
            shell,
            parse=parse_cell_options,
            open_world=self.workspace,
            watch=self._watch_run,
            ended=self._show_run,
            say=self._say,
        )
        self.warming = Warming(_WARMED, self._ready)
        shell.begin_tracked_cell = self.cells.begin
        shell.refuse_cell_magic = refuse

    def workspace(self) -> Workspace:
        """Return the workspace that counts for the kernel's folder, made there if there is none."""
        from jupyter_mlops.workspace import Workspace, find_workspace

        if self._workspace is not None and not self._workspace.root.is_dir():
            self._workspace.close()  # somebody began anew: what it has open is of files that are gone
            self._workspace = None
        nearest = find_workspace(self._start())
        if self._workspace is None or (nearest is not None and nearest != self._workspace.root):
            self._workspace = Workspace.open(nearest or self._start(), create=True)
            if self._workspace.made:
                self._tell(f"Made a workspace in {self._workspace.root}.")
        return self._workspace

    def open_store(self) -> None:
        """Connect to the tracking store, if there is a workspace here: the first time takes a while."""
        from jupyter_mlops.core.errors import MlopsError
        from jupyter_mlops.governance.secrets import choose_store
        from jupyter_mlops.workspace import find_workspace

        with suppress(MlopsError):  # it is told when it is used
            if find_workspace(self._start()) is not None:
                self.workspace().tracking.experiments()
            else:
                choose_store()  # a new workspace asks which one; looking for a keyring takes a while

    def tidy(self) -> None:
        """End what a dead kernel left RUNNING, this one's predecessor for instance, if there is a workspace here."""
        from jupyter_mlops.core.errors import MlopsError
        from jupyter_mlops.training.reaper import has_leftovers, tidy
        from jupyter_mlops.workspace import Workspace, find_workspace

        root = find_workspace(self._start())
        with suppress(MlopsError):  # what is wrong with the workspace is told when it is used
            if root is not None and has_leftovers(root):
                tidy(Workspace.open(root))

    def _ready(self) -> None:
        from jupyter_mlops.inputs.environments import installed_packages

        self.open_store()
        installed_packages()
        self.tidy()

    def line(self, line: str) -> Any:
        """Run ``%ml ...``; return the record, which the notebook shows as a table."""
        from jupyter_mlops.cli import Session, invoke
        from jupyter_mlops.training.replay import is_skipped

        words = _words(line)
        if is_skipped(words):
            self._tell(f"Left out while a run is reproduced: %ml {line}")
            return None
        if words[:2] == ["runs", "watch"] and (table := self._watch_table(words[2:])) is not None:
            return table
        if words == ["runs"]:
            words = ["runs", "list"]
        session = Session(
            world=self.workspace(), face="notebook", variables=self._shell.user_ns, on_progress=self._steps()
        )
        result = invoke(words or ["--help"], session, program="%ml")
        self._register_formatters()
        if isinstance(result, str):
            sys.stdout.write(result if result.endswith("\n") else f"{result}\n")
            return None
        return result

    def cell(self, line: str, cell: str | None = None) -> Any:
        """Run ``%ml``, or refuse a ``%%ml`` that is not ``%%ml run`` on the first line."""
        if cell is None:
            return self.line(line)
        raise BadInput(
            f"`%%ml {line}` is not a cell magic.",
            hint="Begin the cell with `%%ml run`, or write `%ml` for a command.",
        )

    def _start(self) -> Any:
        from pathlib import Path

        notebook = Path(self.cells.notebook())
        return notebook.parent if notebook.is_absolute() and notebook.parent.is_dir() else Path.cwd()

    def _watch_run(self, capture: Capture) -> RunWatch:
        from jupyter_mlops.widgets.live import RunWatch

        self._watch = RunWatch(self._shell, self.workspace(), capture.run)
        return self._watch

    def _show_run(self, run: Run) -> None:
        """Show a run that ended: where its live card stands, else below what the cell has put out."""
        from IPython.display import publish_display_data

        from jupyter_mlops.widgets.card import bundle, run_card

        watch, self._watch = self._watch, None
        self._register_formatters()
        final = bundle(run_card(self.workspace(), run)) if watch is None else watch.finish(run)
        if final is not None:
            publish_display_data(final)

    def _say(self, line: str, fraction: float) -> None:
        sys.stdout.write(f"\r{line} ({fraction:.0%})" if fraction < 1 else f"\r{line}\n")
        sys.stdout.flush()

    def _tell(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")

    def _bundle(self, value: Any, **_: Any) -> dict[str, Any]:
        """Return a run as its card, any other record as a table."""
        from jupyter_mlops.cli.render import to_mime
        from jupyter_mlops.cli.view import Listing
        from jupyter_mlops.core.run import Run
        from jupyter_mlops.training.runs import RunDetail
        from jupyter_mlops.widgets.card import bundle, detail_card, run_card

        if isinstance(value, Run):
            found = bundle(run_card(self.workspace(), value))
        elif isinstance(value, RunDetail):
            found = bundle(detail_card(self.workspace(), value))
        else:
            found = to_mime(value)
            if isinstance(value, Listing) and value.of is Run and value and self._has_widgets():
                from jupyter_mlops.widgets.runtable import table_of

                found = table_of(self.workspace(), value).bundle()
        self._shown = (value, found["text/plain"])
        return found

    def _steps(self) -> Callable[[Activity], None] | None:
        """Return who shows a long operation; plain IPython and papermill get lines."""
        if not self._has_widgets():
            return None
        shown: Steps | None = None

        def show(activity: Activity) -> None:
            nonlocal shown
            if shown is None:
                from jupyter_mlops.widgets.steps import Steps

                shown = Steps()
            shown(activity)

        return show

    def _has_widgets(self) -> bool:
        """Tell whether a widget may find its manager. In what papermill saves it never would: tables stay readable."""
        from jupyter_mlops.widgets.live import is_watched

        return is_watched(self._shell)

    def _watch_table(self, words: list[str]) -> Any:
        """Return a table of runs that changes as they do; ``None`` where it is the command's to answer.

        A kernel without widgets (papermill, nbconvert) gets the table as it is now: nobody could end a watch there.
        """
        if getattr(self._shell, "kernel", None) is None:
            return None
        import click

        from jupyter_mlops.cli.view import Listing
        from jupyter_mlops.cli.watch import watch
        from jupyter_mlops.core.run import Run
        from jupyter_mlops.training.runs import list_runs
        from jupyter_mlops.widgets.runtable import Watcher, table_of

        try:
            asked = watch.make_context("watch", list(words), resilient_parsing="--help" in words).params
        except click.ClickException:
            return None
        if asked["run"] is not None or "--help" in words:
            return None
        world = self.workspace()

        def read() -> list[Run]:
            return list_runs(world, experiment=asked["experiment"], limit=asked["limit"])

        listing = Listing(read(), of=Run, empty="No runs yet.")
        self._register_formatters()
        if not self._has_widgets():
            return listing
        table = table_of(world, listing)
        Watcher(world, table, read)
        return table

    def _print(self, value: Any, printer: Any, cycle: bool) -> None:
        """Write a record as text: the bundle's own if it was just made, since reading it again would cost."""
        from jupyter_mlops.cli.render import NOTEBOOK_WIDTH, to_text
        from jupyter_mlops.cli.view import Json

        del cycle
        if self._shown is not None and self._shown[0] is value:
            printer.text(self._shown[1])
            self._shown = None
        else:
            printer.text(
                self._bundle(value)["text/plain"] if isinstance(value, Json) else to_text(value, width=NOTEBOOK_WIDTH)
            )

    def _register_formatters(self) -> None:
        """Teach IPython to show our records: runs as cards, the rest as tables; done when the first one may appear."""
        from jupyter_mlops.cli import runs as _views  # noqa: F401  # how a run is shown
        from jupyter_mlops.cli.view import Done, Json, Listing
        from jupyter_mlops.core.record import Record

        formatter = self._shell.display_formatter
        for kind in (Record, Listing, Done, Json):
            formatter.mimebundle_formatter.for_type(kind, self._bundle)
            # A printer registered for a base class (list) would win over the bundle's own text.
            formatter.formatters["text/plain"].for_type(kind, self._print)


def parse_cell_options(line: str) -> CellOptions:
    """Read what stands after ``%%ml run``. Raises ``BadInput``."""
    import click

    from jupyter_mlops.training.cells import CellOptions

    try:
        parsed = _cell_command().main(args=_words(line), prog_name="%%ml run", standalone_mode=False)
    except click.ClickException as error:
        raise BadInput(
            f"{' '.join(error.format_message().split())}", hint="`%%ml run --help` shows what it takes."
        ) from error
    if not isinstance(parsed, CellOptions):
        raise BadInput("The cell did not run, since help was asked for.", hint="Remove `--help` to run it.")
    return parsed


@functools.cache
def _cell_command() -> click.Command:
    import click

    from jupyter_mlops.cli.options import key_values, run_options, tag_values
    from jupyter_mlops.training.capture import Plan
    from jupyter_mlops.training.cells import CellOptions

    @click.command(context_settings={"help_option_names": ["-h", "--help"]})
    @run_options
    @click.option("--child", is_flag=True, help="Make it a child of this kernel's last run that is none itself.")
    @click.option("--include", multiple=True, metavar="PATTERN", help="Large files to keep in the snapshot.")
    def options(
        *,
        experiment: str | None,
        name: str | None,
        params: tuple[str, ...],
        tags: tuple[str, ...],
        snapshot: bool,
        system: bool,
        autolog: bool,
        child: bool,
        include: tuple[str, ...],
    ) -> CellOptions:
        r"""Run this cell as a tracked run.

        \b
        Example:
          %%ml run -e churn -p C=0.5
          model.fit(X, y)
        """
        plan = Plan(
            experiment=experiment,
            name=name,
            params=key_values(params),
            tags=tag_values(tags, system=system),
            snapshot=snapshot,
            include=include,
        )
        return CellOptions(plan=plan, autolog=autolog, child=child)

    return options


def load(shell: Any) -> None:
    """Add the magics to a shell; loading twice is harmless."""
    if hasattr(shell, _ATTRIBUTE):
        return
    from jupyter_mlops.training.cells import transform

    magics = Magics(shell)
    setattr(shell, _ATTRIBUTE, magics)
    shell.register_magic_function(magics.cell, "line_cell", "ml")
    shell.input_transformers_cleanup.append(transform)
    shell.events.register("pre_run_cell", magics.cells.pre_run_cell)
    shell.events.register("post_run_cell", magics.cells.post_run_cell)
    if os.environ.get("MLOPS_RUN_ID"):
        from jupyter_mlops.training.script import join_worker_run

        join_worker_run(magics.workspace, ExitStack(), shell.user_ns)  # as long as the kernel lives
    shell.events.register("pre_run_cell", magics.warming.pre_run_cell)
    shell.events.register("post_run_cell", magics.warming.post_run_cell)


def unload(shell: Any) -> None:
    """Take the magics away again."""
    magics = getattr(shell, _ATTRIBUTE, None)
    if magics is None:
        return
    from jupyter_mlops.training.cells import transform

    delattr(shell, _ATTRIBUTE)
    shell.input_transformers_cleanup.remove(transform)
    shell.events.unregister("pre_run_cell", magics.cells.pre_run_cell)
    shell.events.unregister("post_run_cell", magics.cells.post_run_cell)
    shell.events.unregister("pre_run_cell", magics.warming.pre_run_cell)
    shell.events.unregister("post_run_cell", magics.warming.post_run_cell)
    shell.magics_manager.magics["line"].pop("ml", None)
    shell.magics_manager.magics["cell"].pop("ml", None)


_WARMED: Final = (
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",
    "jupyter_mlops.cli.options",
    "jupyter_mlops.training.capture",
    "jupyter_mlops.training.mlflow_scope",
    "jupyter_mlops.workspace",
    "jupyter_mlops.cli.runs",
    "jupyter_mlops.widgets.card",
)
"""What a first run needs, the slowest first: MLflow takes over a second."""


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise BadInput(f"The quotes in {line!r} do not match.", hint="Close the quote that is open.") from error
