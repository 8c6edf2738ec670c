"""Which way is up in PLY and .splat files, as a choice in dialogs."""

from __future__ import annotations

AXES = (
    ("Y_DOWN", "Y down", "The axes of 3D Gaussian splatting: what viewers expect, and most scans have"),
    ("Z_UP", "Z up", "Blender's axes"),
    ("Y_UP", "Y up", "The axes of glTF and many game engines"),
)
"""Items of an EnumProperty; the identifiers are the keys of :data:`placement.AXES`."""
