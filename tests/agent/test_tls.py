"""A service speaks HTTPS with a self-made or a given certificate, changed while it answers; what it keeps holds no key."""

from __future__ import annotations

import datetime as dt
import hashlib
import http.client
import json
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from jupyter_mlops.core.errors import Conflict
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.authority import authority_file
from jupyter_mlops.delivery.certificates import BadCertificate, Given, renew, renew_due, show_certificate
from jupyter_mlops.delivery.services import configure, regenerate_key, score, service_keys, service_logs
from jupyter_mlops.monitoring.telemetry import read_telemetry


@pytest.fixture(scope="module")
def secure(house) -> Iterator:
    """A service that speaks HTTPS."""
    house.deploy("secure", house.manifest("secure", run="print(data)\n    return 'safe'", sample=[1]), tls=True)
    yield house
    house.delete("secure")


def trusting(house) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority_file(house.world)))


def ask(house, context: ssl.SSLContext, host: str = "127.0.0.1") -> int:
    service = house.service("secure")
    connection = http.client.HTTPSConnection(host, service.port, timeout=10, context=context)
    try:
        key = service_keys(house.world, "secure").primary
        connection.request("POST", "/score", b"{}", {"x-api-key": key, "content-type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


def shown(house) -> str:
    """Return the fingerprint of the certificate that the gateway shows."""
    pem = ssl.get_server_certificate(("127.0.0.1", house.service("secure").port), timeout=10)
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_clients_that_trust_the_workspace_are_answered_and_others_are_warned(secure):
    service = secure.service("secure")
    assert service.url == f"https://127.0.0.1:{service.port}"
    assert score(secure.world, "secure", b"{}") == "safe"
    for host in ("127.0.0.1", "localhost"):
        assert ask(secure, trusting(secure), host) == 200
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(secure, ssl.create_default_context())
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        secure.post_to(service.port, {}, "a key")  # in plain HTTP


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_only_todays_versions_of_tls_are_spoken(secure):
    old = trusting(secure)
    old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        ask(secure, old)


def test_a_certificate_is_renewed_under_load_and_no_request_fails(secure):
    world, port = secure.world, secure.service("secure").port
    key, context = service_keys(world, "secure").primary, trusting(secure)
    done, seen, failed = threading.Event(), [], []

    def load() -> None:
        connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        while not done.is_set():
            try:
                connection.request("POST", "/score", b"{}", {"x-api-key": key, "content-type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                seen.append(answer.status)
            except (OSError, http.client.HTTPException) as error:
                failed.append(error)
            time.sleep(0.002)
        connection.close()

    before = shown(secure)
    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        fresh = renew(world, "secure")
        secure.eventually(lambda: shown(secure) == fresh.fingerprint, timeout_s=15)
        time.sleep(0.3)
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert set(seen) == {200}
    assert before != fresh.fingerprint


def test_one_that_ends_soon_is_renewed_and_others_are_left_alone(secure):
    before = secure.service("secure").certificate
    renew_due(secure.world)
    assert secure.service("secure").certificate == before
    soon = msgspec.structs.replace(before, expires_at=time.time() + 86_400)
    secure.world.catalog.edit(Service, "secure", lambda one: msgspec.structs.replace(one, certificate=soon))
    renew_due(secure.world)
    after = secure.service("secure").certificate
    assert after.fingerprint != before.fingerprint
    assert after.expires_at > time.time() + 300 * 86_400
    secure.eventually(lambda: shown(secure) == after.fingerprint)


def given(name: str, *, days: int = 10, other_key: bool = False, names: bool = True, n_bits: int = 2048) -> Given:
    """Return a certificate that nobody knows signed, for one DNS name."""
    key, other = (rsa.generate_private_key(65_537, n_bits) for _ in range(2))
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=30))
        .not_valid_after(now + dt.timedelta(days=days))
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    pem = serialization.Encoding.PEM
    private = (other if other_key else key).private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return Given(certificate=builder.sign(key, hashes.SHA256()).public_bytes(pem).decode(), key=private.decode())


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (Given(certificate="nope", key="nope"), "The certificate is no PEM"),
        (msgspec.structs.replace(given("a"), key="nope"), "The key cannot be read"),
        (given("a", other_key=True), "The key is not the one of the certificate"),
        (given("a", days=-1), "The certificate has ended on"),
        (given("a", names=False), "no subject alternative name"),
        (given("a", n_bits=1024), "The key has 1024 bits"),
    ],
    ids=["cert", "key", "other-key", "ended", "nameless", "weak"],
)
def test_a_certificate_that_cannot_be_shown_is_refused_and_the_old_one_stays(secure, wrong, said):
    before = secure.service("secure").certificate
    with pytest.raises(BadCertificate, match=said):
        renew(secure.world, "secure", wrong)
    assert secure.service("secure").certificate == before


def test_a_given_certificate_is_shown_trusted_here_and_renewed_by_its_owner_alone(secure):
    mine = given("model.example.org")
    fresh = renew(secure.world, "secure", mine)
    assert fresh.names == ["model.example.org"]
    secure.eventually(lambda: shown(secure) == fresh.fingerprint)
    assert score(secure.world, "secure", b"{}") == "safe"
    with pytest.raises(Conflict, match="was given"):
        renew(secure.world, "secure")
    trust = show_certificate(secure.world, "secure")
    assert (trust.authority, trust.certificate) == ("", fresh)
    assert "PRIVATE" not in repr(secure.service("secure"))
    assert len(list((secure.world.root / "services/secure/tls").glob("*.pem"))) == 2  # this one and the one before


def test_private_files_are_their_owners_alone(secure):
    for file in [*secure.world.root.glob("tls/*"), *secure.world.root.glob("services/*/tls/*")]:
        assert file.stat().st_mode & 0o077 == 0, file
        assert file.parent.stat().st_mode & 0o077 == 0, file.parent


def test_no_file_of_the_workspace_but_the_secret_store_has_a_key_in_clear(secure):
    """Records, events, logs, telemetry, replicas' folders, the gateway's: all of it."""
    world = secure.world
    configure(world, "secure", {"telemetry.hash": "email"})
    regenerate_key(world, "secure", "primary")
    keys = service_keys(world, "secure")
    for _ in range(3):
        assert score(world, "secure", json.dumps({"email": "ada@example.org"}).encode()) == "safe"
    secure.eventually(lambda: read_telemetry(world, "secure").num_rows >= 3)
    secure.eventually(lambda: "ada@example.org" in "".join(service_logs(world, "secure")))  # the script prints it
    files = [file for file in world.root.rglob("*") if file.is_file() and file.name != "secrets.json"]
    assert {"digests.json", "telemetry-key.json"} <= {file.name for file in files}
    contents = {file: _content(file) for file in files}
    for key in (keys.primary, keys.secondary):
        assert [file for file, content in contents.items() if key.encode() in content] == []
    assert (Path(world.root) / "secrets.json").stat().st_mode & 0o077 == 0


def _content(file: Path) -> bytes:
    """Return a file's bytes, of telemetry as they were before they were compressed.

    Another process reads it: when this one closes a database's file, SQLite's locks on it are gone (its "How To Corrupt",
    2.2), and what is written from then on goes into a log that others have deleted.
    """
    content = subprocess.run(["cat", str(file)], stdout=subprocess.PIPE, check=False).stdout
    if file.suffix not in {".zst", ".part"}:
        return content
    import io

    import zstandard

    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content), read_across_frames=True) as text:
        return text.read()
