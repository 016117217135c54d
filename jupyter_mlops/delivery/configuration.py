"""What can be changed of a service while it runs: read from words, and written to where replicas look."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, Literal, get_args, get_origin

import msgspec

from jupyter_mlops.core.errors import BadInput
from jupyter_mlops.core.files import locked, replace_file
from jupyter_mlops.core.record import encode
from jupyter_mlops.core.service import Configuration, Limits, Service, configuration_file
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.ports import World

_LIMITS: Final = {field.name: field.type for field in msgspec.structs.fields(Limits)}
_TYPES: Final[Mapping[str, Any]] = _LIMITS | {
    field.name: field.type for field in msgspec.structs.fields(Configuration) if field.name != "limits"
}
SETTINGS: Final = tuple(_TYPES)
"""The names of all that can be changed."""


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
    return msgspec.structs.replace(service, limits=msgspec.structs.replace(service.limits, **limits), **values)


def publish_configuration(world: World, service: str, also: Mapping[str, Configuration] | None = None) -> None:
    """Write each deployment's configuration to where its replicas look, as the record has it at this moment.

    ``also`` has, by their group, that of replicas which the record does not have, since they are just being rolled out.
    Raises ``UnknownThing``.
    """
    folder = service_folder(world, service)
    with locked(folder / "configuration.lock"):  # so that the file never goes back to an older record's
        known = world.catalog.get(Service, service)
        wanted = {**(also or {}), **dict.fromkeys((one.group for one in known.deployments), known.configuration)}
        for group, configuration in wanted.items():
            file, content = folder / "keys" / configuration_file(group), encode(configuration)
            if not file.is_file() or file.read_bytes() != content:
                replace_file(file, content, mode=0o644)
                file.parent.chmod(0o755)


def forget_configurations(world: World, service: str, groups: Iterable[str]) -> None:
    """Delete the files of groups of replicas that are gone. Idempotent."""
    for group in groups:
        (service_folder(world, service) / "keys" / configuration_file(group)).unlink(missing_ok=True)


def _value(name: str, value: object) -> Any:
    if name not in _TYPES:
        raise UnknownSetting(name)
    try:
        return msgspec.convert(value, _TYPES[name], strict=not isinstance(value, str))
    except msgspec.ValidationError as error:
        raise BadSetting(name, value) from error


def _taken(kind: Any) -> str:
    """Say what a setting's type takes."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    base, meta = get_args(kind)
    if base is int:
        return f"a whole number from {meta.ge} to {meta.le}"
    return f"a number above {meta.gt}, at most {meta.le}"
