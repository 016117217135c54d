"""The programs run as they are printed: they score, wait where the service is full, and say what was wrong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from jupyter_mlops.core.errors import UnknownThing
from jupyter_mlops.core.manifest import Column, Manifest, Schema, Tensor
from jupyter_mlops.core.service import Limits, Service
from jupyter_mlops.delivery.authority import authority_file
from jupyter_mlops.delivery.certificates import install
from jupyter_mlops.delivery.clients import (
    _DIALECTS,
    AUTHORITY,
    VARIABLE,
    Language,
    NotDeployed,
    client_program,
    example,
)
from jupyter_mlops.delivery.keys import read_keys, service_folder

SCRIPT = """
import os, time

def run(data):
    while isinstance(data, dict) and os.path.exists(data.get("until_gone", "")):
        time.sleep(0.02)
    return {"got": data}
"""
SAMPLE = {"data": [{"who": "Zoë 'O\\'Hara\" 🙂\n$HOME `id` @KEY@ %s \\u0041", "n": 1.5, "none": None, "ok": True}]}
LONG = {**SAMPLE, "pad": "x" * 100_000}
"""Longer than one constant of Java's may be."""
NEEDS = {
    "python": ["python3"], "java": ["java"], "csharp": ["mcs", "mono"], "r": ["Rscript", "curl"],
    "javascript": ["node"], "curl": ["sh", "curl"],
}  # fmt: skip


def here(language: str) -> bool:
    return all(shutil.which(program) for program in NEEDS[language])


def run(folder: Path, program: Any, key: str, command: str = "") -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    (folder / program.file).write_text(program.source, "utf-8")
    env = {**os.environ, VARIABLE: key, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command or program.run, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)  # fmt: skip


@pytest.fixture(scope="module")
def ran(served: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Run each language's program against a service that takes one request at a time and is full when it begins."""
    home = tmp_path_factory.mktemp("programs")
    languages = [language for language in get_args(Language) if here(language)]
    for language in languages:
        limits = Limits(max_concurrent=1, max_queue=0)
        sample = LONG if language == "java" else SAMPLE
        served.start(f"full-{language}", script=SCRIPT, sample=sample, limits=limits)

    def one(language: str) -> tuple[subprocess.CompletedProcess[str], str]:
        name, block = f"full-{language}", home / f"block-{language}"
        replica, key = served.replicas[name].ready(), read_keys(served.world, name).primary
        program = client_program(served.world, name, language)
        block.touch()
        with ThreadPoolExecutor(2) as threads:
            blocked = threads.submit(replica.post, {"until_gone": str(block)}, x_api_key=key)
            replica.wait(lambda: b"mlops_requests_in_flight 1" in replica.get("/metrics").body, "the request")
            ended = threads.submit(run, home / language, program, key)
            refused = b'status="429"'
            replica.wait(lambda: ended.done() or refused in replica.get("/metrics").body, "a request that was refused")
            block.unlink()
            assert blocked.result().status == 200
            return ended.result(), replica.get("/metrics").body.decode()

    with ThreadPoolExecutor(len(languages)) as threads:
        return dict(zip(languages, threads.map(one, languages), strict=True))


@pytest.mark.parametrize("language", get_args(Language))
def test_the_program_waits_while_the_service_is_full_and_prints_the_answer(ran: Any, language: Language) -> None:
    if not here(language):
        pytest.skip(f"{' and '.join(NEEDS[language])} are not all here")
    ended, metrics = ran[language]
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout) == {"got": LONG if language == "java" else SAMPLE}
    assert 'status="429"' in metrics


@pytest.mark.parametrize("language", ["python", "curl", "javascript", "r"])
def test_an_error_is_told_and_is_the_exit_code(served: Any, ran: Any, tmp_path: Path, language: Language) -> None:
    if language not in ran:
        pytest.skip(f"{' and '.join(NEEDS[language])} are not all here")
    ended = run(tmp_path, client_program(served.world, f"full-{language}", language), "a-wrong-key")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "401" in ended.stderr
    assert "urn:jupyter-mlops:" in ended.stderr


@pytest.mark.parametrize("language", get_args(Language))
def test_the_key_is_in_the_program_only_where_that_was_asked(served: Any, ran: Any, language: Language) -> None:
    name = f"full-{next(iter(ran))}"
    key = read_keys(served.world, name).primary
    plain, open_ = (client_program(served.world, name, language, with_key=asked).source for asked in (False, True))
    assert (key in plain, key in open_) == (False, True)
    assert (VARIABLE in plain, VARIABLE in open_) == (True, False)
    assert not [line for line in (plain + open_).splitlines() if "@URL" in line or "@BODY" in line]


def test_the_python_program_with_the_key_in_it_needs_nothing_else(served: Any, ran: Any, tmp_path: Path) -> None:
    del ran
    program = client_program(served.world, "full-python", "python", with_key=True)
    assert json.loads(run(tmp_path, program, "").stdout) == {"got": SAMPLE}


