"""Routes: what each path answers, who may ask, and how a request becomes a job and its outcome an answer."""

from __future__ import annotations

import os
import secrets
import signal
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Literal

from jupyter_mlops.core.errors import Failed, MlopsError, NotFound, Unavailable
from jupyter_mlops.core.manifest import Manifest
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.service import Configuration, Limits
from jupyter_mlops.scoring import arrow, codec, inference, openapi
from jupyter_mlops.scoring.batching import Batcher, Job
from jupyter_mlops.scoring.collect import Asked, Scope
from jupyter_mlops.scoring.exchange import Exchange, Header, problem_body
from jupyter_mlops.scoring.keys import Keys
from jupyter_mlops.scoring.limits import GRACE_S, MOST_STUCK, RETRY_AFTER_S, Gate
from jupyter_mlops.scoring.recording import Recorder
from jupyter_mlops.scoring.scorer import ModelScorer, ScriptScorer
from jupyter_mlops.scoring.telemetry import Log, Telemetry

if TYPE_CHECKING:
    from jupyter_mlops.scoring.protocol import Connection

Phase = Literal["loading", "ready", "draining"]
Write = Callable[[Exchange, Any], None]
"""Answers a request with what its job came to."""
METRICS: Final = b"text/plain; version=0.0.4; charset=utf-8"
AUTHENTICATE: Final = (b"www-authenticate", b'Bearer realm="jupyter-mlops"')
ARROW: Final = codec.ARROW.encode()
TEXT: Final = b"text/plain; charset=utf-8"
MLFLOW: Final = b"3.17"
"""The MLflow whose scoring server's formats `/invocations` speaks."""
BINARY: Final = b"application/octet-stream"
INFERENCE_HEAD: Final = inference.HEAD.lower().encode()
UNKNOWN: Final = "other"
"""The route's name in telemetry where there is none: paths that clients make up must not become labels."""


class NoSuchPath(NotFound):
    """A path that is not served."""

    code = "path-not-found"


class NoSuchModel(NotFound):
    """A model name that is not this replica's."""

    code = "model-not-found"


class MethodNotAllowed(MlopsError):
    """A method that the path does not take."""

    code, status = "method-not-allowed", 405

    def __init__(self, method: str, path: str, allow: str) -> None:
        super().__init__(f"{path} does not take {method}.", hint=f"Use {allow}.")
        self.allow = allow


class NotReady(Unavailable):
    """The model is being loaded, or the replica is ending."""

    code = "not-ready"


class Internal(Failed):
    """A fault of the server's own."""

    code = "internal-error"


@dataclass(frozen=True, kw_only=True)
class Route:
    """One path."""

    name: str
    method: bytes
    handler: Callable[[Exchange], None]
    keyed: bool = False
    quiet: bool = False


