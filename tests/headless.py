"""Blender as a Python module with the extension's zip really installed: for the demo, tests and measurements."""

from __future__ import annotations

import os
from pathlib import Path

PACKAGE = "bl_ext.user_default.facelift"
"""Where Blender puts an extension that was installed from a file."""


def install_extension(extension: Path, resources: Path) -> str:
    """Install and enable a zip in a Blender of its own and return the extension's package.

    Blender reads the place of its user folder once, when ``bpy`` is first imported, so this
    is called once a process and before that import.

    Args:
        extension: The zip that ``build.build_zip`` writes.
        resources: An empty folder that plays the user's Blender folder.

    Raises:
        RuntimeError: Blender did not install or enable the zip.
    """
    os.environ["BLENDER_USER_RESOURCES"] = str(resources)
    import bpy

    bpy.ops.extensions.package_install_files(filepath=str(extension), repo="user_default", enable_on_install=True)
    if PACKAGE not in bpy.context.preferences.addons:
        raise RuntimeError(f"Blender {bpy.app.version_string} did not enable {extension.name}")
    return PACKAGE
