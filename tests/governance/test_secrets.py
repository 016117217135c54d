"""Secrets: readable by their owner only, safe from two writers."""

from __future__ import annotations

import stat
import threading

import pytest

from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.governance.secrets import FileSecrets, KeyringSecrets, choose_store, open_secrets


def test_what_was_set_comes_back_until_it_is_deleted(tmp_path):
    secrets = FileSecrets(tmp_path / "secrets.json")
    assert secrets.get("key") is None
    secrets.set("key", "value")
    assert FileSecrets(tmp_path / "secrets.json").get("key") == "value"
    secrets.delete("key")
    secrets.delete("key")
    assert secrets.get("key") is None


def test_only_the_owner_can_read_the_file(tmp_path):
    FileSecrets(tmp_path / "secrets.json").set("key", "value")
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_writers_at_once_lose_nothing(tmp_path):
    def write(prefix: str) -> None:
        secrets = FileSecrets(tmp_path / "secrets.json")
        for number in range(10):
            secrets.set(f"{prefix}{number}", "x")

    threads = [threading.Thread(target=write, args=(prefix,)) for prefix in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(FileSecrets(tmp_path / "secrets.json").get(f"{p}{n}") == "x" for p in "abc" for n in range(10))


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(Unavailable, match=r"secrets\.json cannot be read"):
        FileSecrets(tmp_path / "secrets.json").get("key")


def test_the_keyring_keeps_secrets_where_there_is_one():
    import keyring
    from keyring.backend import KeyringBackend
    from keyring.errors import PasswordDeleteError

    class InMemory(KeyringBackend):
        priority = 9

        def __init__(self) -> None:
            super().__init__()
            self.kept: dict[tuple[str, str], str] = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

        def delete_password(self, service, username):
            if self.kept.pop((service, username), None) is None:
                raise PasswordDeleteError

    before = keyring.get_keyring()
    keyring.set_keyring(InMemory())
    try:
        assert choose_store() == "keyring"
        secrets = open_secrets("keyring", None)
        assert isinstance(secrets, KeyringSecrets)
        secrets.set("key", "value")
        assert secrets.get("key") == "value"
        secrets.delete("key")
        secrets.delete("key")
        assert secrets.get("key") is None
    finally:
        keyring.set_keyring(before)
