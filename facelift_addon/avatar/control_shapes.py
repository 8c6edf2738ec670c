"""What the rig's bones look like: wires that are picked easily and hide nothing."""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import numpy as np

from ...core.avatar.joints import EYE_LEFT, EYE_RIGHT, HEAD, JAW, LOOK_AT, NECK, TORSO

STEPS = 32
PREFIX = "FaceLift control "


@dataclass(frozen=True)
class Control:
    """A bone's look.

    Attributes:
        shape: "ring" across the bone, or "target": a ring with a cross.
        radius: Metres.
        place: Where along the bone, 0 its head and 1 its tail.
        color: Linear red, green, blue; brighter when selected.
    """

    shape: str
    radius: float
    place: float
    color: tuple[float, float, float]


BODY_COLOR, JAW_COLOR, EYE_COLOR = (0.9, 0.45, 0.05), (0.25, 0.8, 0.2), (0.1, 0.6, 0.9)

CONTROLS = {
    TORSO: Control("ring", 0.16, 0.3, BODY_COLOR),
    NECK: Control("ring", 0.085, 0.45, BODY_COLOR),
    HEAD: Control("ring", 0.1, 1.2, BODY_COLOR),
    JAW: Control("ring", 0.022, 1.1, JAW_COLOR),
    EYE_LEFT: Control("ring", 0.014, 1.0, EYE_COLOR),
    EYE_RIGHT: Control("ring", 0.014, 1.0, EYE_COLOR),
    LOOK_AT: Control("target", 0.03, 0.0, EYE_COLOR),
}


def shape(name: str) -> bpy.types.Object:
    """Return the object, in no scene, that bones of a kind look like; all rigs share it.

    Blender puts it into scenes to which rigs are appended, so renders leave it out.
    """
    found = bpy.data.objects.get(PREFIX + name)
    if found is not None and found.library is None:
        return found
    angles = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    points = np.stack([np.cos(angles), np.zeros(STEPS), np.sin(angles)], axis=1)
    edges = [(step, (step + 1) % STEPS) for step in range(STEPS)]
    if name == "target":
        quarter = STEPS // 4
        edges += [(0, 2 * quarter), (quarter, 3 * quarter)]
    mesh = bpy.data.meshes.new(PREFIX + name)
    mesh.from_pydata(points.tolist(), edges, [])
    made = bpy.data.objects.new(PREFIX + name, mesh)
    made.hide_render = True
    return made


def is_shape(target: bpy.types.Object) -> bool:
    """Whether an object is what bones look like."""
    return target.name.startswith(PREFIX)
