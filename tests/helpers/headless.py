"""Blender as a Python module with the extension's zip really installed: for the demo, tests and measurements."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

PACKAGE = "bl_ext.user_default.facelift"
"""Where Blender puts an extension that was installed from a file."""


def use_resources(folder: Path) -> None:
    """Let an empty folder play the user's Blender folder.

    Blender reads its place once, when ``bpy`` is first imported: call this before.
    """
    os.environ["BLENDER_USER_RESOURCES"] = str(folder)


def installed(name: str) -> ModuleType:
    """Return a module of the installed extension as Blender has it now, such as ``"facelift_addon.making.tasks"``."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def install_extension(extension: Path) -> str:
    """Install and enable the zip that ``build.py package`` writes, as a user does; return the extension's package.

    Raises:
        RuntimeError: Blender did not install or enable the zip.
    """
    import bpy

    bpy.ops.extensions.package_install_files(filepath=str(extension), repo="user_default", enable_on_install=True)
    if PACKAGE not in bpy.context.preferences.addons:
        raise RuntimeError(f"Blender {bpy.app.version_string} did not enable {extension.name}")
    return PACKAGE
