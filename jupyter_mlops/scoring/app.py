"""The replica's process: it listens, loads, warms up, serves, and drains on SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from jupyter_mlops.core.errors import Failed, MlopsError
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import encode, plain
from jupyter_mlops.core.service import Configuration, Limits
from jupyter_mlops.core.telemetry import About
from jupyter_mlops.scoring import inference
from jupyter_mlops.scoring.batching import Batcher, Worker
from jupyter_mlops.scoring.bundle import read_manifest, verify
from jupyter_mlops.scoring.configuration import Configured
from jupyter_mlops.scoring.keys import Keys
from jupyter_mlops.scoring.limits import ARRIVE_S, DRAIN_S, IDLE_S
from jupyter_mlops.scoring.loader import load
from jupyter_mlops.scoring.otlp import Exporter
from jupyter_mlops.scoring.printing import captured
from jupyter_mlops.scoring.protocol import Connection
from jupyter_mlops.scoring.recording import Recorder
from jupyter_mlops.scoring.routes import Replica
from jupyter_mlops.scoring.scorer import Log as Say
from jupyter_mlops.scoring.scorer import ModelScorer, ScriptScorer
from jupyter_mlops.scoring.sockets import Address, listen, open_beside
from jupyter_mlops.scoring.telemetry import Log
from jupyter_mlops.scoring.together import Together
from jupyter_mlops.scoring.workers import watch

TICK_S: Final = 0.2
QUIET_S: Final = 1.0
"""While draining, a connection on which nothing happened for so long is closed."""
N_YOUNG: Final = 10_000
"""Objects made and not freed before the collector looks for cycles: more than the requests that are in are made of."""
N_WARM: Final = 3
"""The sample is scored so often; the last time tells how long a batch takes."""

Scorer = ModelScorer | ScriptScorer


class SampleFailed(Failed):
    """The manifest's own sample does not score."""

    code = "sample-failed"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a replica is started with."""

    bundle: Path
    keys: Path
    address: Address
    beside: Path | None = None
    """A UNIX socket to listen on too."""
    given_keys: Sequence[str] = ()
    """The keys themselves, instead of the digests in the folder ``keys``."""
    nonce: str = ""
    limits: Limits = field(default_factory=Limits)
    configuration: Path | None = None
    """Reread while it runs; what it has stands before ``limits``."""
    log_file: Path | None = None
    telemetry: Path | None = None
    """Folder in which requests are kept; without one they are not."""
    about: About = field(default_factory=About)
    control: int | None = None
    """Of one of several workers, the socket on which it says that it is ready. It listens from then on only."""
    together: Path | None = None
    """Of one of several workers, the folder for the metrics of them all."""


def serve(settings: Settings) -> int:
    """Serve a bundle until SIGTERM; return the exit code. Raises ``MlopsError`` when it cannot be served."""
    log = Log(settings.log_file)
    try:
        with captured(log.now), asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_serve(settings, log))
    except MlopsError as error:
        log.event(error.message, level="error", code=error.code, hint=error.hint)
        raise
    finally:
        log.write()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


async def _serve(settings: Settings, log: Log) -> int:
    loop = asyncio.get_running_loop()
    manifest = read_manifest(settings.bundle)
    keys = Keys(settings.keys, given=settings.given_keys, say=lambda line: log.event(line, level="warning"))
    configured = Configured(settings.configuration, say=lambda line: log.event(line, level="warning"))
    log.exporter = Exporter(settings.about, manifest=manifest.ref, model=":".join(inference.served(manifest)))
    recorder = Recorder(
        settings.telemetry, manifest, settings.about, settings.keys, say=lambda line: log.event(line, level="warning")
    )
    replica = Replica(manifest, keys=keys, limits=settings.limits, nonce=settings.nonce, log=log, recorder=recorder)
    worker = Worker(loop)
    replica.batcher = Batcher(loop, worker, max_jobs=settings.limits.max_batch, on_batch=replica.telemetry.batch)
    replica.configure(configured.fresh() or Configuration(limits=settings.limits))
    together = None if settings.together is None else Together(settings.together, replica.telemetry.exposition)
    if together is not None:
        replica.exposition = together.exposition
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    async with contextlib.AsyncExitStack() as opened, _ticking(replica, configured, together):
        ready = None if settings.control is None else watch(settings.control, stop.set)
        servers: list[asyncio.Server] = []
        if ready is None:
            servers += await _beside(replica, settings.beside, log)
            servers.append(await opened.enter_async_context(_listening(replica, settings.address, log)))
        ended = asyncio.ensure_future(stop.wait())
        loading = asyncio.ensure_future(_load(replica, worker, settings, log))
        await asyncio.wait({ended, loading}, return_when=asyncio.FIRST_COMPLETED)
        if loading.done():
            loading.result()
            if ready is not None:  # a worker beside others that are ready must not answer that it is not
                servers.append(await opened.enter_async_context(_listening(replica, settings.address, log)))
                ready()
            await ended
        loading.cancel()
        try:
            return await _drain(replica, servers, log)
        finally:
            recorder.end()
            log.write()
            log.exporter.end()


@contextlib.asynccontextmanager
async def _listening(replica: Replica, address: Address, log: Log) -> AsyncIterator[asyncio.Server]:
    loop = asyncio.get_running_loop()
    with listen(address) as sock:
        log.event("listening", address=address.told(sock), manifest=replica.manifest.ref)
        log.write()
        if address.path is None:
            server = await loop.create_server(lambda: Connection(replica), sock=sock, backlog=2048)
        else:
            server = await loop.create_unix_server(lambda: Connection(replica), sock=sock, backlog=2048)
        try:
            yield server
        finally:
            server.close()


async def _beside(replica: Replica, path: Path | None, log: Log) -> list[asyncio.Server]:
    """Listen on the socket beside the address, if there is to be one and it can be made. Closed by draining alone."""
    if path is None:
        return []
    try:
        sock = open_beside(path)
    except (MlopsError, OSError) as error:
        log.event(f"{error} It listens on its port alone.", level="warning")
        return []
    loop = asyncio.get_running_loop()
    return [await loop.create_unix_server(lambda: Connection(replica), sock=sock, backlog=2048)]


@contextlib.asynccontextmanager
async def _ticking(replica: Replica, configured: Configured, together: Together | None) -> AsyncIterator[None]:
    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            fresh = configured.fresh()
            if fresh is not None:
                replica.telemetry.log.level = "info"  # a change is told whatever the level was and will be
                replica.telemetry.log.event("configured", **plain(fresh))
                replica.configure(fresh)
            replica.tick()
            if together is not None:
                together.tick()
            _sweep(replica)

    ticking = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        ticking.cancel()


def _sweep(replica: Replica) -> None:
    """Close connections that are idle for too long, or take too long to send a request."""
    now = time.monotonic()
    idle_s = QUIET_S if replica.draining else IDLE_S
    for connection in list(replica.connections):
        if connection.waits:
            if connection.arriving_s(now) > ARRIVE_S:
                connection.close()
        elif now - connection.touched > idle_s or connection.arriving_s(now) > ARRIVE_S:
            connection.close()


async def _load(replica: Replica, worker: Worker, settings: Settings, log: Log) -> None:
    """Load the model in its own thread, so that health is answered meanwhile, and let requests in."""
    loop = asyncio.get_running_loop()
    loaded: asyncio.Future[tuple[Scorer, float, int]] = loop.create_future()

    def work() -> Callable[[], None]:
        try:
            result = _loaded(settings.bundle, replica.manifest, log)
        except BaseException as error:  # noqa: BLE001 - it is raised again where the loading is awaited
            failure = error
            return lambda: None if loaded.done() else loaded.set_exception(failure)
        return lambda: None if loaded.done() else loaded.set_result(result)

    began = time.monotonic()
    worker.do(work)
    scorer, took_s, n_rows = await loaded
    replica.scorer = replica.batcher.scorer = scorer
    if n_rows:
        replica.batcher.pace.learn(took_s, n_rows)
    replica.phase = "ready"
    log.event("ready", manifest=replica.manifest.ref, load_s=round(time.monotonic() - began, 3))


def _loaded(folder: Path, manifest: Manifest, log: Log) -> tuple[Scorer, float, int]:
    """Return the scorer, and how long it took for how many rows of the sample (0 without one)."""

    def say(message: str, stack: str) -> None:
        if stack:
            log.event(message, level="error", stack=stack)
        else:
            log.event(message)

    verify(folder, manifest)
    gc.disable()  # libraries make objects by the hundred thousand, and looking through them took a sixth of the start
    try:
        scorer = load(folder, manifest, say)
        return (scorer, 0.0, 0) if manifest.sample is None else _warmed(scorer, manifest, say)
    finally:
        gc.freeze()  # what was loaded stays: the collector need not look at it again and again
        gc.set_threshold(N_YOUNG)
        gc.enable()


def _warmed(scorer: Scorer, manifest: Manifest, say: Say) -> tuple[Scorer, float, int]:
    """Score the sample. Raises ``SampleFailed``."""
    say(f"scoring the sample of manifest {manifest.ref}", "")
    took_s, n_rows = 0.0, 0
    for _ in range(N_WARM):
        try:
            data, n_rows = scorer.intake.read(encode(manifest.sample), "json")
            began = time.perf_counter()
            (outcome,) = scorer.score([data], [n_rows])
            took_s = time.perf_counter() - began
            if isinstance(outcome, MlopsError):
                raise outcome
        except MlopsError as error:
            raise SampleFailed(
                f"The sample of manifest {manifest.ref} does not score: {error.message}",
                hint="Make a manifest with a sample that fits: `mlops manifests create MODEL --sample FILE`.",
            ) from error
    return scorer, took_s, n_rows


async def _drain(replica: Replica, servers: Sequence[asyncio.Server], log: Log) -> int:
    """Take no more connections, answer what is in, and return the exit code."""
    replica.phase = "draining"
    for server in servers:
        server.close()
    log.event("draining", in_flight=len(replica.gate))
    until = time.monotonic() + DRAIN_S
    while replica.connections and time.monotonic() < until:  # noqa: ASYNC110 - connections end in many ways
        await asyncio.sleep(TICK_S / 4)
    lost = len(replica.gate)
    log.event("ended", unanswered=lost)
    return 1 if lost or replica.failed else 0
