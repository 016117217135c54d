"""A session: what one command line works with, the workspace above all, opened when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.errors import BadInput, MlopsError

if TYPE_CHECKING:
    from jupyter_mlops.workspace import Workspace

Face = Literal["terminal", "notebook"]
PROGRAM = "mlops"
COMPLETE_VAR = "_MLOPS_COMPLETE"


class BadUsage(BadInput):
    """A command line that the command cannot read."""

    code = "bad-usage"


class Session:
    """What commands share: the workspace, which face asked, and how to show progress.

    The terminal makes one per process. The magics make one with the workspace they have open already, their
    ``variables`` (the user's namespace) and, if they can, an ``on_progress`` of their own.
    """

    def __init__(
        self,
        *,
        world: Workspace | None = None,
        workspace: Path | None = None,
        face: Face = "terminal",
        variables: Mapping[str, Any] | None = None,
        on_progress: Callable[[Activity], None] | None = None,
    ) -> None:
        self.workspace = workspace
        self.face: Face = face
        self.variables: Mapping[str, Any] = variables or {}
        self.on_progress = on_progress
        self.as_json = False
        self.exit_code = 0
        """What the process returns when the command itself worked: ``mlops run`` of a file that failed gives 1."""
        self.answered = False
        """Whether a command returned, rather than ended early (``--help``, ``--version``)."""
        self._given = world
        self._opened: Workspace | None = None

    @property
    def world(self) -> Workspace:
        """The workspace. Raises ``NoWorkspace`` where there is none, and what opening it raises."""
        return self._open(create=False)

    def world_or_new(self) -> Workspace:
        """Return the workspace, made in the current folder if there is none: for verbs that begin something."""
        return self._open(create=True)

    def _open(self, *, create: bool) -> Workspace:
        if self.workspace is None and self._given is not None:
            return self._given
        if self._opened is None:
            from jupyter_mlops.workspace import Workspace

            self._opened = Workspace.open(self.workspace, create=create)
            if self._opened.made:
                self.tell(f"Made a workspace in {self._opened.root}.")
        return self._opened

    def use(self, workspace: Path) -> None:
        """Work on another workspace from here on."""
        self.close()
        self.workspace = workspace

    def begin(self) -> None:
        """Forget what the last command line asked for."""
        self.as_json = False
        self.exit_code = 0
        self.answered = False

    def close(self) -> None:
        """Close the workspace if this session opened it."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def tell(self, line: str) -> None:
        """Say something that is not the result: to standard error in a terminal, under the cell in a notebook."""
        click.echo(line, file=sys.stdout if self.face == "notebook" else sys.stderr)


pass_session = click.make_pass_decorator(Session, ensure=True)


def invoke(args: Sequence[str], session: Session, *, program: str = PROGRAM) -> Any:
    """Run one command line; return its record, or ``None`` when it printed what it had to say (``--help``).

    Raises ``MlopsError`` for everything a user may meet, usage errors included, and ``KeyboardInterrupt``.
    """
    from jupyter_mlops.cli.root import tree

    session.begin()
    named = session.workspace
    try:
        result = tree.main(
            args=list(args), prog_name=program, complete_var=COMPLETE_VAR, standalone_mode=False, obj=session
        )
    except click.UsageError as error:
        raise BadUsage(_sentence(error), hint=f"`{_path(tree, args, program)} --help` shows what it takes.") from error
    except click.ClickException as error:
        raise BadUsage(error.format_message()) from error
    except click.Abort as error:
        raise KeyboardInterrupt from error
    except Exception as error:
        _raise_ours(error)
        raise
    finally:
        if session.face == "notebook" and session.workspace != named:
            session.close()
            session.workspace = named
    return result if session.answered else None


def _raise_ours(error: Exception) -> None:
    """Raise our error for a disk that is full or read-only, which no verb can foresee everywhere."""
    if isinstance(error, MlopsError):
        return
    from jupyter_mlops.store.databases import system_error

    if (ours := system_error(error)) is not None:
        raise ours from error


def _sentence(error: click.UsageError) -> str:
    message = " ".join(error.format_message().split())
    return message if message.endswith((".", "?", ")")) else f"{message}."


def _path(tree: click.Group, args: Sequence[str], program: str) -> str:
    """Return how far a wrong command line names commands, for the hint: ``mlops services deploy``."""
    path, at = [program], tree
    context = click.Context(tree)
    for word in args:
        found = at.get_command(context, word)
        if found is not None:
            path.append(word)
            if not isinstance(found, click.Group):
                break
            at = found
    return " ".join(path)