class Replica:
    """The application of every connection: one manifest, its scorer, and everything around them."""

    def __init__(
        self, manifest: Manifest, *, keys: Keys, limits: Limits, nonce: str, log: Log, recorder: Recorder
    ) -> None:
        self.manifest = manifest
        self.limits = limits
        self.max_body_bytes = limits.max_body_bytes
        self.phase: Phase = "loading"
        self.failed = False
        """Whether it ends because it can not go on."""
        self.date = b""
        self.connections: set[Connection] = set()
        self.gate = Gate(limits)
        self.telemetry = Telemetry(log, self._gauges, recorder)
        self.exposition = self.telemetry.exposition
        """What ``/metrics`` answers."""
        self.recorder = recorder
        self.batcher: Batcher
        """Set when the loop runs."""
        self.scorer: ModelScorer | ScriptScorer
        """Set when the model is loaded, before the phase is ``ready``."""
        self._keys = keys
        self._nonce = nonce
        self._ids = count(secrets.randbits(32))
        self._instance = secrets.token_hex(4).encode()
        self._documents: dict[str, bytes] = {}
        self._suffix = b',"model":' + encode(":".join(inference.served(manifest))) + b"}"
        self._routes = self._table()
        self.tick()

    def _table(self) -> Mapping[bytes, Route]:
        def row(method: bytes, path: str, handler: Callable[[Exchange], None], **more: bool) -> tuple[bytes, Route]:
            return path.encode(), Route(name=path, method=method, handler=handler, **more)

        rows = [
            row(b"POST", "/score", self._score, keyed=True),
            row(b"POST", "/invocations", self._invocations, keyed=True),
            row(b"GET", "/health/live", self._live, quiet=True),
            row(b"GET", "/health/ready", self._ready, quiet=True),
            row(b"GET", "/ping", self._ping, quiet=True),
            row(b"GET", "/health", self._ping, quiet=True),
            row(b"GET", "/version", lambda exchange: exchange.answer(200, MLFLOW, TEXT)),
            row(b"GET", "/openapi.json", lambda exchange: self._document(exchange, openapi.openapi)),
            row(b"GET", "/swagger.json", lambda exchange: self._document(exchange, openapi.swagger)),
            row(b"GET", "/metrics", self._metrics, quiet=True),
            row(b"GET", "/v2", lambda exchange: exchange.answer(200, inference.server(self.manifest))),
            row(b"GET", "/v2/health/live", lambda exchange: exchange.answer(200, b'{"live":true}'), quiet=True),
            row(b"GET", "/v2/health/ready", self._ready_v2, quiet=True),
        ]
        name, version = inference.served(self.manifest)
        for at in (f"/v2/models/{name}", f"/v2/models/{name}/versions/{version}"):
            rows += [
                row(b"GET", at, lambda exchange: exchange.answer(200, inference.metadata(self.manifest))),
                row(b"GET", f"{at}/ready", self._ready_v2, quiet=True),
                row(b"POST", f"{at}/infer", self._infer, keyed=True),
            ]
        return dict(rows)

    # -- what a connection asks

    @property
    def draining(self) -> bool:
        """Whether connections end with their next answer."""
        return self.phase == "draining"

    def configure(self, configuration: Configuration) -> None:
        """Take over a configuration, for requests that are in as well."""
        limits = self.limits = self.gate.limits = configuration.limits
        self.max_body_bytes = limits.max_body_bytes
        self.batcher.max_jobs = min(limits.max_batch, limits.max_concurrent)
        self.telemetry.log.level = configuration.log_level
        self.recorder.configure(configuration.telemetry)
        if self.telemetry.log.exporter is not None:
            self.telemetry.log.exporter.configure(configuration.otlp_endpoint)

    def begin(self, exchange: Exchange) -> None:
        """Find the route of a request whose head is complete, or refuse it before its body is kept."""
        route = exchange.route = self._routes.get(exchange.path)
        try:
            if route is None:
                raise self._unknown(exchange.path)
            if exchange.method != route.method and not (exchange.method == b"HEAD" and route.method == b"GET"):
                allow = "POST" if route.method == b"POST" else "GET, HEAD"
                raise MethodNotAllowed(exchange.method.decode("latin-1"), route.name, allow)
            if route.keyed:
                self._keys.check(exchange.headers)
        except MlopsError as error:
            exchange.refuse(error)

    def handle(self, exchange: Exchange) -> None:
        """Answer a complete request, or see to it that it will be answered."""
        try:
            exchange.route.handler(exchange)
        except MlopsError as error:
            exchange.fail(error)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not take other clients' connections with it
            self._fault(exchange, error)

    def problem(self, error: MlopsError, members: dict[str, Any]) -> tuple[int, bytes, tuple[Header, ...]]:
        """Return an error as status, body and headers."""
        headers: tuple[Header, ...] = ()
        if error.status == 401:  # noqa: PLR2004 - the status is the name
            headers = (AUTHENTICATE,)
        elif isinstance(error, MethodNotAllowed):
            headers = ((b"allow", error.allow.encode()),)
        elif error.status in {429, 503}:
            headers = ((b"retry-after", str(RETRY_AFTER_S).encode()),)
        return error.status, problem_body(error, members), headers

    def done(self, exchange: Exchange, status: int, n_out: int) -> None:
        """Count an answer, and keep it where it was scored."""
        route = exchange.route
        took_s = time.monotonic() - exchange.started
        if self.recorder.takes and route is not None and route.keyed and exchange.refused is None:
            self.recorder.add(exchange, status, took_s, n_out)
        self.telemetry.request(
            route=UNKNOWN if route is None else route.name,
            status=status,
            took_s=took_s,
            request_id=exchange.request_id.decode(),
            n_in=exchange.n_in,
            n_out=n_out,
            quiet=route is not None and route.quiet and status in {200, 503},
        )

    def new_id(self) -> bytes:
        """Return an id for a request that carries none."""
        return b"%b%08x" % (self._instance, next(self._ids) & 0xFFFFFFFF)

    def tick(self) -> None:
        """Do what is due now and then: the date, requests that take too long, the log."""
        self.date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()).encode()
        now = time.monotonic()
        self.gate.expire(now)
        if self.phase == "ready" and self.batcher.relieve(now, self.limits.timeout_s + GRACE_S):
            self._relieved()
        self.telemetry.log.write()
        self.recorder.tick()

    def _relieved(self) -> None:
        """Say that a thread hangs, and end the process when there are too many of them."""
        n_stuck, limit_s = self.batcher.n_stuck, self.limits.timeout_s
        self.telemetry.log.event(
            f"the model hangs: a batch takes longer than {limit_s:g} s (timeout_s); {n_stuck} of {MOST_STUCK} threads do",
            level="error",
        )
        if n_stuck >= MOST_STUCK and not self.failed:
            self.failed = True
            self.telemetry.log.event("too many threads hang: ending, to be started again", level="error")
            os.kill(os.getpid(), signal.SIGTERM)

    # -- scoring

    def _score(self, exchange: Exchange) -> None:
        scorer = self._open()
        data, n_rows = scorer.intake.read(exchange.body, _media(exchange))
        if isinstance(scorer, ScriptScorer):
            write = self._script_answer
        elif ARROW in exchange.headers.get(b"accept", b"") and arrow.is_here():
            write = self._arrow_answer
        else:
            write = self._model_answer
        self._submit(exchange, data, n_rows, write)

    def _invocations(self, exchange: Exchange) -> None:
        scorer = self._open()
        data, n_rows = scorer.intake.read(exchange.body, _media(exchange))
        self._submit(exchange, data, n_rows, self._mlflow_answer)

    def _infer(self, exchange: Exchange) -> None:
        scorer = self._open()
        head = exchange.headers.get(INFERENCE_HEAD)
        request, behind = inference.read(exchange.body, _media(exchange), head)
        data, n_rows = scorer.intake.read_tensors(inference.arrays(request, behind))

        def answer(exchange: Exchange, output: Any) -> None:
            body, n_json = inference.answer(output, self.manifest, request)
            if n_json is None:
                exchange.answer(200, body)
            else:
                exchange.answer(200, body, BINARY, ((INFERENCE_HEAD, b"%d" % n_json),))

        self._submit(exchange, data, n_rows, answer)

    def _open(self) -> ModelScorer | ScriptScorer:
        """Return the scorer if one more request may be scored. Raises ``NotReady`` or ``TooManyRequests``."""
        if self.phase == "loading":
            raise NotReady("The model is still being loaded.", hint="Ask /health/ready until it answers 200.")
        self.gate.check()
        return self.scorer

    def _submit(self, exchange: Exchange, data: Any, n_rows: int, write: Write) -> None:
        def ended(job: Job, outcome: Any) -> None:
            exchange.on_lost = None  # else they hold each other, and the body, until the collector comes by
            self.gate.leave(job)
            if isinstance(outcome, MlopsError):
                exchange.fail(outcome)
                return
            try:
                write(exchange, outcome)
            except MlopsError as error:
                exchange.fail(error)
            except Exception as error:  # noqa: BLE001 - the other jobs of the batch must get their answers
                self._fault(exchange, error)

        exchange.n_rows = n_rows
        if isinstance(self.scorer, ScriptScorer):
            exchange.scope = Scope(exchange.request_id.decode())
            data = Asked(data, exchange.scope)
        job = Job(data, n_rows, ended)
        exchange.on_lost = lambda: job.end(None)
        self.gate.enter(job, time.monotonic())
        self.batcher.submit(job)

    def _model_answer(self, exchange: Exchange, output: Any) -> None:
        exchange.answer(200, b'{"predictions":' + codec.encode(output) + self._suffix)

    def _arrow_answer(self, exchange: Exchange, output: Any) -> None:
        stream = arrow.write(output, ":".join(inference.served(self.manifest)))
        if stream is None:
            self._model_answer(exchange, output)  # better than no answer, and its content type says what it is
        else:
            exchange.answer(200, stream, ARROW)

    def _mlflow_answer(self, exchange: Exchange, output: Any) -> None:
        exchange.answer(200, b'{"predictions":' + codec.encode(output) + b"}")

    def _script_answer(self, exchange: Exchange, output: Any) -> None:
        exchange.answer(200, codec.encode(output, what="What the scoring script returned"))

    # -- everything else

    def _live(self, exchange: Exchange) -> None:
        exchange.answer(200, b'{"status":"live"}')

    def _ready(self, exchange: Exchange) -> None:
        ready = self.phase == "ready"
        exchange.answer(200 if ready else 503, encode({"status": self.phase, "nonce": self._nonce}))

    def _ping(self, exchange: Exchange) -> None:
        """Answer as MLflow's server does, which SageMaker asks by ``/ping``."""
        exchange.answer(200 if self.phase == "ready" else 503, b"\n", TEXT)

    def _ready_v2(self, exchange: Exchange) -> None:
        ready = self.phase == "ready"
        exchange.answer(200 if ready else 503, encode({"name": inference.served(self.manifest)[0], "ready": ready}))

    def _metrics(self, exchange: Exchange) -> None:
        exchange.answer(200, self.exposition(), METRICS)

    def _document(self, exchange: Exchange, make: Callable[[Manifest], dict[str, Any]]) -> None:
        name = make.__name__
        if name not in self._documents:
            self._documents[name] = encode(make(self.manifest))
        exchange.answer(200, self._documents[name])

    def _gauges(self) -> dict[str, float]:
        inside = len(self.gate)
        return {
            "mlops_ready": float(self.phase == "ready"),
            "mlops_requests_in_flight": inside,
            "mlops_requests_waiting": max(0, inside - self.limits.max_concurrent),
            "mlops_connections": len(self.connections),
        }

    def _unknown(self, path: bytes) -> MlopsError:
        told = path[:200].decode("utf-8", "replace")
        if path.startswith(b"/v2/models/"):
            name, version = inference.served(self.manifest)
            return NoSuchModel(f"There is no {told!r} here.", hint=f"This replica serves {name!r}, version {version}.")
        return NoSuchPath(f"There is no {told!r} here.", hint="Score with POST /score; /openapi.json lists every path.")

    def _fault(self, exchange: Exchange, error: Exception) -> None:
        self.telemetry.log.event(
            f"internal error: {error!r}", level="error", id=exchange.request_id.decode(), stack=traceback.format_exc()
        )
        exchange.fail(
            Internal(
                f"The server failed at this request ({type(error).__name__}).", hint="The replica's log has the stack."
            )
        )


def _media(exchange: Exchange) -> str:
    headers = exchange.headers
    return codec.media_of(headers.get(b"content-type", b""), headers.get(b"content-encoding", b""))
