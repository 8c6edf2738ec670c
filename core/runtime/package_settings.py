"""What of a person's pip and uv settings counts here: where packages are, proxy and certificates, nothing else.

Everything else in ``pip.conf``, ``uv.toml`` and the ``PIP_`` and ``UV_`` variables is meant for the person's own
environments (``user``, ``target``, ``prefix``, ``no-binary``, constraints) and would break an installation or lead it
elsewhere. So both tools run without these files, and get what counts in variables.

Files: https://pip.pypa.io/en/stable/topics/configuration/ and https://docs.astral.sh/uv/concepts/configuration-files/.
"""

from __future__ import annotations

import configparser
import os
import re
import ssl
import sys
import tomllib
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

PIP_SECTIONS = ("global", "install")
"""The later one wins, as in pip."""
REMOVED = re.compile(r"VIRTUAL_ENV|CONDA_PREFIX|PYTHON.*|PIP_.*|UV_.*", re.IGNORECASE)
"""Variables that describe other Pythons, and a person's settings for them."""
KEPT = re.compile(
    r"(PIP|UV)_KEYRING_PROVIDER|UV_INDEX_\w+_(USERNAME|PASSWORD)|UV_PYTHON_INSTALL_MIRROR"
    r"|PIP_RETRIES|PIP_(DEFAULT_)?TIMEOUT|UV_HTTP_\w*(RETRIES|TIMEOUT)",
    re.IGNORECASE,
)
"""Of these what says how servers are reached."""
COMMON = Path("/etc")
"""Folder of settings for everybody, besides those of XDG_CONFIG_DIRS."""
TIMEOUT = 30.0


@dataclass(frozen=True)
class PackageSettings:
    """Where packages come from, and how they are reached. Everything may be empty.

    Attributes:
        index: Address of the index in PyPI's place, for uv perhaps with a name before it ("studio=https://...").
        extra_indexes: Further ones, likewise.
        find_links: Folders and pages with packages.
        trusted_hosts: Hosts whose certificates are not checked.
        proxy: Its address.
        no_proxy: Hosts that are reached without it, with commas between them.
        certificates: File or folder of trusted certificates.
        client_certificate: File of our own one.
    """

    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    proxy: str = ""
    no_proxy: str = ""
    certificates: str = ""
    client_certificate: str = ""

    @property
    def index_url(self) -> str:
        """The index without a name."""
        return without_name(self.index)

    def variables(self) -> dict[str, str]:
        """Return the variables that tell pip and uv all of this, and nothing that is in no setting.

        Proxies and certificates are the tools' common variables, which win where they are set already.
        """
        plain = [without_name(index) for index in self.extra_indexes]
        # uv stops at folders that are not there.
        links = [place for place in self.find_links if "://" in place or Path(place).is_dir()]
        folder = Path(self.certificates).is_dir() if self.certificates else False
        told = {
            "UV_DEFAULT_INDEX": self.index,
            "PIP_INDEX_URL": self.index_url,
            "UV_INDEX": " ".join(self.extra_indexes),
            "PIP_EXTRA_INDEX_URL": " ".join(plain),
            "UV_FIND_LINKS": ",".join(links),
            "PIP_FIND_LINKS": " ".join(links),
            "UV_INSECURE_HOST": " ".join(self.trusted_hosts),
            "PIP_TRUSTED_HOST": " ".join(self.trusted_hosts),
            "PIP_PROXY": self.proxy,
            "PIP_CERT": self.certificates,
            "PIP_CLIENT_CERT": self.client_certificate,
        }
        common = {
            "HTTPS_PROXY": self.proxy,
            "HTTP_PROXY": self.proxy,
            "NO_PROXY": self.no_proxy,
            "SSL_CERT_DIR" if folder else "SSL_CERT_FILE": self.certificates,
            "SSL_CLIENT_CERT": self.client_certificate,
        }
        present = {name.upper() for name, value in os.environ.items() if value}
        told |= {name: value for name, value in common.items() if name not in present}
        return {name: value for name, value in told.items() if value}


def inherited_variables() -> dict[str, str]:
    """Return this process's variables for pip and uv: of a person's settings only what says how to reach packages."""
    kept = {name: value for name, value in os.environ.items() if not REMOVED.fullmatch(name) or KEPT.fullmatch(name)}
    # The settings' files are not read again: both tools would take everything from them.
    return {**kept, **read_settings().variables(), "PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1"}


def without_name(index: str) -> str:
    """Return an index's address without the name that uv allows before it."""
    name, equals, address = index.partition("=")
    return address if equals and name.isidentifier() and "://" in address else index


def read_settings() -> PackageSettings:
    """Return the settings of this person and computer: of each the first of uv's and pip's variables and files.

    Files that can't be read say nothing.
    """
    found: dict[str, Any] = {}
    for settings in (_uv_variables(), _pip_variables(), *_uv_files(), _pip_files()):
        for name, value in settings.items():
            if value:
                found.setdefault(name, value)
    return PackageSettings(
        **{field.name: found[field.name] for field in fields(PackageSettings) if field.name in found}
    )


def open_url(url: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> HTTPResponse:
    """Open an address of a package index under these settings.

    Raises:
        OSError: it can't be reached, or answers with an error.
        ValueError: it is no address.
    """
    settings, host = read_settings(), urllib.parse.urlsplit(url).netloc.rpartition("@")[2]
    handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=_tls(settings, host))]
    if settings.proxy and not urllib.request.proxy_bypass(host):
        own = {"http": settings.proxy, "https": settings.proxy}
        handlers.append(urllib.request.ProxyHandler(own | urllib.request.getproxies()))
    opener = urllib.request.build_opener(*handlers)
    return opener.open(urllib.request.Request(url, headers=dict(headers or {}), method=method), timeout=TIMEOUT)


