"""Hosts are found by name, those that were entered meanwhile too, and one that is gone is named."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pytest

from jupyter_mlops.core.errors import NotFound
from jupyter_mlops.core.host import NamedHost
from jupyter_mlops.hosts import table
from jupyter_mlops.hosts.table import HostTable


@dataclass(frozen=True)
class Connected:
    entry: NamedHost


def test_hosts_come_change_and_go_as_they_are_entered(monkeypatch):
    monkeypatch.setattr(table, "FRESH_S", 0.0)
    entries: list[NamedHost] = []
    hosts = HostTable({"process": "here"}, lambda: entries, Connected)
    assert (list(hosts), hosts["process"], hosts.get("far")) == (["process"], "here", None)
    far = NamedHost(name="far", url="ssh://far")
    entries.append(far)
    assert "far" in hosts
    assert hosts["far"] is hosts["far"]
    assert (len(hosts), hosts["far"].entry) == (2, far)
    entries[0] = msgspec.structs.replace(far, url="ssh://farther")
    assert hosts["far"].entry.url == "ssh://farther"
    entries.clear()
    assert "far" not in hosts
    with pytest.raises(NotFound, match="no host 'far'"):
        hosts["far"]


def test_the_catalog_is_not_asked_for_each_of_a_hundred_services():
    asked = []
    hosts = HostTable({}, lambda: asked.append(1) or [NamedHost(name="far", url="ssh://far")], Connected)
    for _ in range(100):
        assert hosts["far"].entry.name == "far"
    assert len(asked) == 1
