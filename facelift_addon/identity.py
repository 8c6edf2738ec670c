"""What Blender calls this extension, wherever it was installed."""

from __future__ import annotations

from pathlib import Path

import bpy

BASE_PACKAGE = __package__.rpartition(".")[0]
"""The extension's package, e.g. ``bl_ext.user_default.facelift``: the key of its preferences."""


def preferences() -> bpy.types.AddonPreferences:
    """Return the extension's preferences."""
    return bpy.context.preferences.addons[BASE_PACKAGE].preferences


def user_folder(name: str) -> Path:
    """Return a folder of ours for the user's files, made when missing; removed with the extension."""
    return Path(bpy.utils.extension_path_user(BASE_PACKAGE, path=name, create=True))
