"""Options and arguments that several commands share, and the reading of their values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import click

from jupyter_mlops.cli.session import Session
from jupyter_mlops.cli.view import Json
from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.training.system import OFF

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])


class NotKeyValue(BadInput):
    """A parameter, tag or metric that is not KEY=VALUE."""

    code = "not-key-value"

    def __init__(self, text: str, *, what: str, example: str) -> None:
        super().__init__(f"{text!r} is not KEY=VALUE.", hint=f"Write {what} like this: {example}")


def key_values(texts: Iterable[str], *, what: str = "a parameter", example: str = "-p C=0.5") -> dict[str, str]:
    """Read ``KEY=VALUE`` texts; the last one wins. Raises ``NotKeyValue``."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise NotKeyValue(text, what=what, example=example)
        found[key.strip()] = value
    return found


def tag_values(texts: Iterable[str], *, system: bool = True) -> dict[str, str]:
    """Read ``--tag KEY=VALUE`` options, and ``--no-system``, which is kept as a tag. Raises ``NotKeyValue``."""
    found = key_values(texts, what="a tag", example="--tag team=risk")
    return found if system else {**found, OFF: "off"}


def json_option(command: Callable[P, Any]) -> Callable[P, Any]:
    """Add ``--json``: the command's record comes out as JSON."""

    @functools.wraps(command)
    def call(*args: P.args, **kwargs: P.kwargs) -> Any:
        as_json = click.get_current_context().find_object(Session)
        result = command(*args, **kwargs)
        return Json(value=result) if as_json is not None and as_json.as_json else result

    return click.option(
        "--json", is_flag=True, expose_value=False, callback=_want_json, help="Print JSON, for programs."
    )(call)


def _want_json(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    del param
    if value:
        ctx.ensure_object(Session).as_json = True
    return value


def limit_option(default: int = 100) -> Callable[[F], F]:
    """Add ``--limit``: how many, newest first."""
    return click.option(
        "--limit",
        type=click.IntRange(min=1),
        default=default,
        show_default=True,
        metavar="N",
        help="How many, newest first.",
    )


def no_wait_option(command: F) -> F:
    """Add ``--no-wait``: return the activity at once instead of following it."""
    return click.option("--no-wait", is_flag=True, help="Return the activity at once; do not follow it.")(command)


def run_options(command: F) -> F:
    """Add what begins a run, in a cell or from a file: experiment, name, parameters, tags, snapshot."""
    options = (
        click.option("-e", "--experiment", metavar="NAME", help="Experiment of the run; made if it does not exist."),
        click.option("-n", "--name", metavar="NAME", help="Name of the run."),
        click.option("-p", "params", multiple=True, metavar="KEY=VALUE", help="A parameter; repeat for more."),
        click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; repeat for more."),
        click.option(
            "--snapshot/--no-snapshot",
            default=True,
            show_default=True,
            help="Keep the exact source tree it starts from.",
        ),
        click.option(
            "--system/--no-system",
            default=True,
            show_default=True,
            help="Sample CPU, memory and the like while it runs.",
        ),
        click.option("--autolog/--no-autolog", default=False, show_default=True, help="Turn on MLflow's autologging."),
    )
    for option in reversed(options):
        command = option(command)
    return command
