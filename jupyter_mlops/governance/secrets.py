"""The owner's secret store: the operating system's keyring, or a file that only the owner can read."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from jupyter_mlops.core.errors import Unavailable

SERVICE: Final = "jupyter-mlops"
StoreName = Literal["keyring", "file"]


class FileSecrets:
    """Secrets in one JSON file with mode 0600. Several processes may use it at once."""

    name = "file"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def get(self, key: str) -> str | None:
        """Return a secret, ``None`` when there is none."""
        value = self._read().get(key)
        return None if value is None else str(value)

    def set(self, key: str, value: str) -> None:
        """Store a secret."""
        with self._change() as secrets:
            secrets[key] = value

    def delete(self, key: str) -> None:
        """Forget a secret; forgetting what is not there is harmless."""
        with self._change() as secrets:
            secrets.pop(key, None)

    def _read(self) -> dict[str, str]:
        try:
            return dict(json.loads(self._path.read_text()))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"The secret store {self._path} cannot be read.",
                hint="Put a backup back, or delete it to make new keys.",
            ) from error

    @contextmanager
    def _change(self) -> Iterator[dict[str, str]]:
        lock_path = self._path.with_suffix(".lock")
        try:
            with self._lock, lock_path.open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                secrets = self._read()
                yield secrets
                fresh = self._path.with_suffix(".new")
                fresh.unlink(missing_ok=True)
                descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "w") as file:
                    json.dump(secrets, file)
                    file.flush()
                    os.fsync(descriptor)
                fresh.replace(self._path)
        except OSError as error:
            raise Unavailable(
                f"The secret store {self._path} cannot be written ({error.strerror}).", hint="See `mlops status`."
            ) from error


class KeyringSecrets:
    """Secrets in the operating system's keyring."""

    name = "keyring"

    def get(self, key: str) -> str | None:
        """Return a secret, ``None`` when there is none."""
        import keyring
        from keyring.errors import KeyringError

        try:
            return keyring.get_password(SERVICE, key)
        except KeyringError as error:
            raise _locked(error) from error

    def set(self, key: str, value: str) -> None:
        """Store a secret."""
        import keyring
        from keyring.errors import KeyringError

        try:
            keyring.set_password(SERVICE, key, value)
        except KeyringError as error:
            raise _locked(error) from error

    def delete(self, key: str) -> None:
        """Forget a secret; forgetting what is not there is harmless."""
        import keyring
        from keyring.errors import KeyringError, PasswordDeleteError

        try:
            keyring.delete_password(SERVICE, key)
        except PasswordDeleteError:
            return
        except KeyringError as error:
            raise _locked(error) from error


def open_secrets(name: StoreName, root: Path) -> FileSecrets | KeyringSecrets:
    """Return the workspace's store. It is chosen once, since a terminal over ssh may not reach a desktop's keyring."""
    return KeyringSecrets() if name == "keyring" else FileSecrets(root / "secrets.json")


def choose_store() -> StoreName:
    """Return ``keyring`` where one answers without asking anybody, else ``file``."""
    try:
        import keyring
        from keyring.errors import KeyringError

        backend = keyring.get_keyring()
        usable = backend.priority >= 1 and not type(backend).__module__.startswith("keyring.backends.chainer")
    except (ImportError, RuntimeError, KeyringError):
        return "file"
    return "keyring" if usable else "file"


def _locked(error: Exception) -> Unavailable:
    return Unavailable(
        f"The keyring does not answer ({type(error).__name__}).",
        hint='Unlock it, or set `secrets = "file"` in workspace.toml.',
    )
