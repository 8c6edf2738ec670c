"""Folders of this user: where weights are kept, where others keep them, where caches go."""

from __future__ import annotations

import os
import sys
from pathlib import Path

APPLICATION = "facelift-blender"
CHECKPOINT_VARIABLE = "FACELIFT_CHECKPOINT"
"""Environment variable with the checkpoint folder."""
HOME_VARIABLE = "FACELIFT_WEIGHTS"
"""Environment variable with the folder under which downloads and slimmed checkpoints are kept."""


def user_cache() -> Path:
    """Return the folder for what can be made again."""
    return _user_folder("XDG_CACHE_HOME", ".cache", "Library/Caches")


def user_data() -> Path:
    """Return the folder for what was installed or downloaded."""
    return _user_folder("XDG_DATA_HOME", ".local/share", "Library/Application Support")


def weights_home() -> Path:
    """Return the folder under which downloaded and slimmed checkpoints are kept."""
    chosen = os.environ.get(HOME_VARIABLE)
    return Path(chosen) if chosen else user_data() / "weights"


def hub_cache() -> Path:
    """Return the Hugging Face cache, found as huggingface_hub finds it."""
    if os.environ.get("HF_HUB_CACHE"):
        return Path(os.environ["HF_HUB_CACHE"]).expanduser()
    if os.environ.get("HF_HOME"):
        return Path(os.environ["HF_HOME"]).expanduser() / "hub"
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "huggingface" / "hub"


def _user_folder(variable: str, linux: str, macos: str) -> Path:
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        base = Path.home() / macos
    else:
        base = os.environ.get(variable) or Path.home() / linux
    return Path(base) / APPLICATION
