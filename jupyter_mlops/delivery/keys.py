"""A service's two keys: in clear in the owner's secret store, as digests beside the replicas."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from jupyter_mlops.core.errors import MlopsError, NotFound
from jupyter_mlops.core.files import locked, replace_file
from jupyter_mlops.core.record import Record, encode
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.distant import bring
from jupyter_mlops.ports import World

Which = Literal["primary", "secondary"]


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
    return Keys(primary=_fresh(), secondary=_fresh())


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


def replace_key(world: World, service: str, which: Which) -> Keys:
    """Replace one of a service's keys, and return both.

    The other key opens all along, and so does whatever the secret store holds at any moment: replicas are told of the
    new key before the store is, and to forget the old one after. Raises ``UnknownThing``, ``NoKeys``, and what the
    secret store raises; then both keys are as they were.
    """
    with _publishing(world, service):
        old, stored = read_keys(world, service), world.catalog.get(Service, service).key_digests
        new: Keys = msgspec.structs.replace(old, **{which: _fresh()})
        _write_digests(world, service, [*stored, *digests(new)])
        try:
            world.secrets.set(_name(world, service, which), getattr(new, which))
            world.catalog.edit(
                Service,
                service,
                lambda one: msgspec.structs.replace(one, key_digests=digests(new)),
                verb=f"regenerate-{which}-key",
            )
        except BaseException:
            with contextlib.suppress(MlopsError):  # a store that could not keep the new one has the old one
                world.secrets.set(_name(world, service, which), getattr(old, which))
            _write_digests(world, service, stored)
            raise
        _write_digests(world, service, digests(new))
        return new


def forget_keys(world: World, service: str) -> None:
    """Delete the keys from the secret store. Idempotent."""
    for which in ("primary", "secondary", "telemetry"):
        world.secrets.delete(_name(world, service, which))


def telemetry_key(world: World, service: str) -> str:
    """Return what a service's telemetry hashes columns with: made once, so that equal values stay equal."""
    name = _name(world, service, "telemetry")
    key = world.secrets.get(name)
    if key is None:
        key = _fresh()
        world.secrets.set(name, key)
    return key


def digests(keys: Keys) -> list[str]:
    """Return the SHA-256 of each key, in hexadecimal."""
    return [hashlib.sha256(key.encode()).hexdigest() for key in (keys.primary, keys.secondary)]


def publish_digests(world: World, service: str) -> None:
    """Write what the record has of the keys to where replicas read it. Raises ``UnknownThing``."""
    with _publishing(world, service):
        _write_digests(world, service, world.catalog.get(Service, service).key_digests)


def _publishing(world: World, service: str) -> contextlib.AbstractContextManager[bool]:
    """Let one process at a time read the record and write the file, so that the file never goes back to an older key."""
    return locked(service_folder(world, service) / "keys.lock")


def _write_digests(world: World, service: str, found: Sequence[str]) -> None:
    """Write ``keys/digests.json``, by a rename, since replicas reread it when it changes. A container may read it."""
    file, content = service_folder(world, service) / "keys" / "digests.json", encode({"digests": list(found)})
    if not file.is_file() or file.read_bytes() != content:
        replace_file(file, content, mode=0o644)
        file.parent.chmod(0o755)
    bring(world, service, file.parent.parent)


def _fresh() -> str:
    return secrets.token_urlsafe(32)


def _name(world: World, service: str, which: str) -> str:
    return f"service/{world.id}/{service}/{which}"
