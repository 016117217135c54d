"""Certificates of services: given or self-made, renewed while they answer, and what their clients trust."""

from __future__ import annotations

import http.client
import logging
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from jupyter_mlops.core.certificate import Certificate
from jupyter_mlops.core.errors import BadInput, Conflict, MlopsError, NotFound
from jupyter_mlops.core.files import make_private, replace_file
from jupyter_mlops.core.record import Record
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.authority import authority_file, names_of, sign
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.ports import World

if TYPE_CHECKING:
    from cryptography import x509

RENEW_S: Final = 30 * 86_400.0
"""A self-made certificate is renewed so long before it ends."""
LEAST_BITS: Final = 2048
LEAST_CURVE_BITS: Final = 224
GIVE: Final = "Give a certificate and its key as PEM files, the certificate's own first and those that signed it after."
log = logging.getLogger(__name__)


class BadCertificate(BadInput):
    """A certificate or key that a service cannot show."""

    code = "bad-certificate"


class NoCertificate(NotFound):
    """A service that speaks plain HTTP."""

    code = "certificate-not-found"


class Given(Record, frozen=True, kw_only=True):
    """A certificate that the owner has."""

    certificate: str
    """PEM: its own first, then those that signed it."""
    key: str
    """PEM, without a password."""


class Trust(Record, frozen=True, kw_only=True):
    """A service's certificate, and what its clients have to trust."""

    service: str
    certificate: Certificate
    authority: str = ""
    """PEM of the workspace's authority, where the certificate is self-made: clients name it (``curl --cacert FILE``)."""
    authority_file: str = ""


def install(world: World, name: str, bind: str, given: Given | None) -> Certificate:
    """Write a certificate for a service into its folder, the given one or a fresh self-made one; return its record.

    The gateway shows it as soon as the service's record has it. Raises ``BadCertificate``.
    """
    pem = sign(world, names_of(bind)) if given is None else _checked(given)
    certificate = _described(pem, "self-made" if given is None else "given")
    folder = make_private(service_folder(world, name) / "tls")
    replace_file(folder / certificate.file, pem)
    return certificate


def renew(world: World, name: str, given: Given | None = None) -> Certificate:
    """Let a service show another certificate, a given one or a fresh self-made one; no connection is dropped for it.

    One that spoke plain HTTP speaks HTTPS alone from then on. Clients of self-made ones need nothing new: the same
    authority signs them all. Raises ``UnknownThing``, ``BadCertificate``, and ``Conflict`` where a given one would be
    replaced by a self-made one.
    """
    service = world.catalog.get(Service, name)
    before = service.certificate
    if given is None and before is not None and before.kind == "given":
        raise Conflict(
            f"The certificate of service {name!r} was given, and its renewal has to be.",
            hint=f"Use `mlops services tls {name} --cert FILE --key FILE`.",
        )
    fresh = install(world, name, service.bind, given)
    world.catalog.edit(Service, name, lambda one: msgspec.structs.replace(one, certificate=fresh), verb="certificate")
    keep = {fresh.file, before.file if before else ""}  # the one before may be what the gateway is just reading
    for file in (service_folder(world, name) / "tls").glob("*.pem"):
        if file.name not in keep:
            file.unlink(missing_ok=True)
    return fresh


def renew_due(world: World) -> None:
    """Renew the self-made certificates of this node's services that end within a month."""
    for service in world.catalog.find(Service):
        certificate = service.certificate
        mine = service.node == world.node and service.state != "deleting"
        if mine and certificate and certificate.kind == "self-made" and certificate.expires_at - time.time() < RENEW_S:
            try:
                renew(world, service.name)
                log.info("%s: its certificate was renewed", service.name)
            except (MlopsError, OSError) as error:
                log.warning("the certificate of %s: %s", service.name, error)


def show_certificate(world: World, name: str) -> Trust:
    """Return a service's certificate and what its clients trust. Raises ``UnknownThing`` and ``NoCertificate``."""
    certificate = world.catalog.get(Service, name).certificate
    if certificate is None:
        raise NoCertificate(
            f"Service {name!r} speaks plain HTTP.",
            hint=f"Give it a certificate with `mlops services tls {name} --renew`.",
        )
    if certificate.kind == "given":
        return Trust(service=name, certificate=certificate)
    file = authority_file(world)
    return Trust(service=name, certificate=certificate, authority=file.read_text(), authority_file=str(file))


