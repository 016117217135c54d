"""The workspace's own certificate authority: it signs what services show, so that a client has to trust one file only."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jupyter_mlops.core.files import locked, make_private, replace_file
from jupyter_mlops.ports import World

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

CA_DAYS: Final = 3650
DAYS: Final = 397
"""What browsers take at most."""
SKEW: Final = dt.timedelta(hours=1)
"""Clocks of clients may be slow."""
ANYWHERE: Final = "0.0.0.0"  # noqa: S104  # compared with, not bound


def authority_file(world: World) -> Path:
    """Return the certificate that clients of self-made certificates trust. Made by the first of these."""
    return world.root / "tls" / "authority.pem"


def sign(world: World, names: Sequence[str]) -> bytes:
    """Return a fresh key and a certificate for it and ``names``, signed by the workspace's authority, as one PEM file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    ca, ca_key = _authority(world)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(names[0], DAYS)
        .issuer_name(ca.subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem) + key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def names_of(bind: str) -> list[str]:
    """Return the names and addresses by which clients reach a service that listens on ``bind``."""
    host = socket.gethostname()
    found = ["localhost", host, "127.0.0.1"]
    if bind == ANYWHERE:
        try:
            found += [socket.getfqdn(), *socket.gethostbyname_ex(host)[2]]
        except OSError:
            pass  # its own name leads nowhere: clients use an address that is given some other way
    else:
        found.append(bind)
    return list(dict.fromkeys(found))


def _authority(world: World) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    """Return the authority, made now if there is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    file = authority_file(world)
    make_private(file.parent)
    key_file, pem = file.with_name("authority-key.pem"), serialization.Encoding.PEM
    with locked(file.parent / "lock"):
        if not file.is_file():
            key = ec.generate_private_key(ec.SECP256R1())
            made = (
                _builder(f"jupyter-mlops workspace {world.id}", CA_DAYS)
                .issuer_name(_subject(f"jupyter-mlops workspace {world.id}"))
                .public_key(key.public_key())
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .sign(key, hashes.SHA256())
            )
            private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            replace_file(key_file, private)
            replace_file(file, made.public_bytes(pem))  # last: it says that both are there
        signer = serialization.load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        return x509.load_pem_x509_certificate(file.read_bytes()), signer


def _builder(name: str, days: int) -> x509.CertificateBuilder:
    from cryptography import x509

    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_subject(name))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + dt.timedelta(days=days))
    )


def _subject(name: str) -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _usage(**allowed: bool) -> x509.KeyUsage:
    from cryptography import x509

    uses = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{use: allowed.get(use, False) for use in uses})


def _name(text: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
