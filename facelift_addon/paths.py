"""Paths as operators get them: those that begin with ``//`` lie beside the .blend file."""

from __future__ import annotations

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
    return Path(bpy.path.abspath(path))


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
