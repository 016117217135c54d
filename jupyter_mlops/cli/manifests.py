"""``mlops manifests``: what is needed to serve a model, pinned."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import manifest_names, model_names
from jupyter_mlops.cli.follow import LiveLine
from jupyter_mlops.cli.options import json_option, tag_values
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Facts, Listing, Table, Text, View, lists, shows
from jupyter_mlops.cli.words import age, count, pairs, size, when
from jupyter_mlops.core.manifest import Column, Manifest, Schema, Tensor
from jupyter_mlops.core.record import encode
from jupyter_mlops.delivery.manifests import (
    FieldChange,
    create_manifest,
    delete_manifest,
    diff_manifests,
    list_manifests,
    show_manifest,
)

_FILE = click.Path(path_type=Path)


@click.group(cls=Group)
def manifests() -> None:
    """What is needed to serve a model, pinned to the byte.

    Files by their digests, packages by their versions, the schema of a request and a sample that must score.

    Example:
      mlops manifests create churn:3
    """


@manifests.command()
@click.argument("models", metavar="MODEL[:VERSION]...", nargs=-1, required=True, shell_complete=model_names)
@click.option("--name", metavar="NAME", help="Name of the manifest; the first model's otherwise.")
@click.option("--script", type=_FILE, help="Python file with init() and run(data); the files beside it come along.")
@click.option("--conda", type=_FILE, help="conda.yaml to take the packages from, in place of the model's own.")
@click.option("--schema", type=_FILE, help="JSON schema of a request, in place of the model's signature.")
@click.option("--sample", type=_FILE, help="JSON request that must score, in place of the model's input example.")
@click.option("--python", metavar="X.Y", help="Python version of its replicas.")
@click.option("--base-image", metavar="IMAGE", help="Image that its image stands on.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="A tag; repeat for more.")
@click.option("--trust", is_flag=True, help="Accept types in a model's file that run code of their own when loaded.")
@json_option
@pass_session
def create(
    session: Session,
    models: tuple[str, ...],
    *,
    name: str | None,
    script: Path | None,
    conda: Path | None,
    schema: Path | None,
    sample: Path | None,
    python: str | None,
    base_image: str | None,
    tags: tuple[str, ...],
    trust: bool,
) -> Manifest:
    """Make a manifest from one or more models.

    Example:
      mlops manifests create churn:3
      mlops manifests create churn scaler --script score.py --sample row.json
    """
    line = LiveLine(sys.stderr)
    line.live("Collecting the files, and scoring the sample to record what it scores to")
    try:
        return create_manifest(
            session.world,
            models,
            name=name,
            script=script,
            conda=conda,
            schema=schema,
            sample=sample,
            python=python,
            base_image=base_image,
            tags=tag_values(tags),
            trust=trust,
        )
    finally:
        line.clear()


@manifests.command("list")
@click.argument("name", required=False, shell_complete=manifest_names)
@json_option
@pass_session
def list_(session: Session, name: str | None) -> Listing:
    """List manifests, newest first; the versions of one with its NAME.

    Example:
      mlops manifests list churn
    """
    return Listing(
        list_manifests(session.world, name),
        of=Manifest,
        empty="No manifests yet. Make one: `mlops manifests create MODEL`; deploying makes one too.",
    )


@manifests.command()
@click.argument("manifest", metavar="NAME[:VERSION]", shell_complete=manifest_names)
@json_option
@pass_session
def show(session: Session, manifest: str) -> Manifest:
    """Show one manifest.

    Example:
      mlops manifests show churn:2
    """
    return show_manifest(session.world, manifest)


@manifests.command()
@click.argument("a", metavar="NAME[:VERSION]", shell_complete=manifest_names)
@click.argument("b", metavar="NAME[:VERSION]", shell_complete=manifest_names)
@json_option
@pass_session
def diff(session: Session, a: str, b: str) -> Listing:
    """Show how the second manifest differs from the first.

    Example:
      mlops manifests diff churn:1 churn:2
    """
    return Listing(diff_manifests(session.world, a, b), of=FieldChange, empty="They are the same.")


@manifests.command()
@click.argument("manifest", metavar="NAME:VERSION", shell_complete=manifest_names)
@pass_session
def delete(session: Session, manifest: str) -> Done:
    """Delete a manifest; refused while a service runs it.

    Example:
      mlops manifests delete churn:1
    """
    ref = show_manifest(session.world, manifest).ref
    delete_manifest(session.world, ref)
    return Done(message=f"Deleted manifest {ref}.", facts={"deleted": {"kind": "manifest", "ref": ref}})


@lists(Manifest, "MANIFEST", "MODELS", ">PACKAGES", ">SIZE", "PYTHON", "CREATED")
def _row(manifest: Manifest) -> Sequence[str]:
    return (
        manifest.ref,
        " ".join(f"{model.name}:{model.version}" for model in manifest.models),
        str(len(manifest.requirements)),
        size(sum(file.n_bytes for file in manifest.files)),
        manifest.python,
        age(manifest.created_at),
    )


@shows(Manifest)
def _view(manifest: Manifest) -> View:
    total = sum(file.n_bytes for file in manifest.files)
    view: View = [
        Facts(
            pairs=[
                ("manifest", manifest.ref),
                ("models", " ".join(f"{m.name}:{m.version} ({m.flavor})" for m in manifest.models)),
                ("script", manifest.script or ""),
                ("python", manifest.python),
                ("base image", manifest.base_image),
                ("files", f"{count(len(manifest.files), 'file')}, {size(total)}"),
                ("tags", pairs(manifest.tags)),
                ("created", f"{when(manifest.created_at)} by {manifest.created_by}"),
            ]
        ),
        Text(title="Packages", body="\n".join(manifest.requirements) or "none"),
    ]
    if rows := _schema_rows(manifest.schema):
        view.append(Table(title="Schema", headers=("", "NAME", "TYPE"), rows=rows))
    if manifest.sample is not None:
        view.append(Text(title="Sample", body=encode(manifest.sample).decode()))
    if manifest.prediction is not None:
        view.append(Text(title="What it scored to", body=encode(manifest.prediction).decode()))
    return view


def _schema_rows(schema: Schema) -> list[tuple[str, str, str]]:
    ends: list[tuple[str, list[Column | Tensor]]] = [
        ("in", [*schema.columns, *schema.tensors]),
        ("out", [*schema.output_columns, *schema.output_tensors]),
    ]
    return [(end, *_typed(item)) for end, items in ends for item in items]


def _typed(item: Column | Tensor) -> tuple[str, str]:
    if isinstance(item, Tensor):
        return item.name or "(tensor)", f"{item.dtype}{item.shape}"
    return item.name, item.type if item.required else f"{item.type}, optional"


@lists(FieldChange, "FIELD", "BEFORE", "AFTER")
def _change(change: FieldChange) -> Sequence[str]:
    return change.field, _short(change.before), _short(change.after)


def _short(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else encode(value).decode()
