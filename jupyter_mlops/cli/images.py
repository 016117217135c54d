"""``mlops images``: container images built from manifests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import click

from jupyter_mlops.cli import activities as _activity_views  # noqa: F401  # `--no-wait` shows an activity
from jupyter_mlops.cli.command import Group
from jupyter_mlops.cli.complete import image_names, manifest_names
from jupyter_mlops.cli.follow import LiveLine, follow
from jupyter_mlops.cli.options import json_option, no_wait_option
from jupyter_mlops.cli.session import Session, pass_session
from jupyter_mlops.cli.view import Done, Facts, Listing, Note, View, Word, lists, shows
from jupyter_mlops.cli.words import age, duration, size, when
from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.image import Exported, Image, Pushed, Trial
from jupyter_mlops.delivery.images import (
    delete_image,
    export_image,
    list_images,
    push_image,
    request_build,
    show_image,
    write_image,
)
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.delivery.trials import READY_S, try_image

T = TypeVar("T")
_NO_SAMPLE: Final = "It was not asked to score: its manifest has no sample."
_NO_PREDICTION: Final = "an answer; the manifest recorded none to compare it with"


@click.group(cls=Group)
def images() -> None:
    """Container images built from manifests.

    Example:
      mlops images build churn:2
    """


@images.command()
@click.argument("manifest", metavar="MANIFEST[:VERSION]", shell_complete=manifest_names)
@click.option(
    "--platform", type=click.Choice(["linux/amd64", "linux/arm64"]), help="For which processor (this machine's)."
)
@click.option(
    "--output",
    metavar="FILE.tar",
    type=click.Path(path_type=Path),
    help="Write the image into a new file instead, which takes no Docker engine.",
)
@click.option(
    "--base",
    metavar="FILE.tar",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --output, the base image in a file (`docker save`, OCI layout) instead of out of its registry.",
)
@no_wait_option
@json_option
@pass_session
def build(
    session: Session, manifest: str, *, platform: str | None, output: Path | None, base: Path | None, no_wait: bool
) -> Image | Activity | Exported:
    """Build a manifest's image, into the Docker engine or into a file. Images of older versions are removed if unused.

    Packages are locked with their digests. What has no wheel is built in a container of the base image, without a
    network.

    Example:
      mlops images build churn:2
      mlops images build churn:2 --platform linux/arm64 --output churn.tar
    """
    world = session.world
    if output is not None:
        if no_wait:
            raise click.UsageError("--no-wait is for builds into the Docker engine.")
        return _telling(lambda say: write_image(world, manifest, output, say, platform=platform or "", base=base))
    if base is not None:
        raise click.UsageError("--base is for --output; the Docker engine has its own, or pulls it.")
    ref = show_manifest(world, manifest).ref
    activity = request_build(world, ref, platform or "")
    if no_wait:
        return activity
    return show_image(world, str(follow(session, activity).result["image"]))


@images.command("list")
@json_option
@pass_session
def list_(session: Session) -> Listing:
    """List images.

    Example:
      mlops images list
    """
    return Listing(
        list_images(session.world), of=Image, empty="No images yet. Build one: `mlops images build MANIFEST`."
    )


@images.command()
@click.argument("image", metavar="MANIFEST[:VERSION]", shell_complete=image_names)
@json_option
@pass_session
def show(session: Session, image: str) -> Image:
    """Show the image of a manifest; with --json also the lock of what is installed in it.

    Example:
      mlops images show churn:2
    """
    return show_image(session.world, image)


@images.command("test")
@click.argument("image", metavar="MANIFEST[:VERSION]", shell_complete=image_names)
@click.option("--timeout", type=click.FloatRange(min=0), default=READY_S, help="Seconds to become ready (120).")
@json_option
@pass_session
def test_(session: Session, image: str, timeout: float) -> Trial:
    """Start an image, score its sample, and compare with what the sample scored to when the manifest was made.

    The exit code is 1 when the answer differs (numbers may by a millionth), and when there is none. The container is
    removed again.

    Example:
      mlops images test churn:2
    """
    trial = _telling(lambda say: try_image(session.world, image, say, ready_s=timeout))
    session.exit_code = 1 if trial.same is False else 0
    return trial


@images.command()
@click.argument("image", metavar="MANIFEST[:VERSION]|FILE.tar", shell_complete=image_names)
@click.argument("target", metavar="REGISTRY/NAME:TAG")
@json_option
@pass_session
def push(session: Session, image: str, target: str) -> Pushed:
    """Push an image to a registry, with the credentials that `docker login` left.

    Layers that the registry has are not sent. Without a Docker engine a file is pushed that `images export` or `images
    build --output` wrote, or the image is built for it.

    Example:
      mlops images push churn:2 registry.example.org/team/churn:2
    """
    return _telling(lambda say: push_image(session.world, image, target, say))


@images.command()
@click.argument("image", metavar="MANIFEST[:VERSION]", shell_complete=image_names)
@click.argument("file", metavar="FILE.tar", type=click.Path(path_type=Path))
@click.option("--iot-edge", is_flag=True, help="Also write a compose file, an IoT Edge deployment manifest and a key.")
@click.option("--image", "as_name", metavar="NAME:TAG", help="The image's name there, if it comes out of a registry.")
@json_option
@pass_session
def export(session: Session, image: str, file: Path, as_name: str | None, *, iot_edge: bool) -> Exported:
    """Write an image into a new file, which `docker load`, OCI's tools and `images push` read.

    Example:
      mlops images export churn:2 churn.tar
      mlops images export churn:2 churn.tar --iot-edge
    """
    if as_name and not iot_edge:
        raise click.UsageError("--image is for --iot-edge.")
    return _telling(lambda say: export_image(session.world, image, file, say, edge=iot_edge, as_name=as_name))


@images.command()
@click.argument("image", metavar="MANIFEST[:VERSION]", shell_complete=image_names)
@pass_session
def delete(session: Session, image: str) -> Done:
    """Delete an image from the workspace and from the Docker engine. One that a service runs is kept.

    Example:
      mlops images delete churn:1
    """
    ref = show_image(session.world, image).manifest
    delete_image(session.world, ref)
    return Done(message=f"Deleted image {ref}.", facts={"deleted": {"kind": "image", "ref": ref}})


def _telling(work: Callable[[Callable[[str, float], None]], T]) -> T:
    """Work, and show how far it is."""
    line = LiveLine(sys.stderr)
    try:
        return work(line.live)
    finally:
        line.clear()


@lists(Image, "MANIFEST", "TAG", "ID", ">SIZE", "BUILT")
def _row(image: Image) -> Sequence[str]:
    return image.name, image.tag, image.image_id[:19], size(image.n_bytes), age(image.created_at)


@shows(Image)
def _view(image: Image) -> View:
    return [
        Facts(
            pairs=[
                ("image", image.image_id),
                ("manifest", image.manifest),
                ("tag", image.tag),
                ("platform", image.platform),
                ("size", size(image.n_bytes)),
                ("built", f"{when(image.created_at)} by {image.created_by}"),
                ("took", duration(image.build_s)),
            ]
        )
    ]


@shows(Pushed)
def _pushed(pushed: Pushed) -> View:
    sent = f"{size(pushed.n_sent_bytes)} of {size(pushed.n_bytes)}" if pushed.n_sent_bytes else "nothing: all is there"
    return [Facts(pairs=[("image", pushed.target), ("digest", pushed.digest), ("sent", sent)])]


@shows(Trial)
def _trial(trial: Trial) -> View:
    if trial.first_ms is None:
        return [Facts(pairs=[("image", trial.image), ("ready", duration(trial.ready_s))]), Note(text=_NO_SAMPLE)]
    verdict = {True: "the prediction recorded in the manifest", False: trial.difference, None: _NO_PREDICTION}[
        trial.same
    ]
    return [
        Facts(
            pairs=[
                ("image", trial.image),
                ("ready", f"in {duration(trial.ready_s)}"),
                ("latency", f"{trial.median_ms:.2f} ms, the first {trial.first_ms:.2f} ms"),
                ("answer", Word(text=verdict, tone="bad" if trial.same is False else "good")),
            ]
        )
    ]


@shows(Exported)
def _exported(exported: Exported) -> View:
    pairs = [("image", exported.image), ("file", exported.file), ("size", size(exported.n_bytes))]
    pairs += [("platform", exported.platform)] if exported.platform else []
    pairs += [("beside it", path) for path in exported.beside]
    return [Facts(pairs=[*pairs, ("key", exported.key and f"{exported.key} (kept nowhere else)")])]
