"""``mlops services telemetry``, the options that say what is kept, and how that is told."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.term import cut, one_line
from jupyter_mlops.cli.view import Listing, lists
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.service import Service
from jupyter_mlops.monitoring.telemetry import Request, list_requests, telemetry

WIDE: Final = 48
"""Characters of inputs and outputs in a table."""


def telemetry_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what says which requests are kept; the command gets it as ``settings``, by the names of `configure`."""

    @click.option("--no-telemetry", "off", is_flag=True, help="Keep nothing of its requests.")
    @click.option(
        "--telemetry-sample",
        "sample",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="Keep this share; 1 otherwise.",
    )
    @click.option("--telemetry-hash", "hashed", multiple=True, metavar="COLUMN", help="Keep a keyed digest of it.")
    @click.option("--telemetry-drop", "dropped", multiple=True, metavar="COLUMN", help="Leave it out of what is kept.")
    @click.option(
        "--telemetry-store", "store", metavar="URL", help="Datastore for it (s3://...); the workspace otherwise."
    )
    @functools.wraps(command)
    def call(
        *args: Any,
        off: bool,
        sample: float | None,
        hashed: tuple[str, ...],
        dropped: tuple[str, ...],
        store: str | None,
        **kwargs: Any,
    ) -> Any:
        settings: dict[str, object] = {"telemetry.enabled": False} if off else {}
        given = {"sample": sample, "hash": list(hashed) or None, "drop": list(dropped) or None, "store": store}
        settings |= {f"telemetry.{name}": value for name, value in given.items() if value is not None}
        return command(*args, settings=settings, **kwargs)

    return call


def told(service: Service) -> str:
    """Return in words what is kept of a service's requests."""
    settings = service.telemetry
    if not settings.enabled or not settings.sample:
        return "off: nothing is kept of its requests"
    share = "every request" if settings.sample == 1 else f"{settings.sample:.4g} of the requests"
    parts = [f"{share} with inputs and outputs, in {settings.store or 'the workspace'}"]
    parts += [f"hashed: {', '.join(settings.hash)}"] if settings.hash else []
    parts += [f"left out: {', '.join(settings.drop)}"] if settings.drop else []
    parts += [f"deleted after {settings.keep_days} days"] if settings.keep_days else []
    return "; ".join(parts)


@click.command("telemetry", cls=Command)
@click.argument("name", shell_complete=service_names)
@click.option("--since", default="1h", show_default=True, metavar="TIME", help="15m, 1h or 7d ago, or a date.")
@click.option("--tail", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="The last N.")
@click.option("--csv", "as_csv", is_flag=True, help="Print all of them as CSV.")
@click.option("--rows", is_flag=True, help="With --csv: a line for each scored row, a column for each feature.")
@json_option
@pass_session
def show_telemetry(session: Session, name: str, since: str, tail: int, *, as_csv: bool, rows: bool) -> Listing | str:
    """Show the requests that a service answered: what came in, what went out, how long it took.

    In Python `ml.telemetry("churn", since="7d")` returns all of it as a DataFrame.

    Example:
      mlops services telemetry churn --since 15m
      mlops services telemetry churn --since 7d --csv --rows > scored.csv
    """
    if as_csv or rows:
        frame = telemetry(session.world, name, since=since, rows=rows)
        for column in ("inputs", "outputs"):
            if column in frame:
                frame[column] = [None if value is None else encode(value).decode() for value in frame[column]]
        return str(frame.to_csv(index=False)).rstrip("\n")
    found = list_requests(session.world, name, since=since, newest=tail)
    empty = f"No requests since {since}. What is kept: `mlops services show {name}`."
    return Listing(found, of=Request, empty=empty)


@lists(Request, "AT", "=ID", "MODEL", ">STATUS", ">MS", ">ROWS", "INPUTS", "OUTPUTS")
def _row(request: Request) -> Sequence[str]:
    shown = [cut(one_line(encode(value).decode()), WIDE) for value in (request.inputs, request.outputs)]
    return (
        request.at,
        request.id,
        request.model,
        str(request.status),
        f"{request.ms:.3g}",
        str(request.rows),
        *shown,
    )
