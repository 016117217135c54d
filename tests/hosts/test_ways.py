"""What is wrong on the way to another machine's engine is told apart, with what to do about it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jupyter_mlops.core.host import HostUrl, NamedHost
from jupyter_mlops.hosts.remote import RemoteDockerHost, connect
from jupyter_mlops.hosts.tunnel import NoMachine
from jupyter_mlops.hosts.ways import BadCertificates, NoRemoteEngine

_ONE_DAY = dt.timedelta(days=1)


@pytest.fixture
def host_at() -> Iterator[object]:
    """Return a function that gives a host; its connection ends with the test."""
    made: list[RemoteDockerHost] = []
    with tempfile.TemporaryDirectory(prefix="wy") as runtime:

        def make(url: str, **fields: str) -> RemoteDockerHost:
            entry = NamedHost(name="far", url=url, **fields)
            made.append(connect(entry, Path(runtime), "w" * 12, "node", lambda way: way))  # nothing is built
            return made[-1]

        yield make
        for host in made:
            host.close()


@pytest.mark.docker
@pytest.mark.ssh
def test_a_host_that_answers_says_its_version_and_machine(host_at, machine):
    host = host_at(machine.url, ssh_config=machine.ssh_config)
    assert host.check().startswith("Docker ")
    assert "on 127.0.0.1" in host.check()
    assert host.replicas() == []


@pytest.mark.ssh
def test_a_login_that_is_refused_is_said_with_the_way_to_get_in(host_at, machine, tmp_path):
    lonely = tmp_path / "config"
    lonely.write_text(Path(machine.ssh_config).read_text().replace("/login", "/host"))
    with pytest.raises(NoMachine, match="refuses the login") as error:
        host_at(machine.url, ssh_config=str(lonely)).check()
    assert "ssh-copy-id" in error.value.hint


@pytest.mark.ssh
def test_a_machine_with_another_host_key_is_not_talked_to(host_at, machine, tmp_path):
    (tmp_path / "known").write_text(f"[127.0.0.1]:{machine.port} {(machine.folder / 'login.pub').read_text()}")
    wary = tmp_path / "config"
    wary.write_text(
        Path(machine.ssh_config).read_text().replace(str(machine.folder / "known"), str(tmp_path / "known"))
    )
    with pytest.raises(NoMachine, match="not known to ssh") as error:
        host_at(machine.url, ssh_config=str(wary)).check()
    assert f"-p {machine.port}" in error.value.hint


@pytest.mark.ssh
def test_a_machine_without_an_address_and_one_that_does_not_listen_are_named(host_at, machine):
    with pytest.raises(NoMachine, match=r"nowhere\.invalid has no address"):
        host_at("ssh://nowhere.invalid", ssh_config=machine.ssh_config).check()
    with pytest.raises(NoMachine, match=r"127\.0\.0\.1 does not listen for ssh"):
        host_at("ssh://127.0.0.1:1", ssh_config=machine.ssh_config).check()


@pytest.mark.ssh
def test_a_machine_without_an_engine_is_named_with_the_socket(host_at, machine):
    with pytest.raises(NoRemoteEngine, match=r"no Docker engine at /no/such\.sock on 127\.0\.0\.1") as error:
        host_at(f"{machine.url}/no/such.sock", ssh_config=machine.ssh_config).check()
    assert "ssh://USER@MACHINE/" in error.value.hint


@pytest.mark.ssh
def test_a_user_whom_the_engine_does_not_let_in_is_told_the_group(host_at, machines):
    with (
        machines.machine("ForceCommand echo denied") as strict,
        pytest.raises(NoRemoteEngine, match="may not talk") as error,
    ):
        host_at(f"{strict.url}/no/such.sock", ssh_config=strict.ssh_config).check()
    assert "usermod -aG docker" in error.value.hint


@pytest.mark.ssh
def test_a_server_that_forwards_no_sockets_is_told_the_setting(host_at, machines):
    with machines.machine("AllowStreamLocalForwarding no") as strict, pytest.raises(NoRemoteEngine) as error:
        host_at(strict.url, ssh_config=strict.ssh_config).check()
    assert "AllowStreamLocalForwarding yes" in error.value.hint


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("ssh://ada@gpu-box", HostUrl(scheme="ssh", user="ada", machine="gpu-box")),
        ("ssh://gpu-box:2222", HostUrl(scheme="ssh", machine="gpu-box", port=2222)),
        (
            "ssh://u@h/run/user/1/docker.sock",
            HostUrl(scheme="ssh", user="u", machine="h", socket="/run/user/1/docker.sock"),
        ),
        ("ssh://ada@[fe80::1]", HostUrl(scheme="ssh", user="ada", machine="fe80::1")),
        ("tcp://gpu-box", HostUrl(scheme="tcp", machine="gpu-box", port=2376)),
    ],
)
def test_urls_are_read(url, parts):
    assert HostUrl.parse(url) == parts


class _Signer:
    """A certificate authority, and the folders of those whom it has signed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"CA of {folder.name}")])
        self._own = self._sign(self._name, self._key.public_key(), ca=True)

    def folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        (folder / "ca.pem").write_bytes(self._own.public_bytes(serialization.Encoding.PEM))
        (folder / "cert.pem").write_bytes(
            self._sign(subject, key.public_key()).public_bytes(serialization.Encoding.PEM)
        )
        shape = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (folder / "key.pem").write_bytes(key.private_bytes(*shape))
        return folder

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, ca: bool = False) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)
        made = x509.CertificateBuilder(
            self._name, subject, key, x509.random_serial_number(), now - _ONE_DAY, now + _ONE_DAY
        )
        made = made.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        made = made.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        made = made.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False
        )
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        usage = x509.KeyUsage(*(each in {0, 5, 6} if ca else each == 0 for each in range(9)))
        return made.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory) -> _Signer:
    return _Signer(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def engine_on_tls(certificates) -> Iterator[str]:
    """The URL of this machine's engine on TCP, as dockerd with ``--tlsverify`` listens."""
    own = certificates.folder("engine")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=own / "ca.pem")
    context.load_cert_chain(own / "cert.pem", own / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, context), daemon=True).start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def _serve(server: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_lead, args=(plain, context), daemon=True).start()


