"""Which of a person's pip and uv settings are read, from where, and what is told to the tools."""

from __future__ import annotations

import os
import sys
import urllib.error

import pytest

from core.runtime import package_settings
from core.runtime.package_settings import PackageSettings, inherited_variables, open_url, read_settings
from tests.helpers.index import serve_index

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="writes the settings where Linux has them")


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.upper().startswith(("PIP_", "UV_", "XDG_CONFIG", "HTTP", "NO_PROXY", "ALL_PROXY", "SSL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "etc"))
    monkeypatch.setattr(package_settings, "COMMON", tmp_path / "nowhere")
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_pips_files_override_one_another_as_in_pip(home):
    write(home / "etc/pip/pip.conf", "[global]\nindex-url = https://a/simple\nproxy = http://proxy:1\ncert = /a.pem\n")
    write(home / ".pip/pip.conf", "[global]\nindex-url = https://b/simple\n")
    text = (
        "[global]\nextra-index-url =\n  https://c/simple\n  https://d/simple\n[install]\nindex_url = https://e/simple\n"
    )
    write(home / ".config/pip/pip.conf", text + "trusted-host = c d\nclient-cert = /b.pem\nuser = true\n")
    assert read_settings() == PackageSettings(
        index="https://e/simple",
        extra_indexes=("https://c/simple", "https://d/simple"),
        trusted_hosts=("c", "d"),
        proxy="http://proxy:1",
        certificates="/a.pem",
        client_certificate="/b.pem",
    )


def test_variables_come_before_files_and_uvs_before_pips(home, monkeypatch):
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://a/simple\n")
    write(
        home / ".config/uv/uv.toml", "[pip]\nindex-url = 'https://b/simple'\nextra-index-url = ['https://c/simple']\n"
    )
    assert read_settings().index == "https://b/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://d/simple")
    assert read_settings().index == "https://d/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", "studio=https://e/simple")
    settings = read_settings()
    assert (settings.index, settings.index_url) == ("studio=https://e/simple", "https://e/simple")
    assert settings.extra_indexes == ("https://c/simple",)


def test_uvs_indexes_keep_names_for_their_credentials(home, monkeypatch):
    text = "https-proxy = 'http://p:1'\nno-proxy = ['x', 'y']\nallow-insecure-host = ['h']\n"
    text += (
        "[[index]]\nname = 'one'\nurl = 'https://one/simple'\n[[index]]\nurl = 'https://two/simple'\ndefault = true\n"
    )
    write(home / ".config/uv/uv.toml", text)
    monkeypatch.setenv("UV_INDEX_ONE_PASSWORD", "secret")
    variables = inherited_variables()
    assert variables["UV_INDEX"] == "one=https://one/simple"
    assert variables["PIP_EXTRA_INDEX_URL"] == "https://one/simple"
    assert variables["UV_DEFAULT_INDEX"] == variables["PIP_INDEX_URL"] == "https://two/simple"
    assert variables["UV_INSECURE_HOST"] == variables["PIP_TRUSTED_HOST"] == "h"
    assert variables["HTTPS_PROXY"] == variables["PIP_PROXY"] == "http://p:1"
    assert variables["NO_PROXY"] == "x,y"
    assert variables["UV_INDEX_ONE_PASSWORD"] == "secret"


def test_a_common_proxy_and_certificate_stay(home, monkeypatch):
    write(home / ".config/pip/pip.conf", "[global]\nproxy = http://own:1\ncert = /own.pem\n")
    monkeypatch.setenv("https_proxy", "http://common:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/common.pem")
    variables = inherited_variables()
    assert variables["https_proxy"] == "http://common:1" and "HTTPS_PROXY" not in variables
    assert variables["SSL_CERT_FILE"] == "/common.pem" and variables["PIP_CERT"] == "/own.pem"


@pytest.mark.parametrize("name", ["PIP_USER", "PIP_TARGET", "PIP_PREFIX", "UV_TARGET", "UV_NO_BINARY", "PYTHONPATH"])
def test_nothing_else_passes(home, monkeypatch, name):
    monkeypatch.setenv(name, "1")
    assert name not in inherited_variables()


def test_damaged_files_say_nothing(home):
    write(home / ".config/pip/pip.conf", "index-url without a section\n")
    write(home / ".config/uv/uv.toml", "[pip\n")
    assert read_settings() == PackageSettings()
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://a/simple\n").chmod(0o644)
    (home / ".config/uv/uv.toml").write_text("pip = 1\nindex = 'x'\nindex-url = 5\n")
    assert read_settings() == PackageSettings(index="https://a/simple")


def test_files_are_not_read_where_the_person_switched_them_off(home, monkeypatch):
    write(home / ".config/pip/pip.conf", "[global]\nindex-url = https://a/simple\n")
    write(home / ".config/uv/uv.toml", "index-url = 'https://b/simple'\n")
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    assert read_settings().index == "https://a/simple"
    monkeypatch.setenv("PIP_CONFIG_FILE", str(write(home / "own.conf", "[global]\nindex-url = https://c/simple\n")))
    assert read_settings().index == "https://c/simple"
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    assert read_settings() == PackageSettings()


def test_folders_of_packages_that_are_gone_are_left_out(home, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", f"{home} /nowhere https://a/links")
    variables = inherited_variables()
    assert variables["PIP_FIND_LINKS"] == f"{home} https://a/links"
    assert variables["UV_FIND_LINKS"] == f"{home},https://a/links"


def test_our_own_requests_go_through_the_proxy_of_pips_settings(home, tmp_path):
    with serve_index(tmp_path) as proxy:
        address = proxy.url.removesuffix("/simple")
        write(home / ".config/pip/pip.conf", f"[global]\nproxy = {address}\n")
        with pytest.raises(urllib.error.HTTPError):
            open_url("http://packages.example/simple/thing/")
        assert proxy.requests == ["http://packages.example/simple/thing/"]


def test_a_certificate_that_is_not_there_is_an_error_of_the_connection(home):
    write(home / ".config/pip/pip.conf", "[global]\ncert = /nowhere.pem\n")
    with pytest.raises(OSError):
        open_url("https://packages.example/simple/thing/")


def test_hosts_that_are_trusted_are_not_checked():
    """The context alone: a server with a certificate would need somebody to make one."""
    settings = PackageSettings(trusted_hosts=("studio", "other:8443"))
    for host, mode in {"studio": 0, "studio:8080": 0, "other:8443": 0, "other": 2, "pypi.org": 2}.items():
        assert package_settings._tls(settings, host).verify_mode == mode, host
