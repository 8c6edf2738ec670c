"""Where the runtime lives: a short folder on a local disk, outside everything that Blender deletes."""

from __future__ import annotations

import os
from pathlib import Path

from ..weights.places import user_data

HOME_VARIABLE = "FACELIFT_RUNTIME"
"""Environment variable with the folder of the runtime."""
FOLDER_NAME = "rt"
"""Short, because Windows allows 260 characters for a whole path."""


def runtime_home() -> Path:
    """Return the folder of the runtime: the environment variable's, else one in the user's data folder."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen).expanduser() if chosen else user_data() / FOLDER_NAME
