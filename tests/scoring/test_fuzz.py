"""Requests made up at random, of good ones and of nothing: no 5xx but the script's own, no crash, memory flat.

Twenty seconds, and five minutes where ``MLOPS_NIGHTLY`` is set.
"""

from __future__ import annotations

import json
import os
import random
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from jupyter_mlops.core.manifest import Column, Schema

SECONDS = 300.0 if os.environ.get("MLOPS_NIGHTLY") else 20.0
KEY = b"a-primary-key"
COLUMNS = [Column(name="age", type="double"), Column(name="n", type="long"), Column(name="s", type="float")]
NAMES = [column.name for column in COLUMNS]
SCRIPT = """
def run(data):
    if isinstance(data, dict) and "raise" in data:
        raise LookupError("its own")
    return {"got": data if not isinstance(data, bytes) else len(data)}
"""


def arrow_stream() -> bytes:
    table = pa.table({"age": [1.0, 2.0], "n": [1, 2], "s": [0.5, 1.0]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


ROW = [1.5, 2, 0.5]
RECORD = dict(zip(NAMES, ROW, strict=True))
TENSOR = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": ROW}
GOOD = [
    *(json.dumps(body).encode() for body in (
        {"data": [ROW]}, [RECORD], {"columns": {name: [1] for name in NAMES}}, {"inputs": [TENSOR]}, {"raise": 1},
        {"dataframe_split": {"columns": NAMES, "data": [ROW, ROW]}}, {"instances": [RECORD]}, {"inputs": RECORD},
    )),
    b"age,n,s\n1.5,2,0.5\n", arrow_stream(), b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
]  # fmt: skip

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
anything = st.recursive(
    scalars | st.sampled_from([ROW, RECORD, TENSOR, 2**63, -(2**63) - 1, 1e308, "\ud800", "2026-01-01"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from([*NAMES, "data", "columns", "inputs", "instances", "dataframe_split", "params", "raise", "shape"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body in which some bytes were changed, doubled or lost."""
    body = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, max(0, len(body) - 1)))
        body[at : at + draw(st.integers(0, 5))] = draw(st.binary(max_size=5)) * draw(st.sampled_from([1, 1, 300]))
    return bytes(body)


bodies = damaged() | anything.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
MEDIAS = [
    b"application/json",
    b"text/csv",
    b"application/vnd.apache.arrow.stream",
    b"application/octet-stream",
    b"image/png",
]
medias = st.sampled_from(
    [*MEDIAS, b"application/json; charset=utf-8", b"application/json; charset=x", b"", b";;=", b"\xff"]
)
tokens = st.binary(max_size=30).map(lambda value: value.translate(None, b"\r\n\0"))
paths = st.sampled_from([b"/score"] * 6 + [
    b"/invocations", b"/v2/models/m/infer", b"/v2/models/iris/infer", b"/v2/models/m", b"/metrics", b"/openapi.json",
    b"/ping", b"/health/ready?x=%ff", b"/%2e%2e/%00", b"*", b"http://x/score", b"//", b"/score/" + b"a" * 300,
])  # fmt: skip
headers = st.dictionaries(
    st.sampled_from([
        b"x-request-id", b"accept", b"inference-header-content-length", b"content-encoding", b"expect", b"connection",
        b"upgrade", b"x-api-key", b"authorization", b"content-length", b"traceparent", b"cookie", b"x-mlops-deployment",
    ]),
    tokens | st.sampled_from([b"*/*", b"close", b"100-continue", b"upgrade", b"h2c", b"gzip", b"Bearer " + KEY, b"9" * 30, b"20",
                              b"application/vnd.apache.arrow.stream"]),
    max_size=3,
)  # fmt: skip


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    body = draw(bodies)
    method = draw(st.sampled_from([b"POST"] * 8 + [b"GET", b"PUT", b"OPTIONS", b"M-SEARCH", b"post"]))
    lines = [b"%s %s HTTP/1.%d" % (method, draw(paths), draw(st.sampled_from([1, 1, 1, 0]))), b"host: x"]
    if draw(st.integers(0, 9)):
        lines.append(b"x-api-key: " + KEY)
    lines.append(b"content-type: " + draw(medias))
    lines += [b"%s: %s" % pair for pair in draw(headers).items()]
    if draw(st.integers(0, 4)):
        return b"\r\n".join([*lines, b"content-length: %d" % len(body), b"", body])
    at = draw(st.integers(0, len(body)))
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:at], body[at:]) if part)
    return b"\r\n".join([*lines, b"transfer-encoding: chunked", b"", chunks + b"0\r\n\r\n"])


def asked(address: str, data: bytes, cut: int) -> bytes:
    """Send bytes in two pieces and nothing more; return all that is answered."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        answer = b""
        try:
            sock.sendall(data[:cut])
            sock.sendall(data[cut:])
            sock.shutdown(socket.SHUT_WR)
            while part := sock.recv(65_536):
                answer += part
        except OSError:
            pass  # it would read no more of what is no HTTP
    return answer


def check(answer: bytes) -> None:
    """Look at every answer on a connection: framed right, and what it says is so."""
    while answer:
        head, _, rest = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ", 2)[1])
        if status == 100:
            answer = rest
            continue
        fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in head.split(b"\r\n")[1:])}
        body, answer = rest[: int(fields[b"content-length"])], rest[int(fields[b"content-length"]) :]
        if fields[b"content-type"] == b"application/problem+json":
            problem = json.loads(body)
            assert problem["status"] == status >= 400
            assert "Traceback" not in problem["detail"]
            assert status < 500 or (status, problem["code"]) == (500, "script-failed"), problem
        else:
            assert status < 400, (status, body)
        if fields[b"content-type"] == b"application/json":
            json.loads(body)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, start_shared: Any, bundle_of: Any, script_bundle: Callable[..., Path]) -> list[Any]:  # fmt: skip
    import skops.io
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path_factory.mktemp("fuzzed")
    files = folder / "models" / "iris"
    files.mkdir(parents=True)
    skops.io.dump(LogisticRegression().fit(np.eye(3), [0, 1, 1]), files / "model.skops")
    (files / "MLmodel").write_text(
        "flavors:\n  sklearn:\n    pickled_model: model.skops\n    serialization_format: skops\n"
    )
    model = bundle_of(folder, schema=Schema(columns=COLUMNS), sample={"data": [ROW]})
    started = [start_shared(model), start_shared(script_bundle(tmp_path_factory.mktemp("fuzzed-script"), SCRIPT))]
    return [server.ready() for server in started]


def each_kind_once(address: str) -> None:
    """Have a replica load all that it loads when it is first needed: pyarrow alone takes 45 MB."""
    for body in GOOD:
        for media in MEDIAS:
            for accept in (b"*/*", b"application/vnd.apache.arrow.stream"):
                head = b"POST /score HTTP/1.1\r\nhost: x\r\nx-api-key: %s\r\ncontent-type: %s\r\naccept: %s\r\ncontent-length: %d\r\n\r\n"
                check(asked(address, head % (KEY, media, accept, len(body)) + body, 0))


def rss_mb(server: Any) -> float:
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="this system has no /proc")
@pytest.mark.timeout(SECONDS + 120)
def test_no_request_brings_a_replica_down(servers: list[Any]) -> None:
    for server in servers:
        each_kind_once(server.address)
    until = time.monotonic() + SECONDS
    before: list[float] = []
    n_rounds = 0
    while time.monotonic() < until or n_rounds < 2:

        @seed(random.randrange(2**32))
        @settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(requests(), min_size=1, max_size=3), st.integers(0, 400))
        def one_round(several: list[bytes], cut: int) -> None:
            for server in servers:
                check(asked(server.address, b"".join(several), cut))

        one_round()
        n_rounds += 1
        assert [server.process.poll() for server in servers] == [None, None]
        if n_rounds == 2:  # by then the allocator has what it needs
            before = [rss_mb(server) for server in servers]
    grown = [rss_mb(server) - was for server, was in zip(servers, before, strict=True)]
    assert max(grown) < 15, (grown, n_rounds)
    assert [server.post({"data": [ROW]}).status for server in servers] == [200, 200]
    assert not [line for server in servers for line in server.lines() if "internal error" in str(line.get("message"))]
