"""Pushing: into a real registry, with what `docker login` left, without an engine; only what the registry lacks is sent."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import os
import tarfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import docker
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from jupyter_mlops.core.image import Image
from jupyter_mlops.hosts import oci
from jupyter_mlops.hosts.builder import DockerBuilder
from jupyter_mlops.hosts.credentials import Credentials, NoCredentials, credentials_for
from jupyter_mlops.hosts.engine import NoEngine
from jupyter_mlops.hosts.layers import Member, tar_stream, write_layer
from jupyter_mlops.hosts.registry import BadTarget, NoRegistry, PushDenied, Registry, RegistryRefused, Target
from jupyter_mlops.hosts.saved import BadArchive

USER, PASSWORD = "ali", "open sesame"
HTPASSWD = "$2b$04$5Su2rrLq8K1.XjMZaPwaTOdO/XA3TH2NwVSO5bMLYtxSZvUu2uETy"
"""Of that password, by bcrypt, the one hash that the registry takes."""


def quiet(line: str, fraction: float) -> None:
    """Listen to progress and say nothing."""


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory, serving) -> Iterator[str]:
    """The address of a registry that asks for a password."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "htpasswd").write_text(f"{USER}:{HTPASSWD}\n")
    with serving(folder, {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}}) as address:
        yield address


class TokenServer(ThreadingHTTPServer):
    """What gives tokens for a registry, as those of the clouds do: for a password, or for what `docker login` got for it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), TokenHandler)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tokens")])
        now = dt.datetime.now(dt.UTC)
        made = x509.CertificateBuilder(name, name, self.key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(hours=1))
        self.certificate = made.sign(self.key, hashes.SHA256())
        (folder / "root.pem").write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def token(self, scope: str) -> str:
        kind, name, actions = scope.split(":")
        now = int(time.time())
        shown = base64.b64encode(self.certificate.public_bytes(serialization.Encoding.DER)).decode()
        head = {"typ": "JWT", "alg": "RS256", "x5c": [shown]}
        body = {"iss": "us", "sub": USER, "aud": "registry", "exp": now + 300, "nbf": now - 60, "iat": now, "jti": "1"}
        body["access"] = [{"type": kind, "name": name, "actions": actions.split(",")}]
        signed = b".".join(url_safe(json.dumps(part).encode()) for part in (head, body))
        return (signed + b"." + url_safe(self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256()))).decode()


def url_safe(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class TokenHandler(BaseHTTPRequestHandler):
    """GET with a password, POST with a refresh token."""

    server: TokenServer

    def do_GET(self) -> None:
        known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.give(urlsplit(self.path).query, allowed=self.headers["Authorization"] == f"Basic {known}")

    def do_POST(self) -> None:
        form = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.give(form, allowed="grant_type=refresh_token" in form and "refresh_token=long-lived" in form)

    def give(self, form: str, *, allowed: bool) -> None:
        asked = parse_qs(form)
        body = json.dumps({"token": self.server.token(asked["scope"][0])}).encode() if allowed else b"{}"
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def token_registry(tmp_path_factory: pytest.TempPathFactory, serving) -> Iterator[str]:
    """The address of a registry that asks for tokens of a server beside it."""
    folder = tmp_path_factory.mktemp("tokens")
    with TokenServer(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        realm = f"http://127.0.0.1:{server.server_port}/token"
        root = str(folder / "root.pem")
        login = {"realm": realm, "service": "registry", "issuer": "us", "rootcertbundle": root}
        with serving(folder, {"token": login}) as address:
            yield address
        server.shutdown()
        thread.join()


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration file, not there yet."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    (tmp_path / "docker").mkdir()
    return tmp_path / "docker" / "config.json"


@pytest.fixture
def logged_in(config: Path, registry: str) -> None:
    """What `docker login` writes."""
    known = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config.write_text(json.dumps({"auths": {registry: {"auth": known}}}))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An image of two small layers in a file, as our export writes it."""
    return write_archive(tmp_path, b"weights")


def write_archive(folder: Path, weights: bytes) -> Path:
    layers = [
        write_layer(folder, name, [Member(name=f"{name}.bin", content=content)], name, lambda: None)
        for name, content in (("base", b"base" * 100_000), ("model", weights))
    ]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"mlops.manifest": "churn:1"}},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}" for layer in layers]},
    }
    blobs = [oci.Blob(digest=layer.digest, n_bytes=layer.n_bytes, path=layer.path) for layer in layers]
    file = folder / "image.tar"
    file.write_bytes(b"".join(tar_stream(oci.members(json.dumps(config).encode(), ["mlops/churn:1"], blobs))))
    return file


