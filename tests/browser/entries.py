"""The menus' entries, row by row: the form that each opens, what is typed in it, and what holds in the workspace then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pages import TAB, confirm, eventually, form, press_of, told

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.core.image import Image
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.service import Service
from jupyter_mlops.core.snapshot import Snapshot
from jupyter_mlops.delivery.keys import fresh_keys, read_keys
from jupyter_mlops.delivery.models import show_model
from jupyter_mlops.training.experiments import list_experiments
from jupyter_mlops.workspace import Workspace

RUN = "^Run menu-1,"
OLD = fresh_keys()
"""Those of the service, before it gets another."""


@dataclass(frozen=True)
class Sent:
    """A form that is filled in and sent, and what holds in the workspace then."""

    title: str
    accept: str
    effect: Callable[[Workspace], Any]
    fields: dict[str, str] = field(default_factory=dict)
    before: str = ""
    """A button of the form that comes first."""
    then: Callable[[Any, Workspace], Any] | None = None
    """What is done with the notification that says so."""


def asked_for(verb: str, **args: Any) -> Callable[[Workspace], bool]:
    """Whether the agent is asked for it, which no agent takes up here."""
    return lambda world: any(
        one.verb == verb and args.items() <= one.args.items() for one in world.catalog.find(Activity)
    )


def churn_eu(world: Workspace) -> Service:
    return world.catalog.get(Service, "churn-eu")


def manifests(world: Workspace) -> set[str]:
    return {one.ref for one in world.catalog.find(Manifest)}


def again(world: Workspace) -> bool:
    """Whether a run executes ``menu-1`` again."""
    return any("mlops.reproduces" in one.tags for one in world.tracking.runs(experiment="menus"))


def come_back(page: Any, world: Workspace) -> None:  # noqa: ARG001  # as all of them are called
    """From the file browser, which shows the folder that was restored."""
    page.locator(".jp-FileBrowser .jp-DirListing-item", has_text="weights.bin").wait_for()
    page.locator(".jp-BreadCrumbs-home").click()
    page.get_by_role("tab", name=TAB).click()


def open_model(page: Any, world: Workspace) -> None:  # noqa: ARG001  # as all of them are called
    press_of(told(page, "Registered from-head version 1."), "Open Model")
    page.locator(".jp-Mlops-main.jp-mod-model:visible").get_by_role("heading", name="from-head").wait_for()


def build_image(page: Any, world: Workspace) -> None:
    press_of(told(page, "Created the manifest from-head:1."), "Build Image…")
    assert form(page).get_by_role("combobox", name="Manifest").input_value() == "from-head:1"
    confirm(page, "Build")
    eventually(lambda: asked_for("images.build", manifest="from-head:1")(world))


# The row, and what opens from which entry of its menu: sent where a field or two will do, else left with Escape.
FORMS: dict[str, dict[str, str | Sent]] = {
    "^Experiment menus-old": {
        "Archive": Sent("Archive an Experiment", "Archive", lambda w: "menus-old" not in {e.name for e in list_experiments(w)}),
    },
    RUN: {
        "Reproduce": Sent("Reproduce a Run", "Reproduce", again, {"Packages": "current"}),
        "Tag": Sent(
            "Tags of menu-1", "Save Tags", lambda w: w.tracking.run("menu-1").tags.get("team") == "risk",
            {"Tag_1": "team", "Value_of_team": "risk"}, before="Add a tag",
        ),
        "Register as Model": Sent(
            "Register a Model", "Register", lambda w: "from-menu" in {one.name for one in w.tracking.models()},
            {"Model": "from-menu", "Which_of_its_models": "model.bin"},
        ),
    },
    "^Run going": {"Cancel": Sent("Cancel a Run", "Cancel Run", lambda w: w.tracking.run("going").status == "KILLED")},
    "^Model from-menu": {
        "Delete": Sent("Delete from-menu", "Delete", lambda w: [one.name for one in w.tracking.models()] == ["churn"]),
    },
    "^Version 2": {
        "Delete": Sent("Delete churn:2", "Delete", lambda w: [one.version for one in show_model(w, "churn").versions] == [1]),
    },
    "^Model churn": {
        "Deploy": Sent(
            "Deploy a Model", "Deploy", asked_for("services.deploy", service="from-menu", manifest="churn:1"),
            {"Service": "from-menu", "Manifest": "churn:1"},
        ),
        "Set an Alias": Sent(
            "Set an Alias", "Set Alias", lambda w: show_model(w, "churn").aliases == {"best": 1},
            {"Alias": "best", "Version": "1"},
        ),
        "Create a Manifest": Sent(
            "Create a Manifest", "Create", lambda w: "third:1" in manifests(w),
            {"Name": "third", "Scoring_script": "score.py"},
        ),
    },
    "^Version 1": {
        "Deploy": "Deploy a Model",
        "Set an Alias": Sent(
            "Set an Alias", "Set Alias", lambda w: show_model(w, "churn").aliases == {"best": 1, "live": 1},
            {"Alias": "live"},
        ),
        "Create a Manifest": Sent(
            "Create a Manifest", "Create", lambda w: "second:1" in manifests(w),
            {"Name": "second", "Scoring_script": "score.py"},
        ),
    },
    "^Service churn-eu": {
        "Configure": Sent(
            "Configure churn-eu", "Save", lambda w: churn_eu(w).limits.max_queue == 50,
            {"Requests_waiting_beyond_those": "50"},
        ),
        "Scale": Sent(
            "Scale churn-eu", "Scale", lambda w: churn_eu(w).deployments[0].replicas == 2, {"How_many": "2"}
        ),
        "Regenerate": Sent(
            "Make a new secondary key for churn-eu", "Regenerate", lambda w: read_keys(w, "churn-eu").secondary != OLD.secondary
        ),
        "Roll Back": Sent("Roll churn-eu Back", "Roll Back", asked_for("services.rollback", service="churn-eu")),
        "Add a Deployment": Sent(
            "Add a Deployment to churn-eu", "Add", asked_for("services.deploy", service="churn-eu", deployment="red"),
            {"Deployment": "red", "Model": "churn", "Traffic": "0", "Manifest": "churn:1"},
        ),
        "Update": Sent(
            "Update churn-eu", "Update", asked_for("services.update", service="churn-eu", manifest="churn:1"),
            {"Model": "churn", "Manifest": "churn:1"},
        ),
        "Delete": Sent("Delete the Service churn-eu", "Delete", asked_for("services.delete", service="churn-eu")),
    },
    "^Manifest second:1": {
        "Build": Sent("Build an Image", "Build", asked_for("images.build", manifest="second:1")),
        "Delete": Sent("Delete the Manifest second:1", "Delete", lambda w: manifests(w) == {"churn:1", "third:1"}),
    },
    "^Image ": {
        "Push": Sent(
            "Push the Image churn:1", "Push", asked_for("images.push", image="churn:1", target="127.0.0.1:1/churn:1"),
            {"Where_to": "127.0.0.1:1/churn:1"},
        ),
    },
    "^Snapshot ": {
        "Restore": Sent(
            "Restore a Snapshot", "Restore", lambda w: (w.home / "restored").is_dir(), {"New_folder": "restored"}, then=come_back
        ),
        "Remove": Sent("Remove Unused Snapshots", "Remove", lambda w: len(w.catalog.find(Snapshot)) == 1),
    },
    "^Host far": {
        "Add": "Add a Host",
        "Remove": Sent("Remove the Host far", "Remove", lambda w: not w.catalog.find(NamedHost)),
    },
}  # fmt: skip
HEADS: dict[str, dict[str, str | Sent]] = {
    "Snapshots": {
        "Take a snapshot…": Sent(
            "Take a Snapshot", "Take Snapshot", lambda w: any(one.source == str(w.home) for one in w.catalog.find(Snapshot))
        ),
    },
    "Experiments": {
        "Run a file…": Sent(
            "Run as Experiment", "Run", lambda w: any(one.tags.get("mlops.file") == "score.py" for one in w.tracking.runs()),
            {"Script_or_notebook": "score.py"},
        ),
    },
    "Models": {
        "Register a model…": Sent(
            "Register a Model", "Register", lambda w: "from-head" in {one.name for one in w.tracking.models()},
            {"Run": "menu-1", "Model": "from-head", "Which_of_its_models": "model.bin"}, then=open_model,
        ),
    },
    "Services": {
        "Deploy a model…": Sent(
            "Deploy a Model", "Deploy", asked_for("services.deploy", service="from-head", manifest="churn:1"),
            {"Model": "churn", "Service": "from-head", "Manifest": "churn:1"},
        ),
    },
    "Manifests": {
        "Create a manifest…": Sent(
            "Create a Manifest", "Create", lambda w: "from-head:1" in manifests(w),
            {"Models": "churn:1", "Name": "from-head", "Scoring_script": "score.py"}, then=build_image,
        ),
    },
    "Hosts": {"Add a host…": "Add a Host"},
}  # fmt: skip
# What takes an engine, and another machine that has one.
DELETED_IMAGE = Sent("Delete the Image churn:1", "Delete", lambda w: not w.catalog.find(Image))
ADDED_HOST = Sent("Add a Host", "Add", lambda w: "near" in [one.name for one in w.catalog.find(NamedHost)])
