"""What a base image says of its Python."""

from __future__ import annotations

from jupyter_mlops.core.record import Record


class Python(Record, frozen=True, kw_only=True):
    """An interpreter in an image."""

    interpreter: str
    """Its absolute path, links followed."""
    version: str
    """``3.11``."""
    libc: str
    """``glibc 2.36``; empty where there is another."""
