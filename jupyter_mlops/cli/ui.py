"""``mlops ui``: MLflow's own web UI on the same store."""

from __future__ import annotations

import atexit
import sys
import webbrowser
from typing import Final

import click

from jupyter_mlops.cli.command import Command
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done
from jupyter_mlops.store.mlflow_ui import MlflowUi

_OF_KERNEL: Final[dict[str, MlflowUi]] = {}
"""What a notebook has started, by workspace: it goes on after the cell, and ends with the kernel."""


@click.command(cls=Command)
@click.option("--port", type=click.IntRange(1, 65535), help="Where it listens; 5000 or the next free one otherwise.")
@click.option("--no-browser", is_flag=True, help="Do not open it in the browser.")
@pass_session
def ui(session: Session, *, port: int | None, no_browser: bool) -> Done | None:
    """Open MLflow's own web UI on this workspace's runs and models.

    It listens on this machine alone, without a password, so whoever has an account here may look. In a terminal it ends
    with Ctrl-C, in a notebook with the kernel.

    Example:
      mlops ui
      mlops ui --port 5010 --no-browser
    """
    uri = session.world.tracking_uri
    if uri.startswith(("http://", "https://")):
        return _shown(session, uri, no_browser=no_browser)
    session.world.tracking.experiments()  # makes or migrates the store, or says what is wrong with it
    if session.face == "notebook":
        if session.world.id not in _OF_KERNEL:
            server = _started(session, port)
            atexit.register(server.close)
            _OF_KERNEL[session.world.id] = server
        return _shown(session, _OF_KERNEL[session.world.id].url, no_browser=True)
    with _started(session, port) as server:
        session.tell(f"MLflow's web UI is at {server.url}. Stop it with Ctrl-C.")
        if not no_browser:
            webbrowser.open(server.url)
        try:
            server.wait()
        except KeyboardInterrupt:
            session.tell("Stopped.")
    return None


def _started(session: Session, port: int | None) -> MlflowUi:
    line = LiveLine(sys.stdout if session.face == "notebook" else sys.stderr)
    world = session.world
    server = MlflowUi(world.tracking_uri, world.registry_uri, world.root / "ui.log", port)
    try:
        server.wait_ready(line.live)
    except BaseException:
        server.close()
        raise
    finally:
        line.clear()
    return server


def _shown(session: Session, url: str, *, no_browser: bool) -> Done:
    if not no_browser and session.face == "terminal":
        webbrowser.open(url)
    return Done(message=f"MLflow's web UI is at {url}", facts={"url": url})
