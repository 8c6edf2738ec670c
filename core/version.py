"""The project's id and version, read from the only place that states them."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any

MANIFEST_PATH = Path(__file__).resolve().parent.parent / "blender_manifest.toml"


@lru_cache(maxsize=1)
def manifest() -> dict[str, Any]:
    """Return ``blender_manifest.toml`` as a dictionary.

    Raises:
        FileNotFoundError: the package was copied without its manifest.
    """
    return tomllib.loads(MANIFEST_PATH.read_text(encoding="utf-8"))


def version() -> str:
    """Return the project's version, e.g. ``"0.1.0"``."""
    return manifest()["version"]