def _tls(settings: PackageSettings, host: str) -> ssl.SSLContext:
    """Return what a connection to a host ("name" or "name:port") trusts."""
    context = ssl.create_default_context()
    if settings.certificates:
        place = "capath" if Path(settings.certificates).is_dir() else "cafile"
        context.load_verify_locations(**{place: settings.certificates})
    if settings.client_certificate:
        context.load_cert_chain(settings.client_certificate)
    if {host, host.partition(":")[0]} & set(settings.trusted_hosts):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# --- uv -----------------------------------------------------------------------------------


def _uv_variables() -> dict[str, Any]:
    variables = os.environ
    return {
        "index": variables.get("UV_DEFAULT_INDEX") or variables.get("UV_INDEX_URL"),
        "extra_indexes": _words(variables.get("UV_INDEX")) or _words(variables.get("UV_EXTRA_INDEX_URL")),
        "find_links": tuple(filter(None, variables.get("UV_FIND_LINKS", "").split(","))),
        "trusted_hosts": _words(variables.get("UV_INSECURE_HOST")),
    }


def _uv_files() -> Iterator[dict[str, Any]]:
    """Yield what the files of uv say, the person's before the computer's."""
    if os.environ.get("UV_NO_CONFIG"):
        return
    named = os.environ.get("UV_CONFIG_FILE")
    if named:
        paths = [Path(named)]
    elif os.name == "nt":
        paths = [_folder("APPDATA") / "uv" / "uv.toml", _folder("PROGRAMDATA") / "uv" / "uv.toml"]
    else:
        system = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        folders = [_config_home(), *map(Path, system.split(":")), COMMON]
        paths = [folder / "uv" / "uv.toml" for folder in folders]
    for path in paths:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        yield _uv_settings(table)


def _uv_settings(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what counts in a table of uv's settings; what has another type than uv wants is passed over."""
    pip = table.get("pip")
    pip = pip if isinstance(pip, dict) else {}
    indexes = table.get("index")
    indexes = [entry for entry in indexes if isinstance(entry, dict)] if isinstance(indexes, list) else []
    addresses = [_named_index(entry) for entry in indexes if not entry.get("default")]
    defaults = [_named_index(entry) for entry in indexes if entry.get("default")]

    def words(name: str) -> tuple[str, ...]:
        return _words(pip.get(name)) or _words(table.get(name))

    return {
        "index": next(iter([*defaults, *words("index-url")]), ""),
        "extra_indexes": tuple(filter(None, addresses)) or words("extra-index-url"),
        "find_links": words("find-links"),
        "trusted_hosts": words("allow-insecure-host"),
        "proxy": next(iter(words("https-proxy") or words("http-proxy")), ""),
        "no_proxy": ",".join(words("no-proxy")),
    }


def _named_index(entry: Mapping[str, Any]) -> str:
    """Return an index of uv's settings as its variables want it; the name is for its credentials."""
    name, url = entry.get("name"), entry.get("url")
    if not isinstance(url, str):
        return ""
    return f"{name}={url}" if isinstance(name, str) and name.isidentifier() else url


# --- pip ----------------------------------------------------------------------------------


def _pip_variables() -> dict[str, Any]:
    prefix = "PIP_"
    options = {name[len(prefix) :]: value for name, value in os.environ.items() if name.startswith(prefix)}
    return _pip_settings({name.lower().replace("_", "-"): value for name, value in options.items()})


def _pip_files() -> dict[str, Any]:
    """Return what all files of pip say together, the later ones first."""
    options: dict[str, str] = {}
    for path in _pip_paths():
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, configparser.Error):
            continue
        for section in PIP_SECTIONS:
            if parser.has_section(section):
                for name, value in parser.items(section):
                    options[name.removeprefix("--").replace("_", "-")] = value
    return _pip_settings(options)


def _pip_paths() -> list[Path]:
    """Return where pip's files may be, in the order in which pip reads them."""
    named = os.environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home, name = Path.home(), "pip.ini" if os.name == "nt" else "pip.conf"
    if os.name == "nt":
        common, legacy, own = [_folder("PROGRAMDATA") / "pip"], home / "pip", [_folder("APPDATA") / "pip"]
    elif sys.platform == "darwin":
        common, legacy = [Path("/Library/Application Support/pip")], home / ".pip"
        own = [home / ".config" / "pip", home / "Library" / "Application Support" / "pip"]
    else:
        system = os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        common = [*(Path(folder) / "pip" for folder in system.split(":")), COMMON]
        legacy, own = home / ".pip", [_config_home() / "pip"]
    paths = [folder / name for folder in (*common, legacy, *own, Path(sys.prefix))]
    return [*paths, Path(named)] if named else paths


def _pip_settings(options: Mapping[str, str]) -> dict[str, Any]:
    """Return what counts of pip's options, by their long names without dashes before them."""
    return {
        "index": options.get("index-url", "").strip(),
        "extra_indexes": _words(options.get("extra-index-url")),
        "find_links": _words(options.get("find-links")),
        "trusted_hosts": _words(options.get("trusted-host")),
        "proxy": options.get("proxy", "").strip(),
        "certificates": options.get("cert", "").strip(),
        "client_certificate": options.get("client-cert", "").strip(),
    }


# --- both ---------------------------------------------------------------------------------


def _words(value: object) -> tuple[str, ...]:
    """Return a setting's values: of a list, or of a text with spaces or lines between them."""
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(word for word in value if isinstance(word, str)) if isinstance(value, list) else ()


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _folder(variable: str) -> Path:
    """Return a folder that Windows names in a variable; one that is nowhere where it does not."""
    return Path(os.environ.get(variable) or os.devnull)
