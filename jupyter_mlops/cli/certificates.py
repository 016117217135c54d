"""``mlops services tls``, and the options that let a service speak HTTPS."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.complete import service_names
from jupyter_mlops.cli.options import json_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Facts, View, shows
from jupyter_mlops.cli.words import when
from jupyter_mlops.delivery.certificates import Trust, pem_of, renew, show_certificate

FILE = click.Path(path_type=Path, dir_okay=False)


def tls_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--tls``, ``--tls-cert`` and ``--tls-key``; the command gets ``tls`` and ``certificate``."""

    @click.option("--tls", is_flag=True, help="Speak HTTPS with a certificate of the workspace's own making.")
    @click.option("--tls-cert", "cert", type=FILE, metavar="FILE", help="Speak HTTPS with this certificate (PEM).")
    @click.option("--tls-key", "key", type=FILE, metavar="FILE", help="Its private key (PEM).")
    @functools.wraps(command)
    def call(*args: Any, tls: bool, cert: Path | None, key: Path | None, **kwargs: Any) -> Any:
        return command(*args, tls=tls, certificate=pem_of(cert, key), **kwargs)

    return call


@click.command("tls", cls=Command)
@click.argument("name", shell_complete=service_names)
@click.option("--renew", "again", is_flag=True, help="Show a fresh self-made certificate from now on.")
@click.option("--cert", type=FILE, metavar="FILE", help="Show this certificate from now on (PEM).")
@click.option("--key", type=FILE, metavar="FILE", help="Its private key (PEM).")
@json_option
@pass_session
def tls(session: Session, name: str, *, again: bool, cert: Path | None, key: Path | None) -> Trust:
    """Show a service's certificate and what its clients trust, or replace it; no connection is dropped for it.

    Self-made certificates are signed by the workspace's own authority and renewed by the agent before they end, so
    clients trust one file for good. A service that spoke plain HTTP speaks HTTPS alone after --renew or --cert.

    Example:
      mlops services tls churn
      mlops services tls churn --renew
      mlops services tls churn --cert churn.pem --key churn-key.pem
    """
    given = pem_of(cert, key)
    if given is not None or again:
        renew(session.world, name, given)
        session.world.ensure_agent()
    return show_certificate(session.world, name)


@shows(Trust)
def _view(trust: Trust) -> View:
    certificate = trust.certificate
    pairs = [
        ("service", trust.service),
        ("certificate", f"{certificate.kind}, SHA-256 {certificate.fingerprint}"),
        ("for", ", ".join(certificate.names)),
        ("ends", when(certificate.expires_at)),
        ("clients trust", trust.authority_file or "whoever signed it"),
    ]
    return [Facts(pairs=pairs)]
