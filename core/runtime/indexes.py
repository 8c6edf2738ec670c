"""Package indexes: which ones to use, and what files they have of a package.

The simple repository API, https://packaging.python.org/specifications/simple-repository-api/: JSON
where the index speaks it, else HTML.
"""

from __future__ import annotations

import json
import os
import re
import urllib.parse
from dataclasses import dataclass
from html import unescape

from .package_settings import open_url, read_settings

DEFAULT_INDEX = "https://pypi.org/simple"
TORCH_INDEX = "https://download.pytorch.org/whl"
TORCH_INDEX_VARIABLE = "FACELIFT_TORCH_INDEX"
"""Environment variable with a mirror of PyTorch's index, without the part for the backend."""

ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.2"
LINK = re.compile(r'<a\s[^>]*?href="([^"]+)"[^>]*>\s*([^<]+?)\s*</a>', re.IGNORECASE)


@dataclass(frozen=True)
class PackageFile:
    """A file of a package.

    Attributes:
        name: File name.
        url: Where it is.
        sha256: Its hash; empty where the index does not tell.
        size: Bytes, or None where the index does not tell.
    """

    name: str
    url: str
    sha256: str
    size: int | None


def package_index() -> str:
    """Return the common package index: the mirror that pip's or uv's settings name, else PyPI."""
    return (read_settings().index_url or DEFAULT_INDEX).rstrip("/")


def torch_index(backend: str) -> str:
    """Return PyTorch's index for a backend, or the mirror that the environment names."""
    base = os.environ.get(TORCH_INDEX_VARIABLE) or TORCH_INDEX
    return f"{base.rstrip('/')}/{backend}"


def normal_name(package: str) -> str:
    """Return a package's name in the one spelling by which names are compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", package).lower()


def package_files(index: str, package: str) -> list[PackageFile]:
    """Return the files of a package on an index.

    Raises:
        OSError: the index can't be reached or does not have the package.
        ValueError: its answer can't be read.
    """
    url = f"{index}/{normal_name(package)}/"
    with open_url(url, {"Accept": ACCEPT}) as answer:
        body, kind, base = answer.read(), answer.headers.get_content_type(), answer.geturl()
    if kind.endswith("json"):
        return [
            PackageFile(
                file["filename"],
                urllib.parse.urljoin(base, file["url"]),
                file.get("hashes", {}).get("sha256", ""),
                file.get("size"),
            )
            for file in json.loads(body)["files"]
        ]
    links = LINK.findall(body.decode("utf-8", "replace"))
    return [_from_link(urllib.parse.urljoin(base, unescape(link)), unescape(name)) for link, name in links]


def _from_link(url: str, name: str) -> PackageFile:
    address, fragment = urllib.parse.urldefrag(url)
    return PackageFile(name, address, fragment.removeprefix("sha256=") if "sha256=" in fragment else "", None)
