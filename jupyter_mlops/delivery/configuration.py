"""What can be changed of a service while it runs: read from words, and written to where replicas look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.files import locked, replace_file
from jupyter_mlops.core.record import convert, encode
from jupyter_mlops.core.service import Configuration, Limits, Service, configuration_file
from jupyter_mlops.core.telemetry import Telemetry
from jupyter_mlops.delivery.distant import bring
from jupyter_mlops.delivery.keys import service_folder, telemetry_key
from jupyter_mlops.ports import World

TELEMETRY_KEY: Final = "telemetry-key.json"
"""The file beside the digests with what columns are hashed with."""
_LIMITS: Final = {field.name: field.type for field in msgspec.structs.fields(Limits)}
_TELEMETRY: Final = {f"telemetry.{field.name}": field.type for field in msgspec.structs.fields(Telemetry)}
_TYPES: Final[Mapping[str, Any]] = {
    **_LIMITS,
    **{
        each.name: each.type
        for each in msgspec.structs.fields(Configuration)
        if each.name not in {"limits", "telemetry"}
    },
    **_TELEMETRY,
}
SETTINGS: Final = tuple(_TYPES)
"""The names of all that can be changed."""


class UnknownStore(BadInput):
    """A URL that no datastore answers to."""

    code = "unknown-store"


class UnknownSetting(BadInput):
    """No such setting."""

    code = "unknown-setting"

    def __init__(self, name: str) -> None:
        near = get_close_matches(name, SETTINGS, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        super().__init__(f"There is no setting {name!r}.{meant}", hint=f"There are: {', '.join(SETTINGS)}.")


class BadSetting(BadInput):
    """A value that a setting cannot have."""

    code = "bad-setting"

    def __init__(self, name: str, value: object) -> None:
        super().__init__(f"{name} cannot be {value!r}.", hint=f"It is {_taken(_TYPES[name])}.")


def configured(service: Service, changes: Mapping[str, object]) -> Service:
    """Return a service with other settings; text is read as what the setting is. Raises ``UnknownSetting``, ``BadSetting``."""
    values = {name: _value(name, value) for name, value in changes.items()}
    limits = {name: values.pop(name) for name in list(values) if name in _LIMITS}
    telemetry = {name.partition(".")[2]: values.pop(name) for name in list(values) if name in _TELEMETRY}
    return msgspec.structs.replace(
        service,
        limits=msgspec.structs.replace(service.limits, **limits),
        telemetry=msgspec.structs.replace(service.telemetry, **telemetry),
        **values,
    )


def checked_store(url: str) -> str:
    """Return a datastore's URL, a folder as its whole path, since the agent works in another one.

    Raises ``UnknownStore`` for a URL that fsspec does not know, or whose package is not installed.
    """
    if "://" not in url:
        return str(Path(url).expanduser().absolute()) if url else ""
    import fsspec

    try:
        fsspec.get_filesystem_class(url.partition("://")[0].rpartition("::")[2])
    except (ValueError, ImportError) as error:
        raise UnknownStore(
            f"{url} is no datastore that telemetry can go to: {error}.",
            hint="Use a folder or a URL such as s3://BUCKET/FOLDER, with its package installed.",
        ) from error
    return url


def publish_configuration(world: World, service: str, also: Mapping[str, Configuration] | None = None) -> None:
    """Write each deployment's configuration to where its replicas look, as the record has it at this moment.

    ``also`` has, by their group, that of replicas which the record does not have, since they are just being rolled out.
    Raises ``UnknownThing``.
    """
    folder = service_folder(world, service)
    with locked(folder / "configuration.lock"):  # so that the file never goes back to an older record's
        known = world.catalog.get(Service, service)
        wanted = {**(also or {}), **dict.fromkeys((one.group for one in known.deployments), known.configuration)}
        if any(configuration.telemetry.hash for configuration in wanted.values()):
            _publish_telemetry_key(world, service)
        for group, configuration in wanted.items():
            file, content = folder / "keys" / configuration_file(group), encode(configuration)
            if not file.is_file() or file.read_bytes() != content:
                replace_file(file, content, mode=0o644)
                file.parent.chmod(0o755)
        bring(world, service, folder)


def _publish_telemetry_key(world: World, service: str) -> None:
    """Write what columns are hashed with to where replicas look, before they are told to hash."""
    file = service_folder(world, service) / "keys" / TELEMETRY_KEY
    if not file.is_file():
        replace_file(file, encode(telemetry_key(world, service)), mode=0o644)  # as the digests: a container reads it


def forget_configurations(world: World, service: str, groups: Iterable[str]) -> None:
    """Delete the files of groups of replicas that are gone. Idempotent."""
    for group in groups:
        (service_folder(world, service) / "keys" / configuration_file(group)).unlink(missing_ok=True)


def _value(name: str, value: object) -> Any:
    if name not in _TYPES:
        raise UnknownSetting(name)
    kind, given = _TYPES[name], value
    if get_origin(kind) is list and isinstance(value, str):
        given = [word.strip() for word in value.split(",") if word.strip()]
    try:
        found = convert(given, kind, strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        raise BadSetting(name, value) from error
    if name == "telemetry.store":
        return checked_store(found)
    return found


def _taken(kind: Any) -> str:
    """Say what a setting's type takes."""
    if get_origin(kind) is list:
        return "names of columns, with commas between them"
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    base, *metas = get_args(kind) or (kind,)
    return _WORDS[base] if base in _WORDS else _range(base, metas[0])


_WORDS: Final[Mapping[Any, str]] = {bool: "true or false", str: "a URL, or nothing"}


def _range(base: Any, meta: Any) -> str:
    if base is int:
        return f"a whole number from {meta.ge} to {meta.le}"
    return (
        f"a number from {meta.ge} to {meta.le}" if meta.gt is None else f"a number above {meta.gt}, at most {meta.le}"
    )
