"""Ids and names: their types, how they are made and what they may look like."""

from __future__ import annotations

import re
import secrets
from typing import Final, NewType

from jupyter_mlops.core.errors import BadInput, BadName, BadTitle

RunId = NewType("RunId", str)
ExperimentId = NewType("ExperimentId", str)
Digest = NewType("Digest", str)
"""64 lower-case hexadecimal digits."""
ActivityId = NewType("ActivityId", str)
ReplicaId = NewType("ReplicaId", str)

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NOT_IN_TITLE: Final = r"""'"`\\\x00-\x1f\x7f-\x9f\u2028\u2029"""
TITLE: Final = re.compile(rf"[^\W_](?:[^{_NOT_IN_TITLE}]{{0,98}}[^\s{_NOT_IN_TITLE}])?")
_MODEL_IN_MLFLOW: Final = re.compile(r"(?=.*\S)[^/:]{1,256}", re.DOTALL)
"""What MLflow lets be the name of a registered model."""


def check_name(kind: str, name: str) -> str:
    """Return ``name`` if it may name a ``kind``, else raise ``BadName``."""
    if not NAME.fullmatch(name):
        raise BadName(kind, name)
    return name


def check_title(kind: str, name: str) -> str:
    """Return ``name`` if it may name a ``kind`` that is no part of a path or an address, in any script, else raise ``BadTitle``."""
    if not isinstance(name, str) or not TITLE.fullmatch(name):
        raise BadTitle(kind, name)
    return name


def new_id(n_bytes: int = 8) -> str:
    """Return a fresh random id of ``2 * n_bytes`` hexadecimal digits that never begins with a digit-only run."""
    return secrets.token_hex(n_bytes)


def _check_ref(kind: str, name: str) -> str:
    """Return the name in a reference. What other programs registered with MLflow is found by whatever name it has there."""
    if kind == "model" and _MODEL_IN_MLFLOW.fullmatch(name):
        return name
    return check_name(kind, name)


def split_ref(kind: str, ref: str) -> tuple[str, str | None]:
    """Split ``NAME[:VERSION]`` or ``NAME[@ALIAS]`` into its name and ``"3"``, ``"@alias"`` or ``None``."""
    name, colon, version = ref.partition(":")
    if not colon:
        name, at, alias = ref.rpartition("@")  # a name may have an @ of its own, an alias has none
        return _check_ref(kind, name if at else ref), f"@{alias}" if at else None
    if version == "latest":
        return _check_ref(kind, name), None
    if not version.isdecimal() or int(version) < 1:
        raise BadInput(
            f"{ref!r} has no version number after the colon.",
            hint=f"Write {name}:1, or {name} alone for the newest version.",
        )
    return _check_ref(kind, name), version
