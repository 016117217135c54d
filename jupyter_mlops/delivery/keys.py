"""A service's two keys: in clear in the owner's secret store, as digests beside the replicas."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path

from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.record import Record, encode
from jupyter_mlops.ports import World


class Keys(Record, frozen=True, kw_only=True):
    """What a client sends, either of the two: ``Authorization: Bearer KEY`` or ``x-api-key: KEY``."""

    primary: str
    secondary: str


class NoKeys(NotFound):
    """The owner's secret store does not have the keys of a service."""

    code = "keys-not-found"

    def __init__(self, service: str, store: str) -> None:
        super().__init__(
            f"The keys of service {service!r} are not in {store}.",
            hint="They are kept for the user who deployed it, on the machine it was deployed from.",
        )


def service_folder(world: World, service: str) -> Path:
    """Return a service's own folder: ``keys/``, ``logs/`` and what its gateway needs."""
    return world.root / "services" / service


def fresh_keys() -> Keys:
    """Return two new keys of 256 random bits."""
    return Keys(primary=secrets.token_urlsafe(32), secondary=secrets.token_urlsafe(32))


def keep_keys(world: World, service: str, keys: Keys) -> None:
    """Keep the keys in the owner's secret store."""
    world.secrets.set(_name(world, service, "primary"), keys.primary)
    world.secrets.set(_name(world, service, "secondary"), keys.secondary)


def read_keys(world: World, service: str) -> Keys:
    """Return the keys in clear. Raises ``NoKeys``."""
    found = [world.secrets.get(_name(world, service, which)) for which in ("primary", "secondary")]
    if found[0] is None or found[1] is None:
        raise NoKeys(service, world.secrets.name)
    return Keys(primary=found[0], secondary=found[1])


def forget_keys(world: World, service: str) -> None:
    """Delete the keys from the secret store. Idempotent."""
    for which in ("primary", "secondary"):
        world.secrets.delete(_name(world, service, which))


def digests(keys: Keys) -> list[str]:
    """Return the SHA-256 of each key, in hexadecimal."""
    return [hashlib.sha256(key.encode()).hexdigest() for key in (keys.primary, keys.secondary)]


def write_digests(world: World, service: str, found: Sequence[str]) -> None:
    """Write ``keys/digests.json``, by a rename, since replicas reread it when it changes. A container may read it."""
    file, content = service_folder(world, service) / "keys" / "digests.json", encode({"digests": list(found)})
    if not file.is_file() or file.read_bytes() != content:
        replace_file(file, content, mode=0o644)
        file.parent.chmod(0o755)


def _name(world: World, service: str, which: str) -> str:
    return f"service/{world.id}/{service}/{which}"
