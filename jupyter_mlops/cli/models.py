"""``mlops models``: the registry."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import model_names, run_names
from jupyter_mlops.cli.options import NotKeyValue, json_option, tag_values
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Facts, Listing, View, lists, shows, table
from jupyter_mlops.cli.words import age, pairs, when
from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.model import Model, ModelVersion
from jupyter_mlops.delivery.models import (
    alias_model,
    delete_model,
    download_model,
    list_models,
    register_model,
    show_model,
    show_model_version,
    tag_model,
    unalias_model,
)


class WouldDeleteAll(BadInput):
    """Deleting every version of a model was not confirmed."""

    code = "would-delete-all"


@click.group(cls=Group)
def models() -> None:
    """The registry: models by name and version.

    Example:
      mlops models register 3f6c0a52 churn
      mlops models list
    """


@models.command()
@click.argument("source", metavar="RUN|FILE|FOLDER", shell_complete=run_names)
@click.argument("name", shell_complete=model_names)
@click.option("--path", metavar="PATH", help="Which of the run's artifacts, when it holds more than one model.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; repeat for more.")
@json_option
@pass_session
def register(session: Session, source: str, name: str, path: str | None, tags: tuple[str, ...]) -> ModelVersion:
    """Register a run's model, or a file or folder trained elsewhere, as the next version of NAME.

    Example:
      mlops models register 3f6c0a52 churn --tag team=risk
      mlops models register model.pkl churn
    """
    return register_model(session.world_or_new(), source, name, path=path, tags=tag_values(tags))


@models.command("list")
@click.option("--where", metavar="FILTER", help="Only models that match, for instance \"tags.team = 'risk'\".")
@json_option
@pass_session
def list_(session: Session, where: str | None) -> Listing:
    """List models.

    Example:
      mlops models list --where "tags.team = 'risk'"
    """
    return Listing(
        list_models(session.world, where),
        of=Model,
        empty=f"No model matches {where}."
        if where
        else "No models yet. Register a run's: `mlops models register RUN NAME`.",
    )


@models.command()
@click.argument("model", metavar="NAME[:VERSION]", shell_complete=model_names)
@json_option
@pass_session
def show(session: Session, model: str) -> Model | ModelVersion:
    """Show a model with its versions, or one version, and where it is deployed.

    Example:
      mlops models show churn
      mlops models show churn:3
    """
    name, version = session.world.tracking.split_model(model)
    return show_model(session.world, name) if version is None else show_model_version(session.world, model)


@models.command()
@click.argument("model", metavar="NAME[:VERSION]", shell_complete=model_names)
@click.argument("tags", metavar="KEY=VALUE...", nargs=-1, required=True)
@json_option
@pass_session
def tag(session: Session, model: str, tags: tuple[str, ...]) -> ModelVersion:
    """Set tags of a model version; `KEY-` takes one away.

    Example:
      mlops models tag churn:3 team=risk draft-
    """
    changes: dict[str, str | None] = {}
    for text in tags:
        if "=" in text:
            changes.update(tag_values([text]))
        elif text.endswith("-") and len(text) > 1:
            changes[text[:-1]] = None
        else:
            raise NotKeyValue(text, what="a tag", example="team=risk, or team- to take it away.")
    return tag_model(session.world, model, changes)


@models.command()
@click.argument("model", metavar="NAME[:VERSION]", shell_complete=model_names)
@click.argument("name", metavar="ALIAS")
@click.option("--remove", is_flag=True, help="Take the alias away from the model.")
@json_option
@pass_session
def alias(session: Session, model: str, name: str, *, remove: bool) -> ModelVersion | Done:
    """Let an alias name a version, as `champion` does: no other version has it then.

    Example:
      mlops models alias churn:3 champion
      mlops services update churn churn@champion
    """
    if not remove:
        return alias_model(session.world, model, name)
    of, _ = session.world.tracking.split_model(model)
    unalias_model(session.world, of, name)
    return Done(message=f"No version of {of} is @{name} any more.", facts={"model": of, "alias": name})


@models.command()
@click.argument("model", metavar="NAME[:VERSION]", shell_complete=model_names)
@click.argument("into", metavar="[DIR]", type=click.Path(path_type=Path), required=False)
@pass_session
def download(session: Session, model: str, into: Path | None) -> Done:
    """Copy a model version's files into a new or empty folder, NAME-VERSION unless named.

    Example:
      mlops models download churn:3
      mlops models download churn ./newest
    """
    version = show_model_version(session.world, model)
    ref = f"{version.name}:{version.version}"
    path = download_model(session.world, ref, into or Path(ref.replace(":", "-")))
    return Done(message=f"Downloaded {ref} to {path}", facts={"path": str(path)})


@models.command()
@click.argument("model", metavar="NAME[:VERSION]", shell_complete=model_names)
@click.option("--yes", is_flag=True, help="Delete all versions of NAME.")
@pass_session
def delete(session: Session, model: str, yes: bool) -> Done:
    """Delete a model version, or with `--yes` all versions; refused while a service runs it.

    Example:
      mlops models delete churn:1
      mlops models delete churn --yes
    """
    name, version = session.world.tracking.split_model(model)
    if version is None and not yes:
        n_versions = len(show_model(session.world, name).versions)
        which = "the only version" if n_versions == 1 else f"all {n_versions} versions"
        raise WouldDeleteAll(
            f"{name} names {which} of the model.",
            hint=f"Delete one with `mlops models delete {name}:VERSION`, all with `mlops models delete {name} --yes`.",
        )
    delete_model(session.world, model)
    what = f"model {name}, all versions" if version is None else f"model version {model}"
    return Done(message=f"Deleted {what}.", facts={"deleted": {"kind": "model", "ref": model}})


@lists(Model, "MODEL", ">LATEST", ">VERSIONS", "ALIASES", "TAGS", "SERVICES")
def _row(model: Model) -> Sequence[str]:
    aliases = pairs({f"@{alias}": version for alias, version in model.aliases.items()})
    return (
        model.name,
        str(model.latest),
        str(len(model.versions)),
        aliases,
        pairs(model.tags, most=3),
        " ".join(model.services),
    )


@lists(ModelVersion, ">VERSION", "FLAVOR", "RUN", "ALIASES", "TAGS", "SERVICES", "CREATED")
def _version_row(version: ModelVersion) -> Sequence[str]:
    return (
        str(version.version),
        version.flavor,
        (version.run_id or "")[:8],
        " ".join(f"@{alias}" for alias in version.aliases),
        pairs(version.tags, most=3),
        " ".join(version.services),
        age(version.created_at),
    )


@shows(Model)
def _view(model: Model) -> View:
    return [
        Facts(
            pairs=[
                ("model", model.name),
                ("latest", str(model.latest)),
                ("description", model.description),
                ("tags", pairs(model.tags)),
                ("deployed in", " ".join(model.services)),
            ]
        ),
        table(model.versions, ModelVersion, title="Versions", empty="None."),
    ]


@shows(ModelVersion)
def _version_view(version: ModelVersion) -> View:
    return [
        Facts(
            pairs=[
                ("model", f"{version.name}:{version.version}"),
                ("flavor", version.flavor),
                ("run", version.run_id or ""),
                ("files", version.source),
                ("aliases", " ".join(f"@{alias}" for alias in version.aliases)),
                ("tags", pairs(version.tags)),
                ("deployed in", " ".join(version.services)),
                (
                    "created",
                    f"{when(version.created_at)} by {version.created_by}"
                    if version.created_by
                    else when(version.created_at),
                ),
            ]
        )
    ]
