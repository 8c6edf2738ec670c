"""The environment variables under which uv and pip run: where packages come from stays, other Pythons go."""

from __future__ import annotations

from pathlib import Path

from .environment import CACHE, PYTHONS
from .package_settings import inherited_variables

RETRIES = "3"


def tool_environment(home: Path) -> dict[str, str]:
    """Return the environment for a tool that installs into a runtime's folder.

    Everything the tools write goes under that folder: there it is counted, resumed and removed.
    """
    variables = inherited_variables()
    cache = home / CACHE
    if "UV_INDEX" in variables:
        # As pip does, and safe: what is pinned is hashed, and PyTorch's builds have versions of their own.
        variables["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {
        **variables,
        "UV_CACHE_DIR": str(cache),
        "UV_PYTHON_INSTALL_DIR": str(home / PYTHONS),
        "UV_NO_PROGRESS": "1",
        "UV_HTTP_RETRIES": variables.get("UV_HTTP_RETRIES", RETRIES),
        "PIP_CACHE_DIR": str(cache / "pip"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_RETRIES": variables.get("PIP_RETRIES", RETRIES),
        "TMPDIR": str(cache / "tmp"),
        "TEMP": str(cache / "tmp"),
        "TMP": str(cache / "tmp"),
        "PYTHONUTF8": "1",
        "NO_COLOR": "1",
    }
