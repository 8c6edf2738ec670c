"""Exported meshes that end in a clean loop around the neck."""

from __future__ import annotations

import bpy
import numpy as np

from ...core.avatar.handoff.seam import MAKEHUMAN_NECK, End, faces_above, ring
from . import base_objects, model_faces

NUMBERS = "_MAKEHUMAN"
"""Attribute of the neck's loop: the numbers of its vertices in the MakeHuman and MPFB2 base mesh; -1 elsewhere."""


def cut(mesh: bpy.types.Object, original: bpy.types.Object, end: End) -> None:
    """Let a copy of a base mesh end at a loop around its neck.

    Args:
        mesh: The copy.
        original: What it is a copy of.
        end: Which loop.

    Raises:
        FaceLiftError: it is no base mesh any more ("base-mesh-changed"), or ends above the loop ("ends-above").
    """
    base = base_objects.read(original)
    kept = faces_above(base.model, end, base.kept)
    model_faces.keep(mesh.data, base.model, kept, base_objects.UV_MAP)
    if end is End.NECK:
        numbers = np.full(len(mesh.data.vertices), -1, np.int32)
        numbers[ring(base.model, end)] = MAKEHUMAN_NECK
        mesh.data.attributes.new(NUMBERS, "INT", "POINT").data.foreach_set("value", numbers)