def _lead(plain: socket.socket, context: ssl.SSLContext) -> None:
    """Lead one connection to the engine's socket; each side has a thread of its own."""
    try:
        client = context.wrap_socket(plain, server_side=True)
    except OSError:
        plain.close()
        return
    with client, socket.socket(socket.AF_UNIX) as engine:
        engine.connect("/var/run/docker.sock")
        back = threading.Thread(target=_copy, args=(engine, client), daemon=True)
        back.start()
        _copy(client, engine)
        back.join()


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.mark.docker
def test_an_engine_on_tcp_is_talked_to_with_certificates(host_at, certificates, engine_on_tls):
    host = host_at(engine_on_tls, certificates=str(certificates.folder("client")))
    assert host.check().startswith("Docker ")
    assert host.replicas() == []


def test_certificates_that_do_not_fit_are_told_apart(host_at, certificates, engine_on_tls, tmp_path):
    stranger = _Signer(tmp_path / "strangers").folder("stranger")
    with pytest.raises(BadCertificates, match=r"does not prove to be 127\.0\.0\.1"):
        host_at(engine_on_tls, certificates=str(stranger)).check()
    trusting = tmp_path / "trusting"
    trusting.mkdir()
    for name in ("cert.pem", "key.pem"):
        (trusting / name).write_bytes((stranger / name).read_bytes())
    with pytest.raises(BadCertificates, match=rf"no ca\.pem in .* for the host at {engine_on_tls}"):
        host_at(engine_on_tls, certificates=str(trusting)).check()
    with pytest.raises(BadCertificates, match=f"{engine_on_tls} was entered without certificates") as error:
        host_at(engine_on_tls).check()
    assert f"mlops hosts add NAME docker {engine_on_tls} --certificates DIR" in error.value.hint
    (trusting / "ca.pem").write_bytes((certificates.folder("another") / "ca.pem").read_bytes())
    with pytest.raises(BadCertificates, match="does not take the certificate"):
        host_at(engine_on_tls, certificates=str(trusting)).check()
    with pytest.raises(NoRemoteEngine, match=r"127\.0\.0\.1:1") as error:
        host_at("tcp://127.0.0.1:1", certificates=str(trusting)).check()
    assert "--tlsverify" in error.value.hint
