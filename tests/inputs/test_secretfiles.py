"""What looks like a secret stays out of a snapshot, is named, and leaves no trace but its path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from jupyter_mlops.core.snapshot import Snapshot, SnapshotFile
from jupyter_mlops.inputs.secretfiles import is_secret_by_content, is_secret_by_name, may_be_secret
from jupyter_mlops.inputs.snapshots import diff_snapshots, restore_snapshot, show_snapshot, take_snapshot
from jupyter_mlops.workspace import Workspace


def write(root: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "work", {"train.py": b"print(1)\n", "conf/.env": b"TOKEN=hunter2\n"})


def kinds(world: Workspace, snapshot: Snapshot) -> dict[str, str]:
    return {file.path: file.kind for file in show_snapshot(world, snapshot.name).files}


SURE = [".env", ".env.local", ".ENV", "id_rsa", "id_ed25519", "cert.p12", "a.pfx", "credentials", "credentials.json"]
SURE += [".netrc", "_netrc", ".pgpass", ".pypirc", "kaggle.json", "secrets.toml", "client_secret_12.json", "putty.ppk"]
NOT = [".env.example", ".env.sample", ".env.template", ".env.dist", ".envrc", "environment.yml", "id_rsa.pub", "env"]
NOT += ["credentials.py", "credentials_test.json", "a.p12.md", "train.env.py", ".npmrc", "key.pem", "data.json"]


@pytest.mark.parametrize("name", SURE)
def test_the_files_that_tools_keep_secrets_in_are_secrets_by_name(name: str) -> None:
    assert is_secret_by_name(name.encode())


@pytest.mark.parametrize("name", NOT)
def test_examples_public_keys_and_source_are_not_secrets_by_name(name: str) -> None:
    assert not is_secret_by_name(name.encode())


def keys() -> list[bytes]:
    every = [rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())]
    encoding, form, clear = serialization.Encoding, serialization.PrivateFormat, serialization.NoEncryption()
    locked = serialization.BestAvailableEncryption(b"password")
    found = [
        key.private_bytes(code, kind, clear)
        for key in every
        for code in (encoding.PEM, encoding.DER)
        for kind in (form.TraditionalOpenSSL, form.PKCS8)
    ]
    found += [key.private_bytes(encoding.PEM, form.PKCS8, locked) for key in every]
    return [*found, *(key.private_bytes(encoding.PEM, form.OpenSSH, clear) for key in every)]


def test_every_format_of_a_private_key_is_known_and_public_ones_are_not() -> None:
    for key in keys():
        assert is_secret_by_content(b"server.key", key), key[:40]
        assert is_secret_by_content(b"chain.PEM", b"-----BEGIN CERTIFICATE-----\nMII\n" + key) == key.startswith(b"--")
    public = rsa.generate_private_key(65537, 2048).public_key()
    for code in (serialization.Encoding.PEM, serialization.Encoding.DER):
        content = public.public_bytes(code, serialization.PublicFormat.SubjectPublicKeyInfo)
        assert not is_secret_by_content(b"public.pem", content)
    assert not is_secret_by_content(b"talk.key", b"PK\x03\x04 a presentation")


@pytest.mark.parametrize(
    ("name", "content", "secret"),
    [
        (".npmrc", "//registry.example.org/:_authToken=npm_abc\n", True),
        (".npmrc", "registry=https://example.org\n_auth = YTpi\n", True),
        (".npmrc", "//registry.example.org/:_authToken=${NPM_TOKEN}\n", False),
        (".npmrc", "# _authToken=x\nomit-lockfile-registry-resolved=true\n", False),
        ("svc.json", '{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\\nMII"}', True),
        ("svc.json", '{"type": "service_account", "private_key": ""}', False),
    ],
)
def test_a_token_in_clear_makes_a_settings_file_a_secret(name: str, content: str, *, secret: bool) -> None:
    assert may_be_secret(name.encode())
    assert is_secret_by_content(name.encode(), content.encode()) == secret


def test_a_secret_stays_out_and_the_snapshot_says_which(workspace: Workspace, folder: Path) -> None:
    write(folder, {"deploy.pem": keys()[0], "public.pem": b"-----BEGIN CERTIFICATE-----\n", ".env.example": b"TOKEN="})
    for _ in range(2):  # the second time from the cache
        snapshot = take_snapshot(workspace, folder)
        assert kinds(workspace, snapshot) == {
            ".env.example": "file",
            "conf/.env": "secret",
            "deploy.pem": "secret",
            "public.pem": "file",
            "train.py": "file",
        }
        assert snapshot.n_files == 3
        assert snapshot.warnings == [
            "conf/.env looks like a secret and is not stored. To store it: --include conf/.env.",
            "deploy.pem looks like a secret and is not stored. To store it: --include deploy.pem.",
        ]


def test_nothing_of_a_secret_is_kept_that_it_could_be_guessed_from(workspace: Workspace, folder: Path) -> None:
    first = take_snapshot(workspace, folder)
    files = show_snapshot(workspace, first.name).files
    assert SnapshotFile(path="conf/.env", kind="secret") in files
    write(folder, {"conf/.env": b"TOKEN=another and longer\n"})
    (folder / "conf/.env").chmod(0o700)
    assert take_snapshot(workspace, folder).name == first.name
    assert diff_snapshots(workspace, first.name) == []
    (folder / "conf/.env").unlink()
    assert take_snapshot(workspace, folder).name != first.name


@pytest.mark.parametrize("include", ["conf/.env", "./conf/.env", "*/.env"])
def test_an_include_that_spells_a_secret_out_stores_it(workspace: Workspace, folder: Path, include: str) -> None:
    without = take_snapshot(workspace, folder)
    stored = take_snapshot(workspace, folder, include=[include])
    assert kinds(workspace, stored)["conf/.env"] == "file"
    assert stored.warnings == []
    assert diff_snapshots(workspace, stored.name) == []
    assert take_snapshot(workspace, folder).name == without.name


@pytest.mark.parametrize("include", ["conf", "*", "conf/*", "*.env*"])
def test_an_include_that_was_said_for_data_stores_no_secret(workspace: Workspace, folder: Path, include: str) -> None:
    assert kinds(workspace, take_snapshot(workspace, folder, include=[include]))["conf/.env"] == "secret"


def test_a_key_that_was_stored_is_withheld_when_it_is_not_included_any_more(workspace: Workspace, folder: Path) -> None:
    write(folder, {"deploy.pem": keys()[0]})
    with_key = take_snapshot(workspace, folder, include=["deploy.pem"])
    assert kinds(workspace, with_key)["deploy.pem"] == "file"
    assert kinds(workspace, take_snapshot(workspace, folder))["deploy.pem"] == "secret"


def test_a_file_that_becomes_a_secret_is_not_stored_any_more(workspace: Workspace, folder: Path) -> None:
    write(folder, {"service.json": b"{}"})
    assert kinds(workspace, take_snapshot(workspace, folder))["service.json"] == "file"
    write(folder, {"service.json": b'{"private_key": "-----BEGIN PRIVATE KEY-----"}'})
    assert kinds(workspace, take_snapshot(workspace, folder))["service.json"] == "secret"


def test_a_folder_or_a_link_named_like_a_secret_is_none(workspace: Workspace, folder: Path) -> None:
    write(folder, {".env.d/settings.py": b"x"})
    (folder / "credentials").symlink_to("elsewhere")
    assert kinds(workspace, take_snapshot(workspace, folder)) == {
        ".env.d/settings.py": "file",
        "conf/.env": "secret",
        "credentials": "link",
        "train.py": "file",
    }


def test_a_secret_is_not_restored_and_its_folder_is(workspace: Workspace, folder: Path, tmp_path: Path) -> None:
    restored = restore_snapshot(workspace, take_snapshot(workspace, folder).name, tmp_path / "back")
    assert [(file.path, file.kind) for file in restored.left_out] == [("conf/.env", "secret")]
    assert os.listdir(tmp_path / "back" / "conf") == []  # noqa: PTH208  # names
