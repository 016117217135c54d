"""``mlops activities``: long operations, their progress and their outcome."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import click

from jupyter_mlops.activities import cancel_activity, list_activities, show_activity
from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import activity_names
from jupyter_mlops.cli.follow import follow
from jupyter_mlops.cli.options import json_option, limit_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Facts, Listing, Note, View, lists, shows
from jupyter_mlops.cli.words import age, duration, pairs, status, when
from jupyter_mlops.core.activity import Activity, ActivityState


@click.group(cls=Group)
def activities() -> None:
    """Long operations: building an image, deploying a service.

    Example:
      mlops activities list
    """


@activities.command("list")
@click.option("--state", type=click.Choice(get_args(ActivityState)), help="Only those in this state.")
@limit_option()
@json_option
@pass_session
def list_(session: Session, state: ActivityState | None, limit: int) -> Listing:
    """List activities, newest first.

    Example:
      mlops activities list --state running
    """
    return Listing(
        list_activities(session.world, state=state, limit=limit),
        of=Activity,
        empty=f"No activities that are {state}." if state else "No activities yet. Deploying a service makes one.",
    )


@activities.command()
@click.argument("id_", metavar="ID", shell_complete=activity_names)
@json_option
@pass_session
def show(session: Session, id_: str) -> Activity:
    """Show one activity.

    Example:
      mlops activities show 3f6c0a52b1d94e77
    """
    return show_activity(session.world, id_)


@activities.command()
@click.argument("id_", metavar="ID", shell_complete=activity_names)
@json_option
@pass_session
def wait(session: Session, id_: str) -> Activity:
    """Follow an activity until it ends. The exit code is its outcome.

    Example:
      mlops activities wait 3f6c0a52b1d94e77
    """
    return follow(session, show_activity(session.world, id_))


@activities.command()
@click.argument("id_", metavar="ID", shell_complete=activity_names)
@pass_session
def cancel(session: Session, id_: str) -> Activity:
    """Ask an activity to stop. What it has half done is taken back.

    Example:
      mlops activities cancel 3f6c0a52b1d94e77
    """
    return cancel_activity(session.world, id_)


@lists(Activity, "=ACTIVITY", "WHAT", "STATE", ">DONE", "MESSAGE", "BEGUN")
def _row(activity: Activity) -> Sequence[str]:
    message = activity.error.detail if activity.error else activity.message
    return (
        activity.name,
        f"{activity.verb} {activity.subject}",
        status(activity.state),
        f"{activity.progress:.0%}",
        message,
        age(activity.created_at),
    )


@shows(Activity)
def _view(activity: Activity) -> View:
    took = activity.ended_at - activity.started_at if activity.started_at and activity.ended_at else None
    stopping = activity.cancel_asked and activity.state == "running"
    view: View = [
        Facts(
            pairs=[
                ("activity", activity.name),
                ("what", f"{activity.verb} {activity.subject}"),
                ("state", status(f"{activity.state}, asked to stop" if stopping else activity.state)),
                ("progress", f"{activity.progress:.0%}"),
                ("message", "" if activity.error else activity.message),
                ("result", pairs(activity.result)),
                ("asked for", f"{when(activity.created_at)} by {activity.created_by}"),
                ("took", duration(took)),
            ]
        )
    ]
    if activity.error:
        view.append(Note(text=activity.error.detail, tone="bad"))
        view.append(Note(text=f"Hint: {activity.error.hint}" if activity.error.hint else ""))
    return view