@pytest.fixture
def without_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerBuilder:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    return DockerBuilder(tmp_path, "w")


def got(address: str, path: str) -> requests.Response:
    accept = {"Accept": oci.MANIFEST_TYPE}
    return requests.get(f"http://{address}/v2/{path}", auth=(USER, PASSWORD), headers=accept, timeout=10)


@pytest.mark.usefixtures("logged_in")
def test_a_saved_image_is_pushed_whole_without_an_engine(registry, archive, without_engine):
    pushed = without_engine.push(archive, f"{registry}/team/churn:1", quiet)
    stored = got(registry, "team/churn/manifests/1")
    assert stored.headers["Docker-Content-Digest"] == pushed.digest
    manifest = stored.json()
    for blob in (manifest["config"], *manifest["layers"]):
        content = got(registry, f"team/churn/blobs/{blob['digest']}").content
        assert (f"sha256:{hashlib.sha256(content).hexdigest()}", len(content)) == (blob["digest"], blob["size"])
    assert pushed.n_bytes == pushed.n_sent_bytes == sum(layer["size"] for layer in manifest["layers"])
    assert pushed.n_bytes < 10_000  # 400 kB that compress well


@pytest.mark.usefixtures("logged_in")
def test_only_layers_that_the_registry_lacks_are_sent(registry, archive, without_engine, tmp_path):
    first = without_engine.push(archive, f"{registry}/twice:1", quiet)
    assert without_engine.push(archive, f"{registry}/twice:1", quiet).n_sent_bytes == 0
    newer = without_engine.push(write_archive(tmp_path, b"other weights"), f"{registry}/twice:2", quiet)
    assert 0 < newer.n_sent_bytes < first.n_sent_bytes
    assert sorted(got(registry, "twice/tags/list").json()["tags"]) == ["1", "2"]


@pytest.mark.usefixtures("config")
def test_without_a_login_the_registry_s_refusal_names_the_command(registry, archive, without_engine):
    with pytest.raises(PushDenied, match=f"{registry} does not let nobody's credentials push to churn") as raised:
        without_engine.push(archive, f"{registry}/churn:1", quiet)
    assert f"docker login {registry}" in raised.value.hint


def test_a_wrong_password_is_refused_and_not_shown(registry, archive, without_engine, config):
    known = base64.b64encode(f"{USER}:wrong-password".encode()).decode()
    config.write_text(json.dumps({"auths": {registry: {"auth": known}}}))
    with pytest.raises(PushDenied, match="'ali'") as raised:
        without_engine.push(archive, f"{registry}/churn:1", quiet)
    assert "wrong-password" not in str(raised.value)
    assert "wrong-password" not in repr(Credentials(user=USER, password="wrong-password"))


def test_a_credential_helper_is_asked(registry, archive, without_engine, config, monkeypatch):
    helper = config.parent / "bin" / "docker-credential-vault"
    helper.parent.mkdir()
    helper.write_text(
        f'#!/bin/sh\nread server\n[ "$1 $server" = "get {registry}" ] || exit 1\n'
        f'echo \'{{"ServerURL": "{registry}", "Username": "{USER}", "Secret": "{PASSWORD}"}}\'\n'
    )
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    config.write_text(json.dumps({"credHelpers": {registry: "vault"}}))
    assert without_engine.push(archive, f"{registry}/by-helper:1", quiet).n_bytes
    config.write_text(json.dumps({"credHelpers": {registry: "gone"}}))
    with pytest.raises(NoCredentials, match="docker-credential-gone"):
        credentials_for(registry)


def test_a_registry_with_tokens_takes_a_password_or_what_login_got_for_it(
    token_registry, archive, without_engine, config
):
    basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    for number, known in enumerate(({"auth": basic}, {"auth": basic, "identitytoken": "long-lived"}), 1):
        config.write_text(json.dumps({"auths": {token_registry: known}}))
        pushed = without_engine.push(archive, f"{token_registry}/team/churn:{number}", quiet)
        assert (pushed.n_sent_bytes > 0) == (number == 1)
    for known in ({"auth": base64.b64encode(b"ali:wrong").decode()}, {"auth": basic, "identitytoken": "revoked"}):
        config.write_text(json.dumps({"auths": {token_registry: known}}))
        with pytest.raises(PushDenied, match=r"no token was given \(401\)"):
            without_engine.push(archive, f"{token_registry}/team/churn:3", quiet)


