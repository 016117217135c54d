"""Verbs and nouns: an example under every help, the nearest name for a wrong one."""

from __future__ import annotations

from difflib import get_close_matches
from inspect import cleandoc
from typing import Any

import click

_MARK = "\nExample:\n"


class Command(click.Command):
    """A verb, whose docstring ends with ``Example:`` and lines to be shown as they are, after the options."""

    example: str = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        text, _, example = cleandoc(self.help or "").partition(_MARK)
        self.help = text.rstrip()
        self.example = cleandoc(example)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the example, spelled for the terminal or, inside a magic, for a cell."""
        super().format_epilog(ctx, formatter)
        if not self.example:
            return
        program = ctx.find_root().info_name or ""
        with formatter.section("Example"):
            for line in self.example.splitlines():
                shown = f"{program}{line.removeprefix('mlops')}" if program.startswith("%") else line
                formatter.write(f"{'':{formatter.current_indent}}{shown}\n")


class Group(Command, click.Group):
    """A noun: shows its help when nothing follows it, and suggests what was meant."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show help for a bare group; click would call that an error."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; name the nearest one when there is none."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise click.UsageError(f"There is no command {ctx.command_path} {name}.{meant}", ctx)
        return super().resolve_command(ctx, args)