class Tls:
    """HTTPS in front of a replica, as a service's gateway speaks it: one thread, with the certificate of the record."""

    def __init__(self, world: Any, name: str, port: int) -> None:
        certificate = install(world, name, "127.0.0.1", None)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(service_folder(world, name) / "tls" / certificate.file)
        self._loop = asyncio.new_event_loop()
        self._behind = port
        server = self._loop.run_until_complete(asyncio.start_server(self._client, "127.0.0.1", 0, ssl=context))
        self.port = server.sockets[0].getsockname()[1]
        world.catalog.edit(
            Service, name, lambda one: msgspec.structs.replace(one, certificate=certificate, port=self.port)
        )
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._server = server

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind = await asyncio.open_connection("127.0.0.1", self._behind)
        await asyncio.gather(self._copy(reader, behind[1]), self._copy(behind[0], writer), return_exceptions=True)

    @staticmethod
    async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while part := await reader.read(65_536):
                writer.write(part)
                await writer.drain()
        finally:
            writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        time.sleep(0.1)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def test_a_self_made_certificate_is_trusted_as_the_program_says(served: Any, ran: Any, tmp_path: Path) -> None:
    name = "full-python"
    tls = Tls(served.world, name, served.world.catalog.get(Service, name).port)
    try:
        languages = ["python", "curl", "javascript", "r", *(["java"] if os.environ.get("MLOPS_NIGHTLY") else [])]
        for language in [one for one in languages if one in ran]:
            program = client_program(served.world, name, language)
            assert f"https://127.0.0.1:{tls.port}/score" in program.source
            assert f"`mlops services tls {name}`" in program.source
            folder = tmp_path / language
            folder.mkdir()
            key = read_keys(served.world, name).primary
            refused = run(folder, program, key, command=_DIALECTS[language].run)
            assert refused.returncode != 0, refused.stdout
            shutil.copy(authority_file(served.world), folder / AUTHORITY)
            assert json.loads(run(folder, program, key).stdout) == {"got": SAMPLE}, language
    finally:
        tls.close()


def test_a_service_without_an_address_has_no_program_yet(served: Any) -> None:
    served.world.catalog.add(Service(name="young", host="process", deployments=[]))
    with pytest.raises(NotDeployed, match="'young'"):
        client_program(served.world, "young", "python")
    with pytest.raises(UnknownThing, match="'missing'"):
        client_program(served.world, "missing", "python")


def test_a_row_is_made_up_where_the_manifest_has_no_sample() -> None:
    def of(**schema: Any) -> Any:
        return example(Manifest(name="m", version=1, models=[], files=[], schema=Schema(**schema)))

    columns = [Column(name="n", type="long"), Column(name="s", type="string"), Column(name="o", required=False)]
    assert of(columns=columns) == {"data": [{"n": 0, "s": ""}]}
    assert of(tensors=[Tensor(dtype="float32", shape=[-1, 2])]) == {"inputs": [[0.0, 0.0]]}
    two = [Tensor(name="a", dtype="int64", shape=[-1]), Tensor(name="b", dtype="bool", shape=[-1, 1])]
    assert of(tensors=two) == {"inputs": {"a": [0], "b": [[False]]}}
    assert time.strptime(of(columns=[Column(name="t", type="datetime")])["data"][0]["t"], "%Y-%m-%dT%H:%M:%S")


@pytest.mark.parametrize(
    ("schema", "script", "takes"),
    [
        (Schema(columns=[Column(name="n", type="long")]), None, False),
        (Schema(columns=[Column(name="n", type="long")]), "code/score.py", False),
        (Schema(columns=[Column(name="photo", type="binary")]), None, True),
        (Schema(tensors=[Tensor(dtype="float32", shape=[-1, 4])]), None, False),
        (Schema(tensors=[Tensor(dtype="uint8", shape=[-1, 28, 28, 3])]), None, True),
        (Schema(), "code/score.py", True),
    ],
)
def test_a_model_of_pictures_and_a_script_that_names_no_columns_take_bytes(
    schema: Schema, script: str | None, takes: bool
) -> None:
    manifest = Manifest(name="m", version=1, models=[], files=[], schema=schema, script=script)
    assert manifest.takes_bytes == takes


def test_a_sample_of_many_rows_is_shown_as_one() -> None:
    columns = [Column(name="n", type="long")]
    split = {"dataframe_split": {"columns": ["n"], "index": [5, 6], "data": [[1], [2]]}}
    manifest = Manifest(name="m", version=1, models=[], files=[], schema=Schema(columns=columns), sample=split)
    assert example(manifest) == {"dataframe_split": {"columns": ["n"], "index": [5], "data": [[1]]}}