@pytest.mark.usefixtures("config")
def test_a_registry_that_does_not_answer_is_named(archive, without_engine):
    with pytest.raises(NoRegistry, match=r"127\.0\.0\.1:1 does not answer: .*refused"):
        without_engine.push(archive, "127.0.0.1:1/churn:1", quiet)


@pytest.mark.usefixtures("logged_in")
def test_a_blob_that_is_not_what_its_digest_says_is_refused_in_the_registry_s_words(registry):
    client = Registry(Target.parse(f"{registry}/churn:1"), credentials_for(registry))
    with pytest.raises(RegistryRefused, match="digest did not match"):
        client.upload(b"something", "0" * 64, lambda _: None)
    client.close()


class CancelledByTest(Exception):
    """Raised where a person cancels."""


@pytest.mark.usefixtures("logged_in")
@pytest.mark.parametrize("at", ["Compressing", "Sending"])
def test_a_cancelled_push_tags_nothing_and_leaves_no_files(at, registry, archive, without_engine, tmp_path):
    def cancel(line: str, fraction: float) -> None:  # noqa: ARG001
        if line.startswith(at):
            raise CancelledByTest

    with pytest.raises(CancelledByTest):
        without_engine.push(archive, f"{registry}/cancelled-{at.lower()}:1", cancel)
    assert got(registry, f"cancelled-{at.lower()}/manifests/1").status_code == 404
    assert not list((tmp_path / "cache" / "images").glob("building-*"))


@pytest.mark.usefixtures("logged_in")
def test_files_that_are_no_whole_image_are_refused(registry, archive, without_engine, tmp_path):
    content = archive.read_bytes()
    damaged = bytearray(content)
    damaged[content.index(b"basebase") + 10] ^= 1
    for name, data in {"no.tar": b"hello", "cut.tar": content[: len(content) // 2], "hurt.tar": bytes(damaged)}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(BadArchive, match=f"{name} is not a whole image"):
            without_engine.push(tmp_path / name, f"{registry}/bad:1", quiet)
    with tarfile.open(tmp_path / "other.tar", "w") as other:
        other.add(tmp_path / "no.tar", "manifest.json")
    with pytest.raises(BadArchive, match="what it says of itself cannot be read"):
        without_engine.push(tmp_path / "other.tar", f"{registry}/bad:1", quiet)
    assert got(registry, "bad/tags/list").status_code == 404


@pytest.mark.parametrize(
    "target", ["churn", "host/churn", "host.org/Churn:1", "host.org/churn:", "host.org/:1", "a b:1"]
)
def test_a_target_that_names_no_image_is_refused(target):
    with pytest.raises(BadTarget):
        Target.parse(target)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("churn:1", "docker.io/library/churn:1"),
        ("team/churn:1", "docker.io/team/churn:1"),
        ("localhost/churn:1", "localhost/churn:1"),
        ("host:5000/team/churn:v1.2-rc_3", "host:5000/team/churn:v1.2-rc_3"),
        ("[::1]:5000/churn:1", "[::1]:5000/churn:1"),
    ],
)
def test_a_target_is_read_as_docker_reads_it(written, meant):
    assert str(Target.parse(written)) == meant


@pytest.mark.docker
@pytest.mark.usefixtures("logged_in")
def test_an_image_of_the_engine_comes_back_from_the_registry_with_its_id(registry, archive, tmp_path):
    engine = docker.from_env()
    with archive.open("rb") as file:
        (image,) = engine.images.load(file)
    record = Image(name="churn:1", manifest="churn:1", image_id=image.id, tag=image.tags[0], n_bytes=1_000_000)
    heard = []
    builder = DockerBuilder(tmp_path, "w")
    pushed = builder.push(record, f"{registry}/plain:31", lambda line, fraction: heard.append(fraction))  # noqa: ARG005
    assert heard == sorted(heard)
    assert heard[-1] == 1
    builder.remove(image.id)
    back = engine.images.pull(f"{registry}/plain@{pushed.digest}", auth_config={"username": USER, "password": PASSWORD})
    assert back.id == image.id
    engine.images.remove(back.id, force=True)
    engine.close()


@pytest.mark.usefixtures("logged_in")
def test_an_image_of_an_engine_that_is_away_is_not_pushed(registry, without_engine):
    record = Image(name="a:1", manifest="a:1", image_id="sha256:0", tag="mlops/a:1")
    with pytest.raises(NoEngine):
        without_engine.push(record, f"{registry}/a:1", quiet)
