"""The steps of a long operation under the cell that waits for it, in one output that changes in place."""

from __future__ import annotations

from typing import Any, Final

from jupyter_mlops.cli.html import to_html
from jupyter_mlops.cli.render import NOTEBOOK_WIDTH, to_text
from jupyter_mlops.cli.view import Heading, Note, View, shows
from jupyter_mlops.cli.words import duration, status
from jupyter_mlops.core.activity import ENDED, Activity

MOST_STEPS: Final = 12
"""Steps that are shown; of more, the last ones."""


class Steps:
    """Shows each activity that it is told of, from its first change to its end."""

    def __init__(self) -> None:
        self._messages: dict[str, list[str]] = {}
        self._displays: dict[str, Any] = {}

    def __call__(self, activity: Activity) -> None:
        """Show how far an activity is; the output of an earlier call is replaced."""
        from IPython.display import display

        messages = self._messages.setdefault(activity.name, [])
        # The last word of one that is done is no step; its state says as much.
        if activity.state != "done" and activity.message and activity.message not in messages[-1:]:
            messages.append(activity.message)
        shown = _Shown(activity, messages)
        data = {"text/html": to_html(_view(shown)), "text/plain": to_text(shown, width=NOTEBOOK_WIDTH)}
        if activity.name in self._displays:
            self._displays[activity.name].update(data, raw=True)
        else:
            self._displays[activity.name] = display(data, raw=True, display_id=True)


class _Shown:
    """An activity with the steps that it went through."""

    def __init__(self, activity: Activity, messages: list[str]) -> None:
        self.activity = activity
        self.messages = messages


@shows(_Shown)
def _view(shown: _Shown) -> View:
    activity, steps = shown.activity, shown.messages[-MOST_STEPS:]
    took = ""
    if activity.ended_at is not None and activity.started_at is not None:
        took = duration(activity.ended_at - activity.started_at)
    has_ended = activity.state in ENDED
    verb = activity.verb.rpartition(".")[2]
    aside = " · ".join(filter(None, [verb, took or ("" if has_ended else f"{activity.progress:.0%}")]))
    view: View = [Heading(name=activity.subject, state=status(activity.state), aside=aside)]
    if len(shown.messages) > MOST_STEPS:
        view.append(Note(text=f"{len(shown.messages) - MOST_STEPS} earlier steps", tone="quiet"))
    for step in steps[:-1]:
        view.append(Note(text=f"✓ {step}", tone="quiet"))
    if steps:
        mark, tone = {"failed": ("✗", "bad"), "cancelled": ("✗", "quiet"), "done": ("✓", "quiet")}.get(
            activity.state, ("→", "busy")
        )
        view.append(Note(text=f"{mark} {steps[-1]}", tone=tone))  # type: ignore[arg-type]  # the tones above
    return view
