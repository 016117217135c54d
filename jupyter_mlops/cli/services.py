"""``mlops services`` and ``mlops deploy``: models that answer over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import click

from jupyter_mlops.cli import activities as _activity_views  # noqa: F401  # `--no-wait` shows an activity
from jupyter_mlops.cli.certificates import tls as show_tls
from jupyter_mlops.cli.certificates import tls_options
from jupyter_mlops.cli.clients import client
from jupyter_mlops.cli.command import Command, Group
from jupyter_mlops.cli.complete import deployment_names, host_names, manifest_names, model_names, service_names
from jupyter_mlops.cli.deployments import COMMANDS
from jupyter_mlops.cli.follow import follow
from jupyter_mlops.cli.options import json_option, key_values, no_wait_option
from jupyter_mlops.cli.scale import held_to, scale
from jupyter_mlops.cli.servicekeys import keys
from jupyter_mlops.cli.servicelogs import logs
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.telemetry import show_telemetry, telemetry_options, told
from jupyter_mlops.cli.view import Done, Facts, Listing, Note, Table, View, lists, shows
from jupyter_mlops.cli.words import age, size, status, when
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.service import Deployment, Service
from jupyter_mlops.delivery.certificates import Given
from jupyter_mlops.delivery.configuration import SETTINGS
from jupyter_mlops.delivery.scaling import wanted_resources
from jupyter_mlops.delivery.services import configure as configure_service
from jupyter_mlops.delivery.services import (
    delete_service,
    list_services,
    show_service,
)
from jupyter_mlops.delivery.services import deploy as deploy_service
from jupyter_mlops.monitoring.places import telemetry_folder


@click.group(cls=Group)
def services() -> None:
    """Models that answer over HTTP, with one URL and two keys for life.

    Example:
      mlops services deploy churn churn:3
      mlops services list
    """


@click.command(cls=Command)
@click.argument("name", shell_complete=service_names)
@click.argument("model", metavar="MODEL[:VERSION]", required=False, default="", shell_complete=model_names)
@click.option(
    "--manifest", metavar="NAME[:VERSION]", shell_complete=manifest_names, help="Deploy this manifest instead."
)
@click.option(
    "--host",
    metavar="HOST",
    shell_complete=host_names,
    help="Where replicas run: `process` (the default) or `docker` of this machine, or one of `mlops hosts list`.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="Port of its URL; a free one otherwise."
)
@click.option("--bind", metavar="ADDR", help="Address it listens on; 127.0.0.1 otherwise.")
@click.option("--replicas", type=click.IntRange(min=1), metavar="N", help="How many copies; 1 otherwise.")
@click.option("--cpu", type=float, metavar="N", help="Processors for each replica, such as 0.5 or 2; 0 is no limit.")
@click.option("--memory", metavar="SIZE", help="Memory for each replica, such as 512m or 2g; 0 is no limit.")
@click.option("--gpus", type=int, metavar="N", help="GPUs for each replica.")
@click.option(
    "--deployment",
    metavar="NAME",
    shell_complete=deployment_names,
    help="Update this one, or add it beside the others.",
)
@click.option("--traffic", type=click.IntRange(0, 100), metavar="PERCENT", help="Its share; 0 if it is added.")
@telemetry_options
@tls_options
@no_wait_option
@json_option
@pass_session
def deploy(
    session: Session,
    name: str,
    model: str,
    *,
    manifest: str | None,
    host: str | None,
    port: int,
    bind: str | None,
    replicas: int | None,
    cpu: float | None,
    memory: str | None,
    gpus: int | None,
    deployment: str | None,
    traffic: int | None,
    settings: Mapping[str, object],
    tls: bool,
    certificate: Given | None,
    no_wait: bool,
) -> Service | Activity:
    """Deploy a model as a service with a URL and keys.

    Makes the manifest and, for containers, the image; starts replicas, checks that they score, then moves traffic. A
    service that exists is updated: it keeps its URL and keys, and whatever no option changes.

    Example:
      mlops services deploy churn churn:3
      mlops services deploy churn churn --host docker --port 8080 --cpu 1 --memory 1g
      mlops services deploy churn churn:4 --deployment green --traffic 0
    """
    activity = deploy_service(
        session.world,
        name,
        model,
        manifest=manifest,
        deployment=deployment,
        traffic=traffic,
        host=host,
        bind=bind,
        port=port,
        replicas=replicas,
        resources=wanted_resources(session.world, name, deployment, cpu, memory, gpus=gpus),
        settings=settings,
        tls=tls,
        certificate=certificate,
    )
    if no_wait:
        return activity
    follow(session, activity)
    return show_service(session.world, name)


for _command in (deploy, client, scale, show_telemetry, logs, show_tls, keys, *COMMANDS):
    services.add_command(_command)


@services.command("list")
@json_option
@pass_session
def list_(session: Session) -> Listing:
    """List services.

    Example:
      mlops services list
    """
    return Listing(
        list_services(session.world),
        of=Service,
        empty="No services yet. Deploy a model: `mlops services deploy NAME MODEL`.",
    )


@services.command()
@click.argument("name", shell_complete=service_names)
@json_option
@pass_session
def show(session: Session, name: str) -> Service:
    """Show one service: its URL, state and what it runs.

    Example:
      mlops services show churn
    """
    return show_service(session.world, name)


def _settings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    del ctx, param
    return [f"{name}=" for name in SETTINGS if name.startswith(incomplete)]


@services.command()
@click.argument("name", shell_complete=service_names)
@click.argument("changes", metavar="KEY=VALUE...", nargs=-1, required=True, shell_complete=_settings)
@json_option
@pass_session
def configure(session: Session, name: str, changes: tuple[str, ...]) -> Service:
    """Change a service's limits, telemetry and logs while it runs; nothing restarts.

    \b
    max_concurrent  Requests being scored at once in one replica.
    max_queue       Requests waiting beyond those; then 429.
    max_batch       Requests scored together; 1 keeps them apart.
    max_body_bytes  Size of a request's body; then 413.
    timeout_s       Seconds for an answer; then 504.
    log_level       Lines that are logged: info, warning or error.
    otlp_endpoint   Where its log goes too, as OTLP over HTTP.

    \b
    telemetry.enabled  Whether requests are kept: true or false.
    telemetry.sample   The share of them that is kept, 0 to 1.
    telemetry.hash     Columns kept as digests: email,name.
    telemetry.drop     Columns left out.
    telemetry.store    Datastore for them, such as s3://bucket/folder.
    telemetry.keep_days  Days after which they are deleted; 0 for never.

    Example:
      mlops services configure churn max_queue=50 timeout_s=5
      mlops services configure churn log_level=warning telemetry.sample=0.1
    """  # noqa: D301 - click's own mark for lines that stay as they are
    return configure_service(
        session.world,
        name,
        key_values(changes, what="a setting", example=f"mlops services configure {name} max_queue=50"),
    )


@services.command()
@click.argument("name", shell_complete=service_names)
@no_wait_option
@pass_session
def delete(session: Session, name: str, no_wait: bool) -> Done | Activity:
    """Stop a service and delete it with its keys. Its model, manifest and image stay.

    Example:
      mlops services delete churn
    """
    activity = delete_service(session.world, name)
    if no_wait:
        return activity
    follow(session, activity)
    kept = telemetry_folder(session.world, name)
    stays = f" What was kept of its requests stays, in {kept}." if kept.is_dir() else ""
    return Done(message=f"Deleted service {name}.{stays}", facts={"deleted": {"kind": "service", "name": name}})


_CHANGES_SHOWN: Final = 5


@lists(Service, "=SERVICE", "STATE", "MODEL", "HOST", ">READY", "=URL", "CREATED")
def _row(service: Service) -> Sequence[str]:
    return (
        service.name,
        status(service.state),
        " ".join(deployment.manifest for deployment in service.deployments),
        service.host,
        f"{service.n_ready}/{sum(deployment.replicas for deployment in service.deployments)}",
        service.url,
        age(service.created_at),
    )


@shows(Service)
def _view(service: Service) -> View:
    limits = service.limits
    images = any(deployment.image for deployment in service.deployments)
    view: View = [
        Facts(
            pairs=[
                ("service", service.name),
                ("state", status(service.state)),
                ("url", f"{service.url}/score" if service.url else ""),
                ("host", f"{service.host} on {service.node}" if service.node else service.host),
                (
                    "accepts",
                    f"{limits.max_concurrent} at once, {limits.max_queue} waiting, bodies to {size(limits.max_body_bytes)}",
                ),
                ("answers", f"within {limits.timeout_s:g} s, at most {limits.max_batch} requests scored together"),
                ("limits", held_to(service)),
                ("logs", f"from level {service.log_level}"),
                ("telemetry", told(service)),
                ("certificate", _certificate(service)),
                ("created", f"{when(service.created_at)} by {service.created_by}"),
            ]
        ),
        Table(
            title="Deployments",
            headers=("NAME", "MANIFEST", ">REPLICAS", ">TRAFFIC", *(["IMAGE"] if images else [])),
            rows=[
                (d.name, d.manifest, _replicas(d), _share(d), *([d.image[:19]] if images else []))
                for d in service.deployments
            ],
            empty="None.",
        ),
    ]
    if service.history:
        rows = [(age(one.at), one.by, one.what) for one in service.history[:_CHANGES_SHOWN]]
        view.append(Table(title="Changes", headers=("WHEN", "BY", "WHAT"), rows=rows))
    if service.message:
        view.append(Note(text=service.message, tone="bad" if service.state in {"failed", "degraded"} else "plain"))
    return view


def _certificate(service: Service) -> str:
    found = service.certificate
    return f"{found.kind}, until {when(found.expires_at)}" if found else ""


def _replicas(deployment: Deployment) -> str:
    scale = deployment.scale
    return f"{deployment.replicas}" + (f" of {scale.min_replicas} to {scale.max_replicas}" if scale else "")


def _share(deployment: Deployment) -> str:
    return f"{deployment.weight}%" + (f" and {deployment.mirror}% copied" if deployment.mirror else "")
