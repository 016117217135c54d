"""``mlops services client``: a program that calls a service."""

from __future__ import annotations

from typing import get_args

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.delivery.clients import ClientProgram, Language, client_program


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.option(
    "--language",
    "-l",
    type=click.Choice(get_args(Language)),
    default="python",
    show_default=True,
    help="What to write it in.",
)
@click.option(
    "--with-key", is_flag=True, help="Write the primary key into it; otherwise it is read from the variable MLOPS_KEY."
)
@json_option
@pass_session
def client(session: Session, name: str, language: Language, *, with_key: bool) -> ClientProgram | str:
    """Print a program that calls a service, with its address and a row that scores filled in.

    It runs as it is, with what the language brings along, and waits where the service is full.

    Example:
      mlops services client churn > client.py
      mlops services client churn --language java > Client.java
      MLOPS_KEY="$(mlops services keys list churn --primary)" java Client.java
    """
    program = client_program(session.world, name, language, with_key=with_key)
    return program if session.as_json else program.source
