"""Packages are looked for where pip looks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_mlops.hosts.wheels import CannotInstall, install, uv_environment


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
