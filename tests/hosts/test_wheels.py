"""Packages are looked for where pip looks for them."""

from __future__ import annotations

import base64
import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from jupyter_mlops.hosts.layers import Member, tar_stream
from jupyter_mlops.hosts.sdists import fetched, unpacked
from jupyter_mlops.hosts.wheels import (
    CannotInstall,
    find_source,
    install,
    lock,
    login_for,
    pins,
    uv_environment,
    without_wheels,
)


@pytest.fixture
def pip_conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pip's configuration file, the only one it reads."""
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CERT", "SSL_CERT_FILE", "UV_INDEX"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "pip.conf"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    return file


def test_pip_s_settings_become_uv_s(pip_conf):
    pip_conf.write_text(
        "[global]\n"
        "index-url = https://user:secret@index.example/simple\n"
        "extra-index-url =\n    https://one.example/simple\n    https://two.example/simple\n"
        "find-links = /wheels\n"
        "cert = /etc/ca.pem\n"
        "proxy = http://proxy.example:3128\n"
        "trusted-host = one.example\n"
        "timeout = 90\n"
    )
    found = uv_environment()
    assert found["UV_DEFAULT_INDEX"] == "https://user:secret@index.example/simple"
    assert found["UV_INDEX"] == "https://one.example/simple https://two.example/simple"
    assert found["UV_FIND_LINKS"] == "/wheels"
    assert found["SSL_CERT_FILE"] == "/etc/ca.pem"
    assert found["HTTPS_PROXY"] == "http://proxy.example:3128"
    assert found["UV_INSECURE_HOST"] == "one.example"
    assert found["UV_HTTP_TIMEOUT"] == "90"


def test_a_variable_beats_the_install_section_and_that_beats_the_global_one(pip_conf, monkeypatch):
    pip_conf.write_text("[global]\nfind-links = /global\n[install]\nfind-links = /install\n")
    assert uv_environment()["UV_FIND_LINKS"] == "/install"
    monkeypatch.setenv("PIP_FIND_LINKS", "/variable")
    assert uv_environment()["UV_FIND_LINKS"] == "/variable"


def test_what_is_said_to_uv_itself_wins(pip_conf, monkeypatch):
    pip_conf.write_text("[global]\nextra-index-url = https://pip.example/simple\n")
    monkeypatch.setenv("UV_INDEX", "https://uv.example/simple")
    assert uv_environment()["UV_INDEX"] == "https://uv.example/simple"


def test_without_settings_uv_is_left_alone(pip_conf):
    pip_conf.write_text("")
    found = uv_environment()
    assert "UV_INDEX" not in found
    assert "UV_INDEX_STRATEGY" not in found


def test_what_cannot_be_installed_is_named(pip_conf, tmp_path):
    pip_conf.write_text("[global]\nno-index = true\n")
    with pytest.raises(CannotInstall, match=r"^tiny-thing==1\.0 cannot be installed"):
        install("tiny-thing==1.0\nother-thing==2.0\n", tmp_path / "packages", [], lambda: None)


def test_a_lock_is_read_as_pins_with_what_it_says_of_each():
    text = "# made from source: \na==1 \\\n    --hash=sha256:11 \\\n    --hash=sha256:22\nb @ git+https://x.example/b\n"
    found = pins(text)
    assert list(found) == ["a==1", "b"]
    assert "11" in found["a==1"]
    assert "22" in found["a==1"]


@pytest.mark.usefixtures("index")
def test_a_file_with_another_digest_than_the_locked_one_is_refused(tmp_path):
    text = lock(["tiny-thing"], ["--no-build-isolation"], lambda: None)
    assert f"--hash=sha256:{hashlib.sha256(SOURCE).hexdigest()}" in text
    forged = text.replace(hashlib.sha256(SOURCE).hexdigest(), "0" * 64)
    with pytest.raises(CannotInstall, match="tiny-thing"):
        install(forged, tmp_path / "packages", [], lambda: None)


@pytest.mark.usefixtures("index")
def test_a_source_is_fetched_with_the_login_of_its_index(tmp_path):
    assert without_wheels("tiny-thing==1.0\n", [], lambda: None) == ["tiny-thing==1.0"]
    url = find_source("tiny-thing==1.0", [], lambda: None)
    assert url is not None
    assert "secret" not in url
    locked = f"tiny-thing==1.0 --hash=sha256:{hashlib.sha256(SOURCE).hexdigest()}"
    file = fetched("tiny-thing==1.0", url, locked, tmp_path)
    assert file.read_bytes() == SOURCE
    assert (unpacked(file, tmp_path / "unpacked", "tiny-thing==1.0") / "PKG-INFO").exists()
    with pytest.raises(CannotInstall, match="another one than when it was locked"):
        fetched("tiny-thing==1.0", url, "tiny-thing==1.0 --hash=sha256:00", tmp_path)


def test_a_source_that_leads_out_of_its_folder_is_refused(tmp_path):
    (tmp_path / "bad.tar.gz").write_bytes(gzip.compress(b"".join(tar_stream([Member(name="../out", content=b"x")]))))
    with pytest.raises(CannotInstall, match="cannot be unpacked"):
        unpacked(tmp_path / "bad.tar.gz", tmp_path / "unpacked", "bad==1.0")
    assert not (tmp_path / "out").exists()


def test_a_login_is_for_the_server_of_its_index_alone():
    settings = {"UV_DEFAULT_INDEX": "https://one.example/simple", "UV_INDEX": "https://u%40x:p%2F@two.example/simple"}
    assert login_for("https://two.example/files/a.tar.gz", settings) == ("u@x", "p/")
    assert login_for("https://one.example/files/a.tar.gz", settings) is None


SOURCE = gzip.compress(
    b"".join(
        tar_stream(
            [
                Member(
                    name="tiny_thing-1.0/PKG-INFO",
                    content=b"Metadata-Version: 2.2\nName: tiny-thing\nVersion: 1.0\n",
                ),
                Member(name="tiny_thing-1.0/setup.py", content=b"raise SystemExit('not to be run here')\n"),
            ]
        )
    ),
    mtime=0,
)


class Index(BaseHTTPRequestHandler):
    """A package index that asks for a login."""

    def do_GET(self) -> None:
        login = "Basic " + base64.b64encode(b"user:secret").decode()
        pages = {
            "/simple/tiny-thing/": b'<a href="../../files/tiny_thing-1.0.tar.gz#sha256=%s">tiny_thing-1.0.tar.gz</a>'
            % hashlib.sha256(SOURCE).hexdigest().encode(),
            "/files/tiny_thing-1.0.tar.gz": SOURCE,
        }
        page = pages.get(self.path)
        status = 401 if self.headers["Authorization"] != login else 200 if page else 404
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Type", "text/html" if self.path.endswith("/") else "application/gzip")
        self.end_headers()
        self.wfile.write(page or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(pip_conf: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Such an index as pip's own, and nothing that uv got before."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pip_conf.write_text(f"[global]\nindex-url = http://user:secret@127.0.0.1:{server.server_port}/simple\n")
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
        yield
        server.shutdown()