def trusting(world: World, service: Service) -> ssl.SSLContext | None:
    """Return what a client of this machine checks the service's certificate against, ``None`` for plain HTTP.

    A given certificate is trusted as it is, whoever signed it: it is in our own folder.
    """
    if service.certificate is None:
        return None
    if service.certificate.kind == "self-made":
        return ssl.create_default_context(cafile=str(authority_file(world)))
    pem = (service_folder(world, service.name) / "tls" / service.certificate.file).read_text()
    context = ssl.create_default_context(cadata=pem[: pem.index(_KEY)])
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def known_as(certificate: Certificate, host: str) -> str:
    """Return the name to check a certificate for, when its service is reached at ``host``: here it goes by any of its own."""
    names = [name.replace("*", "any", 1) for name in certificate.names]
    return host if host in names or not names else names[0]


class NamedConnection(http.client.HTTPSConnection):
    """A connection to an address, to a server that shows a certificate for a name."""

    def __init__(self, host: str, port: int | None, *, name: str, timeout: float, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=timeout, context=context)
        self._name = name
        self._trust = context

    def connect(self) -> None:
        """Connect, and check the certificate for the name."""
        http.client.HTTPConnection.connect(self)
        self.sock = self._trust.wrap_socket(self.sock, server_hostname=self._name)


_KEY: Final = "-----BEGIN PRIVATE KEY"


def _checked(given: Given) -> bytes:
    """Return certificate and key as one file. Raises ``BadCertificate``."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        chain = x509.load_pem_x509_certificates(given.certificate.encode())
    except ValueError as error:
        raise BadCertificate(f"The certificate is no PEM: {_why(error)}.", hint=GIVE) from error
    try:
        key = serialization.load_pem_private_key(given.key.encode(), None)
    except (ValueError, TypeError) as error:
        raise BadCertificate(f"The key cannot be read: {_why(error)}.", hint=GIVE) from error
    n_bits = getattr(key, "key_size", LEAST_BITS)
    if n_bits < (LEAST_BITS if isinstance(key, rsa.RSAPrivateKey) else LEAST_CURVE_BITS):
        raise BadCertificate(
            f"The key has {n_bits} bits, which no client of today takes.", hint="Make an RSA key of 2048 bits."
        )
    plain = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*plain) != chain[0].public_key().public_bytes(*plain):
        raise BadCertificate("The key is not the one of the certificate.", hint=GIVE)
    if chain[0].not_valid_after_utc.timestamp() < time.time():
        raise BadCertificate(
            f"The certificate has ended on {chain[0].not_valid_after_utc:%Y-%m-%d}.", hint="Give one that is valid."
        )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in chain) + private


def _why(error: Exception) -> str:
    return str(error).partition(".")[0].partition(" See ")[0] or type(error).__name__


def _described(pem: bytes, kind: str) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    first = x509.load_pem_x509_certificates(pem)[0]
    return Certificate(
        kind="given" if kind == "given" else "self-made",
        fingerprint=first.fingerprint(hashes.SHA256()).hex(),
        names=_names(first),
        begins_at=first.not_valid_before_utc.timestamp(),
        expires_at=first.not_valid_after_utc.timestamp(),
    )


def _names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound as error:
        raise BadCertificate(
            "The certificate has no subject alternative name, so no client of today takes it.",
            hint="Have it made anew.",
        ) from error
    return [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]


def pem_of(cert: Path | None, key: Path | None) -> Given | None:
    """Return the certificate in two files, ``None`` without them. Raises ``BadCertificate`` naming what cannot be read."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise BadCertificate("A certificate needs its key, and a key its certificate.", hint=GIVE)
    texts = []
    for file in (cert, key):
        try:
            texts.append(file.read_text())
        except (OSError, UnicodeError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            raise BadCertificate(f"{file} cannot be read: {why}.", hint=GIVE) from error
    return Given(certificate=texts[0], key=texts[1])
