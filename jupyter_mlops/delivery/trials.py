"""Trying an image out: it is started, scores its manifest's sample, and is gone again."""

from __future__ import annotations

import hashlib
import secrets
import statistics
import time
from typing import Final

from jupyter_mlops.core.activity import Activity
from jupyter_mlops.core.image import Trial
from jupyter_mlops.delivery.images import show_image
from jupyter_mlops.delivery.manifests import show_manifest
from jupyter_mlops.delivery.predictions import await_ready, difference, score_sample
from jupyter_mlops.ports import Say, World

TEST: Final = "images.test"
"""The verb of the activity."""
READY_S: Final = 120.0
N_TIMED: Final = 20


def request_trial(world: World, ref: str) -> Activity:
    """Ask the agent to try a manifest's image out. Raises ``UnknownThing``, ``NotBuilt``, and ``Unavailable`` without an engine."""
    image = show_image(world, ref)
    world.builder.check()
    return world.submit(TEST, f"image {image.manifest}", {"image": image.manifest})


def try_image(world: World, ref: str, say: Say, *, ready_s: float = READY_S) -> Trial:
    """Start a manifest's image, score the manifest's sample in it, and compare with the recorded prediction.

    The container is removed, whatever happens. Raises ``UnknownThing``, ``NotBuilt``, ``TrialFailed`` and what the
    builder raises.
    """
    image = show_image(world, ref)
    manifest = show_manifest(world, image.manifest)
    key = secrets.token_urlsafe(32)
    say(f"Starting a container of {image.tag}", 0.1)
    began = time.monotonic()
    with world.builder.running(image, [hashlib.sha256(key.encode()).hexdigest()]) as container:
        say("Waiting until it is ready", 0.3)
        await_ready(image.manifest, container.address, container.ended, ready_s, said=container.said)
        took_s = round(time.monotonic() - began, 3)
        if manifest.sample is None:
            return Trial(image=image.name, ready_s=took_s)
        say("Scoring the sample", 0.7)
        times_ms = []
        for _ in range(N_TIMED):
            began = time.perf_counter()
            answer = score_sample(manifest, container.address, key)
            times_ms.append((time.perf_counter() - began) * 1e3)
    recorded = manifest.prediction is not None
    found = difference(manifest.prediction, answer) if recorded else ""
    return Trial(
        image=image.name,
        ready_s=took_s,
        first_ms=round(times_ms[0], 2),
        median_ms=round(statistics.median(times_ms), 2),
        same=not found if recorded else None,
        difference=found,
        answer=answer,
    )
