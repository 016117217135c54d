"""A service's certificate, as its record has it."""

from __future__ import annotations

from typing import Literal

from jupyter_mlops.core.record import Record

CertificateKind = Literal["self-made", "given"]


class Certificate(Record, frozen=True, kw_only=True):
    """What a service's clients know it by. Its private key is in a file of the service's folder and nowhere else."""

    kind: CertificateKind
    """``self-made``: signed by the workspace's own authority, and renewed before it ends."""
    fingerprint: str
    """SHA-256 of the certificate, in hexadecimal."""
    names: list[str]
    """The names and addresses that it is for."""
    begins_at: float
    expires_at: float
    """Seconds since the epoch."""

    @property
    def file(self) -> str:
        """Name of the file with certificate and key, in the service's folder ``tls``: another one after each renewal."""
        return f"{self.fingerprint[:16]}.pem"
