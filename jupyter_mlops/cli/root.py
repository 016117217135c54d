"""The root of the command tree: names every command, loads none of them before it is used."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from jupyter_mlops._version import __version__
from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.session import Session, pass_session

SECTIONS: Final = ("Start", "Work", "Look", "Keep")

COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    # name: (section, module, one line for `mlops --help`; a test compares it with the command's own)
    "quickstart": ("Start", "quickstart", "Run the example from data to a model that answers over HTTP."),
    "init": ("Start", "workspace", "Make a workspace in a folder, the current one unless named."),
    "status": ("Start", "workspace", "Show each part of the workspace, where it is and whether it answers."),
    "completion": ("Start", "complete", "Print the shell's completion script."),
    "run": ("Work", "running", "Run a script or notebook as a tracked run, in its own process."),
    "log": ("Work", "running", "Log metrics to a run."),
    "deploy": ("Work", "services", "Deploy a model as a service with a URL and keys."),
    "score": ("Work", "scoring", "Send rows to a service and show its answer."),
    "experiments": ("Look", "experiments", "Named groups of runs."),
    "runs": ("Look", "runs", "Executions: parameters, metrics, logs, outputs."),
    "ui": ("Look", "ui", "Open MLflow's own web UI on this workspace's runs and models."),
    "snapshots": ("Look", "snapshots", "The exact source trees that runs started from."),
    "models": ("Look", "models", "The registry: models by name and version."),
    "lineage": ("Look", "lineage", "Show where a model, service or run comes from."),
    "manifests": ("Look", "manifests", "What is needed to serve a model, pinned to the byte."),
    "images": ("Look", "images", "Container images built from manifests."),
    "services": ("Look", "services", "Models that answer over HTTP, with one URL and two keys for life."),
    "hosts": ("Look", "hosts", "Where services run: this machine, and other machines' Docker engines."),
    "activities": ("Keep", "activities", "Long operations: building an image, deploying a service."),
    "agent": ("Keep", "agent", "The background process that keeps services as they should be."),
    "events": ("Keep", "events", "The audit trail: who did what, when."),
}


class Tree(Group):
    """The root group: a table of names; modules are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return all names, in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return the command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"jupyter_mlops.cli.{COMMANDS[cmd_name][1]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and note that what comes back is its result and not click's exit code."""
        result = super().invoke(ctx)
        ctx.ensure_object(Session).answered = True
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table by sections, from the table alone."""
        del ctx
        for section in SECTIONS:
            rows = [(name, line) for name, (where, _, line) in COMMANDS.items() if where == section]
            with formatter.section(section):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete names from the table, without importing what they name."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(n, help=row[2]) for n, row in COMMANDS.items() if n.startswith(incomplete)]
        return names or click.Command.shell_complete(self, ctx, incomplete)


@click.group(cls=Tree, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder that holds `.mlops`. Otherwise MLOPS_WORKSPACE, else the nearest one upward from here.",
)
@click.version_option(__version__, "-V", "--version", message="mlops %(version)s")
@pass_session
def tree(session: Session, workspace: Path | None) -> None:
    """From a notebook cell to a model in production, and back.

    Example:
      mlops quickstart
      mlops runs list
      mlops services deploy churn churn:3
    """
    if workspace is not None:
        session.use(workspace)
