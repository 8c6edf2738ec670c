"""Which way is up in files that don't say, as a choice in dialogs."""

from __future__ import annotations

AXES = (
    ("Z_UP", "Z up", "Blender's axes, and those of FaceLift's heads"),
    ("Y_DOWN", "Y down", "The axes of 3D Gaussian splatting: most scans and viewers"),
    ("Y_UP", "Y up", "The axes of glTF and many game engines"),
)
"""Items of an EnumProperty; the identifiers are the keys of :data:`placement.AXES`."""
