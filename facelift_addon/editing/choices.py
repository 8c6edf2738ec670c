"""Choices that several tools offer."""

from __future__ import annotations

import numpy as np

from ...core.splats.parts import Part

PARTS = tuple(
    (part.name, part.name.capitalize(), f"Splats labelled as {part.name.lower()}", icon, int(part))
    for part, icon in zip(
        Part,
        ("QUESTION", "USER", "STRANDS", "MATCLOTH", "HIDE_OFF", "INFO", "ARMATURE_DATA", "SCENE_DATA"),
        strict=True,
    )
)
"""Items of an EnumProperty, one for each part of the head."""

SELECTIONS = (
    ("SET", "Set", "Select these and nothing else", "SELECT_SET", 0),
    ("EXTEND", "Extend", "Add these to the selection", "SELECT_EXTEND", 1),
    ("SUBTRACT", "Subtract", "Take these out of the selection", "SELECT_SUBTRACT", 2),
    ("INTERSECT", "Intersect", "Keep selected only what is among these", "SELECT_INTERSECT", 3),
)
"""Items of an EnumProperty: what to do with splats that were found."""


def combined(action: str, old: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the new selection [N] of the old one and what was found, by an action of :data:`SELECTIONS`."""
    if action == "EXTEND":
        return old | found
    if action == "SUBTRACT":
        return old & ~found
    return old & found if action == "INTERSECT" else found
