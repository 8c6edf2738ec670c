"""The environment variables under which uv and pip run: proxies and mirrors stay, other Pythons go."""

from __future__ import annotations

import os
from pathlib import Path

from .environment import CACHE, PYTHONS

REMOVED = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TORCH_BACKEND")
REMOVED_PREFIX = "PYTHON"
FOR_UV = {"UV_DEFAULT_INDEX": "PIP_INDEX_URL", "UV_INDEX": "PIP_EXTRA_INDEX_URL", "SSL_CERT_FILE": "PIP_CERT"}
"""uv's variable -> pip's, which studios have set: taken over where uv's own is not set."""
RETRIES = "3"


def tool_environment(home: Path) -> dict[str, str]:
    """Return the environment for a tool that installs into a runtime's folder.

    Everything the tools write goes under that folder: there it is counted, resumed and removed.
    """
    variables = {
        name: value
        for name, value in os.environ.items()
        if name not in REMOVED and not name.upper().startswith(REMOVED_PREFIX)
    }
    for uv_name, pip_name in FOR_UV.items():
        if pip_name in variables:
            variables.setdefault(uv_name, variables[pip_name])
    cache = home / CACHE
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
