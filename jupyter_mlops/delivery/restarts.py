"""How often replicas of a service ended by themselves and were started again, by deployment: kept in its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from jupyter_mlops.core.files import replace_file
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.core.service import Service
from jupyter_mlops.delivery.keys import service_folder
from jupyter_mlops.ports import World

FILE: Final = "restarts.json"


def note_restarts(world: World, service: Service, groups: Collection[str]) -> None:
    """Count replicas of these groups, one each, as ended by themselves. What is known of earlier revisions is let go."""
    if groups:
        current = {one.group for one in service.deployments}
        counts = Counter(_read(_file(world, service.name))) + Counter(groups)
        replace_file(_file(world, service.name), encode({group: counts[group] for group in current if counts[group]}))


def restarts_of(world: World, service: Service) -> dict[str, int]:
    """Return how many replicas of each deployment ended by themselves since it serves what it serves."""
    counts = _read(_file(world, service.name))
    return {one.name: counts.get(one.group, 0) for one in service.deployments}


def _file(world: World, name: str) -> Path:
    return service_folder(world, name) / FILE


def _read(path: Path) -> dict[str, int]:
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        return decode(path.read_bytes(), dict[str, int])
    return {}
