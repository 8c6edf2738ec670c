"""Paths as operators get them: those that begin with ``//`` lie beside the .blend file."""

from __future__ import annotations

import os
from pathlib import Path

import bpy

from ..core.errors import FaceLiftError

RELATIVE = "//"


def absolute(path: str) -> Path:
    """Return what a path of Blender's means.

    Raises:
        FaceLiftError: it is relative to a .blend file that was never saved ("blend-unsaved").
    """
    if path.startswith(RELATIVE) and not bpy.data.filepath:
        raise FaceLiftError(
            f"“{path}” means a place beside the .blend file, which was never saved.",
            "Save it first, or give a path that begins at the disk.",
            code="blend-unsaved",
        )
    return Path(os.path.normpath(bpy.path.abspath(path)))


def stored(path: Path) -> str:
    """Return a path as the .blend file is to keep it: relative to it where the preferences say so and it is saved.

    Of a file that is saved for the first time, Blender makes paths relative itself.
    """
    if not bpy.data.filepath or not bpy.context.preferences.filepaths.use_relative_paths:
        return str(path)
    try:
        return bpy.path.relpath(str(path))
    except ValueError:
        # Another disk.
        return str(path)


def chosen(operator: bpy.types.Operator) -> list[Path]:
    """Return the files of an operator with ``filepath``, ``directory`` and ``files``; none if nothing is chosen.

    Raises:
        FaceLiftError: as :func:`absolute`.
    """
    names = [entry.name for entry in operator.files if entry.name]
    if names:
        folder = absolute(operator.directory)
        return [folder / name for name in names]
    return [absolute(operator.filepath)] if operator.filepath else []
