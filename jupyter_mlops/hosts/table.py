"""All hosts of a workspace by name: those that every machine has, and those that were entered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.ports import Distant, Host

FRESH_S: Final = 1.0
"""Hosts are entered seldom, and looked up for each service again and again."""


class HostGone(NotFound, KeyError):
    """A host that a record names is not there any more."""

    code = "host-not-found"

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no host {name!r}.", hint="Enter it again with `mlops hosts add`.")


class HostTable(Mapping[str, Host]):
    """Hosts by name; what is entered by another process is there a second later. Safe to use from several threads."""

    def __init__(
        self, local: Mapping[str, Host], entered: Callable[[], list[NamedHost]], connect: Callable[[NamedHost], Host]
    ) -> None:
        self._local = local
        self._entered = entered
        self._connect = connect
        self._known: dict[str, tuple[NamedHost, Host]] = {}
        self._looked = float("-inf")
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> Host:
        if name in self._local:
            return self._local[name]
        named = self._named(name)
        if name not in named:
            raise HostGone(name)
        return named[name][1]

    def __contains__(self, name: object) -> bool:
        """Tell whether there is a host of that name at this moment: what a user names may just have been removed."""
        return name in self._local or any(entry.name == name for entry in self._entered())

    def __iter__(self) -> Iterator[str]:
        yield from self._local
        yield from self._named("")

    def __len__(self) -> int:
        return len(self._local) + len(self._named(""))

    def _named(self, wanted: str) -> dict[str, tuple[NamedHost, Host]]:
        """Return the entered hosts; one that is not known is looked for at once."""
        with self._lock:
            if wanted not in self._known or time.monotonic() - self._looked > FRESH_S:
                self._looked = time.monotonic()
                entries = {entry.name: entry for entry in self._entered()}
                kept = {name: pair for name, pair in self._known.items() if entries.get(name) == pair[0]}
                fresh = entries.keys() - kept.keys()
                for name in self._known.keys() - kept.keys():
                    _let_go(self._known[name][1])
                self._known = kept | {name: (entries[name], self._connect(entries[name])) for name in fresh}
            return self._known


def _let_go(host: object) -> None:
    """Close the way to a host that was removed: whoever removed it has closed it too, but we may have opened it again."""
    if isinstance(host, Distant):
        host.close()
